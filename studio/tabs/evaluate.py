"""The tab in which an actor, or a video, is judged: how long it takes is said before, the report is shown inside."""

from __future__ import annotations

from html import escape
from pathlib import Path

import gradio as gr

from perfclone import builtin
from perfclone.errors import UserError

from ..actors import entry, own_actors
from ..jobs.job import Job
from ..phrases import say
from ..phrases.library import translated
from ..roles import require
from ..showing import shown
from ..studio import Studio
from ..tasks.evaluate import ARCHIVE, PAGE, VIDEO
from ..visitors import visitor
from ..watching import QUIET, Watched, lasting, literal, plainly

#: What is judged: an actor beside real footage, a video beside the truth, or two of them.
KINDS = ("actor", "one", "two")
#: Seconds for a frame on two cores, until this machine has judged something itself.
PACE = 1.2
#: Seconds before the first.
BEGINS = 15
#: What is looked at of a frame, beside what is looked at where two videos are judged: of a reference most frames are
#: searched for poses alone.
SHARES = {"actor": 0.25, "one": 0.6, "two": 1.0}


def build(studio: Studio, page: gr.Blocks) -> None:
    """Build the tab."""
    words = studio.words
    gr.Markdown(words("evaluate_intro"))
    with gr.Row():
        with gr.Column(scale=2, min_width=300):
            kind = gr.Radio(
                [(words(f"evaluate_{each}"), each) for each in KINDS], value="actor", label=words("evaluate_what"),
                elem_id="evaluate_what",
            )  # fmt: skip
            with gr.Column() as of_actor:
                actor = gr.Dropdown(
                    list(studio.actors), label=words("evaluate_of"), info=words("evaluate_of_info"),
                    allow_custom_value=True, elem_id="evaluate_actor",
                )  # fmt: skip
                footage = gr.File(label=words("evaluate_footage"), height=160, elem_id="evaluate_footage")
                gr.Markdown(words("evaluate_footage_info"))
            with gr.Column(visible=False) as of_videos:
                first = gr.File(label=words("evaluate_a"), height=160, elem_id="evaluate_a")
                second = gr.File(label=words("evaluate_b"), height=160, visible=False, elem_id="evaluate_b")
                truth = gr.File(label=words("evaluate_truth"), height=160, elem_id="evaluate_truth")
            expected = gr.Markdown(elem_id="evaluate_expected")
            go = gr.Button(words("evaluate_button"), variant="primary", elem_id="evaluate")
            watched = Watched(studio, "evaluate")
        with gr.Column(scale=3, min_width=300):
            headline = gr.Markdown(words("evaluate_empty"), elem_id="evaluate_headline")
            video = gr.Video(label=words("evaluate_video"), interactive=False, visible=False, buttons=[], height=360)
            download = gr.DownloadButton(words("evaluate_download"), visible=False, elem_id="evaluate_download")
            report = gr.HTML(elem_classes="report", elem_id="evaluate_report")

    asked = [kind, actor, footage, first, second, truth]

    def prepare(request: gr.Request, *values):
        return prepared(studio, request, *values)

    def expect(request: gr.Request, *values):
        try:
            expected = BEGINS + _work(studio, request, *values) * _pace(studio)
            return say("evaluate_expected", request, time=lasting(expected, request))
        except (UserError, OSError):
            return say("evaluate_unknown", request)

    def offer(request: gr.Request):
        names = [*own_actors(studio, visitor(request)), *studio.actors]
        return gr.Dropdown(list(dict.fromkeys(names)), value=names[0])

    outputs = [headline, video, download, report]
    watched.wire(page, [go.click], prepare, asked, _show, outputs)
    kind.change(
        lambda it: (gr.Column(visible=it == "actor"), gr.Column(visible=it != "actor"), gr.File(visible=it == "two")),
        kind,
        [of_actor, of_videos, second],
        **QUIET,
    )
    page.load(offer, None, actor, **QUIET).then(expect, asked, expected, **QUIET)
    changes = [kind.change, actor.change, *(each.change for each in asked[2:])]
    gr.on(changes, expect, asked, expected, **QUIET)
    _endpoint(studio)


def prepared(
    studio: Studio, request: gr.Request, kind: str, actor: str, footage, first, second, truth
) -> tuple[dict, list]:
    """Make what a job is asked of the tab's values.

    Raises:
        UserError: Something is missing, or no video.
    """
    require(request, "make")
    asked, files = _asked(studio, request, kind, actor, footage, first, second, truth)
    return {**asked, "work": _work(studio, request, kind, actor, footage, first, second, truth)}, files


def _asked(studio: Studio, request: gr.Request, kind: str, actor: str, footage, first, second, truth) -> tuple:
    if kind == "actor":
        return _asked_of_actor(studio, request, actor, footage)
    given = {"A": first, "B": second, "truth": truth} if kind == "two" else {"A": first, "truth": truth}
    if not all(given.values()):
        raise UserError(say("evaluate_missing", request))
    for path in given.values():
        studio.judge(path, request)
    names = {name: f"{name}-{Path(path).name}" for name, path in given.items()}
    shown = [name for name in names if name != "truth"]
    called = {name if len(shown) > 1 else Path(given[name]).stem: names[name] for name in shown}
    return {"videos": called, "truth": names["truth"]}, [(Path(given[name]), names[name]) for name in given]


def _asked_of_actor(studio: Studio, request: gr.Request, actor: str, footage: str | None) -> tuple[dict, list]:
    place = str(_place(studio, request, actor))
    if footage:
        studio.judge(footage, request)
        return {"actor": place, "footage": Path(footage).name}, [(Path(footage), Path(footage).name)]
    path = _reference(studio, request, actor)
    if builtin.actors().get(actor) == Path(place):
        return {"actor": place, "built_in": actor}, []
    return {"actor": place, "footage": path.name}, [(path, path.name)]


def _place(studio: Studio, request: gr.Request, actor: str | None) -> Path | str:
    """Where an actor is: one's own, one for everybody, or on the Hub."""
    if not actor:
        raise UserError(say("evaluate_whom", request))
    found = own_actors(studio, visitor(request)).get(actor) or studio.actors.get(actor)
    if not found:
        from perfclone.actor.remote.errors import require_repo_id

        require_repo_id(actor)  # what a visitor types names no place on this machine
        found = entry(actor)
    return found.place


def _reference(studio: Studio, request: gr.Request, actor: str) -> Path:
    """The footage that an actor was trained on, the end of which was kept out, where it is here.

    Raises:
        UserError: It is not.
    """
    mine = [
        job for job in studio.store.listing(visitor(request)) if job.kind == "train" and job.request["name"] == actor
    ]
    for job in reversed(mine):
        if path := job.file(job.request["reference"]):
            return path
    if actor in studio.actors and (path := builtin.reference_clip(actor)) and actor in builtin.actors():
        return path
    raise UserError(say("evaluate_no_footage", request, name=actor))


def _work(studio: Studio, request: gr.Request, kind: str, actor: str, footage, first, second, truth) -> float:
    """How much is to be done, in frames of two videos that are judged."""
    from perfclone.video import probe

    looked = footage or _reference(studio, request, actor) if kind == "actor" else truth
    if not looked:
        raise UserError(say("evaluate_missing", request))
    return probe(looked).frames * SHARES[kind]


def _pace(studio: Studio) -> float:
    """Seconds for each of these: what was usual on this machine, as far as it remembers."""
    done = [job for job in studio.store.listing() if job.kind == "evaluate" and job.state == "done"]
    paces = sorted(job.result["seconds"] / job.request["work"] for job in done)
    return paces[len(paces) // 2] if paces else PACE


def _show(job: Job, request: gr.Request) -> tuple:
    headline = "\n".join(
        f"{'### ' if not n else ''}{literal(translated(each, request))}\n"
        for n, each in enumerate(job.result["headline"])
    )
    page, video = job.file(PAGE), job.file(VIDEO)
    # No script runs in it, and nothing of it reaches this page.
    title, text = escape(say("evaluate_report", request)), escape(page.read_text(encoding="utf-8"))
    frame = f'<iframe sandbox="" title="{title}" srcdoc="{text}"></iframe>'
    return (
        headline,
        gr.Video(shown(video) if video else None, visible=video is not None),
        gr.DownloadButton(value=shown(job.file(ARCHIVE)), visible=True),
        frame,
    )


def _endpoint(studio: Studio) -> None:
    def evaluate(
        request: gr.Request, actor: str, footage: str | None, videos: list[str] | None, truth: str | None
    ) -> str:
        try:
            first, second = [*(videos or []), None, None][:2]
            kind = "actor" if actor else "two" if second else "one"
            return studio.ask(
                "evaluate", request, *prepared(studio, request, kind, actor, footage, first, second, truth)
            ).id
        except (UserError, OSError) as error:
            raise gr.Error(plainly(error, request), print_exception=False) from error

    with gr.Row(visible=False):
        given = [
            gr.Textbox(label="actor"),
            gr.File(label="footage"),
            gr.File(label="videos", file_count="multiple"),
            gr.File(label="truth"),
        ]
        gr.Button().click(evaluate, given, gr.Textbox(label="id"), api_name="evaluate")

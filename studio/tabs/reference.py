"""The footage of who is to become an actor: uploaded or filmed, and judged at once."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import gradio as gr

from perfclone.errors import UserError

from ..filming import Film, advise
from ..phrases import say
from ..phrases.library import translated
from ..studio import Studio
from ..watching import QUIET, plainly

_SIGNS = {"fail": "✗", "warn": "!", "pass": "✓"}


class Reference(NamedTuple):
    """The part of the tab.

    Attributes:
        checked: Holds the id of the job that checks the footage, and has it; empty where there is none.
        findings: What was found.
        problem: What went wrong, in a sentence.
        timer: Looks at the job as long as it runs.
    """

    checked: gr.Textbox
    findings: gr.Markdown
    problem: gr.Markdown
    timer: gr.Timer


def build(studio: Studio) -> Reference:
    """Build the part."""
    words = studio.words
    with gr.Row():
        with gr.Column(min_width=300):
            upload = gr.File(label=words("train_upload"), elem_id="train-upload", height=150)
            with gr.Accordion(words("train_film"), open=False):
                camera = gr.Video(
                    sources=["webcam"],
                    label=words("train_camera"),
                    format=None,
                    include_audio=True,
                    webcam_options=gr.WebcamOptions(mirror=False),
                    elem_id="train-camera",
                )
                live = gr.Image(
                    sources=["webcam"], streaming=True, label=words("train_live"), elem_id="train-live",
                    webcam_options=gr.WebcamOptions(mirror=False),
                )  # fmt: skip
                advice, film = gr.Markdown(elem_id="train-live-advice"), gr.State(None)
        with gr.Column(min_width=300):
            gr.Markdown(words("train_guide"))
    wrong = gr.Markdown(elem_classes="problem", elem_id="train-upload-problem", visible=False)
    findings = gr.Markdown(elem_id="train-findings")
    part = Reference(gr.Textbox(visible="hidden"), findings, wrong, gr.Timer(1, active=False))

    def given(file: str | None, request: gr.Request):
        if not file:
            return "", "", problem(""), gr.Timer(active=False)
        try:
            id = check(studio, file, request)
        except (UserError, OSError) as error:
            return "", "", problem(plainly(error, request)), gr.Timer(active=False)
        return id, say("train_checking", request), problem(""), gr.Timer(active=True)

    def looked(id: str, request: gr.Request):
        return look(studio, id, request)

    def seen(pixels, film: Film | None, request: gr.Request):
        if pixels is None:
            return None, ""
        film, keys = advise(pixels, film)
        return film, "\n".join(f"- {say(key, request)}" for key in keys)

    live.stream(seen, [live, film], [film, advice], stream_every=1, time_limit=120, **QUIET)
    outputs = [part.checked, findings, wrong, part.timer]
    upload.change(given, upload, outputs, **QUIET)
    camera.change(given, camera, outputs, **QUIET)
    part.timer.tick(looked, part.checked, [findings, wrong, part.timer], **QUIET)
    return part


def check(studio: Studio, file: str | Path, request: gr.Request) -> str:
    """Have footage checked; gives the job's id."""
    name = Path(file).name
    return studio.ask("check", request, {"reference": name}, [(Path(file), name)]).id


def look(studio: Studio, id: str, request: gr.Request):
    """How far a check is, or what it found: (findings, problem, timer)."""
    if not id:
        return "", problem(""), gr.Timer(active=False)
    try:
        job = studio.store.find(id)
    except UserError as error:
        return "", problem(plainly(error, request)), gr.Timer(active=False)
    name = job.request["reference"]
    if job.state == "done":
        return told(job.result, request), problem(""), gr.Timer(active=False)
    if job.state in ("failed", "stopped"):
        return "", problem(plainly(job.why or say("train_stopped", request), request)), gr.Timer(active=False)
    standing = job.standing
    if standing is None:
        return say("train_waits", request, before=studio.before(job)), problem(""), gr.Timer(active=True)
    share = f" {standing.done / standing.total:.0%}" if standing.total else ""
    return f"{say('train_checking', request)} {name}{share}", problem(""), gr.Timer(active=True)


def told(result: dict, request: gr.Request) -> str:
    """A report in sentences, the verdict first, then what is worst."""
    graded = {status: [each for each in result["findings"] if each["status"] == status] for status in _SIGNS}
    verdict = say(f"train_verdict_{result['status']}", request, warnings=len(graded["warn"]))
    lines = [f"## {_SIGNS[result['status']]} {verdict}"]
    for status in ("fail", "warn"):
        lines += [_sentence(each, request) for each in graded[status]]
    if graded["pass"]:
        fine = "\n".join(_sentence(each, request) for each in graded["pass"])
        lines += ["", f"<details><summary>{say('train_fine', request, count=len(graded['pass']))}</summary>\n"]
        lines += [fine, "\n</details>"]
    return "\n".join(lines)


def _sentence(finding: dict, request: gr.Request) -> str:
    key = finding["name"].replace(" ", "_").replace("-", "_")
    found = say(
        f"train_found_{key}",
        request,
        value=finding["value"],
        message=translated(finding["message"], request).rstrip(".。"),
    )
    advice = f" → {say(f'train_advice_{key}', request)}" if finding["status"] != "pass" else ""
    return f"- {_SIGNS[finding['status']]} {found}{advice}"


def problem(said: str) -> gr.Markdown:
    """What went wrong, in a sentence, in its place; nothing is there where nothing did."""
    return gr.Markdown(said, visible=bool(said))

"""Train: a reference, the consent of whoever is seen in it, some minutes, and there is an actor."""

from __future__ import annotations

import tempfile
from pathlib import Path

import gradio as gr

from perfclone.errors import UserError
from perfclone.governance.consent.record import CONSENT

from ..actors import folder_name, own_actors
from ..consents import Agreement
from ..jobs.job import Job
from ..phrases import say
from ..studio import Studio
from ..visitors import visitor
from ..watching import NOTE_JOB, QUIET, lasting, plainly
from . import agreement, course, owned, programs, reference
from .reference import problem

PRESETS = ("base", "hd", "tiny")
#: Minutes that are offered: training adds little after some.
SHORTEST, USUAL, LONGEST = 0.1, 3, 60
#: What preparing takes, in glances at one frame of the check: so many whatever the footage, and for each million
#: pixels of it. Measured on three clips of 65-720 frames.
_ALWAYS, _A_MEGAPIXEL = 490, 10.7
#: Seconds from the last step to the actor with its poster.
_END_S = 12
_SHOW = """(id, wrong) => { if (id && !wrong)
    setTimeout(() => document.querySelector('#train-course').scrollIntoView({behavior: 'smooth'}), 300);
}"""


def build(studio: Studio, page: gr.Blocks) -> None:
    """Build the tab."""
    words = studio.words
    running = course.build(studio)
    with gr.Accordion(words("train_footage"), open=True):
        footage = reference.build(studio)
    with gr.Accordion(words("train_consent"), open=True):
        form = agreement.build(studio, page)
    with gr.Accordion(words("train_how"), open=True):
        name, preset, minutes, expected = _settings(studio)
        begin = gr.Button(words("train_begin"), variant="primary", elem_id="train-begin")
        wrong = gr.Markdown(elem_classes="problem", elem_id="train-begin-problem", visible=False)
    owned.build(studio, page, running)
    programs.build(studio, ask)

    def begun(request: gr.Request, checked: str, name: str, preset: str, minutes: float, *fields):
        try:
            job = ask(studio, request, checked, name, preset, minutes, agreement.filled_in(*fields))
        except (UserError, OSError) as error:
            return [gr.skip(), problem(plainly(error, request)), *[gr.skip()] * len(running.outputs)]
        return [job.id, problem(""), *course.look(studio, job.id, "", request)]

    def announced(checked: str, minutes: float, request: gr.Request) -> str:
        seconds = expected_s(studio, checked, minutes)
        return (
            say("train_expected", request, time=lasting(seconds, request))
            if seconds
            else say("train_unknown", request)
        )

    asked = begin.click(
        begun, [footage.checked, name, preset, minutes, *form], [running.id, wrong, *running.outputs], **QUIET
    )
    asked.then(None, running.id, None, js=NOTE_JOB, **QUIET)
    asked.then(None, [running.id, wrong], None, js=_SHOW, **QUIET)
    for change in (minutes.change, footage.findings.change):
        change(announced, [footage.checked, minutes], expected, **QUIET)
    footage.checked.change(None, footage.checked, None, js=NOTE_JOB, **QUIET)

    def back(request: gr.Request):
        """Find the visit's job again: the one in the address, or the visitor's last."""
        job = studio.last(request, "train", "check")
        checked = job.id if job and job.kind == "check" else ""
        trained = job.id if job and job.kind == "train" else ""
        findings = reference.look(studio, checked, request)
        return [checked, *findings, trained, *course.look(studio, trained, "", request)]

    page.load(
        back, None,
        [footage.checked, footage.findings, footage.problem, footage.timer, running.id, *running.outputs], **QUIET,
    )  # fmt: skip


def _settings(studio: Studio):
    words = studio.words
    with gr.Row():
        name = gr.Textbox(label=words("train_name"), info=words("train_name_info"), max_lines=1, elem_id="train-name")
        preset = gr.Radio(
            [(words(f"train_preset_{each}"), each) for each in PRESETS], value="base", label=words("train_preset"),
            elem_id="train-preset",
        )  # fmt: skip
    minutes = gr.Slider(
        SHORTEST, LONGEST, value=USUAL, step=0.1, label=words("train_minutes"), elem_id="train-minutes"
    )
    gr.Markdown(words("train_minutes_info"))
    return name, preset, minutes, gr.Markdown(elem_id="train-expected")


def ask(
    studio: Studio,
    request: gr.Request,
    checked: str,
    name: str,
    preset: str,
    minutes: float,
    agreed: Agreement,
) -> Job:
    """Put a training in line.

    Args:
        studio: Where.
        request: Whose.
        checked: The id of the job that checked the footage, and has it.
        name: Of the actor.
        preset: One of the backend's.
        minutes: Length of the training.
        agreed: What the person filmed agreed to.

    Raises:
        UserError: There is no footage, it will not do, the name is taken, or the consent is wanting.
    """
    if not checked:
        raise UserError(say("train_no_footage", request))
    check = studio.store.find(checked)
    if check.result.get("status") == "fail":
        raise UserError(say("train_will_not_do", request))
    folder = folder_name(name, request)
    if folder in own_actors(studio, visitor(request)) or _in_line(studio, request, folder):
        raise UserError(say("train_name_taken", request, name=folder))
    video = check.request["reference"]
    driving = next(iter(studio.clips.values()), None)
    asked = {
        "name": folder, "reference": video, "preset": preset, "minutes": float(minutes),
        "driving": driving.name if driving else None, "announced": expected_s(studio, checked, minutes),
        "statement": agreed.statement,
    }  # fmt: skip
    with tempfile.TemporaryDirectory(prefix="perfclone-consent-") as place:
        record = Path(place) / CONSENT
        agreed.record(check.files / video, request).save(record)
        files = [(check.files / video, video), (record, CONSENT)]
        return studio.ask("train", request, asked, files + ([(driving, driving.name)] if driving else []))


def expected_s(studio: Studio, checked: str, minutes: float) -> float | None:
    """Seconds until the actor is trained, from what the check took; None where it is not over yet."""
    try:
        found = studio.store.find(checked).result
    except UserError:
        return None
    if not found:
        return None
    return found["frame_s"] * (_ALWAYS + _A_MEGAPIXEL * found["megapixels"]) + 60 * minutes + _END_S


def _in_line(studio: Studio, request: gr.Request, name: str) -> bool:
    return any(
        job.kind == "train" and job.request["name"] == name and job.state in ("waiting", "running", "stopped")
        for job in studio.store.listing(visitor(request))
    )

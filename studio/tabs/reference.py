"""The footage of who is to become an actor: uploaded or filmed, and judged at once."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import gradio as gr

from perfclone.errors import UserError

from ..phrases import say
from ..studio import Studio

QUIET = {"api_visibility": "private", "show_progress": "hidden"}
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
                    webcam_options=gr.WebcamOptions(mirror=False),
                    elem_id="train-camera",
                )
        with gr.Column(min_width=300):
            gr.Markdown(words("train_guide"))
    problem = gr.Markdown(elem_classes="problem", elem_id="train-upload-problem")
    findings = gr.Markdown(elem_id="train-findings")
    part = Reference(gr.Textbox(visible="hidden"), findings, problem, gr.Timer(1, active=False))

    def given(file: str | None, request: gr.Request):
        if not file:
            return "", "", "", gr.Timer(active=False)
        try:
            id = check(studio, file, request)
        except (UserError, OSError) as error:
            return "", "", str(error), gr.Timer(active=False)
        return id, say("train_checking", request), "", gr.Timer(active=True)

    def looked(id: str, request: gr.Request):
        return look(studio, id, request)

    outputs = [part.checked, findings, problem, part.timer]
    upload.change(given, upload, outputs, **QUIET)
    camera.change(given, camera, outputs, **QUIET)
    part.timer.tick(looked, part.checked, [findings, problem, part.timer], **QUIET)
    return part


def check(studio: Studio, file: str | Path, request: gr.Request) -> str:
    """Have footage checked; gives the job's id."""
    name = Path(file).name
    return studio.ask("check", request, {"reference": name}, [(Path(file), name)]).id


def look(studio: Studio, id: str, request: gr.Request):
    """How far a check is, or what it found: (findings, problem, timer)."""
    if not id:
        return "", "", gr.Timer(active=False)
    try:
        job = studio.store.find(id)
    except UserError as error:
        return "", str(error), gr.Timer(active=False)
    name = job.request["reference"]
    if job.state == "done":
        return told(job.result, request), "", gr.Timer(active=False)
    if job.state in ("failed", "stopped"):
        return "", plain(job.why or say("train_stopped", request), job.files), gr.Timer(active=False)
    standing = job.standing
    if standing is None:
        return say("train_waits", request, before=studio.before(job)), "", gr.Timer(active=True)
    share = f" {standing.done / standing.total:.0%}" if standing.total else ""
    return f"{say('train_checking', request)} {name}{share}", "", gr.Timer(active=True)


def told(result: dict, request: gr.Request) -> str:
    """A report in sentences, the verdict first, then what is worst."""
    graded = {status: [each for each in result["findings"] if each["status"] == status] for status in _SIGNS}
    verdict = say(f"train_verdict_{result['status']}", request, warnings=len(graded["warn"]))
    lines = [f"### {_SIGNS[result['status']]} {verdict}"]
    for status in ("fail", "warn"):
        lines += [_sentence(each, request) for each in graded[status]]
    if graded["pass"]:
        fine = "\n".join(_sentence(each, request) for each in graded["pass"])
        lines += ["", f"<details><summary>{say('train_fine', request, count=len(graded['pass']))}</summary>\n"]
        lines += [fine, "\n</details>"]
    return "\n".join(lines)


def _sentence(finding: dict, request: gr.Request) -> str:
    return f"- {_SIGNS[finding['status']]} **{finding['name']}**: {finding['message']}. {finding['advice']}".rstrip()


def plain(why: str, folder: Path) -> str:
    """A sentence without the place on the server: a file has its own name."""
    return why.replace(f"{folder}/", "")

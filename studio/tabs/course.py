"""A training as it goes: state, time left, curves and held-out frames; stop, go on, and the test clone at the end."""

from __future__ import annotations

from typing import NamedTuple

import gradio as gr
import numpy as np
import pandas as pd
from PIL import Image

from perfclone.errors import UserError
from perfclone.training import Run

from ..actors import own_folder
from ..jobs.job import Job
from ..phrases import say
from ..roles import require
from ..showing import picture, shown
from ..studio import Studio
from ..watching import QUIET, lasting, plainly
from .reference import problem

#: Curves that are shown, by the names of the log.
CURVES = {"validation": "train_curve_validation", "paired/perceptual": "train_curve_perceptual"}
#: Most points of a curve.
_POINTS = 300
_TO_CLONE = "() => document.querySelector('#tabs button[role=tab]').click()"


class Course(NamedTuple):
    """The part of the tab.

    Attributes:
        id: Holds the job's id; empty where there is none.
        seen: What was shown last, so that only what is new is sent.
        made: Changes when there is an actor, and when it is done.
        timer: Looks at the job as long as it runs.
    """

    id: gr.Textbox
    seen: gr.State
    made: gr.State
    group: gr.Column
    state: gr.Markdown
    problem: gr.Markdown
    plot: gr.LinePlot
    samples: gr.HTML
    stop: gr.Button
    go_on: gr.Button
    to_clone: gr.Button
    result: gr.Video
    timer: gr.Timer

    @property
    def outputs(self) -> list:
        """What :func:`look` gives."""
        return [*self[1:]]


def build(studio: Studio) -> Course:
    """Build the part."""
    words = studio.words
    id, seen, made = gr.Textbox(visible="hidden"), gr.State(""), gr.State("")
    with gr.Column(visible=False, elem_id="train-course") as group:
        gr.Markdown(words("train_course"))
        state = gr.Markdown(elem_id="train-state")
        wrong = gr.Markdown(elem_classes="problem", elem_id="train-problem", visible=False)
        with gr.Row():
            stop = gr.Button(words("train_stop"), visible=False, elem_id="train-stop")
            go_on = gr.Button(words("train_go_on"), visible=False, elem_id="train-go-on")
            to_clone = gr.Button(words("train_to_clone"), visible=False, elem_id="train-to-clone")
        with gr.Row():
            with gr.Column(min_width=300):
                gr.Markdown(words("train_curves"))  # the plot's own label would push its legend out of it
                plot = gr.LinePlot(
                    x="step", y="loss", color="curve", label=words("train_curves"), show_label=False, height=320,
                    elem_id="train-curves",
                )  # fmt: skip
            with gr.Column(min_width=300):
                samples = gr.HTML(elem_id="train-samples", min_height=320)
        result = gr.Video(
            label=words("train_result"), interactive=False, visible=False, height=360, elem_id="train-result"
        )
    part = Course(
        id, seen, made, group, state, wrong, plot, samples, stop, go_on, to_clone, result, gr.Timer(1, active=False)
    )

    def looked(request: gr.Request, id: str, seen: str):
        return look(studio, id, seen, request)

    def stopped(request: gr.Request, id: str, seen: str):
        require(request, "make")
        studio.store.find(id).stop()
        return look(studio, id, "", request)

    def gone_on(request: gr.Request, id: str, seen: str):
        require(request, "make")
        studio.go_on(studio.store.find(id))
        return look(studio, id, "", request)

    part.timer.tick(looked, [id, seen], part.outputs, **QUIET)
    stop.click(stopped, [id, seen], part.outputs, **QUIET)
    go_on.click(gone_on, [id, seen], part.outputs, **QUIET)
    to_clone.click(None, None, None, js=_TO_CLONE, **QUIET)
    return part


def look(studio: Studio, id: str, seen: str, request: gr.Request) -> list:
    """How a training goes: values for :attr:`Course.outputs`."""
    if not id:
        return [gr.skip()] * 11 + [gr.Timer(active=False)]
    try:
        job = studio.store.find(id)
    except UserError as error:
        nothing = [gr.skip()] * 2 + [gr.Button(visible=False)] * 3 + [gr.skip()]
        return [
            "",
            "",
            gr.Column(visible=True),
            "",
            problem(plainly(error, request)),
            *nothing,
            gr.Timer(active=False),
        ]
    state, run = job.state, run_of(studio, job)
    clone = _clone(studio, job)
    going = state in ("waiting", "running") or (clone is not None and clone.state in ("waiting", "running"))
    now = f"{state} {len(run.rows) if run else 0} {run.previews if run else []} {clone and clone.state}"
    fresh = now != seen
    return [
        now,
        f"{id} {state} {run is not None and run.actor is not None}",
        gr.Column(visible=True),
        told(studio, job, request),
        problem(plainly(job.why or "", request)),
        curves(run, request) if fresh and run else gr.skip(),
        samples(run, request) if fresh and run and run.samples else gr.skip(),
        gr.Button(visible=state in ("waiting", "running"), interactive=not job.stop_asked),
        gr.Button(visible=state in ("stopped", "failed")),
        gr.Button(visible=run is not None and run.actor is not None),
        _video(clone) if fresh and clone and clone.state == "done" else gr.skip(),
        gr.Timer(active=going),
    ]


def run_of(studio: Studio, job: Job) -> Run | None:
    """The run of a job, once it has begun."""
    output = own_folder(studio.store, job.owner) / job.request["name"]
    try:
        return Run.open(output.with_name(f"{output.name}.run"))
    except (UserError, OSError):
        return None


def told(studio: Studio, job: Job, request: gr.Request) -> str:
    """The state of a job in a sentence or two."""
    name, state = job.request["name"], job.state
    if state == "waiting":
        return say("train_waits", request, before=studio.before(job))
    if state == "done":
        return _ended(job, request)
    if state in ("failed", "stopped"):
        return say(f"train_is_{state}", request, name=name)
    standing = job.standing
    stage = standing.stage if standing else "begin"
    doing = say(f"train_stage_{stage}", request) if stage in STAGES else stage
    share = f" {min(1.0, standing.done / standing.total):.0%}" if standing and standing.total else ""
    left = (
        f" · {say('train_left', request, time=lasting(standing.left_s, request))}"
        if standing and standing.left_s
        else ""
    )
    asked = f" · {say('train_stop_asked', request)}" if job.stop_asked else ""
    return f"**{name}** · {doing}{share}{left}{asked}"


#: What a job tells that it is about.
STAGES = ("begin", "poses", "plate", "crops", "train", "validation", "actor", "poster")


def _ended(job: Job, request: gr.Request) -> str:
    result = job.result
    said = say("train_done", request, name=result["actor"], steps=result["steps"], minutes=f"{result['minutes']:.1f}")
    announced = job.request.get("announced")
    if announced and result["seconds"]:
        times = {"took": lasting(result["seconds"], request), "announced": lasting(announced, request)}
        said = f"{said} {say('train_took', request, **times)}"
    return said


def curves(run: Run, request: gr.Request) -> gr.LinePlot:
    """The log as a plot."""
    points = [
        (row["step"], row[name], say(phrase, request))
        for name, phrase in CURVES.items()
        for row in _thinned([row for row in run.rows if name in row])
    ]
    titles = {f"{each}_title": say(f"train_curve_{each}", request) for each in ("x", "y", "color")}
    return gr.LinePlot(pd.DataFrame(points, columns=["step", "loss", "curve"]), **titles)


def samples(run: Run, request: gr.Request) -> str:
    """Held-out frames, filmed and as they are painted now, and what they are in words."""
    with Image.open(run.samples) as found:
        rows = np.asarray(found.convert("RGB"))
    height = len(rows) // (1 + len(run.previews)) if run.previews else len(rows)
    said = say("train_samples", request)
    return f"<p>{said}</p>{picture(np.vstack([rows[:height], rows[-height:]]), said)}"


def _thinned(rows: list[dict]) -> list[dict]:
    return rows[:: max(1, len(rows) // _POINTS)]


def _clone(studio: Studio, job: Job) -> Job | None:
    """The test clone's job, once there is one."""
    try:
        return studio.store.find(job.result.get("clone") or "")
    except UserError:
        return None


def _video(clone: Job):
    made = clone.file("clone.mp4")
    return gr.Video(shown(made), visible=True) if made else gr.skip()

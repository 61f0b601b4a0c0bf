"""What waits for approval: a still of each, who asked for it, for what; watched, approved or refused with a note."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import gradio as gr
import numpy as np

from perfclone.errors import UserError
from perfclone.governance import review
from perfclone.governance.ledger.fields import watermark_text
from perfclone.governance.review import Review

from ..jobs.job import Job
from ..phrases import say
from ..showing import shown as served_copy
from ..studio import Studio
from ..tasks.clone import CLONE
from ..verdict import purpose_told
from . import QUIET, literal, plainly, require_reviewer, reviewer

#: Most that are shown: the newest.
SHOWN = 60
_SIDE = 320
_DECIDED = {"approve": "review_approved", "reject": "review_rejected"}


class Parts(NamedTuple):
    """What can be pressed, chosen and seen."""

    required: gr.Checkbox
    also: gr.Checkbox
    said: gr.Markdown
    gallery: gr.Gallery
    detail: gr.Row
    video: gr.Video
    facts: gr.Markdown
    note: gr.Textbox
    approve: gr.Button
    reject: gr.Button
    problem: gr.Markdown
    done: gr.Markdown


def build(studio: Studio, page: gr.Blocks, changed: gr.State) -> None:
    """Build the part; `changed` counts what was decided."""
    p, ids, chosen = _lay_out(studio), gr.State([]), gr.State("")

    def refresh(request: gr.Request, decided: bool):
        return _listed(studio, decided, request)

    def open_one(request: gr.Request, ids: list[str], event: gr.SelectData):
        return _opened(studio, ids[event.index], request)

    def decide(decision):
        def handler(request: gr.Request, id: str, note: str):
            try:
                _decide(decision, id, note, reviewer(request))
                return "", gr.Row(visible=False), None, say(_DECIDED[decision], request, id=id), ""
            except (UserError, OSError) as error:
                return id, gr.skip(), gr.skip(), gr.skip(), plainly(error, request)

        return handler

    gr.on([page.load, p.also.change, changed.change], refresh, p.also, [ids, p.gallery, p.said, p.required], **QUIET)
    p.gallery.select(open_one, ids, [chosen, p.detail, p.video, p.facts, p.note, p.problem], **QUIET)
    p.required.input(_require, p.required, p.problem, **QUIET)
    for button, decision in ((p.approve, "approve"), (p.reject, "reject")):
        outputs = [chosen, p.detail, p.video, p.done, p.problem]
        button.click(decide(decision), [chosen, p.note], outputs, **QUIET).then(
            lambda count: count + 1, changed, changed, **QUIET
        )


def _lay_out(studio: Studio) -> Parts:
    words = studio.words
    required = gr.Checkbox(
        label=words("review_required"), info=words("review_required_info"), elem_id="review_required"
    )
    also = gr.Checkbox(label=words("review_also"), elem_id="review_also")
    said = gr.Markdown(elem_id="review_said")
    gallery = gr.Gallery(
        label=words("review_queue"),
        show_label=False,
        columns=4,
        fit_columns=False,
        height=None,
        allow_preview=False,
        object_fit="contain",
        buttons=[],
        elem_id="review_queue",
    )
    with gr.Row(visible=False) as detail:
        video = gr.Video(
            label=words("review_video"), interactive=False, height=360, buttons=[], elem_id="review_video"
        )
        with gr.Column(min_width=300):
            facts = gr.Markdown(elem_id="review_facts")
            note = gr.Textbox(
                label=words("review_note"), info=words("review_note_info"), max_lines=3, elem_id="review_note"
            )
            with gr.Row():
                approve = gr.Button(words("review_approve"), variant="primary", elem_id="review_approve")
                reject = gr.Button(words("review_reject"), variant="stop", elem_id="review_reject")
    problem = gr.Markdown(elem_id="review_problem", elem_classes="problem")
    done = gr.Markdown(elem_id="review_done")
    return Parts(required, also, said, gallery, detail, video, facts, note, approve, reject, problem, done)


def _listed(studio: Studio, decided: bool, request: gr.Request) -> tuple:
    """The ids of what is shown, the stills, how many they are, and whether approval is required."""
    try:
        require_reviewer(request)
        rows = [(each, _place(each.id, studio)) for each in _chosen(decided)]
        pictures = [(_still(place), _caption(each, request, studio)) for each, place in rows]
        count = say("review_count", request, n=len(rows)) if rows else say("review_none", request)
        ids = [each.id for each, _ in rows]
        return ids, gr.Gallery(pictures, visible=bool(rows)), count, review.approval_required()
    except (UserError, OSError) as error:
        return [], [], plainly(error, request), gr.skip()


def _opened(studio: Studio, id: str, request: gr.Request) -> tuple:
    """A clone to be decided on: its id, the row, the video, the facts, an empty note, and what went wrong."""
    try:
        require_reviewer(request)
        found = review.find(id)
        place = _place(found.id, studio)
        shown = served_copy(place) if place else None
        return found.id, gr.Row(visible=True), shown, _facts(found, place, request, studio), "", ""
    except (UserError, OSError) as error:
        return "", gr.Row(visible=False), None, "", "", plainly(error, request)


def _require(request: gr.Request, wanted: bool) -> str:
    try:
        require_reviewer(request)
        review.require_approval(wanted)
        return ""
    except (UserError, OSError) as error:
        return plainly(error, request)


def _chosen(decided: bool) -> list[Review]:
    """The newest first."""
    return [each for each in reversed(review.listing()) if decided or each.state == "pending"][:SHOWN]


def _job(id: str, studio: Studio) -> Job | None:
    """The job that made a clone."""
    return next((job for job, made in made_by(studio.store.listing()) if made == id), None)


def made_by(jobs: list[Job]) -> Iterator[tuple[Job, str]]:
    """The jobs that made a clone, each with its id as the ledger spells it."""
    for job in jobs:
        if (made := job.result.get("id")) is not None:
            yield job, watermark_text(made)


def _place(id: str, studio: Studio) -> Path | None:
    """Where a clone's file is: held back, or with the job that made it; None where it is gone."""
    place = review.held(id)
    if not place and (job := _job(id, studio)):
        place = job.file(CLONE)
    return place if place and place.is_file() else None


def _still(place: Path | None) -> np.ndarray:
    """(H, W, 3) uint8 RGB: the middle of a video; grey where there is none."""
    if place is None:
        return np.full((180, _SIDE, 3), 128, np.uint8)
    return _frame(place, place.stat().st_mtime_ns)


@lru_cache(maxsize=4 * SHOWN)
def _frame(place: Path, changed: int) -> np.ndarray:
    from perfclone.video import sample_frames

    return sample_frames(place, 1, max_side=_SIDE)[0].pixels


def _caption(each: Review, request: gr.Request, studio: Studio) -> str:
    said = [
        each.clone.data.get("actor") or "?",
        purpose_told(each.clone.data.get("purpose"), request),
        each.clone.time[:16].replace("T", " "),
    ]
    state = "" if each.state == "pending" else f" — {say(f'review_state_{each.state}', request)}"
    return f"{', '.join(said)}, {_asked_by(each, request, studio)}{state}"


def _facts(each: Review, place: Path | None, request: gr.Request, studio: Studio) -> str:
    """What is known of a clone, a line each."""
    data, decided = each.clone.data, each.decision.data if each.decision else {}
    lines = {
        "actor": data.get("actor") or "?",
        "purpose": purpose_told(each.clone.data.get("purpose"), request),
        "asked": _asked_by(each, request, studio),
        "time": each.clone.time[:16].replace("T", " ") + " UTC",
        "id": each.id,
        "state": say(f"review_state_{each.state}", request),
        "by": decided.get("who"),
        "said": decided.get("note"),
    }
    told = [f"- **{say(f'review_fact_{name}', request)}**: {literal(value)}" for name, value in lines.items() if value]
    if not place:
        told.append(f"\n{say('review_gone', request)}")
    return "\n".join(told)


def _asked_by(each: Review, request: gr.Request, studio: Studio) -> str:
    """The name of a login; a visitor without one has no name, and the secret by which they are known stays theirs."""
    job = _job(each.id, studio)
    if job is None:
        return each.clone.data.get("who") or "?"
    kind, _, name = job.owner.partition(":")
    return name if kind == "user" else say("review_visitor", request)


def _decide(decision: str, id: str, note: str, who: str | None) -> None:
    """Decide, and release what is held once it is approved."""
    approved_already = review.held(id) and review.state(id) == "approved"
    if not (decision == "approve" and approved_already):
        (review.approve if decision == "approve" else review.reject)(id, note, who=who)
    if decision == "approve" and review.held(id):
        review.release(id)

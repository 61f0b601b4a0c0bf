"""The visitor's own actors: to keep as a file, to push to the Hub, to delete, and to withdraw the consent of."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import gradio as gr

from perfclone.errors import UserError

from ..actors import own_actors
from ..allowed import described
from ..jobs.job import Job
from ..keeping import delete_actor, place_of, push_actor, revoke_consent, zip_of
from ..phrases import say
from ..showing import picture
from ..studio import Studio
from ..visitors import visitor
from ..watching import QUIET, literal, plainly
from .course import Course


class Parts(NamedTuple):
    """What can be pressed, chosen and seen."""

    none: gr.Markdown
    row: gr.Row
    chosen: gr.Radio
    still: gr.HTML
    about: gr.Markdown
    zipped: gr.DownloadButton
    repository: gr.Textbox
    token: gr.Textbox
    public: gr.Checkbox
    push: gr.Button
    reason: gr.Textbox
    revoke: gr.Button
    delete: gr.Button
    sure: gr.Checkbox
    said: gr.Markdown


def build(studio: Studio, page: gr.Blocks, running: Course) -> None:
    """Build the part; what `running` makes comes to it."""
    p, pushing, timer = _lay_out(studio), gr.State(""), gr.Timer(1, active=False)

    def listed(request: gr.Request, chosen: str | None):
        names = list(own_actors(studio, visitor(request)))
        name = chosen if chosen in names else next(iter(names), None)
        return gr.Markdown(visible=not names), gr.Row(visible=bool(names)), gr.Radio(names, value=name)

    def shown_actor(request: gr.Request, name: str | None):
        return _shown(studio, name or "", request)

    def act(work: Callable[..., str]):
        def handler(request: gr.Request, name: str | None, sure: bool, *values):
            try:
                if not sure:
                    raise UserError(say("train_not_sure", request))
                return work(studio, request, place_of(studio, request, name), *values), False
            except (UserError, OSError) as error:
                return plainly(error, request), False

        return handler

    def push_one(request: gr.Request, name: str | None, *values):
        try:
            job = push_actor(studio, request, place_of(studio, request, name), *values)
        except (UserError, OSError) as error:
            return plainly(error, request), "", gr.skip(), gr.Timer(active=False)
        return say("train_pushing", request), "", job.id, gr.Timer(active=True)

    def pushed(request: gr.Request, id: str):
        return _pushed(studio.store.find(id), request)

    listing = dict(fn=listed, inputs=p.chosen, outputs=[p.none, p.row, p.chosen], **QUIET)
    details = dict(fn=shown_actor, inputs=p.chosen, outputs=[p.still, p.about, p.zipped], **QUIET)
    page.load(**listing)
    p.chosen.change(**details)
    p.delete.click(act(_delete), [p.chosen, p.sure], [p.said, p.sure], **QUIET).then(**listing)
    p.revoke.click(act(_revoke), [p.chosen, p.sure, p.reason], [p.said, p.sure], **QUIET).then(**details)
    p.push.click(push_one, [p.chosen, p.repository, p.token, p.public], [p.said, p.token, pushing, timer], **QUIET)
    timer.tick(pushed, pushing, [p.said, timer], **QUIET)
    running.made.change(**listing).then(**details)


def _lay_out(studio: Studio) -> Parts:
    words = studio.words
    with gr.Accordion(words("train_mine"), open=True, elem_id="train-mine"):
        none = gr.Markdown(words("train_mine_none"))
        with gr.Row(visible=False) as row:
            with gr.Column(min_width=260):
                chosen = gr.Radio([], label=words("train_mine_chosen"), elem_id="train-own")
                still = gr.HTML(elem_id="train-own-still")
                about = gr.Markdown(elem_id="train-own-record")
            with gr.Column(min_width=300):
                zipped = gr.DownloadButton(words("train_zip"), elem_id="train-zip")
                pushing = _push_form(studio)
                reason = gr.Textbox(label=words("train_revoke_reason"), max_lines=1, elem_id="train-revoke-reason")
                with gr.Row():
                    revoke = gr.Button(words("train_revoke"), variant="stop", elem_id="train-revoke")
                    delete = gr.Button(words("train_delete"), variant="stop", elem_id="train-delete")
                sure = gr.Checkbox(label=words("train_sure"), elem_id="train-sure")
        said = gr.Markdown(elem_id="train-own-said")
    return Parts(none, row, chosen, still, about, zipped, *pushing, reason, revoke, delete, sure, said)


def _push_form(studio: Studio) -> tuple:
    words = studio.words
    gr.Markdown(words("train_push_what"))
    with gr.Group():
        repository = gr.Textbox(
            label=words("train_push_repository"), placeholder="owner/name", max_lines=1,
            elem_id="train-push-repository",
        )  # fmt: skip
        token = gr.Textbox(
            label=words("train_push_token"), info=words("train_push_token_info"), type="password", max_lines=1,
            elem_id="train-push-token",
        )  # fmt: skip
        public = gr.Checkbox(label=words("train_push_public"))
        return repository, token, public, gr.Button(words("train_push"), elem_id="train-push")


def _shown(studio: Studio, name: str, request: gr.Request) -> tuple:
    """An actor's still, its record in words, and the file to keep."""
    found = own_actors(studio, visitor(request)).get(name)
    if not found:
        return "", "", None
    about = "\n".join(f"- {literal(each)}" for each in described(found.record, request)) if found.record else ""
    still = picture(found.still, say("train_mine_still", request)) if found.still is not None else ""
    return still, about, zip_of(found.place)


def _delete(studio: Studio, request: gr.Request, place: Path) -> str:
    delete_actor(studio, request, place)
    return say("train_deleted", request, name=place.name)


def _revoke(studio: Studio, request: gr.Request, place: Path, reason: str) -> str:
    revoke_consent(place, reason, request)
    return say("train_revoked", request, name=place.name)


def _pushed(job: Job, request: gr.Request) -> tuple:
    """How far a push is, and whether to look again."""
    if job.state == "done":
        return say("train_pushed", request, **job.result), gr.Timer(active=False)
    if job.state in ("failed", "stopped"):
        return plainly(job.why or say("train_stopped", request), request), gr.Timer(active=False)
    return say("train_pushing", request), gr.Timer(active=True)

"""The visitor's own actors: to keep as a file, to push to the Hub, to delete, and to withdraw the consent of."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import gradio as gr

from perfclone.errors import UserError

from ..actors import own_actors
from ..allowed import described
from ..keeping import delete_actor, place_of, push_actor, revoke_consent, zip_of
from ..phrases import say
from ..showing import picture
from ..studio import Studio
from ..visitors import visitor
from ..watching import QUIET, literal, plainly
from .course import Course


def build(studio: Studio, page: gr.Blocks, running: Course) -> None:
    """Build the part; what `running` makes comes to it."""
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
                gr.Markdown(words("train_push_what"))
                with gr.Group():
                    repository = gr.Textbox(
                        label=words("train_push_repository"), placeholder="owner/name", max_lines=1,
                        elem_id="train-push-repository",
                    )  # fmt: skip
                    token = gr.Textbox(
                        label=words("train_push_token"), info=words("train_push_token_info"), type="password",
                        max_lines=1, elem_id="train-push-token",
                    )  # fmt: skip
                    public = gr.Checkbox(label=words("train_push_public"))
                    push = gr.Button(words("train_push"), elem_id="train-push")
                reason = gr.Textbox(label=words("train_revoke_reason"), max_lines=1, elem_id="train-revoke-reason")
                with gr.Row():
                    revoke = gr.Button(words("train_revoke"), variant="stop", elem_id="train-revoke")
                    delete = gr.Button(words("train_delete"), variant="stop", elem_id="train-delete")
                sure = gr.Checkbox(label=words("train_sure"), elem_id="train-sure")
        said = gr.Markdown(elem_id="train-own-said")
    pushing, timer = gr.State(""), gr.Timer(1, active=False)

    def listed(request: gr.Request, chosen: str | None):
        names = list(own_actors(studio, visitor(request)))
        name = chosen if chosen in names else next(iter(names), None)
        return gr.Markdown(visible=not names), gr.Row(visible=bool(names)), gr.Radio(names, value=name)

    def shown_actor(request: gr.Request, name: str | None):
        found = own_actors(studio, visitor(request)).get(name or "")
        if not found:
            return "", "", None
        about = "\n".join(f"- {literal(each)}" for each in described(found.record, request)) if found.record else ""
        still = picture(found.still, say("train_mine_still", request)) if found.still is not None else ""
        return still, about, zip_of(found.place)

    def act(work: Callable):
        def handler(request: gr.Request, name: str | None, sure: bool, *values):
            try:
                if not sure:
                    raise UserError(say("train_not_sure", request))
                told = work(request, place_of(studio, request, name), *values)
            except (UserError, OSError) as error:
                told = plainly(error, request)
            return told, False

        return handler

    def delete_one(request: gr.Request, place: Path) -> str:
        delete_actor(studio, request, place)
        return say("train_deleted", request, name=place.name)

    def revoke_one(request: gr.Request, place: Path, reason: str) -> str:
        revoke_consent(place, reason, request)
        return say("train_revoked", request, name=place.name)

    def push_one(request: gr.Request, name: str | None, *values):
        try:
            job = push_actor(studio, request, place_of(studio, request, name), *values)
        except (UserError, OSError) as error:
            return plainly(error, request), "", gr.skip(), gr.Timer(active=False)
        return say("train_pushing", request), "", job.id, gr.Timer(active=True)

    def pushed(request: gr.Request, id: str):
        job = studio.store.find(id)
        if job.state == "done":
            told = say("train_pushed", request, **job.result)
        elif job.state in ("failed", "stopped"):
            told = plainly(job.why or say("train_stopped", request), request)
        else:
            return say("train_pushing", request), gr.Timer(active=True)
        return told, gr.Timer(active=False)

    listing = dict(fn=listed, inputs=chosen, outputs=[none, row, chosen], **QUIET)
    details = dict(fn=shown_actor, inputs=chosen, outputs=[still, about, zipped], **QUIET)
    page.load(**listing)
    chosen.change(**details)
    delete.click(act(delete_one), [chosen, sure], [said, sure], **QUIET).then(**listing)
    revoke.click(act(revoke_one), [chosen, sure, reason], [said, sure], **QUIET).then(**details)
    push.click(push_one, [chosen, repository, token, public], [said, token, pushing, timer], **QUIET)
    timer.tick(pushed, pushing, [said, timer], **QUIET)
    running.made.change(**listing).then(**details)

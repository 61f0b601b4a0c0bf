"""The consent form, which speaks to the person filmed; nothing is trained without it."""

from __future__ import annotations

from datetime import date
from typing import NamedTuple

import gradio as gr

from perfclone.governance.consent.kinds import TERM, usual_fields
from perfclone.governance.consent.rules import MEDIA, PURPOSES

from ..consents import Agreement, draw_phrase
from ..phrases import say
from ..studio import Studio
from ..watching import QUIET


class Form(NamedTuple):
    """The fields, in the order of :class:`Agreement`'s, but for the statement, which has two."""

    subject: gr.Textbox
    recorded_by: gr.Textbox
    purposes: gr.CheckboxGroup
    media: gr.CheckboxGroup
    expires: gr.Textbox
    note: gr.Textbox
    train_others: gr.Checkbox
    revocation: gr.Textbox
    statement: gr.File
    filmed: gr.Video
    phrase: gr.Textbox
    agreed: gr.Checkbox


def build(studio: Studio, page: gr.Blocks) -> Form:
    """Build the form."""
    words, usual = studio.words, usual_fields("somebody", "somebody")
    gr.Markdown(words("train_consent_what"))
    with gr.Row():
        subject = gr.Textbox(label=words("train_subject"), max_lines=1, elem_id="train-subject")
        recorded_by = gr.Textbox(
            label=words("train_operator"), info=words("train_operator_info"), max_lines=1, elem_id="train-operator"
        )
    purposes = gr.CheckboxGroup(list(PURPOSES), value=usual["purposes"], label=words("train_purposes"))
    note = gr.Textbox(label=words("train_note"), max_lines=1)
    media = gr.CheckboxGroup(list(MEDIA), value=usual["media"], label=words("train_media"))
    with gr.Row():
        expires = gr.Textbox(
            (date.today() + TERM).isoformat(), label=words("train_expires"), info=words("train_expires_info"),
            max_lines=1, elem_id="train-expires",
        )  # fmt: skip
        revocation = gr.Textbox(label=words("train_revocation"), info=words("train_revocation_info"), max_lines=1)
    train_others = gr.Checkbox(label=words("train_others"))
    gr.Markdown(words("train_consent_rights"))
    with gr.Accordion(words("train_statement"), open=False):
        gr.Markdown(words("train_statement_how"))
        phrase = gr.Textbox(
            label=words("train_phrase"), interactive=False, elem_id="train-phrase", elem_classes="phrase"
        )
        with gr.Row():
            statement = gr.File(label=words("train_statement_file"), height=120)
            filmed = gr.Video(
                sources=["webcam"], label=words("train_statement_film"), format=None, include_audio=True,
                webcam_options=gr.WebcamOptions(mirror=False),
            )  # fmt: skip
    agreed = gr.Checkbox(label=words("train_agreed"), elem_id="train-agreed")

    def greet(request: gr.Request):
        named = [[(say(f"train_{each}", request), each) for each in choices] for choices in (PURPOSES, MEDIA)]
        return gr.CheckboxGroup(choices=named[0]), gr.CheckboxGroup(choices=named[1]), draw_phrase(request)

    page.load(greet, None, [purposes, media, phrase], **QUIET)
    return Form(
        subject, recorded_by, purposes, media, expires, note, train_others, revocation, statement, filmed, phrase,
        agreed,
    )  # fmt: skip


def filled_in(
    subject, recorded_by, purposes, media, expires, note, train_others, revocation, statement, filmed, phrase, agreed
) -> Agreement:
    """What the fields of a form hold."""
    return Agreement(
        subject, recorded_by, purposes, media, expires, note, train_others, revocation, statement or filmed, phrase,
        agreed,
    )  # fmt: skip

"""The tab in which a video is verified: the verdict in plain words first, then what it rests on."""

from __future__ import annotations

from pathlib import Path

import gradio as gr

from perfclone.errors import UserError

from ..phrases import say
from ..roles import may, require
from ..studio import Studio
from ..verdict import told
from ..watching import Watched, plainly


def build(studio: Studio, page: gr.Blocks) -> None:
    """Build the tab."""
    words = studio.words
    with gr.Row():
        with gr.Column(scale=2, min_width=300):
            gr.Markdown(words("verify_intro"))
            video = gr.File(label=words("verify_video"), elem_id="verify_video", height=160)
            watched = Watched(studio, "verify")
        with gr.Column(scale=3, min_width=300):
            verdict = gr.HTML(f"<p>{words('verify_empty')}</p>", elem_id="verdict", elem_classes="verdict")

    def prepare(request: gr.Request, video: str | None):
        return _prepared(studio, request, video)

    watched.wire(page, [video.upload], prepare, [video], lambda job, request: (told(job.result, request),), [verdict])

    def verify(request: gr.Request, video: str) -> str:
        try:
            return studio.ask("verify", request, *prepare(request, video)).id
        except (UserError, OSError) as error:
            raise gr.Error(plainly(error, request), print_exception=False) from error

    with gr.Row(visible=False):
        gr.Button().click(verify, gr.File(label="video"), gr.Textbox(label="id"), api_name="verify")


def _prepared(studio: Studio, request: gr.Request, video: str | None) -> tuple[dict, list]:
    require(request, "look")
    if not video:
        raise UserError(say("verify_none", request))
    studio.judge(video, request)
    name = Path(video).name
    return {"video": name, "whole": may(request, "review")}, [(Path(video), name)]

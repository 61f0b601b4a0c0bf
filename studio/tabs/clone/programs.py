"""The same for programs: the endpoint ``/clone``; ``/job`` tells how far a job is."""

from __future__ import annotations

import gradio as gr

from perfclone.errors import UserError

from ...studio import Studio
from ...watching import plainly
from . import asking


def build(studio: Studio) -> None:
    """Add the endpoint, which puts a clone in line and gives the job's id."""
    inputs = [gr.Textbox(visible=False, label="actor"), gr.File(visible=False, label="driving")]
    inputs += [gr.Textbox("personal", visible=False, label="purpose")]
    inputs += [gr.Checkbox(visible=False, label="keep_proportions")]

    def clone(actor: str, driving: str, purpose: str, keep_proportions: bool, request: gr.Request) -> str:
        """Put a clone in line; gives the id of the job, by which its state and its files are asked for."""
        try:
            return asking.clone_file(studio, request, actor, driving, purpose, keep_proportions).id
        except (UserError, OSError) as error:
            raise gr.Error(plainly(error, request), title="") from error

    gr.Button(visible=False).click(
        clone, inputs, gr.Textbox(visible=False, label="job"), api_name="clone", concurrency_limit=4
    )

"""What stands where in the tab."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import gradio as gr

from ...phrases import LANGUAGES, phrases
from ...studio import Studio
from .shown import IN_STEP

VIEWS = ("both", "alone", "poses")


class Parts(NamedTuple):
    """What can be pressed, chosen and seen."""

    actor: gr.Radio
    hub: gr.Textbox
    use: gr.Button
    actor_seen: gr.HTML
    upload: gr.UploadButton
    record: gr.Video
    examples: list[gr.Button]
    driving_seen: gr.HTML
    checked: gr.HTML
    purpose: gr.Dropdown
    keep: gr.Checkbox
    go: gr.Button
    stop: gr.Button
    trouble: gr.HTML
    standing: gr.HTML
    view: gr.Radio
    result: gr.HTML


def lay_out(studio: Studio) -> Parts:
    """Lay the tab out: the actor, the performance, and what comes of it."""
    with gr.Row():
        with gr.Column(min_width=240, scale=3):
            actor = _actor(studio)
        with gr.Column(min_width=280, scale=4):
            driving = _driving(studio)
        with gr.Column(min_width=300, scale=5):
            outcome = _outcome(studio)
    return Parts(*actor, *driving, *outcome)


def _actor(studio: Studio) -> tuple:
    words, names = studio.words, list(studio.actors)
    actor = gr.Radio(names, value=names[0], label=words("clone_actor"), elem_id="clone_actor")
    seen = gr.HTML(elem_id="clone_actor_seen")
    with gr.Accordion(words("clone_hub_open"), open=False):
        hub = gr.Textbox(label=words("clone_hub"), placeholder="owner/name", max_lines=1, elem_id="clone_hub")
        use = gr.Button(words("clone_hub_use"), elem_id="clone_hub_use")
    return actor, hub, use, seen


def _driving(studio: Studio) -> tuple:
    words = studio.words
    gr.Markdown(words("clone_driving"))
    with gr.Row():
        upload = gr.UploadButton(words("clone_upload"), file_types=None, elem_id="clone_upload", min_width=120)
    with gr.Row(elem_id="clone_examples"):
        examples = [_example(studio, name, clip) for name, clip in studio.clips.items()]
    with gr.Accordion(words("clone_record_open"), open=False):
        record = gr.Video(
            label=words("clone_record"),
            sources=["webcam"],
            webcam_options=gr.WebcamOptions(mirror=False),
            include_audio=True,
            buttons=[],
            elem_id="clone_record",
        )
    return upload, record, examples, gr.HTML(elem_id="clone_driving_seen"), gr.HTML(elem_id="clone_checked")


def _example(studio: Studio, name: str, clip: Path) -> gr.Button:
    """The button of a clip that is offered: its still, and what is done in it."""
    key, still = f"clone_example_{name}", clip.with_suffix(".jpg")
    return gr.Button(
        studio.words(key) if key in phrases(LANGUAGES[0]) else f"▶ {name}",
        icon=still if still.is_file() else None,
        elem_id=key,
        elem_classes="clone-example",
        min_width=100,
    )


def _outcome(studio: Studio) -> tuple:
    words = studio.words
    purpose = gr.Dropdown(
        [], value=None, label=words("clone_purpose"), info=words("clone_purpose_why"), elem_id="clone_purpose"
    )
    keep = gr.Checkbox(label=words("clone_keep"), info=words("clone_keep_why"), elem_id="clone_keep")
    with gr.Row(elem_id="clone_go"):
        go = gr.Button(words("clone_button"), variant="primary", min_width=120, elem_id="clone")
        stop = gr.Button(words("clone_stop"), visible=False, min_width=120, elem_id="clone_stop")
    trouble = gr.HTML(elem_id="clone_trouble")
    standing = gr.HTML(elem_id="clone_standing")
    views = [(words(f"clone_view_{view}"), view) for view in VIEWS]
    view = gr.Radio(views, value="both", label=words("clone_view"), visible=False, elem_id="clone_view")
    return purpose, keep, go, stop, trouble, standing, view, gr.HTML(js_on_load=IN_STEP, elem_id="clone_result")

"""The page itself: actor, driving performance and result side by side."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import gradio as gr
import numpy as np

from perfclone.governance.consent.rules import PURPOSES

from .handlers import Cloner, make_clone

HEADER = """# Performance cloning
Choose an actor, choose a performance, and see the actor perform it.
"""
FOOTER = """**What this is.** Each actor is a small network trained on one short video of one person. Your clip
gives only the motion: its poses are found on this machine and the actor is drawn anew in every frame. {people}

**Consent.** Train an actor only of somebody who agreed to it, and to what you will show them doing. The result never
happened: the picture carries a label and an invisible mark, the file says so in its tags and is signed; leave them in,
and say so too where you show it. Uploads and results are deleted after an
hour.
"""
SYNTHETIC = "The actors here are synthetic people, rendered by this project; they copy nobody."
PEOPLE = "{names} lent their likeness for what their consent record allows, and for nothing else."
CSS = """
.perfclone {max-width: 1280px !important; margin: 0 auto !important}
.perfclone video, .perfclone .still img {object-fit: contain; background: var(--block-background-fill)}
.perfclone .summary {text-align: center; min-height: 1.6em}
"""
# Browsers hold back a clip with sound until the visitor has clicked, so the driving clip begins muted.
PLAY_MUTED = """() => {
    const wait = setInterval(() => {
        const video = document.querySelector("#driving video");
        if (video) { clearInterval(wait); video.muted = true; video.play(); }
    }, 200);
}"""
# The performance and its clone play in step.
PLAY_TOGETHER = """() => setTimeout(() => {
    for (const video of document.querySelectorAll("#driving video, #result video")) {
        video.currentTime = 0; video.play();
    }
}, 500)"""
#: Seconds between two cleanings, and the age from which a file is deleted.
CLEANING = (600, 3600)
HEIGHT = 380


@dataclass(frozen=True)
class ActorEntry:
    """An actor that the page offers.

    Attributes:
        cloner: The cloner, its model loaded.
        still: What the actor looks like, (H, W, 3) uint8 RGB.
        synthetic: Whether nobody is shown, as its consent record says.
    """

    cloner: Cloner
    still: np.ndarray
    synthetic: bool = True


def launch_options() -> dict:
    """The looks of the page, which Gradio 6 takes in `launch()`."""
    return {"theme": gr.themes.Soft(primary_hue="indigo"), "css": CSS, "footer_links": ["api", "gradio"]}


def build(actors: Mapping[str, ActorEntry], clips: Mapping[str, Path]) -> gr.Blocks:
    """Build the page; the queue is on, one clone runs at a time.

    Args:
        actors: Name -> actor; at least one, the first is chosen.
        clips: Name -> driving clip; the first is loaded and playing.
    """
    with gr.Blocks(
        title="perfclone", analytics_enabled=False, delete_cache=CLEANING, fill_width=True, elem_classes="perfclone"
    ) as page:
        gr.Markdown(HEADER)
        with gr.Row():
            chosen = _actor_column(actors)
            performance = _performance_column(clips)
            outcome = _result_column()
        gr.Markdown(FOOTER.format(people=_people(actors)))
        _wire(page, actors, chosen, performance, outcome)
    return page.queue(max_size=20, default_concurrency_limit=1)


class _Chosen(NamedTuple):
    """Who performs, and how."""

    still: gr.Image
    actor: gr.Radio
    keep: gr.Checkbox
    purpose: gr.Dropdown


class _Performance(NamedTuple):
    """What is performed."""

    driving: gr.Video
    upload: gr.UploadButton


class _Outcome(NamedTuple):
    """What came of it."""

    result: gr.Video
    button: gr.Button
    download: gr.DownloadButton
    summary: gr.Markdown


def _actor_column(actors: Mapping[str, ActorEntry]) -> _Chosen:
    first = next(iter(actors))
    with gr.Column(min_width=300):
        return _Chosen(
            gr.Image(
                actors[first].still, label="Actor", interactive=False, height=HEIGHT, buttons=[], elem_classes="still"
            ),
            gr.Radio(list(actors), value=first, label="Actor", show_label=False, elem_id="actor"),
            gr.Checkbox(
                label="Keep the performer's proportions", info="By default the limbs have the actor's lengths."
            ),
            gr.Dropdown(list(PURPOSES), value="personal", label="Purpose", info="The actor's consent must allow it."),
        )


def _performance_column(clips: Mapping[str, Path]) -> _Performance:
    with gr.Column(min_width=300):
        driving = gr.Video(
            next(iter(clips.values()), None),
            label="Performance",
            interactive=False,
            height=HEIGHT,
            autoplay=True,
            loop=True,
            buttons=[],
            elem_id="driving",
        )
        upload = gr.UploadButton("Upload a performance", file_types=["video"], elem_id="upload")
        if clips:
            gr.Examples([[str(clip)] for clip in clips.values()], [driving], label="Built-in performances")
    return _Performance(driving, upload)


def _result_column() -> _Outcome:
    with gr.Column(min_width=300):
        result = gr.Video(
            label="Result",
            interactive=False,
            height=HEIGHT,
            autoplay=True,
            loop=True,
            buttons=["fullscreen"],
            elem_id="result",
        )
        with gr.Row():
            button = gr.Button("Clone", variant="primary", min_width=120, elem_id="clone")
            download = gr.DownloadButton("Download", interactive=False, min_width=120, elem_id="download")
        summary = gr.Markdown(elem_classes="summary", elem_id="summary")
    return _Outcome(result, button, download, summary)


def _wire(
    page: gr.Blocks, actors: Mapping[str, ActorEntry], chosen: _Chosen, performance: _Performance, outcome: _Outcome
) -> None:
    """Say what happens on which click."""
    stills = {name: actor.still for name, actor in actors.items()}
    quiet = {"api_visibility": "private", "show_progress": "hidden"}
    chosen.actor.change(stills.get, chosen.actor, chosen.still, **quiet)
    performance.upload.upload(lambda file: file, performance.upload, performance.driving, **quiet)
    cloned = outcome.button.click(
        make_clone({name: entry.cloner for name, entry in actors.items()}),
        [chosen.actor, performance.driving, chosen.keep, chosen.purpose],
        [outcome.result, outcome.download, outcome.summary],
        api_name="clone",
        concurrency_limit=1,
        show_progress_on=outcome.result,
    )
    cloned.success(None, js=PLAY_TOGETHER, **quiet)
    page.load(None, js=PLAY_MUTED, **quiet)
    # The download follows the result, so that it cannot be pressed before there is one.
    outcome.result.change(
        lambda video: gr.update(interactive=video is not None), outcome.result, outcome.download, **quiet
    )


def _people(actors: Mapping[str, ActorEntry]) -> str:
    """Who is seen on the page, in a sentence."""
    real = [name for name, actor in actors.items() if not actor.synthetic]
    return PEOPLE.format(names=", ".join(real)) if real else SYNTHETIC

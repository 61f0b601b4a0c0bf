"""What an actor looks like: a clone of a moment in motion that ships, and its last frame as the poster."""

from __future__ import annotations

import logging
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from perfclone.actor.layout import POSTER
from perfclone.errors import UserError

if TYPE_CHECKING:
    import numpy as np

    from perfclone.actor import Actor
    from perfclone.pose.sequence import PoseSequence

log = logging.getLogger(__name__)
#: The frame of the motion that ships which a poster shows: seen from the front, an arm raised.
POSED = 355
#: How many frames before it are painted too, so that the picture has settled.
_SETTLING = 12
#: Most pixels of the short side.
SIDE = 384
_QUALITY = 90


def draw_poster(folder: Path) -> Path | None:
    """Draw the poster of an actor that was just trained, under its folder's name.

    Returns:
        The poster; None where clones need approval here, or none may be made, and the log says why.
    """
    from perfclone.actor import Actor

    try:
        return write_poster(Actor.from_pretrained(folder), folder.name, folder)
    except UserError as error:
        log.info("%s has no poster: %s", folder.name, error)
        return None


def write_poster(actor: Actor, name: str, folder: Path) -> Path:
    """Draw ``poster.jpg`` into an actor's folder.

    It is a clone: the actor's record must allow one, it carries all marks, and the ledger gets an entry.

    Args:
        actor: Who is drawn.
        name: What the actor is called in the marks.
        folder: Where it goes; an earlier one is replaced.

    Raises:
        ConsentError: The record allows nothing today, or there is none.
        UserError: Clones need approval here, so none may be shown before somebody saw it.
    """
    with tempfile.TemporaryDirectory(prefix="perfclone-poster-") as place:
        clip = clone_motion(actor, name, slice(POSED - _SETTLING, POSED + 1), Path(place) / "moment.mp4")
        save_poster(frame_of(clip, _SETTLING), folder / POSTER)
    return folder / POSTER


def clone_motion(actor: Actor, name: str, stretch: slice, output: Path) -> Path:
    """Clone a stretch of the motion that ships, a synthetic person's; see :func:`write_poster`."""
    from perfclone.governance.review import approval_required
    from perfclone.pipeline import CloneOptions, PerformanceCloner

    if approval_required():
        raise UserError("A preview is a clone, and clones need approval here; do without a preview.")
    short = min(actor.config.width, actor.config.height)
    options = CloneOptions(size=SIDE if short > SIDE else None, purpose=_purpose(actor))
    PerformanceCloner(actor, name=name).clone(_motion(stretch), output, options)
    return output


def frame_of(video: Path, n: int) -> np.ndarray:
    """One frame of a video, (H, W, 3) uint8 RGB."""
    from perfclone.video import VideoReader

    with VideoReader(video) as reader:
        return next(frame.pixels for at, frame in enumerate(reader) if at == n)


def save_poster(pixels: np.ndarray, path: Path) -> None:
    """Write a frame of a clone, (H, W, 3) uint8 RGB, with its marks and a comment that it is synthetic."""
    from PIL import Image

    from perfclone.files.writing import beside

    comment = b"A synthetic performance, made with perfclone; trainedAlgorithmicMedia over a captured background."
    with beside(path) as part:
        Image.fromarray(pixels).save(part, format="JPEG", quality=_QUALITY, subsampling=0, comment=comment)


def _purpose(actor: Actor) -> str:
    """To show what an actor can do is to evaluate it, where that is allowed, or what else is."""
    allowed = actor.consent.purposes if actor.consent else ()
    return "evaluation" if "evaluation" in allowed or not allowed else allowed[0]


def _motion(stretch: slice) -> PoseSequence:
    from perfclone.backends.layered.training.base import driving_poses

    return driving_poses()[0][stretch]

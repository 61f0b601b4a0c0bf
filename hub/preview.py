"""What an actor looks like: a poster and a short clip, drawn in motion that ships, marked like any clone."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from perfclone.actor.layout import POSTER, PREVIEW
from perfclone.errors import UserError

if TYPE_CHECKING:
    from perfclone.actor import Actor
    from perfclone.pose.sequence import PoseSequence

#: The stretch of the motion that ships, at 30 frames a second: seen from the front, the arms moving; long enough for
#: the visible label of the first 3 s to go again, which the poster is taken after.
STRETCH = slice(240, 390)
POSED = 115
#: Most pixels of the short side.
SIDE = 384
QUALITY = 90


def write_preview(actor: Actor, name: str, folder: Path) -> tuple[str, str]:
    """Write ``poster.jpg`` and ``preview.mp4`` into a folder.

    They are clones: the actor's record must allow one, they carry all marks, and the ledger gets an entry.

    Args:
        actor: Who is drawn.
        name: What the actor is called in the marks.
        folder: Where they go; the two must not be there yet.

    Returns:
        The two names.

    Raises:
        ConsentError: The record allows nothing today, or there is none.
        UserError: Clones need approval here, so none may be shown before somebody saw it.
    """
    from perfclone.governance.review import approval_required
    from perfclone.pipeline import CloneOptions, PerformanceCloner

    if approval_required():
        raise UserError("A preview is a clone, and clones need approval here; push without a preview.")
    short = min(actor.config.width, actor.config.height)
    purpose = _purpose(actor)
    options = CloneOptions(size=SIDE if short > SIDE else None, purpose=purpose)
    PerformanceCloner(actor, name=name).clone(_motion(), folder / PREVIEW, options)
    _write_poster(_frame(folder / PREVIEW, POSED), folder / POSTER)
    return POSTER, PREVIEW


def _purpose(actor: Actor) -> str:
    """To show what an actor can do is to evaluate it, where that is allowed, or what else is."""
    allowed = actor.consent.purposes if actor.consent else ()
    return "evaluation" if "evaluation" in allowed or not allowed else allowed[0]


def _motion() -> PoseSequence:
    """A stretch of the motion that ships: a synthetic person's."""
    from perfclone.backends.layered.training.base import driving_poses

    return driving_poses()[0][STRETCH]


def _frame(video: Path, n: int):
    """One frame of a video, (H, W, 3) uint8 RGB."""
    from perfclone.video import VideoReader

    with VideoReader(video) as reader:
        return next(frame.pixels for at, frame in enumerate(reader) if at == n)


def _write_poster(pixels, path: Path) -> None:
    """Write a frame of the clip, (H, W, 3) uint8 RGB, with its marks and a comment that it is synthetic."""
    from PIL import Image

    comment = b"A synthetic performance, made with perfclone; trainedAlgorithmicMedia over a captured background."
    Image.fromarray(pixels).save(path, quality=QUALITY, subsampling=0, comment=comment)

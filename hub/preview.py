"""What an actor looks like: a poster and a short clip, drawn in motion that ships, marked like any clone."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from perfclone.actor.layout import POSTER, PREVIEW

if TYPE_CHECKING:
    from perfclone.actor import Actor

#: The stretch of the motion that ships, at 30 frames a second: seen from the front, the arms moving; long enough for
#: the visible label of the first 3 s to go again, which the poster is taken after.
STRETCH = slice(240, 390)


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
    from perfclone.poster import POSED, clone_motion, frame_of, save_poster

    clip = clone_motion(actor, name, STRETCH, folder / PREVIEW)
    save_poster(frame_of(clip, POSED - STRETCH.start), folder / POSTER)
    return POSTER, PREVIEW

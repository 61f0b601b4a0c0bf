"""The actors that the page offers, loaded once at the start."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from perfclone import PerformanceCloner, builtin
from perfclone.actor import layout
from perfclone.actor.layout import POSTER
from perfclone.errors import UserError
from perfclone.video import sample_frames

from .page import ActorEntry

log = logging.getLogger(__name__)
#: Environment variable with more actors, separated by commas: Hub repositories or folders.
VARIABLE = "PERFCLONE_ACTORS"
#: Most pixels of a side of a poster: a small file can claim any number.
_POSTER_SIDE = 4096


def load_actors(folders: Mapping[str, Path], more: Sequence[str] | None = None) -> dict[str, ActorEntry]:
    """Load the actors' models, and a still of each: its poster, a frame of the reference clip, or the empty plate.

    Args:
        folders: Name -> folder of a built-in actor.
        more: Hub repositories or folders, which come first; those of ``$PERFCLONE_ACTORS`` by default. One that does
            not load is left out and the log says why, so that the page starts all the same.

    Raises:
        UserError: There is no actor at all.
    """
    found: dict[str, ActorEntry] = {}
    for name in _named() if more is None else more:
        try:
            found[name] = _load(name, name)
        except (UserError, OSError) as error:
            log.warning("The actor %s is left out: %s", name, error)
    found |= {name: _load(name, folder) for name, folder in folders.items()}
    if not found:
        raise UserError("There is no actor in examples/actors; run this from a full checkout.")
    return found


def _named() -> list[str]:
    return [name.strip() for name in os.environ.get(VARIABLE, "").split(",") if name.strip()]


def _load(name: str, place: str | Path) -> ActorEntry:
    cloner = PerformanceCloner.from_pretrained(place)
    record = cloner.actor.consent
    return ActorEntry(cloner, _still(name, place, cloner), record is not None and record.subject_kind == "synthetic")


def _still(name: str, place: str | Path, cloner: PerformanceCloner) -> np.ndarray:
    """(H, W, 3) uint8 RGB."""
    folder = Path(place)
    if cloner.actor.commit:
        from perfclone.actor.remote.fetch import fetch

        folder = fetch(str(place), cloner.actor.commit, names=(POSTER,)).folder
    if poster := layout.place(folder, POSTER):
        return _read_poster(poster)
    clip = builtin.reference_clip(name)
    return sample_frames(clip, 3)[1].pixels if clip else cloner.actor.plate


def _read_poster(path: Path) -> np.ndarray:
    """Read a picture that others may have made: JPEG and nothing else, as Pillow hands EPS on to Ghostscript."""
    from PIL import Image

    try:
        with Image.open(path, formats=("JPEG",)) as picture:
            if max(picture.size) <= _POSTER_SIDE:
                return np.asarray(picture.convert("RGB"))
    except Image.DecompressionBombError:
        pass
    raise UserError(f"{path} has more than {_POSTER_SIDE} pixels a side, too many for a poster.")

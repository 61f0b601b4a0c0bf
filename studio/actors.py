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
#: Environment variable with more actors, separated by commas: folders, built-in actors or Hub repositories.
VARIABLE = "PERFCLONE_ACTORS"
#: Most pixels of a side of a poster: a small file can claim any number.
_POSTER_SIDE = 4096


def load_actors(folders: Mapping[str, Path], more: Sequence[str | Path] | None = None) -> dict[str, ActorEntry]:
    """Load the actors' models, and a still of each: its poster, a frame of the reference clip, or the empty plate.

    Args:
        folders: Name -> folder of a built-in actor.
        more: Folders, built-in actors or Hub repositories, which come first; ``$PERFCLONE_ACTORS`` by default. One
            that does not load is left out and the log says why, so that the page starts all the same.

    Returns:
        Name on the page -> actor: the name of its folder, or its Hub repository.

    Raises:
        UserError: There is no actor at all.
    """
    found: dict[Path | str, ActorEntry] = {}
    for name in _named() if more is None else more:
        try:
            place = builtin.find_actor(name)
            place = place.resolve() if isinstance(place, Path) else place
            found[place] = _load(place)
        except (UserError, OSError) as error:
            log.warning("The actor %s is left out: %s", name, error)
    found |= {folder: _load(folder) for folder in folders.values() if folder not in found}
    if not found:
        raise UserError("There is no actor in examples/actors; run this from a full checkout.")
    return {_name(place, list(found)): entry for place, entry in found.items()}


def _named() -> list[str]:
    return [name.strip() for name in os.environ.get(VARIABLE, "").split(",") if name.strip()]


def _name(place: Path | str, places: Sequence[Path | str]) -> str:
    """What the page calls an actor; a folder has its whole path where another folder has the same name."""
    if isinstance(place, str):
        return place
    alike = [other for other in places if isinstance(other, Path) and other.name == place.name]
    return place.name if alike == [place] else str(place)


def _load(place: Path | str) -> ActorEntry:
    cloner = PerformanceCloner.from_pretrained(place)
    record = cloner.actor.consent
    return ActorEntry(cloner, _still(place, cloner), record is not None and record.subject_kind == "synthetic")


def _still(place: Path | str, cloner: PerformanceCloner) -> np.ndarray:
    """(H, W, 3) uint8 RGB."""
    folder = Path(place)
    if cloner.actor.commit:
        from perfclone.actor.remote.fetch import fetch

        folder = fetch(str(place), cloner.actor.commit, names=(POSTER,)).folder
    if poster := layout.place(folder, POSTER):
        return _read_poster(poster)
    clip = builtin.reference_clip(folder.name) if folder in builtin.actors().values() else None
    return sample_frames(clip, 3)[1].pixels if clip else cloner.actor.plate.numpy()


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

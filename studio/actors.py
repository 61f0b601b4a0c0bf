"""The actors that the page offers: where each is, what it is called, and a still of it. No model is loaded here."""

from __future__ import annotations

import logging
import os
import re
import unicodedata
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from perfclone import builtin
from perfclone.actor import layout
from perfclone.actor.layout import POSTER
from perfclone.errors import UserError
from perfclone.governance.consent.record import CONSENT, ConsentRecord

from .phrases import say

if TYPE_CHECKING:
    import gradio as gr

    from .jobs.store import Store
    from .studio import Studio

log = logging.getLogger(__name__)
#: Environment variable with more actors, separated by commas: folders, built-in actors or Hub repositories.
VARIABLE = "PERFCLONE_ACTORS"
#: Most pixels of a side of a poster: a small file can claim any number.
_POSTER_SIDE = 4096
#: Most characters of the name that a visitor gives an actor.
_LONGEST = 40


@dataclass(frozen=True)
class ActorEntry:
    """An actor that is offered.

    Attributes:
        place: Its folder, or its Hub repository.
        still: What the actor looks like, (H, W, 3) uint8 RGB, or None where it has no picture yet.
        record: What the person agreed to, where it is known.
    """

    place: Path | str
    still: np.ndarray | None
    record: ConsentRecord | None

    @property
    def synthetic(self) -> bool:
        """Whether nobody is shown, as its consent record says."""
        return self.record is not None and self.record.subject_kind == "synthetic"


def find_actors(folders: Mapping[str, Path], more: Sequence[str | Path] | None = None) -> dict[str, ActorEntry]:
    """Find the actors for everybody.

    Args:
        folders: Name -> folder of a built-in actor.
        more: Folders, built-in actors or Hub repositories, which come first; ``$PERFCLONE_ACTORS`` by default. One
            that cannot be read is left out and the log says why, so that the page starts all the same.

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
            found[place] = entry(place)
        except (UserError, OSError) as error:
            log.warning("The actor %s is left out: %s", name, error)
    found |= {folder: entry(folder) for folder in folders.values() if folder not in found}
    if not found:
        raise UserError("There is no actor in examples/actors; run this from a full checkout.")
    names = [_name(place) for place in found]
    return {name if names.count(name) == 1 else _longer(place): found[place] for name, place in zip(names, found)}


def entry(place: Path | str) -> ActorEntry:
    """Read what the page shows of an actor.

    Raises:
        UserError: It is no actor, or a file of it is damaged.
    """
    folder = Path(place)
    if isinstance(place, str):
        from perfclone.actor.remote.fetch import fetch

        folder = fetch(place, None, names=(POSTER, CONSENT)).folder
    elif not layout.place(folder, layout.CONFIG):
        raise UserError(f"{folder} is no actor's folder: it has no {layout.CONFIG}.")
    record = layout.place(folder, CONSENT)
    return ActorEntry(place, _still(folder), ConsentRecord.load(record) if record else None)


def own_actors(studio: Studio, visitor: str) -> dict[str, ActorEntry]:
    """Find the actors that a visitor trained here, which nobody else sees; those still in training are among them.

    Returns:
        Name, as the visitor gave it -> actor.
    """
    found = {}
    for config in sorted(own_folder(studio.store, visitor).glob(f"*/{layout.CONFIG}")):
        try:
            found[config.parent.name] = entry(config.parent)
        except (UserError, OSError) as error:
            log.warning("An actor is left out: %s", error)
    return found


def own_folder(store: Store, visitor: str) -> Path:
    """Where a visitor's actors are."""
    return store.folder / "actors" / sha256(visitor.encode()).hexdigest()[:32]


def folder_name(name: str, request: gr.Request | None = None) -> str:
    """Make a folder's name of what somebody calls an actor.

    Args:
        name: As it was typed.
        request: In whose language is said what is wrong.

    Raises:
        UserError: Nothing is left of it.
    """
    kept = re.sub(r"[^\w-]+", "_", unicodedata.normalize("NFKC", name)).strip("_-")[:_LONGEST]
    if not kept:
        raise UserError(say("train_wants_name", request))
    return kept


def _named() -> list[str]:
    return [name.strip() for name in os.environ.get(VARIABLE, "").split(",") if name.strip()]


def _name(place: Path | str) -> str:
    return place if isinstance(place, str) else place.name


def _longer(place: Path | str) -> str:
    """What tells a folder from another of the same name, without saying where on the server it is."""
    return place if isinstance(place, str) else f"{place.name} ({place.parent.name})"


def _still(folder: Path) -> np.ndarray | None:
    """(H, W, 3) uint8 RGB: its poster, or a frame of the clip that a built-in one was made of, or its plate."""
    if poster := layout.place(folder, POSTER):
        return _read_poster(poster)
    if folder in builtin.actors().values() and (clip := builtin.reference_clip(folder.name)):
        from perfclone.video import sample_frames

        return sample_frames(clip, 3)[1].pixels
    return _read_plate(folder)


def _read_plate(folder: Path) -> np.ndarray | None:
    """Read the empty background alone out of an actor's weights, where it is there and of a sane size."""
    from safetensors import SafetensorError, safe_open

    with suppress(SafetensorError, OSError), safe_open(folder / layout.WEIGHTS, framework="np") as weights:
        plate = weights.get_slice("plate")
        shape = plate.get_shape()
        if plate.get_dtype() == "U8" and len(shape) == 3 and shape[2] == 3 and max(shape) <= _POSTER_SIDE:
            return plate[:]
    return None


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

"""The actors that the page offers, loaded once at the start."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from perfclone import PerformanceCloner, builtin
from perfclone.errors import UserError
from perfclone.video import sample_frames
from studio.page import ActorEntry


def load_actors(folders: Mapping[str, Path]) -> dict[str, ActorEntry]:
    """Load the actors' models, and a still of each: from the reference clip, or else the empty plate.

    Args:
        folders: Name -> the actor's folder.

    Raises:
        UserError: There is no actor at all.
    """
    if not folders:
        raise UserError("There is no actor in examples/actors; run this from a full checkout.")
    return {name: _load(name, folder) for name, folder in folders.items()}


def _load(name: str, folder: Path) -> ActorEntry:
    cloner = PerformanceCloner.from_pretrained(folder)
    clip = builtin.reference_clip(name)
    return ActorEntry(cloner, sample_frames(clip, 3)[1].pixels if clip else cloner.actor.plate)

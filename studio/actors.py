"""The actors that the page offers, loaded once at the start."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from perfclone import PerformanceCloner
from perfclone.errors import UserError
from studio.page import ActorEntry


def load_actors(folders: Mapping[str, Path]) -> dict[str, ActorEntry]:
    """Load the actors' models, and a still of each.

    Args:
        folders: Name -> the actor's folder; `preview.jpg` in it is the still, else the empty plate.

    Raises:
        UserError: There is no actor at all.
    """
    if not folders:
        raise UserError("There is no actor in examples/actors; run this from a full checkout.")
    return {name: _load(folder) for name, folder in folders.items()}


def _load(folder: Path) -> ActorEntry:
    cloner = PerformanceCloner.from_pretrained(folder)
    preview = folder / "preview.jpg"
    return ActorEntry(cloner, str(preview) if preview.exists() else cloner.actor.plate)

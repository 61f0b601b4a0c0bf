"""The cloners of a worker: the last few stay loaded, so that the next job of an actor begins at once."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from perfclone.actor.layout import CONFIG, LOADED
from perfclone.files.writing import saved

#: How many stay loaded.
KEPT = 3


def cloner(place: str, name: str):
    """A cloner of an actor as it is now: one that was trained on or pushed anew is loaded anew.

    Args:
        place: The actor's folder, or its Hub repository.
        name: What it is called in marks, credentials and the ledger.

    Raises:
        UserError: There is no such actor, or it is damaged.
    """
    found = _loaded(place, _state(place))
    found.name = name
    return found


def _state(place: str) -> object:
    """What changes when the actor does."""
    if not Path(place).is_dir():
        from perfclone.actor.remote.fetch import fetch

        return fetch(place, None, names=(CONFIG,)).commit
    files = (saved(Path(place), each) for each in LOADED)
    return tuple(path.stat().st_mtime_ns for path in files if path.exists())


@lru_cache(maxsize=KEPT)
def _loaded(place: str, state: object):
    from perfclone.pipeline import PerformanceCloner

    return PerformanceCloner.from_pretrained(place)

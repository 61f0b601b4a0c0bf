"""The cloners of a worker: the last few stay loaded, so that the next job of an actor begins at once."""

from __future__ import annotations

import time
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from perfclone.actor.layout import CONFIG, LOADED
from perfclone.files.writing import saved

if TYPE_CHECKING:
    from perfclone.pipeline import PerformanceCloner

#: How many stay loaded.
KEPT = 3
#: What the first loading of this worker took.
_took: dict[str, float] = {}


def cloner(place: str, name: str) -> PerformanceCloner:
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


def loaded(place: str, name: str) -> tuple[PerformanceCloner, float]:
    """The same, with the seconds that a worker which has loaded nothing yet takes for it."""
    began = time.monotonic()
    found = cloner(place, name)
    _took.setdefault("cold", time.monotonic() - began)
    return found, _took["cold"]


def _state(place: str) -> object:
    """What changes when the actor does."""
    if not Path(place).is_dir():
        from perfclone.actor.remote.fetch import fetch

        return fetch(place, None, names=(CONFIG,)).commit
    files = (saved(Path(place), each) for each in LOADED)
    return tuple(path.stat().st_mtime_ns for path in files if path.exists())


@lru_cache(maxsize=KEPT)
def _loaded(place: str, state: object) -> PerformanceCloner:
    from perfclone.pipeline import PerformanceCloner

    return PerformanceCloner.from_pretrained(place)

"""One process at a time, on any system: a lock that keeps out whoever asks for it too."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

#: Seconds between two attempts to take a lock that another process holds.
_PAUSE = 0.005


@contextmanager
def locked(path: Path, reading: bool = False) -> Iterator[None]:
    """Hold the lock of a file while the block runs; other processes, and threads, wait for it.

    The lock is an empty file beside, ``.NAME.lock``, that stays there: `path` itself may be replaced meanwhile.

    Args:
        path: What is to be changed, or read while nobody changes it.
        reading: Write nothing: where nobody locked the file yet, there is nobody to wait for.
    """
    from filelock import lock_descriptor, unlock_descriptor

    place = path.with_name(f".{path.name}.lock")
    if reading and not os.access(place, os.R_OK):
        yield
        return
    with _opened(place) as lock:
        lock_descriptor(lock.fileno(), poll_interval=_PAUSE)
        try:
            yield
        finally:
            unlock_descriptor(lock.fileno())


def _opened(place: Path) -> IO[bytes]:
    try:
        return place.open("ab")
    except PermissionError:  # another user made it; whoever may read it may lock it too
        return place.open("rb")

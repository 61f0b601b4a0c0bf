"""One process at a time, on any system: a lock that keeps out whoever asks for it too."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

#: Seconds between two attempts to take a lock that another process holds.
_PAUSE = 0.005
#: How often a lock must be found taken where looking takes it for a moment.
_LOOKS = 20


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


def held(lock: Path) -> bool:
    """Whether a process holds a lock file, as ``filelock.FileLock`` does; looking writes nothing and keeps nobody out.

    Args:
        lock: The lock file itself; where there is none, nobody holds it.
    """
    try:
        with lock.open("rb") as file:
            return not _shareable(file.fileno())
    except FileNotFoundError:
        return False


def _shareable(lock: int) -> bool:
    """Whether a lock could be shared for reading; it may stay so until the file is closed."""
    if sys.platform != "win32":
        from fcntl import LOCK_NB, LOCK_SH, flock

        try:
            flock(lock, LOCK_SH | LOCK_NB)
        except BlockingIOError:
            return False
        return True
    from filelock import lock_descriptor, unlock_descriptor

    for _ in range(_LOOKS):  # another onlooker has it for a moment only
        if lock_descriptor(lock, blocking=False):
            unlock_descriptor(lock)
            return True
        time.sleep(_PAUSE)
    return False


def _opened(place: Path) -> IO[bytes]:
    try:
        return place.open("ab")
    except PermissionError:  # another user made it; whoever may read it may lock it too
        return place.open("rb")

"""Work ahead: an iterator that runs in a thread of its own, a bounded number of items in front."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from typing import TypeVar

Item = TypeVar("Item")
_END = object()


def prefetch(items: Iterator[Item], depth: int) -> Iterator[Item]:
    """Yield the items of an iterator that a thread runs up to ``depth`` items ahead.

    An exception in the thread is raised here. Closing this generator stops the thread and closes the iterator.
    """
    ready: queue.Queue = queue.Queue(depth)
    stop = threading.Event()

    def put(value) -> bool:
        while not stop.is_set():
            try:
                ready.put(value, timeout=0.1)
                return True
            except queue.Full:
                continue
        return False

    def work() -> None:
        outcome: object = _END
        try:
            for item in items:
                if not put((item,)):
                    break
        except BaseException as error:  # noqa: BLE001  whatever it is, it belongs to whoever waits for the items
            outcome = error
        finally:
            if hasattr(items, "close"):
                items.close()
        put(outcome)

    thread = threading.Thread(target=work, name="perfclone-prefetch", daemon=True)
    thread.start()
    try:
        while (value := ready.get()) is not _END:
            if isinstance(value, BaseException):
                raise value
            yield value[0]
    finally:
        stop.set()
        thread.join()

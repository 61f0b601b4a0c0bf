"""Work ahead: an iterator that runs in a thread of its own, a bounded number of items in front."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from typing import Generic, TypeVar

Item = TypeVar("Item")
_END = object()
#: Seconds after which a thread that waits looks whether it is still wanted.
_PATIENCE = 0.1


class Prefetch(Generic[Item]):
    """Yields the items of an iterator that a thread runs up to ``depth`` items ahead.

    An exception in the thread is raised where the items are taken.

    Args:
        items: What to run.
        depth: How many items may wait.
        source: What ``items`` take from: it is stopped too, so that closing this need not wait for it.
    """

    def __init__(self, items: Iterator[Item], depth: int, source: Prefetch | None = None):
        self._items, self._source = items, source
        self._ready: queue.Queue = queue.Queue(depth)
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._work, name="perfclone-prefetch", daemon=True)
        self._thread.start()

    def __iter__(self) -> Prefetch[Item]:
        return self

    def __next__(self) -> Item:
        while not self._stopped.is_set():
            try:
                value = self._ready.get(timeout=_PATIENCE)
            except queue.Empty:
                continue
            if isinstance(value, tuple):
                return value[0]
            self._stopped.set()
            if value is not _END:
                raise value
        raise StopIteration

    def stop(self) -> None:
        """End the stream for whoever takes from it, from any thread, and soon the thread that runs it."""
        self._stopped.set()
        if self._source:
            self._source.stop()

    def close(self) -> None:
        """Stop, and wait until the iterator is closed."""
        self.stop()
        self._thread.join()

    def _work(self) -> None:
        outcome: object = _END
        try:
            for item in self._items:
                if not self._put((item,)):
                    break
        except BaseException as error:  # noqa: BLE001  whatever it is, it belongs to whoever waits for the items
            outcome = error
        finally:
            if hasattr(self._items, "close"):
                self._items.close()
        self._put(outcome)

    def _put(self, value: object) -> bool:
        while not self._stopped.is_set():
            try:
                self._ready.put(value, timeout=_PATIENCE)
                return True
            except queue.Full:
                continue
        return False

"""The worker processes of a server: begun with it, begun anew when one dies, gone when it is."""

from __future__ import annotations

import subprocess
import sys
import threading
from contextlib import suppress
from typing import get_args

from .queue import Line
from .store import Store

#: Seconds between two looks at the workers.
_LOOK = 1.0
#: Seconds that a worker gets to end.
_GRACE = 10.0


class Workers:
    """A worker for each line, as long as the block lasts.

    Args:
        store: Whose jobs they do.
        lines: Which lines; a machine without an accelerator of a cluster might do the light one alone.
    """

    def __init__(self, store: Store, lines: tuple[Line, ...] = get_args(Line)):
        self.store, self.lines = store, lines
        self._processes: dict[Line, subprocess.Popen] = {}
        self._ended = threading.Event()
        self._watch = threading.Thread(target=self._keep, daemon=True)

    def __enter__(self) -> Workers:
        self.store.jobs.mkdir(parents=True, exist_ok=True)
        self._begin()
        self._watch.start()
        return self

    def __exit__(self, *_) -> None:
        self._ended.set()
        self._watch.join()
        for process in self._processes.values():
            process.stdin.close()  # that is how it learns
        for process in self._processes.values():
            with suppress(subprocess.TimeoutExpired):
                process.wait(_GRACE)
            process.kill()

    def _keep(self) -> None:
        while not self._ended.wait(_LOOK):
            self.store.sweep()
            self._begin()

    def _begin(self) -> None:
        for name in self.lines:
            process = self._processes.get(name)
            if process is None or process.poll() is not None:
                command = [sys.executable, "-m", f"{__package__}.worker", name, str(self.store.folder.absolute())]
                self._processes[name] = subprocess.Popen(command, stdin=subprocess.PIPE)

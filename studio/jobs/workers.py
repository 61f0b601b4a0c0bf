"""The worker processes of a server: begun with it, begun anew when one dies, gone when it is."""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
import time
from contextlib import suppress
from typing import get_args

from ..surroundings import environment
from .job import Line
from .queue import kinds, recover
from .store import Store

log = logging.getLogger(__name__)
#: Seconds between two looks at the workers.
_LOOK = 1.0
#: Seconds between two looks at the jobs.
_CARE = 15.0
#: Seconds that a worker gets to end.
_GRACE = 10.0


class Workers:
    """A worker for each line, as long as the block lasts.

    Args:
        store: Whose jobs they do.
        lines: Which lines; a machine without an accelerator of a cluster might do the light one alone.
    """

    #: What a worker runs, as ``python -m``.
    program = f"{__package__}.worker"

    def __init__(self, store: Store, lines: tuple[Line, ...] = get_args(Line)):
        self.store, self.lines = store, lines
        self._processes: dict[Line, subprocess.Popen] = {}
        self._ended = threading.Event()
        self._watch = threading.Thread(target=self._keep, daemon=True)

    def __enter__(self) -> Workers:
        self.store.jobs.mkdir(parents=True, exist_ok=True)
        self._look_after()
        for name in self.lines:
            self._begin(name)
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
            process.wait()

    def _keep(self) -> None:
        looked = time.monotonic()
        while not self._ended.wait(_LOOK):
            for name in self.lines:
                if self._processes[name].poll() is not None:
                    self._replace(name)
            if time.monotonic() - looked > _CARE:
                self._look_after()
                looked = time.monotonic()

    def _look_after(self) -> None:
        """Delete what is old, and put in line again what is in none."""
        self.store.sweep()
        for name in self.lines:
            recover(self.store, name)

    def _replace(self, name: Line) -> None:
        """Begin a dead worker anew; what it was at is not in line any more."""
        log.warning("The worker of the %s line ended with %s", name, self._processes[name].returncode)
        for job in self.store.open(kinds(name)):
            if job.begun and not job.alive:
                job.lost()
        recover(self.store, name)
        self._begin(name)

    def _begin(self, name: Line) -> None:
        command = [sys.executable, "-m", self.program, name, str(self.store.folder)]
        self._processes[name] = subprocess.Popen(
            command, stdin=subprocess.PIPE, env=environment(), start_new_session=True
        )

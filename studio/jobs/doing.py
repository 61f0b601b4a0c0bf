"""Doing a job: by whoever has it, telling how far it is, and noting what came of it."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from perfclone.errors import UserError

from .job import Job, Standing, Stopped

if TYPE_CHECKING:
    from ..tasks import Task

log = logging.getLogger(__name__)
#: Seconds between two notes of how far a job is.
_TOLD = 0.25


class _Told:
    """Notes how far a job is, not more often than anybody looks."""

    def __init__(self, job: Job):
        self.job, self.began, self.stage, self.since, self.last = job, time.time(), "", time.time(), 0.0

    def __call__(self, stage: str, done: int = 0, total: int = 0) -> None:
        now = time.time()
        if fresh := stage != self.stage:
            self.stage, self.since = stage, now
        if fresh or now - self.last >= _TOLD:
            self.last = now
            self.job.tell(Standing(stage, done, total, self.since, self.began))
            if self.job.stop_asked:
                raise Stopped


def work_at(job: Job, doing: Callable[[Job, Task], None] | None = None) -> None:
    """Do a job, unless it ended already or another worker has it, and note what came of it."""
    from ..tasks import TASKS

    with job.taken() as mine:
        if mine:
            (doing or do)(job, TASKS[job.kind])


def do(job: Job, task: Task) -> None:
    """Do a job that one has to oneself, and note what came of it."""
    try:
        told = _Told(job)
        told("begin")
        job.end("done", task.run(job, told))
    except Stopped:
        job.end("stopped")
    except (UserError, OSError) as error:
        job.end("failed", why=str(error))
    except Exception:  # a fault of ours, which must not end the worker
        log.exception("Job %s failed", job.id)
        job.end("failed", why="This is a fault of perfclone; the server's log has the details.")

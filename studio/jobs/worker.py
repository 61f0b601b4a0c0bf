"""The worker of a line: ``python -m studio.jobs.worker LINE FOLDER`` does its jobs until its server is gone."""

from __future__ import annotations

import logging
import os
import sys
import threading
import time

from perfclone.errors import UserError

from .job import Job, Standing, Stopped
from .queue import worked
from .store import Store

log = logging.getLogger(__name__)
#: Seconds between two looks into an empty line, at least and at most.
_LOOK = (0.1, 1.0)
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


def work_at(job: Job) -> None:
    """Do a job, unless it ended already or another worker has it, and note what came of it."""
    from ..tasks import TASKS

    with job.taken() as mine:
        if mine:
            _do(job, TASKS[job.kind])


def _do(job: Job, task) -> None:
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


def main(argv: list[str]) -> None:
    """Work until the standard input ends, which the server holds open as long as it lives."""
    name, store = argv[0], Store(argv[1])
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s: %(message)s")
    threading.Thread(target=_end_with_the_server, daemon=True).start()
    queue = worked(store, name).huey
    queue.create_consumer(workers=1, initial_delay=_LOOK[0], max_delay=_LOOK[1], periodic=False).run()


def _end_with_the_server() -> None:
    sys.stdin.buffer.read()
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1:])

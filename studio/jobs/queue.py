"""The queue: huey on SQLite, or on Redis where ``PERFCLONE_QUEUE`` names one, which serves several machines.

huey is small, embedded, kept for over a decade, and needs no server of its own; what is queued is an id and nothing
else, since all that a job is lies in its folder. There are two lines, so that what somebody waits for at the page,
"light" work of seconds, does not wait for "heavy" work: what takes minutes or wants the one accelerator.
"""

from __future__ import annotations

import os
from contextlib import suppress
from functools import cache
from importlib.util import find_spec
from typing import TYPE_CHECKING

from perfclone.errors import UserError

from .job import Line

if TYPE_CHECKING:
    from huey import Huey

    from .job import Job
    from .store import Store

#: Environment variable with the address of a Redis, such as redis://10.0.0.5:6379/0.
VARIABLE = "PERFCLONE_QUEUE"


@cache
def line(folder: str, name: Line) -> Huey:
    """One of the lines.

    Args:
        folder: The store's.
        name: Which.
    """
    from huey import PriorityRedisHuey, SqliteHuey

    if address := os.environ.get(VARIABLE):
        if not find_spec("redis"):
            raise UserError(f"{VARIABLE} names a Redis, for which redis is not installed here: pip install redis")
        return PriorityRedisHuey(f"perfclone-{name}", url=address)
    os.makedirs(folder, exist_ok=True)
    return SqliteHuey(f"perfclone-{name}", filename=os.path.join(folder, f"{name}.db"))


@cache
def worked(store: Store, name: Line):
    """The task of a line, as huey knows it: called with a job's id it is put in line."""
    queue = line(str(store.folder), name)

    @queue.task(name=f"work_{name}")
    def work(id: str) -> None:
        from .doing import work_at

        with suppress(UserError):  # it was deleted
            work_at(store.find(id))

    return work


def enqueue(store: Store, job: Job) -> None:
    """Put a job in its line, at the place of the time when it was asked for, also when it comes there again."""
    from ..tasks import TASKS

    work = worked(store, TASKS[job.kind].line)
    work.huey.enqueue(work.s(job.id, priority=-job.asked_at))


def recover(store: Store, name: Line) -> None:
    """Put the jobs of a line in it again that wait and are not in it: what is queued leaves the line once begun.

    One that is in it twice does no harm, since the second time it has ended or is taken.
    """
    queue = worked(store, name).huey
    waiting = [job for job in store.open(kinds(name)) if job.state == "waiting"]
    queued = {task.args[0] for task in queue.pending()} if waiting else ()
    for job in waiting:
        if job.id not in queued:
            enqueue(store, job)


def kinds(name: Line) -> set[str]:
    """The kinds of jobs that are put in a line."""
    from ..tasks import TASKS

    return {kind for kind, task in TASKS.items() if task.line == name}

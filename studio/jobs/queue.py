"""The queue: huey on SQLite, or on Redis where ``PERFCLONE_QUEUE`` names one, which serves several machines.

huey is small, embedded, kept for over a decade, and needs no server of its own; what is queued is an id and nothing
else, since all that a job is lies in its folder. There are two lines: "heavy" work wants the accelerator and is done
one at a time, "light" work does not wait for it.
"""

from __future__ import annotations

import os
from functools import cache
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from huey import Huey

    from .job import Job
    from .store import Store

#: Environment variable with the address of a Redis, such as redis://10.0.0.5:6379/0.
VARIABLE = "PERFCLONE_QUEUE"
Line = Literal["heavy", "light"]


@cache
def line(folder: str, name: Line) -> Huey:
    """One of the lines.

    Args:
        folder: The store's.
        name: Which.
    """
    from huey import RedisHuey, SqliteHuey

    if address := os.environ.get(VARIABLE):
        return RedisHuey(f"perfclone-{name}", url=address)
    os.makedirs(folder, exist_ok=True)
    return SqliteHuey(f"perfclone-{name}", filename=os.path.join(folder, f"{name}.db"))


def worked(store: Store, name: Line):
    """The task of a line, as huey knows it: called with a job's id it is put in line."""
    queue = line(str(store.folder.absolute()), name)

    @queue.task(name=f"work_{name}")
    def work(id: str) -> None:
        from .worker import work_at

        work_at(store.find(id))

    return work


def enqueue(store: Store, job: Job) -> None:
    """Put a job in its line."""
    from ..tasks import TASKS

    worked(store, TASKS[job.kind].line)(job.id)

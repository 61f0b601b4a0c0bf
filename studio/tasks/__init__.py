"""What a worker can do: a file a task, each with ``run(job, tell) -> dict``, which is what the page shows of it.

``tell(stage, done, total)`` notes how far it is, and raises :class:`Stopped <studio.jobs.job.Stopped>` once somebody
asked for the end; what is done by then may be kept.
"""

from __future__ import annotations

from importlib import import_module
from typing import NamedTuple

from ..jobs.job import Line


class Task(NamedTuple):
    """A task.

    Attributes:
        line: Where it is put: "light" what somebody waits for at the page, for seconds; "heavy" what takes longer
            or wants the accelerator.
        module: The file in this folder.
    """

    line: Line
    module: str

    def run(self, job, tell) -> dict:
        """Do it."""
        return import_module(f".{self.module}", __name__).run(job, tell)


TASKS = {
    "clone": Task("heavy", "clone"),
    "train": Task("heavy", "train"),
    "evaluate": Task("heavy", "evaluate"),
    "push": Task("heavy", "push"),
    "preflight": Task("light", "preflight"),
    "check": Task("light", "check"),
    "verify": Task("light", "verify"),
}

"""What all tabs share: the jobs, the actors and clips that are offered, and the words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import gradio as gr

from .actors import ActorEntry
from .jobs.job import Job
from .jobs.queue import enqueue
from .jobs.store import Store
from .phrases import labels
from .tasks import TASKS
from .visitors import visitor


@dataclass(frozen=True)
class Studio:
    """A studio.

    Attributes:
        store: Its jobs.
        actors: Name on the page -> actor, for everybody; the first is chosen.
        clips: Name -> driving clip that is offered.
        words: The phrases, by key: ``words("clone_button")`` for what stands on the page from the start.
    """

    store: Store
    actors: Mapping[str, ActorEntry]
    clips: Mapping[str, Path]
    words: gr.I18n = field(default_factory=labels)

    def ask(self, kind: str, request: gr.Request, asked: dict, files=()) -> Job:
        """Put a visitor's job in line; see :meth:`Store.create`."""
        job = self.store.create(kind, visitor(request), asked, files)
        enqueue(self.store, job)
        return job

    def go_on(self, job: Job) -> None:
        """Put a job that was stopped, or failed, in line again."""
        if job.state in ("stopped", "failed"):
            job.renew()
            enqueue(self.store, job)

    def before(self, job: Job) -> int:
        """How many jobs are before a waiting one in its line."""
        line = TASKS[job.kind].line
        return self.store.place(job, {kind for kind, task in TASKS.items() if task.line == line})

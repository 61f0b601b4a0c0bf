"""What all tabs share: the jobs, the actors and clips that are offered, and the words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import gradio as gr
from gradio.utils import get_upload_folder

from perfclone.errors import UserError

from . import zero
from .actors import ActorEntry
from .jobs.job import Job
from .jobs.queue import enqueue, kinds
from .jobs.store import Store
from .limits import Limits
from .phrases import labels, say
from .roles import require
from .tasks import TASKS
from .uploads import Clip, judge
from .visitors import visitor


@dataclass(frozen=True)
class Studio:
    """A studio.

    Attributes:
        store: Its jobs.
        actors: Name on the page -> actor, for everybody; the first is chosen.
        clips: Name -> driving clip that is offered.
        words: The phrases, by key: ``words("clone_button")`` for what stands on the page from the start.
        limits: What a visitor may ask.
    """

    store: Store
    actors: Mapping[str, ActorEntry]
    clips: Mapping[str, Path]
    words: gr.I18n = field(default_factory=labels)
    limits: Limits = field(default_factory=Limits.from_environment)

    def judge(self, path: str | Path, request: gr.Request) -> Clip:
        """Look at a video that a visitor gave, before anything else does; see :func:`studio.uploads.judge`."""
        return judge(path, self.limits, request)

    def ask(self, kind: str, request: gr.Request, asked: dict, files: Iterable[tuple[Path, str]] = ()) -> Job:
        """Put a visitor's job in line; see :meth:`Store.create`. Videos that were uploaded are judged first.

        Raises:
            UserError: The visitor's role does not allow it, there are too many jobs of theirs, or of all, or a video
                is refused; in the visitor's language.
        """
        require(request, "make" if TASKS[kind].line == "heavy" else "look")
        owner = visitor(request)
        there = self.store.open(kinds(TASKS[kind].line))
        if sum(job.owner == owner for job in there) >= self.limits.jobs:
            raise UserError(say("jobs_yours", request, jobs=self.limits.jobs))
        if len(there) >= self.limits.waiting:
            raise UserError(say("jobs_all", request))
        files = list(files)
        for path, _ in files:
            if Path(path).resolve().is_relative_to(get_upload_folder()):
                self.judge(path, request)
        job = self.store.create(kind, owner, asked, files)
        zero.note(job, request)
        enqueue(self.store, job)
        return job

    def go_on(self, job: Job) -> None:
        """Put a job that was stopped, or failed, in line again."""
        if job.state in ("stopped", "failed"):
            job.renew()
            enqueue(self.store, job)

    def last(self, request: gr.Request, *kinds: str) -> Job | None:
        """The job of these kinds that a visitor comes back to: the one in the page's address, else their last."""
        try:
            named = self.store.find(request.query_params.get("job", ""))
            if named.kind in kinds:
                return named
        except UserError:
            pass
        mine = [job for job in self.store.listing(visitor(request)) if job.kind in kinds]
        return mine[-1] if mine else None

    def before(self, job: Job) -> int:
        """How many jobs are before a waiting one in its line."""
        return self.store.place(job, kinds(TASKS[job.kind].line))

"""Where jobs are kept: asked for, found again, counted, and deleted after a day."""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import time
from collections.abc import Iterable
from pathlib import Path

from perfclone.errors import UserError
from perfclone.files.writing import write_text
from perfclone.governance.home import home

from .job import ASKED, FILES, Job

#: Environment variable with the folder; ``studio`` in perfclone's home by default.
VARIABLE = "PERFCLONE_STUDIO"
#: Seconds after which what ended is deleted.
KEPT = 24 * 3600
_ID = re.compile(r"[A-Za-z0-9_-]{22}")


class Store:
    """The jobs of a studio.

    Args:
        folder: Where they are.
    """

    def __init__(self, folder: str | Path | None = None):
        self.folder = Path(folder or os.environ.get(VARIABLE) or home() / "studio")

    @property
    def jobs(self) -> Path:
        """The folder of the jobs, each a folder named by its id."""
        return self.folder / "jobs"

    def create(self, kind: str, owner: str, request: dict, files: Iterable[tuple[Path, str]] = ()) -> Job:
        """Put a job where a worker finds it; :func:`studio.jobs.queue.enqueue` says so to them.

        Args:
            kind: Its task.
            owner: The visitor.
            request: What is asked, as JSON; files by their names in ``Job.files``.
            files: (file, name there) that go with it, moved where that is possible.
        """
        job = Job(self.jobs / secrets.token_urlsafe(16))
        (job.path / FILES).mkdir(parents=True, mode=0o700)
        for source, name in files:
            shutil.copyfile(source, job.files / name)
        asked = {"kind": kind, "owner": owner, "request": request, "at": time.time()}
        write_text(job.path / ASKED, json.dumps(asked, ensure_ascii=False) + "\n")
        return job

    def find(self, id: str) -> Job:
        """A job by its id.

        Raises:
            UserError: There is none.
        """
        path = self.jobs / id if _ID.fullmatch(id) else None
        if path is None or not (path / ASKED).is_file():
            raise UserError("There is no such job any more; results are deleted after a day. Ask for it anew.")
        return Job(path)

    def listing(self, owner: str | None = None) -> list[Job]:
        """The jobs of a visitor, or of all, oldest first."""
        found = [Job(path.parent) for path in self.jobs.glob(f"*/{ASKED}")]
        mine = [job for job in found if owner is None or job.owner == owner]
        return sorted(mine, key=lambda job: (job.asked_at, job.id))

    def place(self, job: Job, kinds: Iterable[str]) -> int:
        """How many jobs of these kinds are before it; 0 is next."""
        return sum(
            each.kind in kinds and each.state in ("waiting", "running") and each.asked_at < job.asked_at
            for each in self.listing()
        )

    def sweep(self, now: float | None = None) -> int:
        """Delete what ended over a day ago; gives how many jobs that were."""
        old = [job for job in self.listing() if job.ended_at and (now or time.time()) - job.ended_at > KEPT]
        for job in old:
            shutil.rmtree(job.path, ignore_errors=True)
        return len(old)

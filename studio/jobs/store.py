"""Where jobs are kept: asked for, found again, counted, and deleted after a day."""

from __future__ import annotations

import json
import math
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
from perfclone.governance.review import PENDING

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
        self.folder = Path(folder or os.environ.get(VARIABLE) or home() / "studio").absolute()
        self._known: dict[str, Job] = {}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Store) and self.folder == other.folder

    def __hash__(self) -> int:
        return hash(self.folder)

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
            files: (file, name there) that go with it; linked where that is possible, else copied.
        """
        job = Job(self.jobs / secrets.token_urlsafe(16))
        (job.path / FILES).mkdir(parents=True, mode=0o700)
        for source, name in files:
            _put(source, job.files / name)
        asked = {"kind": kind, "owner": owner, "request": request, "at": time.time()}
        write_text(job.path / ASKED, json.dumps(asked, ensure_ascii=False) + "\n")
        return job

    def find(self, id: str) -> Job:
        """A job by its id.

        Raises:
            UserError: There is none.
        """
        path = self.jobs / id
        if not _ID.fullmatch(id) or not (path / ASKED).is_file():
            raise UserError("There is no such job any more; results are deleted after a day. Ask for it anew.")
        return self._known.setdefault(id, Job(path))

    def listing(self, owner: str | None = None) -> list[Job]:
        """The jobs of a visitor, or of all, oldest first."""
        there = {path.parent.name for path in self.jobs.glob(f"*/{ASKED}")}
        for id in set(self._known) - there:
            self._known.pop(id, None)
        found = [self._known.setdefault(id, Job(self.jobs / id)) for id in there]
        mine = [job for job in found if owner is None or job.owner == owner]
        return sorted(mine, key=_order)

    def open(self, kinds: Iterable[str], owner: str | None = None) -> list[Job]:
        """The jobs of these kinds, of a visitor or of all, that wait or run; oldest first."""
        kinds = set(kinds)
        return [job for job in self.listing(owner) if job.kind in kinds and not job.ended_at]

    def place(self, job: Job, kinds: Iterable[str]) -> int:
        """How many jobs of these kinds are before it; 0 is next."""
        return sum(_order(each) < _order(job) for each in self.open(kinds))

    def sweep(self, now: float | None = None) -> int:
        """Delete what ended over a day ago, and what was never asked to its end; gives how many jobs that were."""
        late = (now or time.time()) - KEPT
        old = [job.path for job in self.listing() if job.ended_at and job.ended_at < late and not _holds(job)]
        old += [path for path in self.jobs.glob("*") if not (path / ASKED).exists() and _changed(path) < late]
        for path in old:
            shutil.rmtree(path, ignore_errors=True)
        return len(old)


def _order(job: Job) -> tuple[float, str]:
    return job.asked_at, job.id


def _holds(job: Job) -> bool:
    """Whether a clone of it still waits for approval: whoever reviews is not told by when."""
    return any((job.files / PENDING).glob("*"))


def _changed(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:  # another server of this store deleted it
        return math.inf


def _put(source: Path, place: Path) -> None:
    """Give a file a second name, which costs nothing, or copy it to another disk."""
    try:
        os.link(source, place)
    except OSError:
        shutil.copyfile(source, place)

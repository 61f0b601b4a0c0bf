"""A job, as its folder tells of it, in the server, in a worker or in another visit."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, NamedTuple

from filelock import FileLock, Timeout

from perfclone.files.locking import held
from perfclone.files.writing import write_text

Line = Literal["heavy", "light"]
State = Literal["waiting", "running", "done", "failed", "stopped"]
#: Files of a job's folder. The one that is locked is the sign of life, as in a training run.
ASKED, LIVE, ENDED, LOCK, STOP, FILES = "asked.json", "live.json", "ended.json", "lock", "stop", "files"
#: One byte for each worker that died over it.
LOST = "lost"
GIVEN_UP = "Its worker was ended again and again, as when memory runs out; try a shorter or a smaller video."
#: So many workers may die over a job before it is given up.
TRIES = 3
#: Seconds to wait for the lock: whoever looks whether it is held has it for a moment.
_PATIENCE = 1.0
#: Seconds of a stage in which its pace says nothing yet.
_UNSURE_S = 3.0


class Stopped(Exception):
    """Somebody asked for the job's end."""


class Standing(NamedTuple):
    """How far a job is.

    Attributes:
        stage: What it is about, such as "clone".
        done: How much of that is done.
        total: How much there is; 0 where that is not known.
        since: Seconds since the epoch when the stage began.
        began: Seconds since the epoch when the job began.
    """

    stage: str
    done: int
    total: int
    since: float
    began: float

    @property
    def left_s(self) -> float | None:
        """Seconds that the stage still takes at its pace; None before there is one to go by."""
        gone = time.time() - self.since
        if gone < _UNSURE_S or not 0 < self.done <= self.total:
            return None
        return gone * (self.total - self.done) / self.done


class Job:
    """A job.

    Args:
        path: Its folder, whose name is its id.
    """

    def __init__(self, path: Path):
        self.path = path
        self._end: dict[str, Any] = {}  # once it is done nothing changes any more

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Job) and self.path == other.path

    def __hash__(self) -> int:
        return hash(self.path)

    @property
    def id(self) -> str:
        """What nobody can guess, and whoever has it may ask for the job by."""
        return self.path.name

    @cached_property
    def _asked(self) -> dict[str, Any]:
        return json.loads((self.path / ASKED).read_text(encoding="utf-8"))

    @property
    def kind(self) -> str:
        """The task: a name of ``studio.tasks.TASKS``."""
        return self._asked["kind"]

    @property
    def owner(self) -> str:
        """The visitor who asked."""
        return self._asked["owner"]

    @property
    def request(self) -> dict[str, Any]:
        """What was asked."""
        return self._asked["request"]

    @property
    def asked_at(self) -> float:
        """When, seconds since the epoch."""
        return self._asked["at"]

    @property
    def files(self) -> Path:
        """The folder of what it takes and makes."""
        return self.path / FILES

    @property
    def alive(self) -> bool:
        """Whether a worker is at it."""
        return held(self.path / LOCK)

    @property
    def begun(self) -> bool:
        """Whether a worker ever began it; such a one that is not alive has lost its worker."""
        return (self.path / LIVE).exists()

    @property
    def state(self) -> State:
        """What becomes of it; one that lost its worker waits for the next."""
        if not self._ended and self.alive:
            return "running"
        return self._ended.get("state", "waiting")  # read again: it may have ended between the two looks

    @property
    def standing(self) -> Standing | None:
        """How far it is; None where nobody is at it."""
        live = self._read(LIVE) if self.alive else {}
        return Standing(*live["standing"]) if live.get("standing") else None

    @property
    def result(self) -> dict[str, Any]:
        """What came of it: the task's answer; files are named as they lie in :attr:`files`."""
        return self._ended.get("result") or {}

    @property
    def why(self) -> str | None:
        """Why it failed, in a sentence."""
        return self._ended.get("why")

    @property
    def ended_at(self) -> float | None:
        """When it ended, seconds since the epoch."""
        return self._ended.get("at")

    @contextmanager
    def taken(self) -> Iterator[bool]:
        """Have the job for oneself, as its worker does; gives whether it could be had and has not ended."""
        lock = FileLock(self.path / LOCK)
        try:
            lock.acquire(timeout=_PATIENCE, poll_interval=0.02)
        except (Timeout, FileNotFoundError):  # another has it, or it was deleted
            yield False
            return
        try:
            yield not self._ended
        finally:
            lock.release()

    def stop(self) -> None:
        """Ask for its end: one that waits ends at once, one that runs keeps what is done."""
        if self._ended:
            return
        (self.path / STOP).touch()
        if not self.alive:
            with self.taken() as mine:
                if mine:
                    self.end("stopped")

    def renew(self) -> None:
        """Let one that was stopped or failed wait again; for :meth:`studio.studio.Studio.go_on`."""
        self._write(ASKED, {**self._asked, "at": time.time()})
        self.__dict__.pop("_asked")
        for name in (STOP, LOST, ENDED):
            (self.path / name).unlink(missing_ok=True)

    @property
    def stop_asked(self) -> bool:
        """Whether somebody asked for its end."""
        return (self.path / STOP).exists()

    def file(self, name: str) -> Path | None:
        """A file that it made, or None where there is none."""
        path = self.files / name
        return path if path.is_file() else None

    def tell(self, standing: Standing) -> None:
        """Note how far it is; for the worker."""
        self._write(LIVE, {"standing": standing})

    def end(self, state: State, result: dict[str, Any] | None = None, why: str | None = None) -> None:
        """Note what came of it."""
        self._write(ENDED, {"state": state, "result": result, "why": why, "at": time.time()})

    def lost(self) -> None:
        """Note that a worker died over it; it is given up after some, as it may well be what they die of."""
        with self.taken() as mine:
            if mine:
                with (self.path / LOST).open("ab") as file:
                    file.write(b"x")
                if (self.path / LOST).stat().st_size >= TRIES:
                    self.end("failed", why=GIVEN_UP)

    @property
    def _ended(self) -> dict[str, Any]:
        if self._end:
            return self._end
        ended = self._read(ENDED)
        if ended.get("state") == "done":
            self._end = ended
        return ended

    def _read(self, name: str) -> dict[str, Any]:
        with suppress(OSError, ValueError):
            return json.loads((self.path / name).read_text(encoding="utf-8"))
        return {}

    def _write(self, name: str, values: dict[str, Any]) -> None:
        if self.path.is_dir():  # one that was deleted is not made again
            write_text(self.path / name, json.dumps(values, ensure_ascii=False) + "\n")

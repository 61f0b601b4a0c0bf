"""A job, as its folder tells of it, in the server, in a worker or in another visit."""

from __future__ import annotations

import json
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal, NamedTuple

from perfclone.files.locking import held
from perfclone.files.writing import write_text

State = Literal["waiting", "running", "done", "failed", "stopped"]
#: Files of a job's folder. The one that is locked is the sign of life, as in a training run.
ASKED, LIVE, ENDED, LOCK, STOP, FILES = "asked.json", "live.json", "ended.json", "lock", "stop", "files"


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
        """Seconds that the stage still takes at its pace; None before there is one."""
        if not 0 < self.done <= self.total:
            return None
        return (time.time() - self.since) * (self.total - self.done) / self.done


class Job:
    """A job.

    Args:
        path: Its folder, whose name is its id.
    """

    def __init__(self, path: Path):
        self.path = path

    @property
    def id(self) -> str:
        """What nobody can guess, and whoever has it may ask for the job by."""
        return self.path.name

    @property
    def kind(self) -> str:
        """The task: a name of ``studio.tasks.TASKS``."""
        return self._read(ASKED)["kind"]

    @property
    def owner(self) -> str:
        """The visitor who asked."""
        return self._read(ASKED)["owner"]

    @property
    def request(self) -> dict[str, Any]:
        """What was asked."""
        return self._read(ASKED)["request"]

    @property
    def asked_at(self) -> float:
        """When, seconds since the epoch."""
        return self._read(ASKED)["at"]

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
        if ended := self._read(ENDED):
            return ended["state"]
        return "running" if self.alive else "waiting"

    @property
    def standing(self) -> Standing | None:
        """How far it is; None where nobody is at it."""
        live = self._read(LIVE) if self.alive else {}
        return Standing(*live["standing"]) if live.get("standing") else None

    @property
    def result(self) -> dict[str, Any]:
        """What came of it: the task's answer; files are named as they lie in :attr:`files`."""
        return self._read(ENDED).get("result") or {}

    @property
    def why(self) -> str | None:
        """Why it failed, in a sentence."""
        return self._read(ENDED).get("why")

    @property
    def ended_at(self) -> float | None:
        """When it ended, seconds since the epoch."""
        return self._read(ENDED).get("at")

    def stop(self) -> None:
        """Ask for its end: one that waits ends at once, one that runs keeps what is done."""
        if self.state == "waiting":
            self.end("stopped")
        elif self.state == "running":
            (self.path / STOP).touch()

    def renew(self) -> None:
        """Let one that was stopped or failed wait again; for :meth:`studio.studio.Studio.go_on`."""
        for name in (STOP, ENDED):
            (self.path / name).unlink(missing_ok=True)
        self._write(ASKED, {**self._read(ASKED), "at": time.time()})

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

    def _read(self, name: str) -> dict[str, Any]:
        with suppress(OSError, ValueError):
            return json.loads((self.path / name).read_text(encoding="utf-8"))
        return {}

    def _write(self, name: str, values: dict[str, Any]) -> None:
        if self.path.is_dir():  # one that was deleted is not made again
            write_text(self.path / name, json.dumps(values, ensure_ascii=False) + "\n")

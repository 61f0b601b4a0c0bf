"""The gate: an upload is judged by what it is, not by its name, before anything decodes it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from perfclone.errors import UserError

from .limits import Limits
from .phrases import say
from .surroundings import environment

if TYPE_CHECKING:
    import gradio as gr

#: Seconds for the look at a file, of the clock: it ends itself after two of computing; and for it to begin.
LOOK, BEGIN = 20.0, 30.0
#: Looks at once, so that many visitors do not take one another's time.
_LOOKS = threading.BoundedSemaphore(2)


class Clip(NamedTuple):
    """What an upload is.

    Attributes:
        seconds: How long it lasts.
        width: Of a frame, pixels.
        height: Of a frame, pixels.
    """

    seconds: float
    width: int
    height: int


def judge(path: str | Path, limits: Limits, request: gr.Request | None = None) -> Clip:
    """Look at a video that a visitor gave.

    Args:
        path: The file.
        limits: What it may be.
        request: In whose language is said what is wrong.

    Raises:
        UserError: It is no video of one kind and within the limits, or could not be looked through in time.
    """
    path = Path(path).absolute()
    if (size := path.stat().st_size) > limits.bytes:
        raise UserError(
            say("upload_heavy", request, name=path.name, given=_megabytes(size), allowed=_megabytes(limits.bytes))
        )
    try:
        return _looked_at(path, path.stat().st_mtime_ns, limits)
    except _Refused as refusal:
        raise UserError(refusal.sentence or say(refusal.key, request, *refusal.values, name=path.name)) from None


class _Refused(Exception):
    """What the look says: a sentence of the library, or a phrase."""

    def __init__(self, said: dict):
        self.sentence = said.get("sentence")
        self.key, *self.values = said.get("wrong") or [None]


@lru_cache(maxsize=256)
def _looked_at(path: Path, _changed: int, limits: Limits) -> Clip:
    """Look at a file once, as long as it does not change."""
    said = _asked(path, limits)
    if "wrong" in said or "sentence" in said:
        raise _Refused(said)
    return Clip(**said)


def _asked(path: Path, limits: Limits) -> dict:
    """What the process of its own says; it dies of what would harm us."""
    command = [sys.executable, "-m", f"{__package__}.judge", str(path), str(limits.seconds), str(limits.pixels)]
    how = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL, "text": True, "env": environment() | _ONE_THREAD}
    with _LOOKS, subprocess.Popen(command, **how) as process:
        with _ended_after(BEGIN, process):
            process.stdout.readline()
        with _ended_after(LOOK, process) as late:
            answer = process.stdout.read()
    if late.is_set() or process.returncode == -signal.SIGXCPU:
        return {"wrong": ["upload_slow"]}
    return json.loads(answer) if answer else {"wrong": ["upload_harmful"]}


@contextmanager
def _ended_after(seconds: float, process: subprocess.Popen) -> Iterator[threading.Event]:
    """End a process that takes longer than the block may; tells whether that was so."""
    late = threading.Event()
    timer = threading.Timer(seconds, lambda: (late.set(), process.kill()))
    timer.start()
    try:
        yield late
    finally:
        timer.cancel()


_ONE_THREAD = {name: "1" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")}


def _megabytes(size: int) -> int:
    return max(1, round(size / 1e6))

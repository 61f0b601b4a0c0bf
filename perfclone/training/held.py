"""A training run in the hands of the process that trains it: what it writes into the run's folder, and when."""

from __future__ import annotations

import dataclasses
import json
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from torch import Tensor

from perfclone.errors import UserError
from perfclone.files.writing import beside, full_disk_explained
from perfclone.training import pictures
from perfclone.training.request import TrainRequest
from perfclone.training.run import ACTOR, CURVES, LIVE, LOCK, LOG, RUN, SAMPLES, STOP, Run, stands

#: Settings that a resumed run may change: how long it is, how often it saves, and where.
_FREE = {"minutes", "steps", "checkpoint_minutes", "device"}
#: Seconds that somebody else's look at the lock may take.
_PATIENCE = 1.0
#: Seconds between two notes of how far a stage is.
_PACE = 0.5


class HeldRun(Run):
    """A run that this process, or all that `accelerate launch` started, train; the main one of them writes.

    Args:
        request: What is to be trained.
        digest: The reference video's sha256 in hex.
    """

    def __init__(self, request: TrainRequest, digest: str):
        super().__init__(request.run_dir)
        self._request, self.digest = request, digest
        self._anew = self._claimed = self._ours = self._renewed = False
        self._noted = ("", 0.0)

    @property
    def request(self) -> TrainRequest:
        """What was asked."""
        return self._request

    @property
    def destination(self) -> Path:
        """Where to prepare the reference: that of a new run stands aside until :meth:`renew`."""
        return self.path / "reference.new" if self._anew else self.material

    def last_checkpoint(self, resume: bool, force: bool) -> Path | None:
        """Find the last checkpoint of an interrupted run; nothing is changed.

        Args:
            resume: Go on with an interrupted run.
            force: Throw it away.

        Returns:
            The checkpoint's folder, or None where there is nothing to go on from.

        Raises:
            UserError: The run before this one goes on, had other settings or another reference video, came to its end,
                or would be thrown away without ``force``, as would an actor in the output; or the folder is not that
                of a run.
        """
        if self.alive:
            raise self._busy()
        before = self._before()
        done = before.get("ended") == "done"
        found = [] if done else sorted(self.path.glob("checkpoint-*[0-9]"))
        if resume and done and not force:
            raise UserError(f"The run in {self.path} is done; train anew with force.")
        if "reference" in before and (resume or found) and not force:
            raise self._outdated()
        if resume and "request" in before and not done:
            self._hold_against(before)
            self._ours = True
            if found or self.material.is_dir():
                return found[-1] if found else None
        unfinished = found or (before and not done and self.actor)
        if unfinished and not force:
            raise UserError(f"{self.path} holds an interrupted run; go on with resume, or discard it with force.")
        if stands(self.request.output) and not (force or resume):
            output = self.request.output
            raise UserError(f"{output} already holds an actor; choose another folder, or replace it with force.")
        self._anew = True
        return None

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Hold the run's folder, made where it is not there, while the block works at the run.

        What a run before this one left in the folder stays until :meth:`renew`. A new run that fails before leaves
        nothing; any other can be gone on with.

        Raises:
            UserError: Another process holds it.
        """
        from filelock import FileLock, Timeout

        made = [folder for folder in (self.path, *self.path.parents) if not folder.exists()]
        self.path.mkdir(parents=True, exist_ok=True)
        lock, discard = FileLock(self.path / LOCK, timeout=_PATIENCE), False
        try:
            lock.acquire()
        except Timeout as error:
            raise self._busy() from error
        try:
            with full_disk_explained(self.path, "run again"):
                self._begin()
            yield
        except Exception as error:
            discard = self._claimed
            self._note_failure(error)
            raise
        finally:
            self._drop(LIVE, STOP, *(["reference.*"] if discard else []))
            lock.release()
            if discard:
                _discard(self.path, made)

    def renew(self) -> None:
        """Let a new run, now that its material is there, take the place of what an earlier one left."""
        if self._anew:
            self._drop("checkpoint-*", "reference")  # first, so that no checkpoint ever stands beside other settings
            self._write_down()
            self._drop("best.*", LOG, CURVES, SAMPLES, ACTOR)
            if stands(self.request.output):
                (self.path / ACTOR).mkdir()
            self.destination.rename(self.material)
        self._anew = self._claimed = False
        self._ours = self._renewed = True

    def note(self, stage: str, done: int, total: int) -> None:
        """Tell whoever looks at the run how far it is; as often as one likes."""
        (before, when), now = self._noted, time.monotonic()
        if stage == before and now - when < _PACE:
            return
        self._noted = stage, now
        live = {"state": "training" if self._renewed else "preparing", "stage": [stage, done, total]}
        with suppress(PermissionError, FileNotFoundError):  # Windows', while somebody reads it; the folder is gone
            self._put(LIVE, json.dumps(live))

    @property
    def told_to_stop(self) -> bool:
        """Whether somebody called :meth:`Run.stop`."""
        return (self.path / STOP).exists()

    def log(self, row: dict[str, float]) -> None:
        """Add a row to the log.

        Raises:
            UserError: The run's folder is gone.
        """
        try:
            with open(self.path / LOG, "a", encoding="utf-8") as file:
                file.write(json.dumps({key: round(value, 6) for key, value in row.items()}) + "\n")
        except FileNotFoundError as error:
            raise UserError(f"{self.path} was removed while its run went on; train anew.") from error

    def forget_after(self, step: int) -> None:
        """Drop the log's rows after a step: the resumed run will write them again."""
        if (self.path / LOG).exists():
            rows = [json.dumps(row) for row in self.rows if row["step"] <= step]
            with beside(self.path / LOG) as part:
                part.write_text("".join(f"{row}\n" for row in rows), encoding="utf-8")

    def show(self, step: int, real: Tensor, painted: Tensor) -> None:
        """Add to the samples how the actor of the step logged last paints frames (N, 3, S, S) in [0, 1]."""
        pictures.add_samples(real, painted, step, self.path / SAMPLES, len(self.previews) - 1)

    def draw_curves(self) -> None:
        """Redraw the curves."""
        pictures.draw_curves(self.rows, self.path / CURVES)

    def finish(self) -> None:
        """Note that the actor stands; only the log and the pictures are kept, no footage and no checkpoint."""
        self._write_down(ended="done")
        for entry in self.path.iterdir():
            if entry.is_dir():
                shutil.rmtree(entry)
        self._drop("best.*")

    def _before(self) -> dict:
        """What the folder says of the run that it is of; nothing where it is empty or not there."""
        try:
            if not self.path.exists() or not {entry.name for entry in self.path.iterdir()} - {LOCK}:
                return {}
            before = self._read()
            if not {"request", "reference"} & before.keys():  # "reference" in those of perfclone 0.1
                raise UserError("other settings")
        except (OSError, UserError) as error:
            raise UserError(
                f"{self.path}, where the run is to be kept, holds something else (no {RUN} of a run); "
                "move it away, or give the actor another name."
            ) from error
        return before

    def _hold_against(self, before: dict) -> None:
        earlier = TrainRequest.from_json(before.get("request"), f"The request in {self.path / RUN}")
        then = _settings(earlier, before.get("reference_sha256", self.digest))
        now = _settings(self.request, self.digest)
        differ = sorted(key for key in now if key not in _FREE and then[key] != now[key])
        if differ:
            listed = ", ".join(f"{key} {then[key]} -> {now[key]}" for key in differ)
            raise UserError(
                f"The checkpoint in {self.path} belongs to another run ({listed}); "
                "use the same settings, or start anew without resume."
            )

    def _begin(self) -> None:
        self._drop(STOP)  # a killed run's
        if self._anew:
            self._drop("reference.*")
        if not (self.path / RUN).exists():
            self._claimed = self._ours = True
        if self._ours:
            self._write_down()
        self.note("", 0, 0)

    def _note_failure(self, error: Exception) -> None:
        if self._ours:
            told = isinstance(error, UserError | FileNotFoundError)
            with suppress(OSError):  # it may be the disk that is full
                self._write_down(ended="failed", why=str(error) if told else f"{type(error).__name__}: {error}")

    def _write_down(self, **end: str) -> None:
        self._write(self.request, reference_sha256=self.digest, **end)

    def _drop(self, *patterns: str) -> None:
        for entry in [entry for pattern in patterns for entry in self.path.glob(pattern)]:
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()

    def _busy(self) -> UserError:
        return UserError(f"{self.path} is being trained by another process; wait for its end, or stop it first.")


def _settings(request: TrainRequest, digest: str) -> dict[str, object]:
    """What makes two runs the same, by name."""
    reference = f"{request.reference.name}, sha256 {digest}"
    return {"reference": reference, "person": request.person, **dataclasses.asdict(request.config)}


def _discard(path: Path, made: list[Path]) -> None:
    """Remove a run's folder, and those around it that were made for it."""
    shutil.rmtree(path, ignore_errors=True)
    for folder in made:
        with suppress(OSError):  # something else is in it by now
            folder.rmdir()

"""A training run as its folder tells of it, in this process or another; torch is not needed to look."""

from __future__ import annotations

import json
import math
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal, NamedTuple

from perfclone.actor.layout import CONFIG
from perfclone.errors import UserError
from perfclone.files.locking import held
from perfclone.files.reading import parse_json, read_limited
from perfclone.files.writing import saved
from perfclone.training.request import LIMIT, TrainRequest

State = Literal["preparing", "training", "stopped", "failed", "done"]
#: Files of a run's folder. The one that is locked is the sign of life: the system unlocks it when a process ends,
#: however it ends.
RUN, LOCK, LIVE, STOP = "run.json", "lock", "live.json", "stop"
LOG, CURVES, SAMPLES = "log.jsonl", "curves.png", "samples.png"
#: Where the actor grows while an earlier one stands in the output.
ACTOR = "actor"


class Standing(NamedTuple):
    """How far a run is, and what it is about.

    Attributes:
        name: Such as "poses", "crops" or "train".
        done: How much of it is done: frames, steps, or seconds of a run that is measured by the clock.
        total: How much there is; 0 where that is not known.
    """

    name: str
    done: int
    total: int


class Run:
    """A training run.

    Args:
        path: Its folder, ``OUTPUT.run`` beside the actor's.
    """

    def __init__(self, path: str | Path):
        self.path = Path(path)

    @classmethod
    def open(cls, path: str | Path) -> Run:
        """Find a run by its folder.

        Raises:
            FileNotFoundError: There is no run in such a folder.
            UserError: It is not the folder of a run, or was moved.
        """
        run = cls(path)
        if not run.path.is_dir() or not (run.path / RUN).exists():
            raise FileNotFoundError(f"There is no run at {path}; it is the folder beside the actor that ends in .run.")
        begun = run.request.run_dir
        if not (begun.exists() and begun.samefile(run.path)):
            raise UserError(f"{path} was moved: its run belongs at {begun}; move it back there, or train anew.")
        return run

    @classmethod
    def create(cls, request: TrainRequest) -> Run:
        """Put a request where a run of it can be begun, in this process or another: ``train --run FOLDER``.

        Raises:
            UserError: There is a run already.
        """
        run = cls(request.run_dir)
        if (run.path / RUN).exists():
            raise UserError(f"{run.path} is the folder of a run already; go on with it, or give another output.")
        run.path.mkdir(parents=True, exist_ok=True)
        run._write(request)
        return run

    @property
    def material(self) -> Path:
        """Where the prepared reference is, once it is whole."""
        return self.path / "reference"

    @property
    def request(self) -> TrainRequest:
        """What was asked."""
        values = self._read()
        if "reference" in values:
            raise self._outdated()
        return TrainRequest.from_json(values.get("request"), f"The request in {self.path / RUN}")

    @property
    def state(self) -> State:
        """What becomes of it; "stopped" where no process works at it and it has not come to its end."""
        if self.alive:
            return self._live().get("state", "preparing")
        return self._read().get("ended") or "stopped"

    @property
    def alive(self) -> bool:
        """Whether a process works at it."""
        return held(self.path / LOCK)

    @property
    def progress(self) -> Standing | None:
        """What it is about at this moment; None where no process works at it."""
        live = self._live() if self.alive else {}
        return Standing(*live["stage"]) if "stage" in live else None

    @property
    def why(self) -> str | None:
        """Why it failed, in a sentence."""
        return self._read().get("why")

    @property
    def rows(self) -> list[dict[str, float]]:
        """The log: "step", "minutes" and the losses of each step, and "validation" where the weights were judged."""
        rows = []
        with suppress(FileNotFoundError):
            for row in (self.path / LOG).read_text(encoding="utf-8").splitlines():
                with suppress(json.JSONDecodeError):  # a full disk or a power cut left it half written
                    rows.append(json.loads(row))
        return rows

    @property
    def scores(self) -> list[float]:
        """The validation scores so far, lower is better."""
        return [row["validation"] for row in self.rows if "validation" in row]

    @property
    def curves(self) -> Path | None:
        """A picture of all that is logged; None where there is none yet."""
        return self._picture(CURVES)

    @property
    def previews(self) -> list[int]:
        """The steps after which the actor was better than ever before; the first is 0, untrained.

        The picture :attr:`samples` has a row for each, below that of the filmed frames.
        """
        steps, best = [], math.inf
        for row in self.rows:
            if row.get("validation", math.inf) < best:
                best = row["validation"]
                steps.append(row["step"])
        return steps

    @property
    def samples(self) -> Path | None:
        """A picture of frames it is not trained on, filmed above, painted below; None where there is none yet."""
        return self._picture(SAMPLES)

    @property
    def actor_dir(self) -> Path:
        """Where the actor grows: in the output, or where an earlier one stands there, in the run until its end."""
        aside = self.path / ACTOR
        return aside if aside.is_dir() else self.request.output

    @property
    def actor(self) -> Path | None:
        """The actor as good as it is by now, untrained at first, to be cloned with; None where there is none yet.

        While a run that is to replace an actor is prepared, it is still that one.
        """
        return self.actor_dir if stands(self.actor_dir) else None

    def stop(self) -> None:
        """Ask the process that works at it to stop; it saves all that going on needs first."""
        if self.alive:
            (self.path / STOP).touch()

    def _outdated(self) -> UserError:
        """What to say of a run whose settings have a "reference" beside them, as in perfclone 0.1."""
        return UserError(
            f"{self.path} holds a run of perfclone 0.1, which cannot be gone on with; "
            "train anew with force, which discards it."
        )

    def _picture(self, name: str) -> Path | None:
        path = self.path / name
        return path if path.is_file() else None

    def _live(self) -> dict[str, Any]:
        with suppress(OSError, ValueError):
            return json.loads((self.path / LIVE).read_text(encoding="utf-8"))
        return {}

    def _read(self) -> dict[str, Any]:
        what = f"The settings {self.path / RUN}"
        values = parse_json(read_limited(self.path / RUN, LIMIT, "file of a run"), what)
        if not isinstance(values, dict):
            raise UserError(f"{what} are those of no run; give the folder of one.")
        return values

    def _write(self, request: TrainRequest, **more: str) -> None:
        self._put(RUN, json.dumps({"request": request.to_json(), **more}, indent=2) + "\n")

    def _put(self, name: str, text: str) -> None:
        """Write a file of the folder, whole or not at all; a folder that was removed is not made again."""
        part = self.path / f".part.{name}"
        try:
            part.write_text(text, encoding="utf-8")
            part.replace(self.path / name)
        finally:
            part.unlink(missing_ok=True)


def stands(folder: Path) -> bool:
    """Whether there is an actor in a folder."""
    return saved(folder, CONFIG).exists()

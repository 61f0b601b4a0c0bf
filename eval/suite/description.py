"""What a suite is made of: clips on which a clone across actors has an exact answer.

Synthetic people perform the same routines, so for each pair of them the truth of a clone is simply the target filmed
in the performer's test routine. What an actor learns from (TRAIN motions) and what is tested (TEST motions) differ by
motion, never by neighbouring frames.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

from ..synthetic import ACTORS, TEST, TRAIN

#: Rises whenever the same parameters give other frames: numbers of different versions are not compared.
VERSION = 1


@dataclass(frozen=True)
class SyntheticSuite:
    """What a synthetic suite is made of; the same values give the same frames on one machine.

    Attributes:
        actors: Two or more of `eval.synthetic.ACTORS`; each performs for each other.
        size: Side of the square picture, pixels, even.
        fps: Frames a second.
        reference_seconds: Length of each training reference.
        test_seconds: Length of each test clip.
        train: Motions of the references, in this order; they begin again, mirrored, where the time is longer.
        test: Motions of the test clips.
        noise: Standard deviation of the sensor noise in every video, 8-bit levels.
        samples: Samples a pixel along each axis.
    """

    actors: tuple[str, ...] = ("anna", "ben")
    size: int = 256
    fps: int = 30
    reference_seconds: float = 24.0
    test_seconds: float = 10.0
    train: tuple[str, ...] = ("turn", "arms", "walk", "dance_a", "squats", "punch", "kick")
    test: tuple[str, ...] = ("wave", "dance_b", "jump", "steps")
    noise: float = 1.2
    samples: int = 2

    def __post_init__(self):
        unknown = set(self.actors) - set(ACTORS)
        if unknown or len(self.actors) < 2 or len(set(self.actors)) < len(self.actors):
            raise ValueError(f"actors must be two or more of {', '.join(ACTORS)}, each once, got {self.actors}")
        for name, known in (("train", TRAIN), ("test", TEST)):
            if not getattr(self, name) or set(getattr(self, name)) - set(known):
                raise ValueError(f"{name} must be some of {', '.join(known)}, got {getattr(self, name)}")
        if self.size % 2:
            raise ValueError(f"size must be even, got {self.size}")
        for name, least, most in (
            ("size", 32, 2160), ("fps", 5, 120), ("reference_seconds", 0.1, 600), ("test_seconds", 0.1, 600),
            ("noise", 0, 20), ("samples", 1, 4),
        ):  # fmt: skip
            if not least <= getattr(self, name) <= most:
                raise ValueError(f"{name} must lie in {least}-{most}, got {getattr(self, name)}")

    def parameters(self) -> dict:
        """The same as JSON gives it back."""
        return json.loads(json.dumps(asdict(self)))


@dataclass(frozen=True)
class Trial:
    """One test clip: somebody performs, and the truth shows the target in that performance.

    Attributes:
        name: For the report: PERFORMER-as-TARGET, or the folder's name of one's own footage.
        target: Whose reference it is; trials of one target share the training.
        reference: Video that the target's actor learns from.
        driving: The performance.
        truth: The target in it, frame by frame.
        mattes: The truth's mattes and shadows for `eval.synthetic.takes.read_layer`; None where they are not known.
    """

    name: str
    target: str
    reference: Path
    driving: Path
    truth: Path
    mattes: Path | None = None


@dataclass(frozen=True)
class Suite:
    """A suite that is there.

    Attributes:
        folder: Where it is.
        digest: SHA-256, 64 hex digits: over the raw RGB of all rendered frames, or over the bytes of one's own files.
        trials: In the order of the report.
        parameters: Of a synthetic suite, JSON-native; empty for one's own footage.
        takes: Video -> true joints, for those videos where they are known.
    """

    folder: Path
    digest: str
    trials: tuple[Trial, ...]
    parameters: dict = field(default_factory=dict)
    takes: dict[Path, Path] = field(default_factory=dict)

    def describe(self) -> dict:
        """What stands in every report, JSON-native: kind, version, hash, parameters, names of the trials."""
        kind = "synthetic" if self.parameters else "own footage"
        names = [trial.name for trial in self.trials]
        return {
            "kind": kind,
            "version": VERSION,
            "sha256": self.digest,
            "parameters": self.parameters,
            "clips": names,
        }

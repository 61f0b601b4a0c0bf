"""What a training run gave, and whether it was long enough."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

#: A run whose last third brought less than this share of the validation score has little left to learn.
LITTLE = 0.02
#: A run of fewer steps has hardly begun.
FEWEST_STEPS = 40


@dataclass(frozen=True)
class TrainResult:
    """What a training run gave.

    Attributes:
        actor_dir: The actor's folder; where the run was stopped, see :attr:`perfclone.training.Run.actor`.
        run_dir: The folder with its log, curves and samples.
        steps: Steps done.
        minutes: Time of the loop, minutes.
        best: Validation score of the weights that won, lower is better.
        scores: All validation scores, in order.
        stopped: Whether it was told to stop before its end, and can be gone on with.
    """

    actor_dir: Path
    run_dir: Path
    steps: int
    minutes: float
    best: float
    scores: tuple[float, ...] = ()
    stopped: bool = False

    @property
    def late_gain(self) -> float | None:
        """How much the last third of the run still brought: the share by which it undercut the best score before it.

        In [0, 1]; None where there are too few scores to tell.
        """
        late = len(self.scores) // 3
        if not late:
            return None
        before = min(self.scores[:-late])
        return 1 - min(self.scores) / before if min(self.scores) < before else 0.0

    @property
    def enough(self) -> bool:
        """Whether the steps suffice: by the end of the run the validation score hardly fell."""
        return self.steps >= FEWEST_STEPS and self.late_gain is not None and self.late_gain < LITTLE

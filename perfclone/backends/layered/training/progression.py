"""How far a run is, by the clock or in steps, and what follows from that."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from perfclone.training.config import TrainConfig

#: How often in a run the weights are judged.
JUDGED = 12


@dataclass
class Progression:
    """How far a run is; travels with its checkpoints, but for the length, which a resumed run may change.

    Attributes:
        config: Says how long the run is.
        step: Steps done.
        seconds: Time of the loop.
        judged: The step after which weights were judged last.
        untrained: Validation score before the first step.
        best: That of the best weights.
    """

    config: TrainConfig
    step: int = 0
    seconds: float = 0.0
    judged: int = -1
    untrained: float = float("inf")
    best: float = float("inf")

    @property
    def fraction(self) -> float:
        """The share of the run that is done; 1 and more where it is over."""
        if self.config.steps:
            return self.step / self.config.steps
        return self.seconds / (self.config.length * 60)

    @property
    def part(self) -> int:
        """How many of the parts after which the weights are judged are over, of the length that the run has now."""
        return int(self.fraction * JUDGED)

    @property
    def standing(self) -> tuple[int, int]:
        """What is done and how much there is, in steps or seconds."""
        if self.config.steps:
            return self.step, self.config.steps
        return int(self.seconds), max(1, round(self.config.length * 60))

    def state_dict(self) -> dict:
        """As accelerate asks for it."""
        return {name: value for name, value in vars(self).items() if name != "config"}

    def load_state_dict(self, state: dict) -> None:
        """As accelerate asks for it."""
        vars(self).update(state)


def learning_rate(step: int, fraction: float) -> float:
    """Factor of the learning rate: a short warm-up, level for half of the run, then down to nearly nothing."""
    return min(1.0, (step + 1) / 50) * min(1.0, max(0.02, (1 - fraction) * 2))

"""A run's way through its steps: whatever is trained, it is logged, judged, kept, offered, shown and saved alike."""

from __future__ import annotations

import math
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from perfclone.backends.layered.training.losses import perceptual_loss
from perfclone.backends.layered.training.perceptual import PerceptualFeatures
from perfclone.backends.layered.training.progression import Progression
from perfclone.devices import agree
from perfclone.progress import Progress

if TYPE_CHECKING:
    from perfclone.training.checkpoints import Checkpoints
    from perfclone.training.held import HeldRun


class Training(ABC):
    """Trains something on one actor's footage; what that is, its subclasses say.

    Args:
        run: What was asked, and the log.
        checkpoints: Where the run is saved, and its accelerator.

    Attributes:
        features: What judges pictures.
        progression: How far the run is.
    """

    features: PerceptualFeatures

    def __init__(self, run: HeldRun, checkpoints: Checkpoints):
        self.run, self.config = run, run.request.config
        self.checkpoints, self.accelerator = checkpoints, checkpoints.accelerator
        self.progression = Progression(self.config)

    @abstractmethod
    def advance(self, fraction: float) -> dict[str, float]:
        """Take the next step of a run that is done to a fraction; gives the losses by name."""

    @abstractmethod
    def validate(self) -> tuple[Tensor, Tensor, dict[str, float]]:
        """Paint the validation frames: (N, 3, S, S) in [0, 1] real, the same painted, and what else is logged."""

    @abstractmethod
    def network(self) -> nn.Module:
        """Give what an actor is made of, with the weights of now."""

    @abstractmethod
    def conclude(self) -> None:
        """Say what there is to say of a run that came to its end."""

    def fit(self, progress: Progress, stop: Callable[[], bool], offer: Callable[[nn.Module], None]) -> bool:
        """Train until the run's length is reached; the best weights are then in the run's folder.

        Args:
            progress: Called with "train", what is done and how much there is.
            stop: Asked after each step.
            offer: Called with the network each time that it is better than it was untrained, and than before.

        Returns:
            Whether it is; False where it was told to stop.
        """
        state, saved = self.progression, time.monotonic()
        began, judged = saved - state.seconds, state.part
        if not math.isfinite(state.best):
            state.untrained = self.judge(progress)
        progress("train", *state.standing)
        fraction, stopped = agree(self.accelerator, state.fraction, stop())
        while fraction < 1 and not stopped:
            losses = self.advance(fraction)
            state.step, state.seconds = state.step + 1, time.monotonic() - began
            self._log(**losses)
            progress("train", *state.standing)
            if state.part > judged:
                judged = state.part
                self.judge(progress, offer)
            if time.monotonic() - saved > 60 * self.config.checkpoint_minutes:
                self.checkpoints.save(state.step)
                saved = time.monotonic()
            fraction, stopped = agree(self.accelerator, state.fraction, stop())
        if fraction < 1:
            self.checkpoints.save(state.step)
            return False
        if state.judged < state.step:
            self.judge(progress, offer)
        if self.accelerator.is_main_process:
            self.conclude()
        return True

    @torch.no_grad()
    def judge(self, progress: Progress, offer: Callable[[nn.Module], None] | None = None) -> float:
        """Judge the weights by the validation frames; keep, offer and show these if they are the best.

        Returns:
            The best score so far; infinite in all processes but the main one, which alone judges.
        """
        state = self.progression
        state.judged = state.step
        if not self.accelerator.is_main_process:
            return state.best
        if state.fraction >= 1:  # the run is over, and this may take a while
            progress("validation", 0, 0)
        real, painted, more = self.validate()
        score = self.score(painted, real)
        self._log(validation=score, **more)
        if score < state.best:
            state.best = score
            network = self.network()
            self.checkpoints.keep_best(network)
            if offer:
                offer(network)
            self.run.show(state.step, real.cpu(), painted.cpu())
        self.run.draw_curves()
        return state.best

    def score(self, painted: Tensor, real: Tensor) -> float:
        """How far painted frames (N, 3, S, S) are from real ones, as the log has it; lower is better."""
        return round(float(perceptual_loss(self.features, painted, real)), 6)

    def _log(self, **values: float) -> None:
        if self.accelerator.is_main_process:
            self.run.log({"step": self.progression.step, "minutes": self.progression.seconds / 60, **values})

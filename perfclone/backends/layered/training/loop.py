"""Training an actor: one loop, two branches (Aberman et al. 2019, section 4).

The paired branch learns the appearance from the frames of the reference video; the unpaired branch paints driving
poses, for which no truth exists, and learns to keep still what should be still.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor
from torch.optim.swa_utils import AveragedModel

from perfclone.backends.layered.config import PRESETS
from perfclone.backends.layered.generator import Generator
from perfclone.backends.layered.recurrence import Rollout
from perfclone.backends.layered.training.augment import worsen
from perfclone.backends.layered.training.base import warm_start_critic
from perfclone.backends.layered.training.branches import ONE
from perfclone.backends.layered.training.discriminator import POSE_PICTURES, PatchDiscriminator
from perfclone.backends.layered.training.duel import Branch, Duel
from perfclone.backends.layered.training.footage import Batch, Footage
from perfclone.backends.layered.training.progression import learning_rate
from perfclone.backends.layered.training.steps import Training
from perfclone.backends.layered.training.validation import Parts, paint

if TYPE_CHECKING:
    from perfclone.training.checkpoints import Checkpoints
    from perfclone.training.config import TrainConfig
    from perfclone.training.held import HeldRun

log = logging.getLogger(__name__)

#: The branches whose turn it is, step by step.
SCHEDULE: tuple[Branch, ...] = ("paired", "paired", "paired", "unpaired")
#: Shares of the exemplars that are taken away from a sequence, so that it must do with poses further off.
SCARCE = (0.0, 0.3, 0.6)
#: Driving poses in a row that the unpaired branch paints.
RUN = 3
#: Most frames that are painted before those that are judged.
WARM = 2


class Trainer(Training):
    """Trains G on one actor's footage.

    Args:
        run: What was asked, and the log.
        checkpoints: Where the run is saved, and its accelerator.
        generator: G, new or warmly started.
        reference: The reference video's footage.
        parts: Which of its frames serve what.
        driving: Retargeted driving footage for the unpaired branch; may be empty.
        torso: The actor's torso length in frame pixels.
    """

    def __init__(
        self,
        run: HeldRun,
        checkpoints: Checkpoints,
        generator: Generator,
        reference: Footage,
        parts: Parts,
        driving: list[Footage],
        torso: float,
    ):
        super().__init__(run, checkpoints)
        self.reference, self.parts, self.driving, self.torso = reference, parts, driving, torso
        self.longest = reference.longest(parts.train, WARM + 1)
        self.ema = AveragedModel(generator, avg_fn=_average).to(self.accelerator.device)
        self.duel = Duel(self.accelerator, Rollout(generator, torso), _critic(self.config), ONE)
        self.features = self.duel.features
        self.accelerator.register_for_checkpointing(self.progression, self.ema)

    def advance(self, fraction: float) -> dict[str, float]:
        """Take the next step of a run that is done to a fraction; gives the losses by name."""
        step = self.progression.step
        branch, batch, warm = self.fetch(step, SCHEDULE)
        rate = self.config.learning_rate * learning_rate(step, fraction)
        losses = self.duel.step(branch, batch, warm, self._scarce(len(batch.boxes)), rate)
        if self.accelerator.sync_gradients:
            self.ema.update_parameters(self.duel.generator)
        return losses

    def fetch(self, step: int, schedule: tuple[Branch, ...]) -> tuple[Branch, Batch, int]:
        """Branch, batch and number of warm-up frames of a step: the same for the same seed, step and rank."""
        rng, branch = self._rng(step), schedule[step % len(schedule)]
        size = self.config.batch or PRESETS[self.config.preset].batch
        if branch == "unpaired" and self.config.unpaired and self.driving:
            footage = self.driving[int(rng.integers(len(self.driving)))]
            batch = self._draw(footage, np.ones(len(footage), bool), RUN, max(1, size // 2), rng)
            return branch, worsen(batch, self.torso, rng), 0
        warm = min(int(rng.integers(0, WARM + 1)), self.longest - 1)
        batch = self._draw(self.reference, self.parts.train, warm + 1, size, rng)
        return "paired", worsen(batch, self.torso, rng), warm

    def validate(self) -> tuple[Tensor, Tensor, dict[str, float]]:
        """Paint the validation frames with the averaged weights; see :class:`Training`."""
        return *paint(self.ema.module, self.torso, self.reference, self.parts.validation), {}

    def network(self) -> Generator:
        """Give G with its averaged weights."""
        return self.ema.module

    def conclude(self) -> None:
        """Say so where training brought nothing."""
        if self.progression.best == self.progression.untrained:
            log.warning("Training brought nothing that the validation frames show; the actor is as it was untrained.")

    def _draw(self, footage: Footage, usable: np.ndarray, length: int, size: int, rng: np.random.Generator) -> Batch:
        starts = footage.starts(length, usable)
        return footage.batch(rng.choice(starts, size), length, self.accelerator.device)

    def _scarce(self, count: int) -> Tensor:
        """(count, K) bool, the exemplars that sequences of this step must do without."""
        rng, held = self._rng(self.progression.step, 1), self.duel.generator.exemplars.count
        taken = rng.random((count, held)) < rng.choice(SCARCE, (count, 1))
        return torch.from_numpy(taken).to(self.accelerator.device)

    def _rng(self, step: int, what: int = 0) -> np.random.Generator:
        return np.random.default_rng((self.config.seed, step, self.accelerator.process_index, what))


def _critic(config: TrainConfig) -> PatchDiscriminator | None:
    """The discriminator, new or warmly started; None where the run is to do without."""
    if not config.critic:
        return None
    critic = PatchDiscriminator(3 + POSE_PICTURES)
    if config.warm_start:
        warm_start_critic(critic, config.preset)
    return critic


def _average(average: Tensor, now: Tensor, count: Tensor) -> Tensor:
    """Exponential moving average whose memory grows with the run, up to about 200 steps."""
    return average + (now - average) / torch.clamp((count + 10) / 10, max=200)

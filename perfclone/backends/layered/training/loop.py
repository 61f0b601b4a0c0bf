"""Training an actor: one loop, two branches (Aberman et al. 2019, section 4).

The paired branch learns the appearance from the frames of the reference video; the unpaired branch paints driving
poses, for which no truth exists, and learns to keep still what should be still.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from perfclone.backends.layered.config import PRESETS
from perfclone.backends.layered.generator import Generator
from perfclone.backends.layered.recurrence import Rollout
from perfclone.backends.layered.training.augment import worsen
from perfclone.backends.layered.training.base import warm_start_critic
from perfclone.backends.layered.training.branches import (
    ONE,
    critic_view,
    paired_losses,
    unpaired_losses,
)
from perfclone.backends.layered.training.discriminator import POSE_PICTURES, PatchDiscriminator, critic_loss
from perfclone.backends.layered.training.footage import Batch, Footage
from perfclone.backends.layered.training.losses import perceptual_loss
from perfclone.backends.layered.training.perceptual import PerceptualFeatures
from perfclone.backends.layered.training.validation import paint, split
from perfclone.devices import agree
from perfclone.progress import Progress

if TYPE_CHECKING:
    from perfclone.training.checkpoints import Checkpoints
    from perfclone.training.held import HeldRun

log = logging.getLogger(__name__)

#: The branches whose turn it is, step by step.
SCHEDULE = ("paired", "paired", "paired", "unpaired")
#: Shares of the exemplars that are taken away from a sequence, so that it must do with poses further off.
SCARCE = (0.0, 0.3, 0.6)
#: Driving poses in a row that the unpaired branch paints.
RUN = 3
#: Most frames that are painted before those that are judged.
WARM = 2
#: How often in a run the weights are judged.
JUDGED = 12


@dataclass
class Progression:
    """How far a run is; travels with its checkpoints.

    Attributes:
        step: Steps done.
        seconds: Time of the loop.
        judged: The step after which weights were judged last.
        untrained: Validation score before the first step.
        best: That of the best weights.
    """

    step: int = 0
    seconds: float = 0.0
    judged: int = -1
    untrained: float = float("inf")
    best: float = float("inf")

    def state_dict(self) -> dict:
        """As accelerate asks for it."""
        return dict(vars(self))

    def load_state_dict(self, state: dict) -> None:
        """As accelerate asks for it."""
        vars(self).update(state)


class Trainer:
    """Trains G on one actor's footage.

    Args:
        run: What was asked, and the log.
        checkpoints: Where the run is saved, and its accelerator.
        generator: G, new or warmly started.
        reference: The reference video's footage.
        driving: Retargeted driving footage for the unpaired branch; may be empty.
        torso: The actor's torso length in frame pixels.
    """

    def __init__(
        self,
        run: HeldRun,
        checkpoints: Checkpoints,
        generator: Generator,
        reference: Footage,
        driving: list[Footage],
        torso: float,
    ):
        self.run, self.config = run, run.request.config
        self.checkpoints, self.accelerator = checkpoints, checkpoints.accelerator
        self.reference, self.driving, self.torso = reference, driving, torso
        self.parts = split((reference.poses.scores > 0).any(1), self.config.holdout)
        self.longest = reference.longest(self.parts.train, WARM + 1)
        self.features = PerceptualFeatures().to(self.accelerator.device)
        self.ema = torch.optim.swa_utils.AveragedModel(generator, avg_fn=_average).to(self.accelerator.device)
        rate = self.config.learning_rate
        self.rate = rate
        optimiser = torch.optim.AdamW(generator.parameters(), lr=rate, betas=(0.9, 0.99), weight_decay=1e-4)
        rollout = Rollout(generator.to(memory_format=torch.channels_last), torso)
        self.rollout, self.optimiser = self.accelerator.prepare(rollout, optimiser)
        self.critic = self.critic_optimiser = None
        if self.config.critic:
            critic = PatchDiscriminator(3 + POSE_PICTURES)
            if self.config.warm_start:
                warm_start_critic(critic, self.config.preset)
            optimiser = torch.optim.Adam(critic.parameters(), 2e-4, (0.5, 0.99))
            self.critic, self.critic_optimiser = self.accelerator.prepare(critic, optimiser)
        self.progression = Progression()
        self.accelerator.register_for_checkpointing(self.progression, self.ema)

    def fit(self, progress: Progress, stop: Callable[[], bool], offer: Callable[[Generator], None]) -> bool:
        """Train until the run's length is reached; the best averaged weights are then in the run's folder.

        Args:
            progress: Called with "train", what is done and how much there is.
            stop: Asked after each step.
            offer: Called with G as it is before the first step, and each time that it is better.

        Returns:
            Whether it is; False where it was told to stop.
        """
        state, saved = self.progression, time.monotonic()
        began, judged = saved - state.seconds, self._part()
        if not math.isfinite(state.best):
            self.judge(progress, offer)
            state.untrained = state.best
        progress("train", *self._done())
        fraction, stopped = agree(self.accelerator, self._fraction(), stop())
        while fraction < 1 and not stopped:
            losses = self.advance(fraction)
            state.step, state.seconds = state.step + 1, time.monotonic() - began
            self._log(**losses)
            progress("train", *self._done())
            if self._part() > judged:
                judged = self._part()
                self.judge(progress, offer)
            if time.monotonic() - saved > 60 * self.config.checkpoint_minutes:
                self.checkpoints.save(state.step)
                saved = time.monotonic()
            fraction, stopped = agree(self.accelerator, self._fraction(), stop())
        if fraction < 1:
            self.checkpoints.save(state.step)
        elif state.judged < state.step:
            self.judge(progress, offer)
        if fraction >= 1 and self.accelerator.is_main_process and state.best == state.untrained:
            log.warning("Training brought nothing that the validation frames show; the actor is as it was untrained.")
        return fraction >= 1

    def advance(self, fraction: float) -> dict[str, float]:
        """Take the next step of a run that is done to a fraction; gives the losses by name."""
        step = self.progression.step
        for group in self.optimiser.param_groups:
            group["lr"] = self.rate * learning_rate(step, fraction)
        branch, batch, warm = self.fetch(step, SCHEDULE)
        with self.accelerator.accumulate(self.rollout, *([self.critic] if self.critic else [])):
            losses = self.step(branch, batch, warm)
        if self.accelerator.sync_gradients:
            self.ema.update_parameters(self._generator)
        return losses

    def step(self, branch: str, batch: Batch, warm: int) -> dict[str, float]:
        """One step of G, and of the discriminator; gives the losses by name."""
        view = None
        with self.accelerator.autocast():
            steps = self.rollout(batch, warm, self._scarce(len(batch.boxes)))
            if branch == "unpaired":
                losses = unpaired_losses(steps, ONE)
            else:
                losses = paired_losses(self.features, steps, batch, warm, ONE)
                view = critic_view(steps, batch) if self.critic else None
            if view:
                critic = self.accelerator.unwrap_model(self.critic).requires_grad_(False)
                losses["fool"] = -ONE.adversarial * critic(view.fake).mean()
                critic.requires_grad_(True)
        self._descend(sum(losses.values()), self.rollout, self.optimiser)
        if view:
            with self.accelerator.autocast():
                scores = self.critic(torch.cat([view.real, view.fake.detach()]))
                losses["critic"] = critic_loss(*scores.chunk(2))
            self._descend(losses["critic"], self.critic, self.critic_optimiser)
        return {f"{branch}/{name}": float(value.detach()) for name, value in losses.items()}

    def fetch(self, step: int, schedule: tuple[str, ...]) -> tuple[str, Batch, int]:
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

    def judge(self, progress: Progress, offer: Callable[[Generator], None]) -> None:
        """Paint the validation frames with the averaged weights; keep, offer and show these if they are the best."""
        state = self.progression
        state.judged = state.step
        if not self.accelerator.is_main_process:
            return
        if self._fraction() >= 1:  # the run is over, and this may take a while
            progress("validation", 0, 0)
        real, painted = paint(self.ema.module, self.torso, self.reference, self.parts.validation)
        with torch.no_grad():
            score = round(float(perceptual_loss(self.features, painted, real)), 6)  # as the log has it
        if score < state.best:
            state.best = score
            self.checkpoints.keep_best(self.ema.module)
            offer(self.ema.module)
            self.run.show(state.step, real.cpu(), painted.cpu())
        self._log(validation=score)
        self.run.draw_curves()

    @property
    def _generator(self) -> Generator:
        return self.accelerator.unwrap_model(self.rollout).generator

    def _draw(self, footage: Footage, usable: np.ndarray, length: int, size: int, rng: np.random.Generator) -> Batch:
        starts = footage.starts(length, usable)
        return footage.batch(rng.choice(starts, size), length, self.accelerator.device)

    def _scarce(self, count: int) -> Tensor:
        """(count, K) bool, the exemplars that sequences of this step must do without."""
        rng, held = self._rng(self.progression.step, 1), self._generator.exemplars.count
        taken = rng.random((count, held)) < rng.choice(SCARCE, (count, 1))
        return torch.from_numpy(taken).to(self.accelerator.device)

    def _descend(self, loss: Tensor, model: nn.Module, optimiser: torch.optim.Optimizer) -> None:
        self.accelerator.backward(loss)
        if self.accelerator.sync_gradients:
            self.accelerator.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        optimiser.zero_grad()

    def _log(self, **values: float) -> None:
        if self.accelerator.is_main_process:
            self.run.log({"step": self.progression.step, "minutes": self.progression.seconds / 60, **values})

    def _rng(self, step: int, what: int = 0) -> np.random.Generator:
        return np.random.default_rng((self.config.seed, step, self.accelerator.process_index, what))

    def _done(self) -> tuple[int, int]:
        if self.config.steps:
            return self.progression.step, self.config.steps
        return int(self.progression.seconds), max(1, round(self.config.length * 60))

    def _part(self) -> int:
        """How many of the parts after which the weights are judged are over, of the length that the run has now."""
        return int(self._fraction() * JUDGED)

    def _fraction(self) -> float:
        if self.config.steps:
            return self.progression.step / self.config.steps
        return self.progression.seconds / (self.config.length * 60)


def learning_rate(step: int, fraction: float) -> float:
    """Factor of the learning rate: a short warm-up, level for half of the run, then down to nearly nothing."""
    return min(1.0, (step + 1) / 50) * min(1.0, max(0.02, (1 - fraction) * 2))


def _average(average: Tensor, now: Tensor, count: Tensor) -> Tensor:
    """Exponential moving average whose memory grows with the run, up to about 200 steps."""
    return average + (now - average) / torch.clamp((count + 10) / 10, max=200)

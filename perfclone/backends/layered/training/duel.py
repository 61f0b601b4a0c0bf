"""The step that every training of G takes: G against its discriminator (Goodfellow et al. 2014), on one batch."""

from __future__ import annotations

from typing import Literal

import torch
from accelerate import Accelerator
from torch import Tensor, nn

from perfclone.backends.layered.generator import Generator
from perfclone.backends.layered.recurrence import Rollout
from perfclone.backends.layered.training.branches import Weights, critic_view, paired_losses, unpaired_losses
from perfclone.backends.layered.training.discriminator import PatchDiscriminator, critic_loss
from perfclone.backends.layered.training.footage import Batch
from perfclone.backends.layered.training.perceptual import PerceptualFeatures

Branch = Literal["paired", "unpaired"]


class Duel:
    """G and its discriminator with their optimisers, in the hands of an accelerator.

    Args:
        accelerator: accelerate's; what it prepares here is in its checkpoints.
        rollout: G, rolled out.
        critic: The discriminator; None for none.
        weights: How much each loss counts.
    """

    def __init__(
        self, accelerator: Accelerator, rollout: Rollout, critic: PatchDiscriminator | None, weights: Weights
    ):
        self.accelerator, self.weights = accelerator, weights
        self.features = PerceptualFeatures().to(accelerator.device)
        rollout = rollout.to(memory_format=torch.channels_last)
        optimiser = torch.optim.AdamW(rollout.parameters(), betas=(0.9, 0.99), weight_decay=1e-4)
        self.rollout, self.optimiser = accelerator.prepare(rollout, optimiser)
        self.critic = self.critic_optimiser = None
        if critic:
            optimiser = torch.optim.Adam(critic.parameters(), 2e-4, (0.5, 0.99))
            self.critic, self.critic_optimiser = accelerator.prepare(critic, optimiser)

    @property
    def generator(self) -> Generator:
        """G itself."""
        return self.accelerator.unwrap_model(self.rollout).generator

    def step(
        self, branch: Branch, batch: Batch, warm: int, scarce: Tensor, rate: float, heard: bool = True
    ) -> dict[str, float]:
        """Learn from a batch, or with accumulation from one more of several.

        Args:
            branch: Whether there is a truth to compare with.
            batch: The sequences.
            warm: How many of their frames, at the start, are painted without gradient.
            scarce: (B, K) bool, the exemplars that they must do without.
            rate: G's learning rate.
            heard: Whether G heeds the discriminator, which learns in any case.

        Returns:
            The losses by name, as "paired/pixel".
        """
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        with self.accelerator.accumulate(self.rollout, *([self.critic] if self.critic else [])):
            losses = self._losses(branch, batch, warm, scarce, heard)
        return {f"{branch}/{name}": float(value.detach()) for name, value in losses.items()}

    def _losses(self, branch: Branch, batch: Batch, warm: int, scarce: Tensor, heard: bool) -> dict[str, Tensor]:
        view = None
        with self.accelerator.autocast():
            steps = self.rollout(batch, warm, scarce)
            if branch == "unpaired":
                losses = unpaired_losses(steps, self.weights)
            else:
                losses = paired_losses(self.features, steps, batch, warm, self.weights)
                view = critic_view(steps, batch) if self.critic else None
            if view and heard:
                critic = self.accelerator.unwrap_model(self.critic).requires_grad_(False)
                losses["fool"] = -self.weights.adversarial * critic(view.fake).mean()
                critic.requires_grad_(True)
        self._descend(sum(losses.values()), self.rollout, self.optimiser)
        if view:
            with self.accelerator.autocast():
                scores = self.critic(torch.cat([view.real, view.fake.detach()]))
                losses["critic"] = critic_loss(*scores.chunk(2))
            self._descend(losses["critic"], self.critic, self.critic_optimiser)
        return losses

    def _descend(self, loss: Tensor, model: nn.Module, optimiser: torch.optim.Optimizer) -> None:
        self.accelerator.backward(loss)
        if self.accelerator.sync_gradients:
            self.accelerator.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        optimiser.zero_grad()

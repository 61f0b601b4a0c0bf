"""The lessons of a LoRA: who the actor is, how what G paints is to be mended, and to leave everybody else alone.

All with the pose shown through the frozen ControlNet: a LoRA that was trained without loses the actor once it is on.
"""

from __future__ import annotations

from typing import Literal

import torch
from accelerate import Accelerator
from torch import Tensor, nn

from perfclone.backends.diffusion.model import LatentModel

Lesson = Literal["mend", "likeness", "prior"]
#: Whose turn it is, step by step.
SCHEDULE: tuple[Lesson, ...] = ("mend", "likeness", "mend", "prior")
#: How much more the actor counts than what is around.
PERSON = 4.0
#: How far a lesson in mending may go towards the truth before it begins, as a frame does that follows a mended one.
AHEAD = 0.5


class Student(nn.Module):
    """The LoRA, and nothing of the base, in the hands of whoever saves, moves and shares what is learnt.

    Args:
        model: The base, with the LoRA in it.
        strength: How far back into noise frames will be taken, (0, 1].
    """

    def __init__(self, model: LatentModel, strength: float):
        super().__init__()
        self.weights = nn.ParameterList(model.lora.values())
        self.weights.float().requires_grad_()
        self.__dict__["model"] = model  # not a part of this module: it is neither saved nor trained
        self.deepest = max(1, round(strength * len(model.signal)))

    def forward(
        self, lesson: Lesson, filmed: Tensor, painted: Tensor, mattes: Tensor, poses: Tensor, draw: torch.Generator
    ) -> Tensor:
        """The loss of a lesson.

        Args:
            lesson: Which.
            filmed: (B, C, s, s) latents of what is to come out.
            painted: (B, C, s, s) latents of what G makes of it.
            mattes: (B, 1, s, s) in [0, 1], where the actor is.
            poses: (B, 3, S, S) in [0, 1].
            draw: Of everything random, on the processor.
        """
        model, count = self.model, len(filmed)
        noise = torch.randn(filmed.shape, generator=draw).to(filmed)
        if lesson == "mend":
            ahead = AHEAD * torch.rand((count, 1, 1, 1), generator=draw).to(filmed)
            return self._mending(filmed, painted + ahead * (filmed - painted), mattes, poses, noise, draw)
        at = torch.randint(0, len(model.signal), (count,), generator=draw).to(filmed.device)
        noisy = model.noisy(filmed, noise, at)
        if lesson == "likeness":
            said = model.clean(noisy, model.predict(noisy, at, model.caption, poses), at)
            return self._weighted(said - filmed, 1 + PERSON * mattes, at)
        said = model.predict(noisy, at, model.usual, poses)
        model.unet.disable_adapters()
        with torch.no_grad():
            before = model.predict(noisy, at, model.usual, poses)
        model.unet.enable_adapters()
        return (said - before).square().mean()

    def _mending(self, filmed, painted, mattes, poses, noise, draw) -> Tensor:
        model = self.model
        at = torch.randint(self.deepest // 5, self.deepest + 1, (len(filmed),), generator=draw).to(filmed.device)
        noisy = model.noisy(painted, noise, at)
        said = model.clean(noisy, model.predict(noisy, at, model.caption, poses), at)
        return ((said - filmed).square() * (1 + PERSON * mattes)).mean()

    def _weighted(self, error: Tensor, weights: Tensor, at: Tensor) -> Tensor:
        """The squared error of what was said to be clean, as much of it as there was signal (Hang et al. 2023)."""
        signal = self.model.signal[at].view(-1, 1, 1, 1)
        trusted = (signal / (1 - signal)).clamp(max=5)
        return (error.square() * weights * trusted).mean()


def optimiser_of(student: Student) -> torch.optim.Optimizer:
    """AdamW for the LoRA alone."""
    return torch.optim.AdamW(student.parameters(), betas=(0.9, 0.99), weight_decay=1e-3)


def advance(
    accelerator: Accelerator, student: nn.Module, optimiser: torch.optim.Optimizer, rate: float, *lesson
) -> float:
    """Take a step; gives the loss."""
    for group in optimiser.param_groups:
        group["lr"] = rate
    with accelerator.accumulate(student):
        with accelerator.autocast():
            loss = student(*lesson)
        accelerator.backward(loss)
        if accelerator.sync_gradients:
            accelerator.clip_grad_norm_(student.parameters(), 1.0)
        optimiser.step()
        optimiser.zero_grad()
    return float(loss.detach())

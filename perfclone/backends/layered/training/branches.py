"""The losses of the two branches, and what the discriminator is shown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from perfclone.backends.layered.painting import halved
from perfclone.backends.layered.recurrence import Step
from perfclone.backends.layered.training.discriminator import pose_pictures
from perfclone.backends.layered.training.footage import Batch
from perfclone.backends.layered.training.losses import (
    around,
    coherence_loss,
    cut_regions,
    perceptual_loss,
    pixel_loss,
    region_boxes,
)
from perfclone.backends.layered.training.perceptual import PerceptualFeatures


@dataclass(frozen=True)
class Weights:
    """How much each loss counts; those of the regions, face and hands, count ``regions`` times as much there."""

    pixel: float
    perceptual: float
    matte: float
    regions: float
    adversarial: float
    coherence: float = 2.0


#: Of a base that learns to copy from many people, and of an actor who has such a base: there the poses never quite fit
#: the frames, and what measures pixel by pixel would rather have the mean of what might be right, which is blurred.
MANY = Weights(pixel=0.5, perceptual=1.0, matte=0.5, regions=0.5, adversarial=0.3)
ONE = Weights(pixel=0.0, perceptual=0.3, matte=0.5, regions=1.0, adversarial=1.0)


class View(NamedTuple):
    """What the discriminator compares.

    Attributes:
        real: (B, C, S, S) filmed frames and the pictures of their pose.
        fake: (B, C, S, S) painted frames and the pictures of theirs.
    """

    real: Tensor
    fake: Tensor


def paired_losses(
    features: PerceptualFeatures, steps: list[Step], batch: Batch, warm: int, weights: Weights
) -> dict[str, Tensor]:
    """The paired branch: the steps after the warm-up against the frames of the reference video, where these go."""
    layers = [step.layers for step in steps[warm:]]
    x = torch.cat([each.over(batch.plates[:, warm + n]) for n, each in enumerate(layers)])
    alpha = torch.cat([each.alpha for each in layers])
    flat = lambda each: each[:, warm:].transpose(0, 1).flatten(0, 1)  # noqa: E731
    filmed = flat(batch.filmed)
    y = torch.where(filmed, flat(batch.frames), x.detach())
    matte = torch.where(filmed, flat(batch.mattes), alpha.detach())
    rows, columns = around(matte)
    person, filmed_person = x[..., rows, columns], y[..., rows, columns]
    boxes = torch.cat([region_boxes(step.now, step.seen, step.scale) for step in steps[warm:]])
    near, true = cut_regions(x, boxes), cut_regions(y, boxes)
    losses = {
        "pixel": weights.pixel * pixel_loss(x, y, matte),
        "perceptual": weights.perceptual * perceptual_loss(features, person, filmed_person),
        "matte": weights.matte * (alpha - matte).abs().mean(),
    }
    if len(near):
        close = weights.pixel * (near - true).abs().mean() + weights.perceptual * perceptual_loss(features, near, true)
        losses["regions"] = weights.regions * close
    return losses


def unpaired_losses(steps: list[Step], weights: Weights) -> dict[str, Tensor]:
    """The unpaired branch: each painted frame against the one before it, moved as the body moved."""
    pairs = [coherence_loss(step.recalled, halved(step.past.memory), step.maps) for step in steps[1:]]
    return {"coherence": weights.coherence * sum(pairs) / len(pairs)}


def critic_view(steps: list[Step], batch: Batch) -> View:
    """The last frame of each sequence, filmed and painted; what was not filmed is the same in both."""
    pose, real = pose_pictures(steps[-1].maps), batch.frames[:, -1]
    painted = torch.where(batch.filmed[:, -1], steps[-1].layers.over(batch.plates[:, -1]), real)
    return View(torch.cat([real, pose], 1), torch.cat([painted, pose], 1))

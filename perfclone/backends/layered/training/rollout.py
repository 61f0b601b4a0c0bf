"""Rolling G out on its own output, frame after frame: the same in training and in validation."""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from perfclone.backends.layered.conditioning import PartMaps
from perfclone.backends.layered.crop import carry, to_crop
from perfclone.backends.layered.generator import Generator, Layers
from perfclone.backends.layered.training.footage import Clip


class Step(NamedTuple):
    """One frame of a rollout.

    Attributes:
        layers: What G painted.
        maps: What it was shown.
        now: (B, J, 2) the pose in crop pixels.
        seen: (B, J) bool.
        scale: (B,) torso length in crop pixels.
        recalled: (B, 4, S / 2, S / 2) the frame before moved along the motion, or None at the start.
    """

    layers: Layers
    maps: PartMaps
    now: Tensor
    seen: Tensor
    scale: Tensor
    recalled: Tensor | None


class Rollout(nn.Module):
    """G over consecutive frames.

    Args:
        generator: G.
        torso: The actor's torso length in frame pixels.
    """

    def __init__(self, generator: Generator, torso: float):
        super().__init__()
        self.generator, self.torso = generator, torso

    def forward(self, clip: Clip, warm: int = 0) -> list[Step]:
        """Paint the frames of a clip, each told of the one before; the first ``warm`` of them without gradient."""
        steps, memory = [], None
        for n in range(clip.boxes.shape[1]):
            with torch.set_grad_enabled(torch.is_grad_enabled() and n >= warm):
                steps.append(self._step(clip, n, memory))
            memory = steps[-1].layers.memory()
        return steps

    def look(self, clip: Clip, n: int) -> tuple[PartMaps, Tensor, Tensor, Tensor]:
        """What G is shown of frame n of a clip: maps, pose in crop pixels, joints seen, scale."""
        size, boxes = self.generator.resolution, clip.boxes[:, n]
        window = to_crop(clip.keypoints[:, n : n + 3], boxes[:, None], size)
        seen, scale = clip.seen[:, n : n + 3], self.torso * size / boxes[:, 2]
        return self.generator.maps(window, seen, scale), window[:, 1], seen[:, 1], scale

    def _step(self, clip: Clip, n: int, memory: Tensor | None) -> Step:
        maps, now, seen, scale = self.look(clip, n)
        recalled = None
        if memory is not None:
            memory = carry(memory, clip.boxes[:, n - 1], clip.boxes[:, n])
            recalled = self.generator.recall(memory, maps.motion, scale)
        return Step(self.generator.paint(maps, now, seen, scale, recalled), maps, now, seen, scale, recalled)


def half(memory: Tensor) -> Tensor:
    """(B, 4, S, S) -> (B, 4, S / 2, S / 2), as G recalls it."""
    return F.avg_pool2d(memory, 2)

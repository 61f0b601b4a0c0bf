"""The recurrence: G paints a frame from its poses and its own previous output. The same in training and in cloning."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor, nn

from perfclone.backends.layered.conditioning import PartMaps
from perfclone.backends.layered.crop import carry, to_crop
from perfclone.backends.layered.painting import Layers, Painting

if TYPE_CHECKING:
    from perfclone.backends.layered.training.footage import Batch


#: Exemplars that were filmed within so many seconds of a frame are not shown while it is learnt from.
NEAR_S = 0.4


class Past(NamedTuple):
    """What a frame leaves to the next one.

    Attributes:
        memory: (B, 4, S, S) ``Layers.memory()``.
        boxes: (B, 3) the crops that it was painted in: x, y, side in frame pixels.
        chosen: (B, R, M) int, the exemplars that it was copied from, or None.
    """

    memory: Tensor
    boxes: Tensor
    chosen: Tensor | None


class Step(NamedTuple):
    """One frame of the recurrence.

    Attributes:
        layers: What G painted.
        maps: What it was shown.
        now: (B, J, 2) the pose in crop pixels.
        seen: (B, J) bool.
        scale: (B,) torso length in crop pixels.
        recalled: (B, 4, S / 2, S / 2) the frame before moved along the motion, or None at the start.
        boxes: (B, 3) the crops: x, y, side in frame pixels.
        chosen: (B, R, M) int, the exemplars that were copied from, or None.
        size: Side S of G's crop, pixels.
    """

    layers: Layers
    maps: PartMaps
    now: Tensor
    seen: Tensor
    scale: Tensor
    recalled: Tensor | None
    boxes: Tensor
    chosen: Tensor | None
    size: int

    @property
    def past(self) -> Past:
        """What the next frame is told of this one."""
        return Past(self.layers.memory(self.size), self.boxes, self.chosen)


def step(
    generator: Painting,
    torso: float,
    keypoints: Tensor,
    seen: Tensor,
    face: Tensor,
    arms: Tensor,
    hands: Tensor,
    boxes: Tensor,
    past: Past | None,
    bar: Tensor | None = None,
    large: int | None = None,
) -> Step:
    """Paint a frame: crop, scale, the memory carried along, and G.

    Args:
        generator: G.
        torso: The actor's torso length in frame pixels.
        keypoints: (B, 3, J, 2) float, frame pixels, the poses one frame before, now and one after.
        seen: (B, 3, J) bool.
        face: (B, FACE_TRAITS) float, what is known of the face now.
        arms: (B, 2) float, how far beyond the trunk the arms are, frame pixels.
        hands: (B, 2, 21, 3) float, as ``fingers.hand_points`` gives them.
        boxes: (B, 3) float, the crops: x, y, side in frame pixels; they may stay on the CPU.
        past: Of the frame before; None at a start.
        bar: (B, K) bool, exemplars that may not be copied from, or None.
        large: Side of the layers, pixels, where it is not S.
    """
    size, device = generator.resolution, keypoints.device
    window = to_crop(keypoints, boxes[:, None].to(device), size)
    # In double, so that a crop of one size gives one scale whoever asks; where there is no double, boxes are not.
    scale = (torso * size / boxes[:, 2].double()).float().to(device)
    memory, last = (None, None) if past is None else (carry(past.memory, past.boxes, boxes), past.chosen)
    at = to_crop(hands[..., :2].flatten(1, 2), boxes.to(device), size).unflatten(1, hands.shape[1:3])
    hands = torch.cat([at, hands[..., 2:]], -1)
    painted = generator(window, seen, scale, face, arms / torso, hands, memory, last, bar, large)
    now = (window[:, 1], seen[:, 1], scale)
    return Step(painted.layers, painted.maps, *now, painted.recalled, boxes, painted.chosen, size)


class Rollout(nn.Module):
    """G rolled out over consecutive frames, each told of the one before.

    Args:
        generator: G.
        torso: The actor's torso length in frame pixels.
    """

    def __init__(self, generator: Painting, torso: float):
        super().__init__()
        self.generator, self.torso = generator, torso

    def forward(self, batch: Batch, warm: int = 0, scarce: Tensor | None = None) -> list[Step]:
        """Paint the frames of a batch of sequences.

        Args:
            batch: The sequences.
            warm: How many of their frames, at the start, are painted without gradient.
            scarce: (B, K) bool, exemplars that are taken away besides those filmed about then, or None.
        """
        steps: list[Step] = []
        for n in range(batch.boxes.shape[1]):
            window, bar = slice(n, n + 3), self._bar(batch, n, scarce)
            keypoints, seen = batch.keypoints[:, window], batch.seen[:, window]
            told, boxes = (batch.faces[:, n], batch.arms[:, n], batch.hands[:, n]), batch.boxes[:, n]
            with torch.set_grad_enabled(torch.is_grad_enabled() and n >= warm):
                past = steps[-1].past if steps else None
                steps.append(step(self.generator, self.torso, keypoints, seen, *told, boxes, past, bar))
        return steps

    def _bar(self, batch: Batch, n: int, scarce: Tensor | None) -> Tensor | None:
        """(B, K) the exemplars that were filmed so near to the n-th frames that to copy them would teach nothing."""
        times = self.generator.exemplars.times
        if times is None or batch.times is None:
            return scarce
        near = (batch.times[:, n, None] - times).abs() < NEAR_S
        return near if scarce is None else near | scarce

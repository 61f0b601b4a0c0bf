"""Where a picture of the frame before belongs by now: each part of the body takes along what lay on it."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from perfclone.backends.layered.parts import ARMS, PARTS, REGIONS, carrying_frames, parts_seen
from perfclone.backends.layered.recurrence import Step

_ARMS = [part for region in ARMS for part in REGIONS[region]]
_ARM = torch.zeros(PARTS, dtype=torch.bool, device="cpu").index_fill(0, torch.tensor(_ARMS, device="cpu"), True)


def moved(picture: Tensor, step: Step, before: Tensor, seen: Tensor) -> Tensor:
    """A picture of the frame before, each pixel fetched from where its body point was.

    Args:
        picture: (1, C, S, S), in the crop of now.
        step: The frame of now.
        before: (1, J, 2) the pose of the frame before, in pixels of the step's crop.
        seen: (1, J) bool.

    Returns:
        (1, C, S, S)
    """
    half, side = math.isqrt(step.maps.weight.shape[1]), picture.shape[-1]
    known = step.seen & seen
    share = _shares(step.maps.weight[0].square() * parts_seen(known))
    shifts = share @ _shifts(step, before, known).flatten(1)  # (N, 6): affine, each pixel's own
    shift = (shifts.unflatten(1, (2, 3)) @ _pixels(half, step.size, picture.device)[..., None])[..., 0]
    shift = F.interpolate(shift.T.view(1, 2, half, half), size=(side, side), mode="bilinear")
    here = _pixels(side, step.size, picture.device)[:, :2].view(1, side, side, 2)
    grid = (here + shift.permute(0, 2, 3, 1)) * (2 / step.size) - 1
    return F.grid_sample(picture, grid.to(picture.dtype), align_corners=False)


def _shares(weight: Tensor) -> Tensor:
    """(N, P) what of each pixel's motion is each part's, of their weights; where an arm is, it is in front."""
    in_front = weight[:, _ARMS].amax(-1, keepdim=True)
    weight = weight * torch.where(_ARM.to(weight.device), 1, 1 - in_front)
    return weight / (weight.sum(-1, keepdim=True) + 1e-4)


def _shifts(step: Step, before: Tensor, known: Tensor) -> Tensor:
    """(P, 2, 3) for each part the affine map from a pixel to how far off its body point was."""
    last, now = (carrying_frames(pose, known, step.scale)[0].cpu() for pose in (before, step.now))
    now = torch.cat([now[..., :2], (now - last)[..., 2:]], -1)
    return (torch.linalg.pinv(last[..., :2]) @ now - torch.eye(2, 3)).to(before.device)  # a part may have no extent


def _pixels(count: int, size: int, device: torch.device) -> Tensor:
    """(count ** 2, 3) the middles of so many pixels along the side of a crop, x, y, 1, in a crop of another size."""
    line = (torch.arange(count, device=device) + 0.5) * (size / count)
    x, y = torch.meshgrid(line, line, indexing="xy")
    return torch.stack([x, y, torch.ones_like(x)], -1).view(-1, 3)

"""Conditioning: a window of poses -> maps of the body's parts over the picture, the maps that G reads."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn

from perfclone.backends.layered.parts import (
    ENDS,
    FINGERS,
    LEAST_LENGTH,
    LIMB_WIDTH,
    LIMBS,
    PARTS,
    STARTS,
    part_frames,
    parts_seen,
)
from perfclone.pose.skeleton import EARS, HEAD, HIPS, INDEX, NECK, SHOULDERS, TRUNK

#: Offsets in frames of the window of poses that G sees.
WINDOW: tuple[int, ...] = (-1, 0, 1)
#: Half-width of a limb's soft mask, torso lengths.
MASK_WIDTH = 0.16
_NOSE = INDEX["nose"]
#: The hands among the limbs.
_HANDS = [LIMBS.index((f"{side}_wrist", f"{side}_index")) for side in ("right", "left")]
#: Length of the descriptor of :func:`facing`.
FACING = 12
#: The part of the torso's and the head's frame that is surely body, and how many torso lengths a unit beyond it is.
_CORES, _UNITS = (0.8, 0.6), (0.4, 0.38)


class PartMaps(NamedTuple):
    """The maps of a batch, pixel-major, so that reshaped they are channels-last pictures.

    Attributes:
        local: (B, N, P, 2) float, coordinates in each part's frame, as ``part_frames`` gives them.
        weight: (B, N, P) float in [0, 1], each part's soft mask.
        share: (B, N, P) float in [0, 1], the masks normalised over the parts.
        motion: (B, N, 4) float, torso lengths: where this pixel's body point was a frame ago and will be a frame
            from now, relative to the pixel (x, y, x, y).
        length: (B, 1, L) float, of the limbs, torso lengths.
        there: (B, 1, P) bool, whether the part is known.
    """

    local: Tensor
    weight: Tensor
    share: Tensor
    motion: Tensor
    length: Tensor
    there: Tensor

    @property
    def uv(self) -> Tensor:
        """(B, N, P, 2) coordinates in each part's frame, about [-1, 1] inside the part."""
        limbs = self.local[:, :, :-2]
        return torch.cat([torch.stack([(limbs[..., 0] - 0.5) * 1.4, limbs[..., 1]], -1), self.whole_uv], 2)

    @property
    def whole_uv(self) -> Tensor:
        """(B, N, 2, 2) the same of the torso and the head alone."""
        return self.local[:, :, -2:] * 0.7

    @property
    def reach(self) -> Tensor:
        """(B, N, P) squared distances from the parts, torso lengths ** 2; huge where a part is not known."""
        return self.reach_of_every(1)

    def reach_of_every(self, step: int) -> Tensor:
        """(B, N / step ** 2, P) the same of one of so many rows and columns."""
        side = math.isqrt(self.local.shape[1])
        local = self.local.unflatten(1, (side, side))[:, ::step, ::step].flatten(1, 2)
        limbs, whole = local[:, :, :-2], local[:, :, -2:]
        reach = torch.cat([_to_finger_tips(_to_limbs(limbs, self.length), limbs, self.length), _beyond(whole)], -1)
        return reach.masked_fill(~self.there, 1e6)


class Conditioning(nn.Module):
    """Poses to maps at half the resolution of G's crop.

    Args:
        resolution: Side of G's square crop in pixels; the maps are half as wide, N = (resolution / 2) ** 2.
    """

    def __init__(self, resolution: int):
        super().__init__()
        # Not learned, so never read from a file: there even where the rest is still without memory (device "meta").
        centres = torch.arange(resolution // 2, device="cpu") * 2.0 + 1.0
        y, x = torch.meshgrid(centres, centres, indexing="ij")
        self.register_buffer("pixels", torch.stack([x, y, torch.ones_like(x)], -1).view(-1, 3), persistent=False)

    def forward(self, keypoints: Tensor, seen: Tensor, scale: Tensor) -> PartMaps:
        """Compute the maps.

        Args:
            keypoints: (B, 3, J, 2) float, pixels in the crop, the poses at ``WINDOW``.
            seen: (B, 3, J) bool, whether the joint is known.
            scale: (B,) float, the actor's torso length in crop pixels.
        """
        before, now, after = keypoints.unbind(1)
        there = parts_seen(seen[:, 1])[:, None]
        rows = part_frames(now, seen[:, 1], scale)
        local = (self.pixels @ rows.flatten(1, 2).transpose(1, 2)).unflatten(-1, (PARTS, 2))  # (B, N, P, 2)
        limbs, whole = local[:, :, :-2], local[:, :, -2:]
        length = ((now[:, ENDS] - now[:, STARTS]).norm(dim=-1).clamp(min=LEAST_LENGTH) / scale[:, None])[:, None]
        near = _to_limbs(limbs, length)
        torso_reach = (whole[:, :, :1] / 1.3).pow(4).sum(-1)
        head_reach = whole[:, :, 1:].square().sum(-1).square()
        # Far from a part exp would give subnormal numbers, which make a CPU crawl.
        soft = torch.cat([near / MASK_WIDTH**2, torso_reach, head_reach], -1).clamp(max=20)
        weight = torch.exp(-soft) * there
        share = weight / (weight.sum(-1, keepdim=True) + 0.05)
        motion = self._motion(before, now, after, seen, share, limbs[..., 0].clamp(0, 1)) / scale[:, None, None]
        return PartMaps(local, weight, share, motion, length, there)

    def _motion(self, before, now, after, seen, share, along) -> Tensor:
        """Displacements of the two ends of each part, spread along it and blended over the parts: (B, N, 4) pixels."""
        shift = torch.cat([(p - now) * (seen[:, k] & seen[:, 1])[..., None] for p, k in ((before, 0), (after, 2))], -1)
        whole = torch.stack([shift[:, TRUNK].mean(1), shift[:, HEAD].mean(1)], 1)
        at_start = torch.cat([shift[:, STARTS], whole], 1)  # (B, P, 4)
        stretch = shift[:, ENDS] - shift[:, STARTS]
        return share @ at_start + (share[:, :, :-2] * along) @ stretch


def _to_limbs(limbs: Tensor, length: Tensor) -> Tensor:
    """(B, N, L) squared distances from the limbs, of their coordinates (B, N, L, 2) and lengths (B, 1, L)."""
    along, across = limbs.unbind(-1)
    return ((along - along.clamp(0, 1)) * length).square() + (across * LIMB_WIDTH).square()


def _to_finger_tips(near: Tensor, limbs: Tensor, length: Tensor) -> Tensor:
    """(B, N, L) squared distances from the limbs, with hands as long as their fingers: P's index is a knuckle."""
    along, across = limbs[:, :, _HANDS].unbind(-1)
    beyond = (along - along.clamp(0, FINGERS)) * length[:, :, _HANDS]
    near[:, :, _HANDS] = beyond.square() + (across * LIMB_WIDTH).square()
    return near


def _beyond(whole: Tensor) -> Tensor:
    """(B, N, 2) squared distance from the core of the torso, a box, and of the head, a disc; of their coordinates."""
    torso = ((whole[:, :, 0].abs() - _CORES[0]).clamp(min=0) * _UNITS[0]).square().sum(-1)
    head = ((whole[:, :, 1].norm(dim=-1) - _CORES[1]).clamp(min=0) * _UNITS[1]).square()
    return torch.stack([torso, head], -1)


def facing(now: Tensor, known: Tensor, scale: Tensor) -> Tensor:
    """A short descriptor of the view: which way the shoulders, the hips and the face point, and what is hidden.

    Args:
        now: (B, J, 2) crop pixels.
        known: (B, J) bool.
        scale: (B,) torso length in crop pixels.

    Returns:
        (B, FACING) float, about [-1, 1].
    """
    unit = scale[:, None]
    ears = now[:, EARS].mean(1)
    vectors = [now[:, SHOULDERS[1]] - now[:, SHOULDERS[0]], now[:, HIPS[1]] - now[:, HIPS[0]], now[:, _NOSE] - ears,
               now[:, EARS[1]] - now[:, EARS[0]]]  # fmt: skip
    spine = (now[:, NECK] - now[:, HIPS].mean(1)) / unit
    face = known[:, _NOSE] & known[:, EARS].all(1)
    turn = torch.cat([v / unit for v in vectors[:2]] + [v / unit * face[:, None] for v in vectors[2:]], -1)
    return torch.cat([turn, spine, known[:, EARS].float() - 0.5], -1).clamp(-2, 2)

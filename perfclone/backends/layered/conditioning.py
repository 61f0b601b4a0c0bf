"""Conditioning: a window of poses -> limb-local coordinate maps, the maps that G reads.

Every part of the body carries its own coordinate frame: a limb measures *u* along itself and *v* across it, the torso
and the head have an affine frame whose sign tells front from back. A texture looked up at these coordinates sticks to
the part however it moves (measured against skeleton pictures in ``docs/experiments.md``).
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from perfclone.pose.skeleton import EARS, HEAD, HIPS, INDEX, NECK, SHOULDERS, TRUNK

#: Limbs as (start, end); the torso and the head follow them on the part axis.
LIMBS: tuple[tuple[str, str], ...] = tuple(
    (f"{side}_{a}", f"{side}_{b}")
    for a, b in (("shoulder", "elbow"), ("elbow", "wrist"), ("hip", "knee"), ("knee", "ankle"), ("wrist", "index"),
                 ("ankle", "toe"), ("shoulder", "hip"))
    for side in ("right", "left")
) + (("neck", "nose"), ("neck", "right_shoulder"), ("neck", "left_shoulder"))  # fmt: skip
PARTS = len(LIMBS) + 2
#: Offsets in frames of the window of poses that G sees.
WINDOW: tuple[int, ...] = (-1, 0, 1)
#: Widths in torso lengths: the half-width that a limb's texture covers, and that of its soft mask.
TEXTURE_WIDTH, MASK_WIDTH, HEAD_RADIUS = 0.35, 0.16, 0.38
_NOSE = INDEX["nose"]
#: Length of the descriptor of :func:`facing`.
FACING = 12


class PartMaps(NamedTuple):
    """The maps of a batch, pixel-major, so that reshaped they are channels-last pictures.

    Attributes:
        uv: (B, N, P, 2) float, texture coordinates, [-1, 1] inside the part's texture.
        weight: (B, N, P) float in [0, 1], each part's soft mask.
        share: (B, N, P) float in [0, 1], the masks normalised over the parts.
        motion: (B, N, 4) float, torso lengths: where this pixel's body point was a frame ago and will be a frame
            from now, relative to the pixel (x, y, x, y).
    """

    uv: Tensor
    weight: Tensor
    share: Tensor
    motion: Tensor


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
        ends = torch.tensor([[INDEX[a], INDEX[b]] for a, b in LIMBS], device="cpu")
        self.register_buffer("starts", ends[:, 0], persistent=False)
        self.register_buffer("ends", ends[:, 1], persistent=False)

    def forward(self, keypoints: Tensor, seen: Tensor, scale: Tensor) -> PartMaps:
        """Compute the maps.

        Args:
            keypoints: (B, 3, J, 2) float, pixels in the crop, the poses at ``WINDOW``.
            seen: (B, 3, J) bool, whether the joint is known.
            scale: (B,) float, the actor's torso length in crop pixels.
        """
        before, now, after = keypoints.unbind(1)
        known = seen[:, 1]
        a, b = now[:, self.starts], now[:, self.ends]
        torso, head = _torso_frame(now, scale), _head_frame(now, known, scale)
        rows = torch.cat([_limb_rows(a, b, scale), torch.stack([torso, head], 1)], 1)  # (B, P, 2, 3)
        local = (self.pixels @ rows.flatten(1, 2).transpose(1, 2)).unflatten(-1, (PARTS, 2))  # (B, N, P, 2)
        limbs, n = local[:, :, :-2], len(LIMBS)
        along = limbs[..., 0].clamp(0, 1)
        length = ((b - a).norm(dim=-1) / scale[:, None])[:, None]
        reach = ((limbs[..., 0] - along) * length).square() + (limbs[..., 1] * TEXTURE_WIDTH).square()
        reach = reach / MASK_WIDTH**2
        torso_reach = (local[:, :, n] / 1.3).pow(4).sum(-1)
        head_reach = local[:, :, n + 1].square().sum(-1).square()
        reach = torch.cat([reach, torso_reach[..., None], head_reach[..., None]], -1)
        # Far from a part exp would give subnormal numbers, which make a CPU crawl.
        weight = torch.exp(-reach.clamp(max=20)) * self._part_seen(known)[:, None]
        share = weight / (weight.sum(-1, keepdim=True) + 0.05)
        uv = torch.cat([torch.stack([(limbs[..., 0] - 0.5) * 1.4, limbs[..., 1]], -1), local[:, :, n:] * 0.7], 2)
        motion = self._motion(before, now, after, seen, share, along) / scale[:, None, None]
        return PartMaps(uv, weight, share, motion)

    def _part_seen(self, known: Tensor) -> Tensor:
        """(B, P) whether a part's joints are known."""
        limbs = known[:, self.starts] & known[:, self.ends]
        torso = known[:, TRUNK].all(1, keepdim=True)
        head = known[:, HEAD].any(1, keepdim=True) & known[:, NECK : NECK + 1]
        return torch.cat([limbs, torso, head], 1)

    def _motion(self, before, now, after, seen, share, along) -> Tensor:
        """Displacements of the two ends of each part, spread along it and blended over the parts: (B, N, 4) pixels."""
        shift = torch.cat([(p - now) * (seen[:, k] & seen[:, 1])[..., None] for p, k in ((before, 0), (after, 2))], -1)
        whole = torch.stack([shift[:, TRUNK].mean(1), shift[:, HEAD].mean(1)], 1)
        at_start = torch.cat([shift[:, self.starts], whole], 1)  # (B, P, 4)
        stretch = shift[:, self.ends] - shift[:, self.starts]
        return share @ at_start + (share[:, :, :-2] * along) @ stretch


def _limb_rows(a: Tensor, b: Tensor, scale: Tensor) -> Tensor:
    """(B, L, 2, 3) affine maps from a pixel to (u in [0, 1] from start to end, v in texture half-widths)."""
    d = b - a
    length = d.norm(dim=-1, keepdim=True).clamp(min=2.0)
    along = d / length.square()
    across = torch.stack([d[..., 1], -d[..., 0]], -1) / (length * TEXTURE_WIDTH * scale[:, None, None])
    return _rows(a, along, across)


def _rows(origin: Tensor, first: Tensor, second: Tensor) -> Tensor:
    """Stack two covectors (..., 2) and their offsets at the origin into (..., 2, 3)."""
    axes = torch.stack([first, second], -2)
    return torch.cat([axes, -(axes @ origin[..., None])], -1)


def _affine(origin: Tensor, across: Tensor, down: Tensor, least: Tensor) -> Tensor:
    """(B, 2, 3) inverse of the frame (origin, across, down); its determinant keeps its sign and at least ``least``."""
    det = across[:, 0] * down[:, 1] - across[:, 1] * down[:, 0]
    det = torch.where(det < 0, -1.0, 1.0) * torch.maximum(det.abs(), least)
    first = torch.stack([down[:, 1], -down[:, 0]], -1) / det[:, None]
    second = torch.stack([-across[:, 1], across[:, 0]], -1) / det[:, None]
    return _rows(origin, first, second)


def _torso_frame(now: Tensor, scale: Tensor) -> Tensor:
    neck, hips = now[:, NECK], now[:, HIPS].mean(1)
    across = (now[:, SHOULDERS[1]] - now[:, SHOULDERS[0]]) / 2
    return _affine((neck + hips) / 2, across, (hips - neck) / 2, 0.08 * scale.square())


def _head_frame(now: Tensor, known: Tensor, scale: Tensor) -> Tensor:
    """A disc around the head, its axis from the neck, centred between the ears (on the face if they are hidden)."""
    face = known[:, HEAD].float()[..., None]
    centre = (now[:, HEAD] * face).sum(1) / face.sum(1).clamp(min=1)
    ears = known[:, EARS].all(1, keepdim=True)
    centre = torch.where(ears, now[:, EARS].mean(1), centre)
    up = centre - now[:, NECK]
    up = up / up.norm(dim=-1, keepdim=True).clamp(min=1e-3)
    radius = (HEAD_RADIUS * scale)[:, None]
    return _rows(centre, torch.stack([-up[:, 1], up[:, 0]], -1) / radius, -up / radius)


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

"""What G is trained on, beside the discriminators."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from perfclone.backends.layered.conditioning import PartMaps
from perfclone.backends.layered.training.perceptual import PerceptualFeatures
from perfclone.pose.skeleton import HEAD, INDEX

#: Side of the enlarged crops of the face and the hands, pixels.
REGION_SIDE = 48
#: How much of the perceptual loss holds things to their places.
_HELD = 0.15
_HANDS = [(INDEX[f"{side}_wrist"], INDEX[f"{side}_index"]) for side in ("right", "left")]


def pixel_loss(x: Tensor, y: Tensor, matte: Tensor) -> Tensor:
    """Mean absolute difference of (B, 3, H, W) pictures; the person, matte (B, 1, H, W) in [0, 1], counts fourfold."""
    return ((x - y).abs() * (1 + 3 * matte)).mean()


def perceptual_loss(features: PerceptualFeatures, x: Tensor, y: Tensor) -> Tensor:
    """Relative difference of feature maps, summed over the levels, that forgives a small shift.

    As in Johnson et al. 2016, but each place may find its like among the real one's neighbours, as contextual losses
    allow (Mechrez, Talmi and Zelnik-Manor 2018): the poses that G is given are never quite those of the frames, and
    what has to lie exactly on them is best painted blurred. A small part of the loss holds everything to its place.

    Args:
        features: The frozen network.
        x: (B, 3, H, W) in [0, 1], generated.
        y: (B, 3, H, W) in [0, 1], real; no gradient flows into it.
    """
    with torch.no_grad():
        real = features(y)
    return sum(_nearest(a, b) / (b.abs().mean() + 1e-3) for a, b in zip(features(x), real))


def _nearest(a: Tensor, b: Tensor) -> Tensor:
    """Mean difference of maps (B, C, h, w), each place of the first from the most alike of 3 x 3 of the second."""
    height, width = a.shape[-2:]
    wide = F.pad(b, (1, 1, 1, 1), mode="replicate")
    shifts = [wide[..., y : y + height, x : x + width] for y in range(3) for x in range(3)]
    apart = torch.stack([(a - shifted).abs().mean(1) for shifted in shifts])
    return apart.amin(0).mean() + _HELD * apart[len(shifts) // 2].mean()


def around(matte: Tensor, margin: int = 16) -> tuple[slice, slice]:
    """Rows and columns that hold every person of a batch (B, 1, H, W): beyond is plate, which costs as much."""
    spans = []
    for inside, length in ((matte.amax((0, 1, 3)), matte.shape[2]), (matte.amax((0, 1, 2)), matte.shape[3])):
        at = (inside > 0.1).nonzero()
        low, high = (int(at[0]), int(at[-1]) + 1) if len(at) else (0, length)
        spans.append(slice(max(low - margin, 0), min(high + margin, length)))
    return spans[0], spans[1]


def region_boxes(now: Tensor, seen: Tensor, scale: Tensor) -> Tensor:
    """Where the face and the two hands are.

    Args:
        now: (B, J, 2) crop pixels.
        seen: (B, J) bool.
        scale: (B,) torso length in crop pixels.

    Returns:
        (B, 3, 3) centre x, centre y and half side in crop pixels; half side 0 where the region is not seen.
    """
    face = seen[:, HEAD].float()[..., None]
    centre = (now[:, HEAD] * face).sum(1) / face.sum(1).clamp(min=1)
    rows = [torch.cat([centre, (0.45 * scale * face[:, :, 0].any(1))[:, None]], -1)]
    for wrist, finger in _HANDS:
        known = seen[:, wrist]
        tip = torch.where(seen[:, finger, None], now[:, finger], now[:, wrist])
        rows.append(torch.cat([(now[:, wrist] + 2 * tip) / 3, (0.25 * scale * known)[:, None]], -1))
    return torch.stack(rows, 1)


def cut_regions(images: Tensor, boxes: Tensor) -> Tensor:
    """Enlarge regions of (B, C, S, S) images: boxes (B, R, 3) -> (number seen, C, REGION_SIDE, REGION_SIDE)."""
    side = images.shape[-1]
    seen = boxes[..., 2] > 0
    of = torch.arange(len(images), device=images.device)[:, None].expand_as(seen)[seen]
    box = boxes[seen] * (2 / side)
    theta = torch.zeros(len(box), 2, 3, device=images.device, dtype=images.dtype)
    theta[:, 0, 0] = theta[:, 1, 1] = box[:, 2]
    theta[:, :, 2] = box[:, :2] - 1
    grid = F.affine_grid(theta, [len(box), images.shape[1], REGION_SIDE, REGION_SIDE], align_corners=False)
    return F.grid_sample(images[of], grid, align_corners=False, padding_mode="border")


def coherence_loss(before: Tensor, now: Tensor, maps: PartMaps) -> Tensor:
    """How much the person changes beyond how the body moved (the short-term loss of Lai et al. 2018, on pose flow).

    The output of the frame before, fetched along the motion that the poses give, should be this frame's output; only
    where the body is does the motion mean anything.

    Args:
        before: (B, 4, h, w) premultiplied colour and alpha of the frame before, already moved along the motion.
        now: (B, 4, h, w) the same of this frame.
        maps: Of this frame, N = h * w.
    """
    body = maps.share.sum(-1).view(len(now), 1, *now.shape[-2:])
    still = torch.exp(-maps.motion[..., :2].square().sum(-1) / 0.1**2).view_as(body)
    weight = body * (0.3 + 0.7 * still)
    return ((now - before).abs() * weight).sum() / (weight.sum() * now.shape[1] + 1)

"""Copying: exemplars warped into the pose wanted, region by region, into one picture for each place of a choice.

A region's exemplar is warped as a whole: at each pixel the affine maps of the parts near by are blended, as linear
blend skinning does with bones, so that clothes and hair beyond the limbs go along. The trunk, the head and the legs
share the picture out among them; the arms lie over it.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from perfclone.backends.layered.conditioning import PartMaps
from perfclone.backends.layered.exemplars import SHOWN, Choice, Exemplars, nearness
from perfclone.backends.layered.parts import ARMS, BODY, PARTS, REGIONS, part_frames

#: Channels of what is copied: premultiplied RGB, alpha, and how far it can be trusted.
COPIED = 5
#: Torso lengths: how far from its parts a region still reaches, how softly it ends there, and an arm's half-width.
REACH, FADE, SLEEVE = 0.6, 0.1, 0.3
#: Pixels between the places at which the warp is computed; it is smooth.
STEP = 4
#: Regions that may lie over one another's pixels in an exemplar without one being taken for the other.
_JOINED = torch.eye(len(REGIONS))
for _r in BODY:
    _JOINED[0, _r] = _JOINED[_r, 0] = 1.0


@torch.no_grad()
def copy(exemplars: Exemplars, choice: Choice, maps: PartMaps, now: Tensor, seen: Tensor, scale: Tensor) -> Tensor:
    """Copy what was chosen into the pose wanted.

    Args:
        exemplars: Opened.
        choice: For the B frames.
        maps: Of these.
        now: (B, J, 2) crop pixels.
        seen: (B, J) bool.
        scale: (B,) torso length in crop pixels.

    Returns:
        (B, M, COPIED, S, S) float in [0, 1].
    """
    size, coarse = exemplars.resolution, exemplars.resolution // STEP
    reach = maps.reach.unflatten(1, (size // 2, size // 2))[:, :: STEP // 2, :: STEP // 2]
    near, frames = nearness(reach), part_frames(now, seen, scale)
    claims = torch.stack([near[..., list(REGIONS[r])].amax(-1) for r in BODY], -1)
    claims = claims / claims.sum(-1, keepdim=True).clamp(min=1e-12)
    picture = near.new_zeros(len(now), SHOWN, COPIED, size, size)
    for r in (*BODY, *ARMS):
        own = reach[..., list(REGIONS[r])].amin(-1)
        rows, columns = _window(own < (REACH + FADE) ** 2)
        if rows.stop <= rows.start:
            continue
        distance = own[:, rows, columns]
        mask = torch.exp(-(distance / SLEEVE**2).clamp(max=20)) if r in ARMS else claims[:, rows, columns, BODY.index(r)]
        mask = mask * ((REACH + FADE - distance.sqrt()) / FADE).clamp(0, 1)
        piece = _piece(exemplars, choice, r, frames, near[:, rows, columns], rows, columns, mask)
        target = picture[..., _fine(rows), _fine(columns)]
        if r in ARMS:
            target *= 1 - piece[:, :, 3:4]
        target += piece
    return picture.clamp_(0, 1)


def _piece(
    exemplars: Exemplars,
    choice: Choice,
    r: int,
    frames: Tensor,
    near: Tensor,
    rows: slice,
    columns: slice,
    mask: Tensor,
) -> Tensor:
    """(B, M, COPIED, h, w) a region's exemplars in a window of the picture, each warped as a whole, times a mask."""
    size, index = exemplars.resolution, choice.index[:, r]  # (B, M)
    there = near[:, None] * exemplars.near[r] * exemplars.parts[index][:, :, None, None]  # (B, M, h, w, P)
    share = there / there.sum(-1, keepdim=True).clamp(min=1e-12)
    square = torch.eye(3, device=frames.device)[2:].expand(*frames.shape[:2], 1, 3)
    affine = exemplars.back[index] @ torch.cat([frames, square], 2)[:, None]  # (B, M, P, 2, 3) pixel -> pixel
    affine = (share.flatten(2, 3) @ affine.flatten(3)).unflatten(-1, (2, 3))  # (B, M, hw, 2, 3)
    places = (affine @ _centres(rows, columns, frames.device)[:, :, None])[..., 0].unflatten(2, share.shape[2:4])
    grid = places.flatten(0, 1) * (2 / size) - 1  # (B M, h, w, 2)
    labels = torch.einsum("r,bmrhw->bmhw", _JOINED[r].to(grid), exemplars.labels[index]).flatten(0, 1)
    shows = (1.3 * F.grid_sample(labels[:, None], grid, align_corners=False)).clamp(0, 1)
    shows = shows * mask.repeat_interleave(SHOWN, 0)[:, None]
    fine = _enlarged(torch.cat([grid.permute(0, 3, 1, 2), shows], 1))
    picture = F.grid_sample(
        exemplars.pictures[index].flatten(0, 1), fine[:, :2].permute(0, 2, 3, 1), align_corners=False
    )
    weight = choice.weight[:, r].reshape(-1, 1, 1, 1).expand(-1, 1, *picture.shape[2:])
    return (torch.cat([picture, weight], 1) * fine[:, 2:]).unflatten(0, index.shape)


def _window(inside: Tensor) -> tuple[slice, slice]:
    """The rows and columns that hold a mask (B, h, w), all pictures together."""
    spans = []
    for along in (inside.any(2), inside.any(1)):
        at = along.any(0).nonzero()
        spans.append(slice(int(at[0]), int(at[-1]) + 1) if len(at) else slice(0, 0))
    return spans[0], spans[1]


def _centres(rows: slice, columns: slice, device: torch.device) -> Tensor:
    """(N, 3) x, y, 1 of the places of a window at which the warp is computed, crop pixels."""
    y, x = (STEP * (torch.arange(span.start, span.stop, device=device) + 0.5) for span in (rows, columns))
    y, x = torch.meshgrid(y, x, indexing="ij")
    return torch.stack([x, y, torch.ones_like(x)], -1).flatten(0, 1)


def _fine(span: slice) -> slice:
    return slice(STEP * span.start, STEP * span.stop)


def _enlarged(x: Tensor) -> Tensor:
    """(B, C, h, w) -> (B, C, STEP h, STEP w), smoothly."""
    return F.interpolate(x, scale_factor=float(STEP), mode="bilinear", align_corners=False)

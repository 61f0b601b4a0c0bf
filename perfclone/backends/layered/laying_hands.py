"""Hands laid at the ends of arms: where they go, finger by finger, and where their pixels come from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from perfclone.backends.layered.choice import Choice
from perfclone.backends.layered.fingers import SIDES, Fit, known, lenders, turned
from perfclone.backends.layered.laying import FINE, Patch

if TYPE_CHECKING:
    from perfclone.backends.layered.exemplars import Exemplars

#: Torso lengths by which the points of a hand may lie astray before it begins to be left alone, and until it is.
_ASTRAY, _FAR = 0.09, 0.14
#: How far the points of a hand are moved to where they are wanted, once it is laid there whole.
MOVED = 1.0
#: Half-width of a finger and of a ray of the palm, and how softly they end, torso lengths.
_FINGER, _PALM, _SOFT = 0.03, 0.045, 0.03
#: From the wrist towards the knuckles, palms: where the hand begins, where it is all there, where the arm ends.
_BEGINS, _THERE, _ENDS = -0.3, 0.0, 0.35
_BONES = [(0, 5), (0, 9), (0, 13), (0, 17), (5, 9), (9, 13), (13, 17), (0, 1), (1, 2)] + [
    (root + n, root + n + 1) for root in (2, 5, 9, 13, 17) for n in range(3 if root > 2 else 2)
]
_OF_PALM = 8
_STARTS, _STOPS = ([bone[end] for bone in _BONES] for end in (0, 1))


def lay(
    exemplars: Exemplars, choice: Choice, hands: Tensor, scale: Tensor, side: int, cell: int
) -> tuple[Patch, Tensor] | None:
    """Find where a hand lies, and where its pixels come from.

    Args:
        exemplars: Opened, with hands.
        choice: For the B frames.
        hands: (B, 2, 21, 3) as :func:`hand_points`, crop pixels.
        scale: (B,) torso length in crop pixels.
        side: 0 for the right one, 1 for the left one.
        cell: Pixels of the crop between the places of the coarse grid.

    Returns:
        Where it is, and (B, M) in [0, 1] how much of it is shown; None where it is not in the picture.
    """
    column = side - SIDES
    index = choice.index[:, column]
    unit = scale[:, None, None, None]
    size = exemplars.scale[index % exemplars.count][..., None, None]
    filmed = lenders(exemplars.hands, side)[index] / size
    wanted = (hands[:, side, None, :, :2] / unit).expand_as(filmed)
    laid = Fit(filmed, wanted).laid()
    astray = (laid - wanted).square().sum(-1).mean(-1).sqrt()
    strength = ((_FAR - astray) / (_FAR - _ASTRAY)).clamp(0, 1) * hands[:, side, :1, 2]
    strength = strength * known(exemplars, side)[index]
    if not bool((strength > 0).any()):
        return None
    shown = laid + MOVED * (wanted - laid)
    low, high = (shown - _PALM - _SOFT) * unit, (shown + _PALM + _SOFT) * unit
    some = strength > 0
    low, high = (low[some].amin((0, 1)) / cell).floor(), (high[some].amax((0, 1)) / cell).ceil()
    left, top, right, bottom = torch.cat([low, high]).clamp(0, exemplars.resolution // cell).int().tolist()
    if right <= left or bottom <= top:
        return None
    rows, columns = slice(top, bottom), slice(left, right)
    pixels = centres(rows, columns, cell, FINE, scale.device) / unit[:, 0]  # (B, N, 2)
    places = _moved(pixels[:, None], shown, filmed) * size
    flip = torch.where(index < exemplars.count, 1.0, -1.0)
    places = torch.stack([places[..., 0] * flip[..., None], places[..., 1]], -1)
    mask = _mask(pixels[:, None], shown) * strength[..., None]
    fields = torch.cat([places.mT, mask[:, :, None]], 2)
    shape = [(span.stop - span.start) * cell // FINE for span in (rows, columns)]
    return Patch(rows, columns, fields.flatten(0, 1).unflatten(-1, shape), None), strength


def gives_way(hand: Tensor, pixels: Tensor) -> Tensor:
    """How much of an arm is left for a hand that is laid at its end.

    Args:
        hand: (B, 21, 2) where that is wanted.
        pixels: (N, 2), in the same unit.

    Returns:
        (B, N) in [0, 1]; 0 before the wrist.
    """
    return ((_along(hand, pixels) - _THERE) / (_ENDS - _THERE)).clamp(0, 1)


def _along(hand: Tensor, pixels: Tensor) -> Tensor:
    """(..., N) how far beyond the wrist places lie, palms."""
    palm = hand[..., [5, 9, 13, 17], :].mean(-2, keepdim=True) - hand[..., :1, :]
    return ((pixels - hand[..., :1, :]) * palm).sum(-1) / palm.square().sum(-1).clamp(min=1e-6)


def _mask(pixels: Tensor, hand: Tensor) -> Tensor:
    """(B, M, N) in [0, 1] what is near the bones of hands (B, M, 21, 2), torso lengths, and not before the wrist."""
    start, along = hand[..., _STARTS, :], hand[..., _STOPS, :] - hand[..., _STARTS, :]
    away = pixels[..., :, None, :] - start[..., None, :, :]  # (B, M, N, bones, 2)
    share = (away * along[..., None, :, :]).sum(-1) / along.square().sum(-1).clamp(min=1e-6)[..., None, :]
    distance = (away - share.clamp(0, 1)[..., None] * along[..., None, :, :]).norm(dim=-1)
    wide = torch.full((len(_BONES),), _FINGER, device=hand.device)
    wide[:_OF_PALM] = _PALM
    near = ((wide + _SOFT - distance) / _SOFT).clamp(0, 1).amax(-1)
    return near * ((_along(hand, pixels) - _BEGINS) / (_THERE - _BEGINS)).clamp(0, 1)


def _moved(pixels: Tensor, hand: Tensor, filmed: Tensor) -> Tensor:
    """Where pixels of a hand come from: moving least squares by similarities (Schaefer et al. 2006).

    Args:
        pixels: (B, 1, N, 2) torso lengths.
        hand: (B, M, 21, 2) the points of the hand.
        filmed: (B, M, 21, 2) those of the hand that lends them.

    Returns:
        (B, M, N, 2) in the unit of ``filmed``.
    """
    source, target = (torch.cat([each, (each[..., _STARTS, :] + each[..., _STOPS, :]) / 2], -2)
                      for each in (hand, filmed))  # fmt: skip
    away = pixels[..., :, None, :] - source[..., None, :, :]  # (B, M, N, P, 2)
    weight = (away.square().sum(-1) + 1e-4).pow(-1.5)
    weight = weight / weight.sum(-1, keepdim=True)
    middle, there = weight @ source, weight @ target  # (B, M, N, 2)
    a = source[..., None, :, :] - middle[..., None, :]
    b = target[..., None, :, :] - there[..., None, :]
    size = (weight * a.square().sum(-1)).sum(-1).clamp(min=1e-9)
    cos = (weight * (a * b).sum(-1)).sum(-1) / size
    sin = (weight * (a * turned(b)).sum(-1)).sum(-1) / size
    v = pixels - middle
    return there + cos[..., None] * v - sin[..., None] * turned(v)


def centres(rows: slice, columns: slice, cell: int, step: int, device: torch.device) -> Tensor:
    """(N, 2) x, y of the places, so many pixels apart, of a window of cells."""
    y, x = (torch.arange(span.start * cell, span.stop * cell, step, device=device) + step / 2
            for span in (rows, columns))  # fmt: skip
    y, x = torch.meshgrid(y, x, indexing="ij")
    return torch.stack([x, y], -1).flatten(0, 1)

"""Hands laid at the ends of arms: where they go, finger by finger, and where their pixels come from."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor

from perfclone.backends.layered.choice import Choice
from perfclone.backends.layered.fingers import REACH, SIDES, Fit, doubtful, lenders, near_bones, turned, with_middles
from perfclone.backends.layered.laying import FINE

if TYPE_CHECKING:
    from perfclone.backends.layered.exemplars import Exemplars

#: Torso lengths by which the points of a hand may lie astray before it begins to be left alone, and until it is.
_ASTRAY, _FAR = 0.1, 0.13
#: How far the points of a hand are moved to where they are wanted, once it is laid there whole.
_MOVED = 0.5
#: How smoothly it is moved, torso lengths.
_SMOOTH = 0.02
#: The share of an arm's own hand in what is near from which it gives way, if nobody knows where it shows that
#: hand, or else where it does; and by how much more it is gone.
_BEYOND, _HARDLY, _BY = 0.55, 0.15, 0.2


class Laid(NamedTuple):
    """A hand at the end of an arm, in a window of the coarse grid of a warp.

    Attributes:
        rows: Of the window.  columns: Of the window.
        fields: (B M, 3, h, w), as a piece of a warp has them, each ``FINE`` pixels of G's crop.
        index: (B, M) the exemplars that lend it.
        strength: (B,) in [0, 1], how much of it is shown, and how far the arm is to give way.
    """

    rows: slice
    columns: slice
    fields: Tensor
    index: Tensor
    strength: Tensor


def lay(exemplars: Exemplars, choice: Choice, hands: Tensor, scale: Tensor, side: int, cell: int) -> Laid | None:
    """Find where a hand lies, and where its pixels come from.

    Args:
        exemplars: Opened, with hands.
        choice: For the B frames.
        hands: (B, 2, 21, 3) as :func:`hand_points`, crop pixels.
        scale: (B,) torso length in crop pixels.
        side: 0 for the right one, 1 for the left one.
        cell: Pixels of the crop between the places of the coarse grid.

    Returns:
        Where it is; None where it is not in the picture.
    """
    weight, lender = choice.weight[:, side - SIDES], choice.index[:, side - SIDES]
    unit = scale[:, None, None]
    wanted = hands[:, side, None, :, :2] / unit[..., None]
    lender, laid, fits = _fitted(exemplars, lender, weight, wanted, side)
    strength = (weight * fits).sum(1) * hands[:, side, 0, 2]
    index, shown = lender % exemplars.count, laid + _MOVED * (wanted - laid)
    window = _window(shown[strength > 0] * unit[strength > 0, None], REACH * scale.max(), cell, exemplars)
    if window is None:
        return None
    rows, columns = window
    pixels = (_centres(rows, columns, cell, scale.device) / unit)[:, None]  # (B, 1, N, 2)
    size = exemplars.scale[index][..., None, None]
    places = _moved(pixels, shown, lenders(exemplars.hands, side)[lender] / size) * size
    places[..., 0] *= torch.where(lender < exemplars.count, 1.0, -1.0)[..., None]
    mask = near_bones(pixels, shown) * strength[:, None, None]
    fields = torch.cat([places.mT, mask[:, :, None]], 2)
    shape = [(span.stop - span.start) * cell // FINE for span in (rows, columns)]
    return Laid(rows, columns, fields.flatten(0, 1).unflatten(-1, shape), index, strength)


def _fitted(
    exemplars: Exemplars, lender: Tensor, weight: Tensor, wanted: Tensor, side: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Lay the hands of lenders (B, M) on those that are wanted (B, 1, 21, 2), torso lengths.

    Returns:
        The lenders, where one that lies astray is replaced by the one that leads, (B, M); their points, laid there,
        (B, M, 21, 2); and how well those fitted that were asked, (B, M) in [0, 1].
    """
    leads = lender.gather(1, weight.argmax(1, keepdim=True))
    size = exemplars.scale[lender % exemplars.count][..., None, None]
    fit = Fit(lenders(exemplars.hands, side)[lender] / size, wanted)
    astray = fit.residual() + doubtful(exemplars, side)[lender]
    fits = ((_FAR - astray) / (_FAR - _ASTRAY)).clamp(0, 1)
    first = fit.laid().gather(1, weight.argmax(1)[:, None, None, None].expand(-1, 1, *wanted.shape[2:]))
    replaced = fits <= 0
    return torch.where(replaced, leads, lender), torch.where(replaced[..., None, None], first, fit.laid()), fits


def _window(points: Tensor, margin: Tensor, cell: int, exemplars: Exemplars) -> tuple[slice, slice] | None:
    """The rows and columns of cells that hold points (..., 2), crop pixels; None where there are none."""
    if not len(points):
        return None
    points = points.flatten(0, -2)
    low, high = ((points.amin(0) - margin) / cell).floor(), ((points.amax(0) + margin) / cell).ceil()
    left, top, right, bottom = torch.cat([low, high]).clamp(0, exemplars.resolution // cell).int().tolist()
    return (slice(top, bottom), slice(left, right)) if right > left and bottom > top else None


def gives_way(near: Tensor, palm: Tensor, told: Tensor) -> Tensor:
    """How much of an arm is left to a hand that is laid at its end.

    Args:
        near: (..., P) how near its parts are, its own hand the last.
        palm: (...) in [0, 1], how surely what it would show there is its own hand.
        told: (...) bool, whether that is known.

    Returns:
        (...) in [0, 1]; 0 before the wrist.
    """
    share = near[..., -1] / near.sum(-1).clamp(min=1e-12)
    beyond, hardly = (((share - low) / _BY).clamp(0, 1) for low in (_BEYOND, _HARDLY))
    return torch.where(told, palm * hardly, beyond)


def _moved(pixels: Tensor, hand: Tensor, filmed: Tensor) -> Tensor:
    """Where pixels of a hand come from: moving least squares by similarities (Schaefer et al. 2006).

    Args:
        pixels: (B, 1, N, 2) torso lengths.
        hand: (B, M, 21, 2) the points of the hand.
        filmed: (B, M, 21, 2) those of the hand that lends them.

    Returns:
        (B, M, N, 2) in the unit of ``filmed``.
    """
    at, there = hand.mean(-2, keepdim=True), filmed.mean(-2, keepdim=True)
    source, target, pixels = with_middles(hand - at), with_middles(filmed - there), pixels - at
    apart = pixels.square().sum(-1, keepdim=True) - 2 * pixels @ source.mT + source.square().sum(-1)[..., None, :]
    weight = (apart.clamp(min=0) + _SMOOTH**2).pow(-1.5)  # (B, M, N, P)
    products = torch.stack([(source * target).sum(-1), (source * turned(target)).sum(-1), source.square().sum(-1)], -1)
    mean = weight @ torch.cat([source, target, products], -1) / weight.sum(-1, keepdim=True)
    a, b, (cos, sin, size) = mean[..., :2], mean[..., 2:4], mean[..., 4:].unbind(-1)
    cos, sin = cos - (a * b).sum(-1), sin - (a * turned(b)).sum(-1)
    size = (size - a.square().sum(-1)).clamp(min=1e-6)
    v = (pixels - a) / size[..., None]
    return there + b + cos[..., None] * v - sin[..., None] * turned(v)


def _centres(rows: slice, columns: slice, cell: int, device: torch.device) -> Tensor:
    """(N, 2) x, y of the places, ``FINE`` pixels apart, of a window of cells."""
    y, x = (torch.arange(span.start * cell, span.stop * cell, FINE, device=device) + FINE / 2
            for span in (rows, columns))  # fmt: skip
    y, x = torch.meshgrid(y, x, indexing="ij")
    return torch.stack([x, y], -1).flatten(0, 1)

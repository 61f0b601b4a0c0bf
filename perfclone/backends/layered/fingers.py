"""Hands: each is copied from an exemplar that shows a hand of its shape, moved finger by finger to where it is wanted.

A right hand may be lent by a left one, mirrored. Where the wanted hand is not known, or nobody has shown one that is
like it, the arm keeps the hand that it has.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from perfclone.backends.layered.crop import to_crop
from perfclone.pose.details import HAND_POINTS, Details

if TYPE_CHECKING:
    from perfclone.backends.layered.exemplars import Exemplars

#: Right and left.
SIDES = 2
#: A hand whose score is lower may be none, or of the other side; from the second on it surely is what it seems.
#: One that is smaller, pixels of the frame, has points beside its fingers; from the second on they lie well.
_SCORE, _SIZE = (0.85, 0.95), (30.0, 40.0)
#: What a hand that has to be turned a radian is further away, and one that has to be mirrored, torso lengths.
_TURNED, _MIRRORED = 0.02, 0.01
#: What one is further away whose points all lie beyond the person, or on black where others are white, one that is
#: before the body, and one that is not known.
_BEYOND, _DISCOLOURED, _CROWDED, _UNKNOWN = 0.3, 0.25, 0.04, 10.0
#: How far beyond the finger tips it is looked for what is behind a hand, of their way from its middle.
_TIPS, _OUT = [4, 8, 12, 16, 20], 0.5
#: How much larger or smaller than it was filmed a hand may be shown.
_ENLARGED = 1.3
#: What of a picture is taken to be of a hand, however soft its border, torso lengths around it.
_AROUND = 0.03
#: Half-width of a finger and of a ray of the palm, and how softly they end, torso lengths.
_FINGER, _PALM, _SOFT = 0.03, 0.045, 0.03
REACH = _PALM + _SOFT
#: From the wrist towards the knuckles, palms: where the hand begins, and where it is all there.
_BEGINS, _THERE = -0.3, 0.0
#: A palm is not taken to be shorter, torso lengths.
_SHORTEST = 0.06
_BONES = [(0, 5), (0, 9), (0, 13), (0, 17), (5, 9), (9, 13), (13, 17), (0, 1), (1, 2)] + [
    (root + n, root + n + 1) for root in (2, 5, 9, 13, 17) for n in range(3 if root > 2 else 2)
]
_OF_PALM, _KNUCKLES = 8, [5, 9, 13, 17]
_STARTS, _STOPS = ([bone[end] for bone in _BONES] for end in (0, 1))


def hand_points(details: Details) -> np.ndarray:
    """(..., 2, 21, 3) float32 the right and the left hand: x and y in pixels, and how surely it is known, [0, 1]."""
    size = np.ptp(details.hands, axis=-2).max(-1)
    sure, large = (((each - low) / (high - low)).clip(0, 1) for each, (low, high) in
                   ((details.hand_scores, _SCORE), (size, _SIZE)))  # fmt: skip
    known = np.broadcast_to((sure * large)[..., None, None], (*details.hands.shape[:-1], 1))
    return np.concatenate([details.hands, known], -1).astype(np.float32)


def shapes(details: Details) -> np.ndarray:
    """(..., 84) float32 what shapes hands have, wherever they point, in sizes of the hand / 21; 0 where not known."""
    points = hand_points(details)
    hands, known = points[..., :2], points[..., 0, 2] == 1
    palm = hands[..., _KNUCKLES, :].mean(-2) - hands[..., 0, :]
    ahead = palm / np.maximum(np.linalg.norm(palm, axis=-1, keepdims=True), 1e-6)
    axes = np.stack([ahead, np.stack([-ahead[..., 1], ahead[..., 0]], -1)], -1)
    around = (hands - hands.mean(-2, keepdims=True)) @ axes
    size = np.ptp(hands, axis=-2).max(-1).clip(1)
    flat = (around / size[..., None, None] * known[..., None, None]).reshape(*known.shape[:-1], -1)
    return flat / len(HAND_POINTS)


def filmed_hands(details: Details, boxes: Tensor) -> Tensor | None:
    """(K, 2, 21, 2) ``Exemplars.hands`` of frames whose crops (K, 3) these are; None where there is no hand."""
    points = torch.from_numpy(hand_points(details))
    places = to_crop(points[..., :2].flatten(1, 2), boxes, 2).unflatten(1, points.shape[1:3]) - 1
    return places * (points[..., 2:] == 1) if (points[..., 2] == 1).any() else None


def lenders(hands: Tensor, side: int) -> Tensor:
    """(2 K, 21, 2) the hands that may be lent to a side, of (K, 2, 21, 2): its own, then the others, mirrored."""
    mirrored = hands[:, 1 - side] * hands.new_tensor([-1.0, 1.0])
    return torch.cat([hands[:, side], mirrored])


def unlike(exemplars: Exemplars, hands: Tensor, scale: Tensor) -> Tensor:
    """How unlike hands are to those of the exemplars, laid on one another by the best similarity (Umeyama 1991).

    Args:
        exemplars: Opened, with hands.
        hands: (B, 2, 21, 3) as :func:`hand_points`, crop pixels.
        scale: (B,) torso length in crop pixels.

    Returns:
        (B, 2 K, 2) torso lengths, of :func:`lenders`.
    """
    held = exemplars.hands / exemplars.scale[:, None, None, None]
    wanted, found = hands[..., :2] / scale[:, None, None, None], []
    for side in range(SIDES):
        fit = Fit(lenders(held, side)[None], wanted[:, side, None])
        apart = fit.residual() + _TURNED * fit.angle().abs()
        apart[:, exemplars.count :] += _MIRRORED
        found.append(apart + doubtful(exemplars, side))
    return torch.stack(found, -1)


def doubtful(exemplars: Exemplars, side: int) -> Tensor:
    """(2 K,) torso lengths, how much further away :func:`lenders` are for being doubtful."""
    return torch.cat([exemplars.doubts[:, side], exemplars.doubts[:, 1 - side]])


def doubts(pictures: Tensor, hands: Tensor) -> Tensor:
    """How doubtful hands are: with points beyond the person, of another colour than on most, or before the body.

    Args:
        pictures: (K, 4, s, s) float in [0, 1], premultiplied RGB and alpha.
        hands: (K, 2, 21, 2) places in them, [-1, 1] from edge to edge; all 0 where it is not known.

    Returns:
        (K, 2) torso lengths, more than any hand is wide where it is not known.
    """
    there = hands.abs().amax((2, 3)) > 0
    points = F.grid_sample(pictures, hands.to(pictures), align_corners=False).mean(-1).mT  # (K, 2, 4)
    tones = points[..., :3] / points[..., 3:].clamp(min=1e-3)
    usual = tones[there].median(0).values if there.any() else 0
    apart = (tones - usual).norm(dim=-1)
    tips = hands[..., _TIPS, :]
    around = F.grid_sample(pictures[:, 3:], tips + _OUT * (tips - hands.mean(2, keepdim=True)), align_corners=False)
    crowded = around[:, 0].mean(-1)
    return _BEYOND * (1 - points[..., 3]) + _DISCOLOURED * apart + _CROWDED * crowded + _UNKNOWN * ~there


def filmed_at(hands: Tensor, scale: Tensor, side: int) -> Tensor:
    """(K, 2, s, s) in [0, 1] where in pictures of so many pixels a side the hands (K, 2, 21, 2) are, those known."""
    at = (torch.arange(side, device=hands.device) + 0.5) * (2 / side) - 1
    y, x = torch.meshgrid(at, at, indexing="ij")
    pixels = torch.stack([x, y], -1).flatten(0, 1)
    near = torch.stack([near_bones(pixels / unit, hand / unit, _AROUND) for hand, unit in zip(hands, scale)])
    return (near * (hands.abs().amax((2, 3)) > 0)[..., None]).unflatten(-1, (side, side))


class Fit:
    """The similarities that lay points (..., 21, 2) best on others, none much larger or smaller than they are.

    Args:
        points: Those that are laid.
        onto: Where they should lie, in the same unit.
    """

    def __init__(self, points: Tensor, onto: Tensor):
        self.middle, self.onto = points.mean(-2, keepdim=True), onto
        self.points, self.there = points - self.middle, onto - onto.mean(-2, keepdim=True)
        self.along = (self.points * self.there).sum((-1, -2))
        self.across = (self.points * turned(self.there)).sum((-1, -2))
        size = self.points.square().sum((-1, -2)).clamp(min=1e-9)
        length = torch.hypot(self.along, self.across).clamp(min=1e-9)
        self.scale = (length / size).clamp(1 / _ENLARGED, _ENLARGED)
        self.length = length

    def angle(self) -> Tensor:
        """(...) radians by which they are turned."""
        return torch.atan2(self.across, self.along)

    def laid(self) -> Tensor:
        """(..., 21, 2) where the points come to lie."""
        cos, sin = (each * self.scale / self.length for each in (self.along, self.across))
        laid = cos[..., None, None] * self.points - sin[..., None, None] * turned(self.points)
        return laid + self.onto.mean(-2, keepdim=True)

    def residual(self) -> Tensor:
        """(...) how far from where they should they lie, root mean square."""
        return (self.laid() - self.onto).square().sum(-1).mean(-1).sqrt()


def turned(points: Tensor) -> Tensor:
    """Each (x, y) as (y, -x)."""
    return torch.stack([points[..., 1], -points[..., 0]], -1)


def with_middles(hand: Tensor) -> Tensor:
    """(..., P, 2) the points of a hand (..., 21, 2), and the middles of its bones."""
    return torch.cat([hand, (hand[..., _STARTS, :] + hand[..., _STOPS, :]) / 2], -2)


def near_bones(pixels: Tensor, hand: Tensor, wider: float = 0.0) -> Tensor:
    """What belongs to a hand: what is near its bones, and not before its wrist.

    Args:
        pixels: (..., N, 2) torso lengths.
        hand: (..., 21, 2) torso lengths.
        wider: By how much, torso lengths.

    Returns:
        (..., N) in [0, 1].
    """
    middle = hand.mean(-2, keepdim=True)
    pixels, hand = pixels - middle, hand - middle
    start, along = hand[..., _STARTS, :], hand[..., _STOPS, :] - hand[..., _STARTS, :]
    length = along.square().sum(-1)[..., None, :].clamp(min=1e-6)
    ahead = pixels @ along.mT - (start * along).sum(-1)[..., None, :]  # (..., N, bones)
    apart = pixels.square().sum(-1, keepdim=True) - 2 * pixels @ start.mT + start.square().sum(-1)[..., None, :]
    share = (ahead / length).clamp(0, 1)
    distance = (apart - share * (2 * ahead - share * length)).clamp(min=0).sqrt()
    wide = torch.full((len(_BONES),), _FINGER + wider, device=hand.device)
    wide[:_OF_PALM] = _PALM + wider
    near = ((wide + _SOFT - distance) / _SOFT).clamp(0, 1).amax(-1)
    return near * ((_along(hand, pixels) - _BEGINS) / (_THERE - _BEGINS)).clamp(0, 1)


def _along(hand: Tensor, pixels: Tensor) -> Tensor:
    """(..., N) how far beyond the wrist places lie, palms."""
    palm = hand[..., _KNUCKLES, :].mean(-2, keepdim=True) - hand[..., :1, :]
    return ((pixels - hand[..., :1, :]) * palm).sum(-1) / palm.square().sum(-1).clamp(min=_SHORTEST**2)

"""The choice among exemplars: for each region the filmed frames whose pose around it is nearest."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from perfclone.backends.layered import features, fingers
from perfclone.backends.layered.parts import BESIDE, FACE, JOINTS, PARTS, REGIONS, SKULL, TORSO, carrying_frames
from perfclone.pose.details import EXPRESSIONS, Details
from perfclone.pose.skeleton import KEYPOINTS, TRUNK, joints

if TYPE_CHECKING:
    from perfclone.backends.layered.exemplars import Exemplars

#: How many of them a region is shown at a time.
SHOWN = 2
#: How sharply G decides between them: two copies that do not quite lie on one another give a blurred mean.
DECIDED = 4.0
#: How much a joint counts in the choice for a region: one of its own, a neighbour's, any other; and of the face.
_OWN, _NEIGHBOUR, _OTHER, _OF_FACE = 2.0, 0.6, 0.3, 4.0
#: In torso lengths: what an exemplar that does not show the region, or that may not be used, is further away.
_UNSEEN, _BARRED = 10.0, 100.0
#: Torso lengths by which two poses may differ and yet be as good as one another.
_AS_GOOD = 0.02
#: Length of what is known of a face: whether it was found, its rotation, its expression.
FACE_TRAITS = 1 + 3 + len(EXPRESSIONS)
#: Torso lengths that a head turned a radian further, a face of quite another expression, and one that P did not find,
#: as it seldom does of one that looks away, are further from a face that is shown.
_TURNED, _EXPRESSED, _HIDDEN = 0.3, 0.15, 0.3
#: Torso lengths: what an exemplar is further away for each point of an arm that is in the way in it alone, of the
#: trunk, the head and the features of the face.
_COVERED, _COVERED_HEAD, _COVERED_FEATURE = 0.05, 0.1, 0.2
#: And for all sharpness that it lacks, in a region, a head and a feature.
_BLURRED, _BLURRED_HEAD, _BLURRED_FEATURE = 0.05, 0.3, 0.5
_ARM = [joints(*(f"{side}_{joint}" for side in ("right", "left"))) for joint in ("elbow", "wrist", "index")]
_FOREARMS = [joints(f"{side}_elbow", f"{side}_wrist") for side in ("right", "left")]


class Choice(NamedTuple):
    """Which exemplars the regions are shown.

    Attributes:
        index: (B, R, M) int, into the exemplars; after the regions come the features of the face and, last, the hands,
            into their ``fingers.lenders``.
        weight: (B, R, M) float, adding up to 1; it falls to 0 before another exemplar takes the place.
    """

    index: Tensor
    weight: Tensor


class Chooser(nn.Module):
    """Chooses for each region the exemplars whose pose around it is nearest."""

    def __init__(self):
        super().__init__()
        for name, value in zip(("own", "counts", "of_region", "sharp"), _tables()):
            self.register_buffer(name, value, persistent=False)

    def forward(
        self,
        exemplars: Exemplars,
        now: Tensor,
        seen: Tensor,
        scale: Tensor,
        face: Tensor,
        last: Tensor | None,
        bar: Tensor | None,
        hands: Tensor | None = None,
    ) -> Choice:
        """Choose for each region the exemplars whose pose around it is nearest.

        Args:
            exemplars: Opened.
            now: (B, J, 2) crop pixels.
            seen: (B, J) bool.
            scale: (B,) torso length in crop pixels.
            face: (B, FACE_TRAITS) what is known of the face.
            last: ``Choice.index`` of the frame before, so that each exemplar keeps its place; None at a start.
            bar: (B, K) bool, those that may not be chosen, or None.
            hands: (B, 2, 21, 3) what is known of the hands, crop pixels; None where it is nothing.
        """
        distance = self._distances(exemplars, now / scale[:, None, None], seen)
        distance[..., FACE] += _unlike(exemplars, face)
        more = (exemplars.covered - covered(now, seen, scale)[:, None]).clamp(min=0).sum(-1)  # (B, K, 2)
        distance[..., 0] += _COVERED * more[..., 0]
        distance[..., FACE] += _COVERED_HEAD * more[..., 1]
        distance += exemplars.blurred * self.sharp
        if exemplars.marks is not None:
            lent = features.unlike(exemplars.faces, exemplars.marked, face)
            spoilt = _BLURRED_FEATURE * exemplars.blurred[:, FACE] + _COVERED_FEATURE * exemplars.covered[:, 1].sum(-1)
            lent = lent + spoilt[:, None]
            distance = torch.cat([distance, lent], -1)
        if bar is not None:
            distance = distance + _BARRED * bar[..., None]
        index, weight = _nearest(distance)
        weight[:, FACE] = weight[:, FACE].square()  # two heads in one place are nobody
        if exemplars.hands is not None and hands is not None:
            distance = fingers.unlike(exemplars, hands, scale)
            if bar is not None:
                distance = distance + _BARRED * bar.repeat(1, fingers.SIDES)[..., None]
            index, weight = (torch.cat(both, 1) for both in zip((index, weight), _nearest(distance)))
        return Choice(*_in_place(index, weight / weight.sum(-1, keepdim=True), last))

    def _distances(self, exemplars: Exemplars, pose: Tensor, seen: Tensor) -> Tensor:
        """(B, K, R) mean distance of the joints, torso lengths, each region's own laid on one another."""
        both = (seen[:, None] & (exemplars.seen[None] > 0)).float()  # (B, K, J)
        apart = pose[:, None] - exemplars.poses[None]
        own = self.own * both[:, :, None]  # (B, K, R, J)
        shift = torch.einsum("bkrj,bkjd->bkrd", own, apart) / own.sum(-1, keepdim=True).clamp(min=1)
        weight = self.counts * both[:, :, None]
        gap = (apart[:, :, None] - shift[:, :, :, None]).norm(dim=-1)
        mean = (gap * weight).sum(-1) / weight.sum(-1).clamp(min=1e-3)
        return mean + _UNSEEN * ~(exemplars.parts.float() @ self.of_region.T > 0)


def covered(now: Tensor, seen: Tensor, scale: Tensor) -> Tensor:
    """(B, 2, A) in [0, 1] how surely points of the arms lie over the trunk, and over the head."""
    frames = carrying_frames(now, seen, scale)[:, [TORSO, SKULL], None]
    elbow, wrist, knuckle = (now[:, joints] for joints in _ARM)
    points = torch.cat([elbow, (elbow + wrist) / 2, wrist, knuckle, 2 * knuckle - wrist], 1)[:, None]
    there = (frames[..., :2] @ points[..., None])[..., 0] + frames[..., 2]
    return ((1.2 - there.abs().amax(-1)) / 0.4).clamp(0, 1)


def _nearest(distance: Tensor) -> tuple[Tensor, Tensor]:
    """The nearest by distances (B, K, R), torso lengths: their index and weight (B, R, M), not yet adding up to 1."""
    most = min(SHOWN + 1, distance.shape[1])
    nearest = distance.topk(most, 1, largest=False)
    value, index = nearest.values.transpose(1, 2), nearest.indices.transpose(1, 2)
    if most <= SHOWN:  # hardly any: the last stands for those that are missing
        extra = SHOWN + 1 - most
        value, index = (torch.cat([x, x[..., -1:].expand(*x.shape[:2], extra)], -1) for x in (value, index))
    nearness = (value + _AS_GOOD).reciprocal()
    weight = (nearness[..., :SHOWN] - nearness[..., SHOWN:]).clamp(min=1e-4)
    return index[..., :SHOWN], weight.square()  # one of the two should lead: between them, both are seen


def _unlike(exemplars: Exemplars, face: Tensor) -> Tensor:
    """(B, K) how unlike a face that is shown is to those of the exemplars, torso lengths."""
    shown, found = face[:, None, 0], exemplars.faces[None, :, 0]
    turned = (face[:, None, 1:4] - exemplars.faces[None, :, 1:4]).norm(dim=-1)
    expressed = (face[:, None, 4:] - exemplars.faces[None, :, 4:]).norm(dim=-1)
    return shown * (found * (_TURNED * turned + _EXPRESSED * expressed) + (1 - found) * _HIDDEN)


def arm_depths(details: Details) -> np.ndarray:
    """(..., 2) float32 how far beyond the trunk the arms are, in the order of ``ARMS``, pixels; 0 where not known."""
    trunk = details.depths[..., TRUNK].mean(-1)
    return np.stack([details.depths[..., arm].mean(-1) - trunk for arm in _FOREARMS], -1).astype(np.float32)


def face_traits(details: Details) -> np.ndarray:
    """(..., FACE_TRAITS) float32 what is known of faces: 1 where one was found, yaw, pitch, roll, expression."""
    found = (details.face_score > 0)[..., None].astype(np.float32)
    return np.concatenate([found, found * details.head, found * details.expression], -1)


def _in_place(index: Tensor, weight: Tensor, last: Tensor | None) -> tuple[Tensor, Tensor]:
    """Exchange the two exemplars of a region where one of them was in the other's place a frame ago."""
    if last is None:
        return index, weight
    swapped = ((index == last.flip(-1)).any(-1) & ~(index == last).any(-1))[..., None]
    return torch.where(swapped, index.flip(-1), index), torch.where(swapped, weight.flip(-1), weight)


def _tables() -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """What the choice knows of the regions.

    Returns:
        own: (R, J) 1 for a region's own joints.
        counts: (R, J) how much a joint counts.
        of_region: (R, P) 1 for a region's parts.
        sharp: (R,) torso lengths, how much it counts that a region is sharp.
    """
    shape = (len(REGIONS), len(KEYPOINTS))
    own, counts = torch.zeros(shape, device="cpu"), torch.full(shape, _OTHER, device="cpu")
    of_region = torch.zeros(len(REGIONS), PARTS, device="cpu")
    for r, parts in enumerate(REGIONS):
        mine = {joint for part in parts for joint in JOINTS[part]}
        counts[r, list({joint for part in BESIDE[r] for joint in JOINTS[part]})] = _NEIGHBOUR
        counts[r, list(mine)] = _OF_FACE if r == FACE else _OWN
        own[r, list(mine)] = of_region[r, list(parts)] = 1
    sharp = torch.full((len(REGIONS),), _BLURRED, device="cpu")
    sharp[FACE] = _BLURRED_HEAD
    return own, counts, of_region, sharp

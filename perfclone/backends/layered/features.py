"""Mouth and eyes: each is copied from an exemplar of its own, laid over the head that is shown.

Where the warp of the head has put the marks of its face, there the marks of the other face go; so a mouth sits in the
face that is seen, whatever the driver's looks like. It is taken from a frame in which the head looked about the same
way, and else left alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from perfclone.pose.details import EXPRESSIONS, Details

if TYPE_CHECKING:
    pass

#: Points of MediaPipe's face mesh that exemplars keep: corners of the eyes, what hardly moves, the lips and the chin.
MARKS: tuple[int, ...] = (
    33, 133, 362, 263, 168, 6, 1, 2, 98, 327, 127, 356, 234, 454, 132, 361, 50, 280, 61, 291, 152,
)  # fmt: skip
#: The darkest skin that is told from black.
_DARKEST = 0.02
#: What a head that is turned a radian otherwise is away from one that is to lend a feature, torso lengths.
_TURN = 0.5
#: What an exemplar without marks is further away, torso lengths.
_UNMARKED = 10.0


class Feature(NamedTuple):
    """A part of the face with a choice of its own.

    Attributes:
        actions: How much the actions of a face count in the choice, torso lengths: those whose name begins so.
        held_by: The marks that it is laid on.
        discs: Where it is: for each disc (x, y) of its middle and (x, y) of its half axes, from the bridge of the
            nose, in halves of the distance of the eyes' outer corners and in lengths from the bridge to the nose's
            base.
    """

    actions: dict[str, float]
    held_by: tuple[int, ...]
    discs: tuple[tuple[float, float, float, float], ...]


#: In the order in which they follow the regions in a choice.
FEATURES: tuple[Feature, ...] = (
    Feature(
        {"jaw": 0.4, "jawOpen": 1.0, "mouth": 0.4, "mouthSmile": 0.6, "mouthPucker": 0.6, "mouthFunnel": 0.6},
        (33, 133, 362, 263, 1, 2, 98, 327, 132, 361, 50, 280),
        ((0.0, 2.0, 1.05, 1.0),),
    ),
    Feature(
        {"eyeBlink": 1.0, "eyeLook": 0.6, "eyeSquint": 0.4, "eyeWide": 0.4, "brow": 0.3},
        (33, 133, 362, 263, 168, 6, 127, 356, 1, 2, 98, 327, 234, 454),
        ((-0.6, -0.2, 0.7, 0.9), (0.6, -0.2, 0.7, 0.9)),
    ),
)
HELD_BY = torch.tensor([[float(mark in feature.held_by) for mark in MARKS] for feature in FEATURES], device="cpu")
#: (F, 52) what an action counts: the longest beginning of its name decides.
_COUNTS = torch.tensor(
    [[max(((len(k), v) for k, v in feature.actions.items() if name.startswith(k)), default=(0, 0.0))[1]
      for name in EXPRESSIONS] for feature in FEATURES], device="cpu",
)  # fmt: skip


def tones(pictures: Tensor, marks: Tensor) -> Tensor:
    """The skin around each feature, which tells in what light a face was filmed.

    Args:
        pictures: (K, 4, s, s) float in [0, 1], premultiplied RGB and alpha, so small that a pixel is a patch of skin.
        marks: (K, P, 2) places in them, [-1, 1] from edge to edge.

    Returns:
        (K, F, 3) mean colour in [0, 1] at the marks that hold the feature.
    """
    at_marks = F.grid_sample(pictures, marks[:, None].to(pictures), align_corners=False)[:, :, 0]  # (K, 4, P)
    sums = torch.einsum("kcp,fp->kfc", at_marks, HELD_BY.to(pictures))
    return (sums[..., :3] / sums[..., 3:].clamp(min=1e-3)).clamp(_DARKEST, 1)


def unlike(faces: Tensor, marked: Tensor, face: Tensor) -> Tensor:
    """How unlike the features of a face are to those of the exemplars.

    Args:
        faces: (K, FACE_TRAITS) of the exemplars.
        marked: (K,) bool, whether their marks are known.
        face: (B, FACE_TRAITS).

    Returns:
        (B, K, F) torso lengths; a lot where there is nothing to copy.
    """
    apart = face[:, None] - faces[None]
    turned = apart[..., 1:3].norm(dim=-1, keepdim=True)
    expressed = (apart[..., 4:].square() @ _COUNTS.to(face).square().T).sqrt()
    return (_TURN * turned + expressed) + _UNMARKED * ~marked[None, :, None]


def expressed(details: Details) -> np.ndarray:
    """(..., E) float32 how a head looks, as the choice of a feature counts it; all 0 where no face was found."""
    counts = _COUNTS.amax(0).numpy()
    return np.concatenate([_TURN * details.head[..., :2], counts * details.expression], -1) * (details.face_score > 0)[
        ..., None
    ].astype(np.float32)

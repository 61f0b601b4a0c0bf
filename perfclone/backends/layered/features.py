"""Mouth and eyes: each is copied from an exemplar of its own, laid over the head that is shown.

Where the warp of the head has put the marks of its face, there the marks of the other face go; so a mouth sits in the
face that is seen, whatever the driver's looks like. It is taken from a frame in which the head looked about the same
way, and else left alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from perfclone.backends.layered.parts import FACE, REGIONS
from perfclone.pose.details import EXPRESSIONS, Details

if TYPE_CHECKING:
    from perfclone.backends.layered.choice import Choice
    from perfclone.backends.layered.exemplars import Exemplars

#: Points of MediaPipe's face mesh that exemplars keep: corners of the eyes, what hardly moves, the lips and the chin.
MARKS: tuple[int, ...] = (
    33, 133, 362, 263, 168, 6, 1, 2, 98, 327, 127, 356, 234, 454, 132, 361, 50, 280, 61, 291, 152,
)  # fmt: skip
#: How far a head may be turned otherwise before a feature begins to be left alone, and until it is, radians.
TURNED, AWAY = 0.2, 0.45
#: What a head that is turned a radian otherwise is away from one that is to lend a feature, torso lengths.
_TURN = 0.5
#: How sharply G decides between two copies: so a face is where the copy is that leads.
DECIDED = 4.0
#: Pixels of G's crop between the places at which a feature's warp and mask are computed.
FINE = 2
#: What an exemplar without marks is further away, torso lengths.
_UNMARKED = 10.0
_LEFT_EYE, _RIGHT_EYE, _BRIDGE, _BASE, _CHIN = (MARKS.index(n) for n in (263, 33, 168, 2, 152))


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
_HELD_BY = torch.tensor([[float(mark in feature.held_by) for mark in MARKS] for feature in FEATURES], device="cpu")
#: (F, 52) what an action counts: the longest beginning of its name decides.
_COUNTS = torch.tensor(
    [[max(((len(k), v) for k, v in feature.actions.items() if name.startswith(k)), default=(0, 0.0))[1]
      for name in EXPRESSIONS] for feature in FEATURES], device="cpu",
)  # fmt: skip


class Patch(NamedTuple):
    """Where a feature is and where its pixels come from, in a window of the coarse grid of a warp.

    Attributes:
        rows: Of the window.  columns: Of the window.
        fields: (B M, 3, h, w), as a piece of a warp has them, each ``FINE`` pixels of G's crop.
    """

    rows: slice
    columns: slice
    fields: Tensor


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


def lay(
    exemplars: Exemplars, choice: Choice, head: Tensor, pixels: Tensor, face: Tensor, cell: int
) -> Iterator[tuple[int, Patch]]:
    """Find where the features of a face lie, and where their pixels come from.

    Args:
        exemplars: Opened, with marks.
        choice: For the B frames.
        head: (B M, 3, h, w) ``Piece.fields`` of the head.
        pixels: (h w, 2) where these are, pixels of G's crop.
        face: (B, FACE_TRAITS) what is known of the face.
        cell: Pixels of the crop between the places of the coarse grid.

    Yields:
        The number of each feature that is in the picture, and where it is.
    """
    index, weight = choice.index[:, FACE], choice.weight[:, FACE] ** DECIDED * exemplars.marked[choice.index[:, FACE]]
    total = weight.sum(-1, keepdim=True)
    weight = weight / total.clamp(min=1e-9)
    known = (total[:, 0] > 0) * (face[:, 0] > 0)
    places = head[:, :2].flatten(2).mT.unflatten(0, index.shape)
    mask = head[:, 2].flatten(1).unflatten(0, index.shape)
    now = (head_marks(places, mask, pixels, exemplars.marks[index]) * weight[..., None, None]).sum(1)
    turned = (exemplars.faces[index, 1:3] * weight[..., None]).sum(1)
    for n in range(len(FEATURES)):
        lender = choice.index[:, len(REGIONS) + n]
        away = (exemplars.faces[lender, 1:3] - turned[:, None]).norm(dim=-1)
        strength = ((AWAY - away) / (AWAY - TURNED)).clamp(0, 1) * exemplars.marked[lender] * known[:, None]
        shown = patch(n, now, exemplars.marks[lender], strength, exemplars.resolution, cell)
        if shown is not None:
            bare = F.grid_sample(
                exemplars.labels[lender.flatten(), FACE][:, None],
                shown.fields[:, :2].permute(0, 2, 3, 1),
                align_corners=False,
            )
            shown.fields[:, 2:] *= (1.3 * bare).clamp(0, 1)  # no hand that was before it
            yield n, shown


def head_marks(places: Tensor, mask: Tensor, pixels: Tensor, marks: Tensor) -> Tensor:
    """Where the warp of a head puts the marks of its face: by the affine map that tells it best around the face.

    Args:
        places: (B, M, N, 2) where in the exemplars' pictures the pixels of a window lie, [-1, 1].
        mask: (B, M, N) how much of the head's each pixel is.
        pixels: (N, 2) these pixels, in G's crop.
        marks: (B, M, P, 2) in the exemplars' pictures.

    Returns:
        (B, M, P, 2) pixels of G's crop.
    """
    middle = marks.mean(2, keepdim=True)
    size = (marks - middle).norm(dim=-1).amax(2)[..., None, None].clamp(min=1e-3)
    q, wanted = (places - middle) / size, (marks - middle) / size
    weight = mask * torch.exp(-q.square().sum(-1))
    return _mapped(wanted, _affine(q, pixels.expand(*q.shape[:2], -1, -1), weight))


def patch(feature: int, now: Tensor, marks: Tensor, strength: Tensor, size: int, cell: int) -> Patch | None:
    """Find where the pixels of a feature come from.

    Args:
        feature: Which.
        now: (B, P, 2) the marks of the face that is shown, pixels of G's crop.
        marks: (B, M, P, 2) those of the exemplars that lend it, in their pictures.
        strength: (B, M) in [0, 1], how much of it is to be shown.
        size: Side of G's crop, pixels.
        cell: Pixels that the window's borders are multiples of.

    Returns:
        None where nothing of it is in the crop.
    """
    origin = now[:, _BRIDGE]
    across, down = (now[:, _LEFT_EYE] - now[:, _RIGHT_EYE]) / 2, now[:, _BASE] - now[:, _BRIDGE]
    axes = torch.stack([across, down], -1)  # (B, 2, 2) from the face's units to pixels
    corners = torch.tensor([(x + i * a, y + j * b) for x, y, a, b in FEATURES[feature].discs
                            for i in (-1, 1) for j in (-1, 1)], device="cpu").to(now)  # fmt: skip
    reach = origin[:, None] + corners @ axes.mT
    low, high = (reach.amin((0, 1)) / cell).floor(), (reach.amax((0, 1)) / cell).ceil()
    left, top, right, bottom = torch.cat([low, high]).clamp(0, size // cell).int().tolist()
    if right <= left or bottom <= top or not bool((strength > 0).any()):
        return None
    rows, columns = slice(top, bottom), slice(left, right)
    y, x = torch.meshgrid(*(torch.arange(span.start * cell, span.stop * cell, FINE, device=now.device) + FINE / 2
                            for span in (rows, columns)), indexing="ij")  # fmt: skip
    pixels = torch.stack([x, y], -1).flatten(0, 1)[None] - origin[:, None]  # (B, N, 2)
    units = torch.linalg.solve(axes + 1e-4 * torch.eye(2, device=axes.device), pixels.mT).mT
    mask = torch.stack([_disc(units, disc) for disc in FEATURES[feature].discs]).amax(0)
    scale = across.norm(dim=-1)[:, None, None].clamp(min=1e-3)
    held = _HELD_BY[feature].to(now).expand(*marks.shape[:3])
    source = ((now - origin[:, None]) / scale)[:, None].expand_as(marks)
    places = _mapped((pixels / scale)[:, None], _affine(source, marks, held))  # (B, M, N, 2)
    fields = torch.cat([places.mT, (mask[:, None] * strength[..., None])[:, :, None]], 2)
    return Patch(rows, columns, fields.flatten(0, 1).unflatten(-1, x.shape))


def _disc(units: Tensor, disc: tuple[float, float, float, float]) -> Tensor:
    """(B, N) a soft disc with shoulders: 1 in its middle, 0 from its border on."""
    middle, axes = units.new_tensor(disc[:2]), units.new_tensor(disc[2:])
    inside = ((1 - ((units - middle) / axes).norm(p=3, dim=-1)) / 0.4).clamp(0, 1)
    return inside.square() * (3 - 2 * inside)


def _affine(source: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """(..., 3, 2) the affine map from points (..., N, 2) to others that fits best by weights (..., N)."""
    one = torch.cat([source, torch.ones_like(source[..., :1])], -1)
    weighted = (one * weight[..., None]).mT
    normal = weighted @ one + 1e-4 * torch.eye(3, device=one.device)
    return torch.linalg.solve(normal, weighted @ target)


def _mapped(points: Tensor, affine: Tensor) -> Tensor:
    return points @ affine[..., :2, :] + affine[..., 2:, :]

"""Features of the face laid over the head that is shown: where they go, and where their pixels come from."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from perfclone.backends.layered.choice import DECIDED, Choice
from perfclone.backends.layered.features import FEATURES, HELD_BY, MARKS
from perfclone.backends.layered.parts import FACE, REGIONS

if TYPE_CHECKING:
    from perfclone.backends.layered.exemplars import Exemplars

#: How far a head may be turned otherwise before a feature begins to be left alone, and until it is, radians.
TURNED, AWAY = 0.2, 0.45
#: Distances of the eyes' outer corners that two heads' faces may lie apart before features begin to be left alone.
_APART = 0.1
#: The most by which a feature is made lighter, or darker.
_LIGHTEN = 2.0
#: Pixels of G's crop between the places at which a feature's warp and mask are computed.
FINE = 2
_LEFT_EYE, _RIGHT_EYE, _BRIDGE, _BASE = (MARKS.index(n) for n in (263, 33, 168, 2))


class Patch(NamedTuple):
    """Where a feature is and where its pixels come from, in a window of the coarse grid of a warp.

    Attributes:
        rows: Of the window.  columns: Of the window.
        fields: (B M, 3, h, w), as a piece of a warp has them, each ``FINE`` pixels of G's crop.
        gain: (B, M, 3) what brings its colours to those of the face that is shown.
    """

    rows: slice
    columns: slice
    fields: Tensor
    gain: Tensor


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
    index, marked = choice.index[:, FACE], exemplars.marked
    weight = choice.weight[:, FACE] ** DECIDED * marked[index]
    total = weight.sum(-1, keepdim=True)
    weight = weight / total.clamp(min=1e-9)
    known = (total[:, 0] > 0) * (face[:, 0] > 0)
    places = head[:, :2].flatten(2).mT.unflatten(0, index.shape)
    mask = head[:, 2].flatten(1).unflatten(0, index.shape)
    marks = head_marks(places, mask, pixels, exemplars.marks[index])
    now = (marks * weight[..., None, None]).sum(1)
    known = known * _agreed(marks, now, choice.weight[:, FACE], marked[index])
    turned = (exemplars.faces[index, 1:3] * weight[..., None]).sum(1)
    for n in range(len(FEATURES)):
        lender = choice.index[:, len(REGIONS) + n]
        away = (exemplars.faces[lender, 1:3] - turned[:, None]).norm(dim=-1)
        strength = ((AWAY - away) / (AWAY - TURNED)).clamp(0, 1) * marked[lender] * known[:, None]
        wanted = (exemplars.tones[index, n] * weight[..., None]).sum(1, keepdim=True)
        gain = (wanted / exemplars.tones[lender, n]).clamp(1 / _LIGHTEN, _LIGHTEN)
        shown = patch(n, now, exemplars.marks[lender], strength, gain, exemplars.resolution, cell)
        if shown is not None:
            bare = F.grid_sample(
                exemplars.labels[lender.flatten(), FACE][:, None],
                shown.fields[:, :2].permute(0, 2, 3, 1),
                align_corners=False,
            )
            shown.fields[:, 2:] *= (1.3 * bare).clamp(0, 1)  # no hand that was before it
            yield n, shown


def _agreed(marks: Tensor, now: Tensor, weight: Tensor, marked: Tensor) -> Tensor:
    """(B,) in [0, 1] whether the heads that may be shown have their faces in one place.

    Args:
        marks: (B, M, P, 2) where each head's are.
        now: (B, P, 2) where they are taken to be.
        weight: (B, M) of the heads.
        marked: (B, M) bool, of which they are known.
    """
    apart = ((marks - now[:, None]).norm(dim=-1).mean(-1) * weight * marked).sum(-1)
    eyes = (now[:, _LEFT_EYE] - now[:, _RIGHT_EYE]).norm(dim=-1).clamp(min=1e-3)
    blind = (weight * ~marked).sum(-1)
    return (2 - apart / eyes / _APART).clamp(0, 1) * (1 - 2 * blind).clamp(0, 1)


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


def patch(
    feature: int, now: Tensor, marks: Tensor, strength: Tensor, gain: Tensor, size: int, cell: int
) -> Patch | None:
    """Find where the pixels of a feature come from.

    Args:
        feature: Which.
        now: (B, P, 2) the marks of the face that is shown, pixels of G's crop.
        marks: (B, M, P, 2) those of the exemplars that lend it, in their pictures.
        strength: (B, M) in [0, 1], how much of it is to be shown.
        gain: (B, M, 3) what brings their colours to those of that face.
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
    held = HELD_BY[feature].to(now).expand(*marks.shape[:3])
    source = ((now - origin[:, None]) / scale)[:, None].expand_as(marks)
    places = _mapped((pixels / scale)[:, None], _affine(source, marks, held))  # (B, M, N, 2)
    fields = torch.cat([places.mT, (mask[:, None] * strength[..., None])[:, :, None]], 2)
    return Patch(rows, columns, fields.flatten(0, 1).unflatten(-1, x.shape), gain)


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

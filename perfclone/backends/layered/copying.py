"""Copying: exemplars warped into the pose wanted, region by region, into one picture for each place of a choice.

A region's exemplar is warped as a whole: at each pixel the affine maps of the parts near by are blended, as linear
blend skinning does with bones, so that clothes and hair beyond the limbs go along. The trunk, the head and the legs
share the picture out among them; the arms lie over it. The warp is smooth and is computed coarsely (:func:`warp`); the
pixels are fetched from the exemplars once, at whatever size the picture is to have (:func:`compose`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from perfclone.backends.layered import features
from perfclone.backends.layered.choice import SHOWN, Choice
from perfclone.backends.layered.conditioning import PartMaps
from perfclone.backends.layered.exemplars import Exemplars, nearness
from perfclone.backends.layered.parts import ARMS, BESIDE, BODY, FACE, PARTS, REGIONS, carrying_frames, firmness
from perfclone.backends.layered.pictures import Fetch

#: Channels of what is copied: premultiplied RGB, alpha, and how far it can be trusted.
COPIED = 5
#: Torso lengths: how far from its parts a region still reaches, how softly it ends there, and an arm's half-width.
REACH, FADE, SLEEVE = 0.6, 0.1, 0.3
#: Pixels of G's crop between the places at which the warp is computed.
STEP = 4
#: A copy of which no more than this share would be taken anywhere is not worth fetching for a large picture.
_UNSEEN = 0.02
#: What lies over what was copied before it: the features of the face, which follow the regions, and the arms.
OVER = (*ARMS, *range(len(REGIONS), len(REGIONS) + len(features.FEATURES)))
#: Regions that may lie over one another's pixels in an exemplar without one being taken for the other.
_JOINED = torch.eye(len(REGIONS))
for _r in BODY:
    _JOINED[0, _r] = _JOINED[_r, 0] = 1.0
#: (R, P) 1 for the parts that may carry a region's pixels.
_CARRYING = torch.tensor([[float(p in beside) for p in range(PARTS)] for beside in BESIDE], device="cpu")


class Piece(NamedTuple):
    """A region of the picture and where its pixels come from, in a window of the coarse grid.

    Attributes:
        region: Which.
        rows: Of the window.  columns: Of the window.
        fields: (B M, 3, h, w), as fine as need be: x and y in the exemplars' pictures, [-1, 1] from edge to edge, and
            the region's mask.
        index: (B, M) the exemplars.
        weight: (B, M) how much the choice trusts them.
        places: Those of the M that are wanted.
    """

    region: int
    rows: slice
    columns: slice
    fields: Tensor
    index: Tensor
    weight: Tensor
    places: tuple[int, ...] = tuple(range(SHOWN))

    def cut_to(self, taken: Tensor, margin: int) -> Piece:
        """The piece where its copies are taken, (M, h, w) in [0, 1], and so many cells around."""
        fine = self.fields.shape[-1] // taken.shape[-1]
        mask = F.max_pool2d(self.fields[:, 2], fine).unflatten(0, (-1, SHOWN)).amax(0)
        seen = taken * mask > _UNSEEN
        rows, columns = _window(seen.any(0, keepdim=True), margin)
        places = tuple(seen.flatten(1).any(1).nonzero()[:, 0].tolist())
        inside = (slice(span.start + own.start, span.start + own.stop) for span, own in
                  ((self.rows, rows), (self.columns, columns)))  # fmt: skip
        rows, columns = (slice(span.start * fine, span.stop * fine) for span in (rows, columns))
        return Piece(self.region, *inside, self.fields[..., rows, columns], self.index, self.weight, places)


class Warp(NamedTuple):
    """Where the pixels of a picture come from.

    Attributes:
        pieces: In the order in which they lie over one another.
        batch: B.
        side: Of the coarse grid.
        device: Where it is.
    """

    pieces: list[Piece]
    batch: int
    side: int
    device: torch.device

    def wanted(self, share: Tensor, reach: int) -> Warp:
        """Leave out what would hardly be seen.

        Args:
            share: (B, M, h, w) how much of each copy will be taken, in a picture of twice the side of the coarse grid.
            reach: From how many cells away a pixel may be fetched.
        """
        taken = F.max_pool2d(share, 2).amax(0)  # (M, side, side)
        cut = (piece.cut_to(taken[:, piece.rows, piece.columns], reach) for piece in self.pieces)
        return self._replace(pieces=[piece for piece in cut if piece.places])

    def window(self, size: int) -> tuple[slice, slice]:
        """The rows and columns of a picture, of so many pixels a side, that anything is copied to."""
        spans = zip(*((piece.rows, piece.columns) for piece in self.pieces)) if self.pieces else ([slice(0, 0)],) * 2
        low_high = ((min(each.start for each in span), max(each.stop for each in span)) for span in spans)
        return tuple(_fine(slice(low, high), size / self.side, size) for low, high in low_high)


@torch.no_grad()
def warp(
    exemplars: Exemplars, choice: Choice, maps: PartMaps, now: Tensor, seen: Tensor, scale: Tensor, face: Tensor
) -> Warp:
    """Find where the pixels of each region come from.

    Args:
        exemplars: Opened.
        choice: For the B frames.
        maps: Of these.
        now: (B, J, 2) crop pixels.
        seen: (B, J) bool.
        scale: (B,) torso length in crop pixels.
        face: (B, FACE_TRAITS) what is known of the face.

    Returns:
        The regions that are in the picture.
    """
    half = exemplars.resolution // 2
    reach = maps.reach.unflatten(1, (half, half))[:, :: STEP // 2, :: STEP // 2]
    near, frames = nearness(reach), carrying_frames(now, seen, scale)
    claims = torch.stack([near[..., list(REGIONS[r])].amax(-1) for r in BODY], -1)
    claims = claims / claims.sum(-1, keepdim=True).clamp(min=1e-12)
    firm, pieces = firmness(now, scale)[:, None, None], []
    for r in (*BODY, *ARMS):
        distance = reach[..., list(REGIONS[r])].amin(-1)
        rows, columns = _window(distance < (REACH + FADE) ** 2)
        if rows.stop <= rows.start:
            continue
        distance, claim = distance[:, rows, columns], claims[:, rows, columns]
        mask = torch.exp(-(distance / SLEEVE**2).clamp(max=20)) if r in ARMS else claim[..., BODY.index(r)]
        mask = mask * ((REACH + FADE - distance.sqrt()) / FADE).clamp(0, 1)
        fields = _fields(exemplars, choice, r, frames, firm * near[:, rows, columns], rows, columns, mask)
        pieces.append(Piece(r, rows, columns, fields, choice.index[:, r], choice.weight[:, r]))
        if r == FACE and exemplars.marks is not None:
            pieces.extend(_lent(exemplars, choice, pieces[-1], face))
    return Warp(pieces, len(now), exemplars.resolution // STEP, now.device)


def _fields(
    exemplars: Exemplars,
    choice: Choice,
    r: int,
    frames: Tensor,
    near: Tensor,
    rows: slice,
    columns: slice,
    mask: Tensor,
) -> Tensor:
    """``Piece.fields`` of a region."""
    size, index = exemplars.resolution, choice.index[:, r]  # (B, M)
    there = near[:, None] * _CARRYING[r].to(near) * exemplars.firm[index][:, :, None, None]  # (B, M, h, w, P)
    share = there / there.sum(-1, keepdim=True).clamp(min=1e-12)
    square = torch.eye(3, device=frames.device)[2:].expand(*frames.shape[:2], 1, 3)
    affine = exemplars.back[index] @ torch.cat([frames, square], 2)[:, None]  # (B, M, P, 2, 3) pixel -> pixel
    affine = (share.flatten(2, 3) @ affine.flatten(3)).unflatten(-1, (2, 3))  # (B, M, hw, 2, 3)
    places = (affine @ _centres(rows, columns, frames.device)[:, :, None])[..., 0].unflatten(2, share.shape[2:4])
    grid = places.flatten(0, 1) * (2 / size) - 1  # (B M, h, w, 2)
    labels = torch.einsum("r,bmrhw->bmhw", _JOINED[r].to(grid), exemplars.labels[index]).flatten(0, 1)
    shows = (1.3 * F.grid_sample(labels[:, None], grid, align_corners=False)).clamp(0, 1)
    return torch.cat([grid.permute(0, 3, 1, 2), shows * mask.repeat_interleave(SHOWN, 0)[:, None]], 1)


def _lent(exemplars: Exemplars, choice: Choice, head: Piece, face: Tensor) -> Iterator[Piece]:
    """The features of the face that lie over a head."""
    at = _centres(head.rows, head.columns, face.device)[:, :2]
    for n, shown in features.lay(exemplars, choice, head.fields, at, face, STEP):
        r = len(REGIONS) + n
        yield Piece(r, shown.rows, shown.columns, shown.fields, choice.index[:, r], choice.weight[:, r])


def compose(
    found: Warp, fetch: Fetch, size: int, flow: Tensor | None = None, window: tuple[slice, slice] | None = None
) -> Tensor:
    """Fetch the pixels, and lay the regions over one another.

    Args:
        found: Where they come from.
        fetch: How they are fetched.
        size: Side of the picture, pixels.
        flow: (B, M, 2, h, w), how far from its place each pixel is fetched, crop sides / 2; None is nowhere.
        window: The h rows and w columns that are wanted, as :meth:`Warp.window` gives them; None is all.

    Returns:
        (B, M, COPIED, h, w) float in [0, 1].
    """
    top, left = (0, 0) if window is None else (window[0].start, window[1].start)
    height, width = (size, size) if window is None else (each.stop - each.start for each in window)
    picture = torch.zeros(found.batch, SHOWN, COPIED, height, width, device=found.device)
    cell = size / found.side
    for piece in found.pieces:
        rows, columns = _fine(piece.rows, cell, size), _fine(piece.columns, cell, size)
        place = _places(piece, rows, columns, cell, picture.device)
        rows, columns = slice(rows.start - top, rows.stop - top), slice(columns.start - left, columns.stop - left)
        if flow is not None:
            shift = flow[..., rows, columns].flatten(0, 1).permute(0, 2, 3, 1)
            place = place + shift * shift.new_tensor([size / cell / (s.stop - s.start) for s in piece[2:0:-1]])
        place = place.expand(len(piece.fields), -1, -1, -1)
        for m in piece.places:
            own = slice(m, None, SHOWN)
            fields = F.grid_sample(piece.fields[own], place[own], padding_mode="border", align_corners=False)
            fetched = fetch(piece.index[:, m], fields[:, :2].permute(0, 2, 3, 1))
            trust = piece.weight[:, m].reshape(-1, 1, 1, 1).expand(-1, 1, *fetched.shape[2:])
            fetched = torch.cat([fetched, trust], 1) * fields[:, 2:]
            under = picture[:, m, :, rows, columns]
            if piece.region in OVER:
                under = under.clone() * (1 - fetched[:, 3:4])
            picture[:, m, :, rows, columns] = under + fetched
    return picture.clamp(0, 1)


def _places(piece: Piece, rows: slice, columns: slice, cell: float, device: torch.device) -> Tensor:
    """(1, h, w, 2) where the pixels of a window lie in the window of a piece, [-1, 1] from edge to edge."""
    y, x = (
        (
            ((torch.arange(fine.start, fine.stop, device=device) + 0.5) / cell - span.start)
            * 2
            / (span.stop - span.start)
        )
        - 1
        for fine, span in ((rows, piece.rows), (columns, piece.columns))
    )
    y, x = torch.meshgrid(y, x, indexing="ij")
    return torch.stack([x, y], -1)[None]


def _window(inside: Tensor, margin: int = 1) -> tuple[slice, slice]:
    """The rows and columns that hold a mask (B, h, w), all pictures together, and some more around it."""
    spans = []
    for along in (inside.any(2), inside.any(1)):
        at = along.any(0).nonzero()
        low, high = (int(at[0]) - margin, int(at[-1]) + 1 + margin) if len(at) else (0, 0)
        spans.append(slice(max(low, 0), min(high, len(along[0]))))
    return spans[0], spans[1]


def _fine(span: slice, cell: float, size: int) -> slice:
    """The pixels of a picture of so many pixels a side that a span of the coarse grid covers."""
    return slice(int(span.start * cell), min(size, int(-(-span.stop * cell // 1))))


def _centres(rows: slice, columns: slice, device: torch.device) -> Tensor:
    """(N, 3) x, y, 1 of the places of a window at which the warp is computed, crop pixels."""
    y, x = (STEP * (torch.arange(span.start, span.stop, device=device) + 0.5) for span in (rows, columns))
    y, x = torch.meshgrid(y, x, indexing="ij")
    return torch.stack([x, y, torch.ones_like(x)], -1).flatten(0, 1)

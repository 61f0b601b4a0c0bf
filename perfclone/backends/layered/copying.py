"""Copying: the pixels of exemplars fetched from where the warp says, and laid over one another.

The warp is smooth and is computed coarsely (:mod:`perfclone.backends.layered.warping`); the pixels are fetched from
the exemplars once, at whatever size the picture is to have. The trunk, the head and the legs share the picture out
among them; mouth and eyes lie over the head, and the arms over all, or behind it.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from perfclone.backends.layered.choice import SHOWN
from perfclone.backends.layered.pictures import Fetch

#: Channels of what is copied: premultiplied RGB, alpha, and how far it can be trusted.
COPIED = 5
#: Pixels of G's crop between the places at which the warp is computed.
STEP = 4
#: A copy of which no more than this share would be taken anywhere is not worth fetching for a large picture.
_UNSEEN = 0.02


class Piece(NamedTuple):
    """A region of the picture and where its pixels come from, in a window of the coarse grid.

    Attributes:
        region: Which.
        rows: Of the window.  columns: Of the window.
        fields: (B M, 3, h, w), as fine as need be: x and y in the exemplars' pictures, [-1, 1] from edge to edge, and
            the region's mask.
        index: (B, M) the exemplars.
        weight: (B, M) how much the choice trusts them.
        gain: (B, M, 3) what its colours are multiplied by; None for nothing.
        hidden: (B,) in [0, 1], how surely it is behind what was laid before it; None for what is beside it.
        places: Those of the M that are wanted.
    """

    region: int
    rows: slice
    columns: slice
    fields: Tensor
    index: Tensor
    weight: Tensor
    hidden: Tensor | None = None
    gain: Tensor | None = None
    places: tuple[int, ...] = tuple(range(SHOWN))

    def cut_to(self, taken: Tensor, margin: int) -> Piece:
        """The piece where its copies are taken, (M, h, w) in [0, 1], and so many cells around."""
        fine = self.fields.shape[-1] // taken.shape[-1]
        mask = F.max_pool2d(self.fields[:, 2], fine).unflatten(0, (-1, SHOWN)).amax(0)
        seen = taken * mask > _UNSEEN
        rows, columns = window_around(seen.any(0, keepdim=True), margin)
        places = tuple(seen.flatten(1).any(1).nonzero()[:, 0].tolist())
        inside = (slice(span.start + own.start, span.start + own.stop) for span, own in
                  ((self.rows, rows), (self.columns, columns)))  # fmt: skip
        rows, columns = (slice(span.start * fine, span.stop * fine) for span in (rows, columns))
        return self._replace(
            rows=next(inside), columns=next(inside), fields=self.fields[..., rows, columns], places=places
        )


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
            if piece.gain is not None:
                fetched = torch.cat([fetched[:, :3] * piece.gain[:, m, :, None, None], fetched[:, 3:]], 1)
            mask, under = fields[:, 2:], picture[:, m, :, rows, columns]
            if piece.hidden is not None:
                mask = mask * (1 - piece.hidden.view(-1, 1, 1, 1) * under[:, 3:4])
                under *= 1 - fetched[:, 3:] * mask
            under[:, :4] += fetched * mask
            under[:, 4:] += piece.weight[:, m, None, None, None] * mask
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


def window_around(inside: Tensor, margin: int = 1) -> tuple[slice, slice]:
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

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
from perfclone.backends.layered.crop import Window, resized
from perfclone.backends.layered.pictures import Fetch

#: Channels of what is copied: premultiplied RGB, alpha, and how far it can be trusted.
COPIED = 5
#: Pixels of G's crop between the places at which the warp is computed.
STEP = 4
#: A copy of which no more than this share would be taken anywhere is not worth fetching for a large picture.
_UNSEEN = 0.02
#: No more than this share of a copy changes no pixel.
_NOTHING = 1 / 255
#: A place beyond the edges of every picture, where fetching costs next to nothing.
_NOWHERE = -1e3


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
        places: Those of the M, M', that are wanted.
    """

    region: int
    rows: slice
    columns: slice
    fields: Tensor
    index: Tensor
    weight: Tensor
    hidden: Tensor | None = None
    gain: Tensor | None = None
    places: slice = slice(0, SHOWN)

    def at(self, places: Tensor, batch: int) -> Tensor:
        """(B, M', 3, h, w) the fields at places (1 or B M, h, w, 2) in the coarse grid, x and y in its cells."""
        spans = self.columns, self.rows
        start, extent = (places.new_tensor(each) for each in zip(*((s.start, s.stop - s.start) for s in spans)))
        grid = ((places - start) * (2 / extent) - 1).expand(len(self.fields), -1, -1, -1)
        wanted = (each.unflatten(0, (batch, SHOWN))[:, self.places].flatten(0, 1) for each in (self.fields, grid))
        return F.grid_sample(*wanted, padding_mode="border", align_corners=False).unflatten(0, (batch, -1))

    def cut_to(self, taken: Tensor, margin: int) -> Piece:
        """The piece where its copies are taken, (M, h, w) in [0, 1], and so many cells around."""
        fine = self.fields.shape[-1] // taken.shape[-1]
        mask = F.max_pool2d(self.fields[:, 2], fine).unflatten(0, (-1, SHOWN)).amax(0)
        seen = taken * mask > _UNSEEN
        rows, columns = window_around(seen.any(0, keepdim=True), margin)
        held = seen.flatten(1).any(1).nonzero()[:, 0].tolist()
        places = slice(held[0], held[-1] + 1) if held else slice(0, 0)
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
        return self._replace(pieces=[piece for piece in cut if piece.places.stop])

    @property
    def window(self) -> tuple[slice, slice]:
        """The rows and columns of the coarse grid that anything is copied to."""
        return union([(piece.rows, piece.columns) for piece in self.pieces])


def compose(
    found: Warp,
    fetch: Fetch,
    size: int,
    flow: Tensor | None = None,
    window: Window | None = None,
    take: Tensor | None = None,
    fine: int = 1,
) -> Tensor:
    """Fetch the pixels, and lay the regions over one another.

    Args:
        found: Where they come from.
        fetch: How they are fetched.
        size: Side of the picture, pixels; of a finer one, of the picture at whose pixels places are worked out.
        flow: (B, M, 2, h, w), how far from its place each pixel is fetched, crop sides / 2; None is nowhere.
        window: The h rows and w columns of the picture that are wanted; None is all.
        take: (B, M, fine h, fine w) how much of each copy will be taken, so that what will not be seen need not be
            fetched; None where that is not known.
        fine: How many times as large the picture is.

    Returns:
        (B, M, COPIED, fine h, fine w) float in [0, 1].
    """
    window = window or Window(slice(0, size), slice(0, size), size)
    at = _places(found, window, flow)
    picture = torch.zeros(found.batch, SHOWN, COPIED, *window.at(fine * size).shape, device=found.device)
    for piece in found.pieces:
        own = Window(piece.rows, piece.columns, found.side).at(size).within(window)
        fields = piece.at(at[:, own.rows, own.columns], found.batch)
        rows, columns, _ = own = own.at(fine * own.side)
        fields = resized(fields.flatten(1, 2), *own.shape).view(*fields.shape[:3], *own.shape)
        under = picture[:, piece.places, :, rows, columns]
        places, mask, index = fields[:, :, :2], fields[:, :, 2:], piece.index[:, piece.places]
        if take is not None:
            unseen = mask * take[:, piece.places, None, rows, columns] < _NOTHING
            places = places.masked_fill(unseen, _NOWHERE)
        fetched = fetch(index.flatten(), places.flatten(0, 1).permute(0, 2, 3, 1)).unflatten(0, index.shape)
        if piece.gain is not None:
            lit = fetched[:, :, :3] * piece.gain[:, piece.places, :, None, None]
            fetched = torch.cat([lit, fetched[:, :, 3:]], 2)
        if piece.hidden is not None:
            mask = mask * (1 - piece.hidden.view(-1, 1, 1, 1, 1) * under[:, :, 3:4])
            under *= 1 - fetched[:, :, 3:] * mask
        under[:, :, :4].addcmul_(fetched, mask)
        under[:, :, 4:].addcmul_(piece.weight[:, piece.places, None, None, None], mask)
    return picture.clamp_(0, 1)


def _places(found: Warp, window: Window, flow: Tensor | None) -> Tensor:
    """(1 or B M, h, w, 2) the places of a window's pixels in the coarse grid, x and y in its cells."""
    pixels = (torch.arange(span.start, span.stop, device=found.device) for span in window[:2])
    y, x = torch.meshgrid(*((each + 0.5) * (found.side / window.side) for each in pixels), indexing="ij")
    at = torch.stack([x, y])[None]
    return (at if flow is None else at + flow.flatten(0, 1) * (found.side / 2)).permute(0, 2, 3, 1)


def window_around(inside: Tensor, margin: int = 1) -> tuple[slice, slice]:
    """The rows and columns that hold a mask (B, h, w), all pictures together, and some more around it."""
    spans = []
    for along in (inside.any(2), inside.any(1)):
        at = along.any(0).nonzero()
        low, high = (int(at[0]) - margin, int(at[-1]) + 1 + margin) if len(at) else (0, 0)
        spans.append(slice(max(low, 0), min(high, len(along[0]))))
    return spans[0], spans[1]


def union(windows: list[tuple[slice, slice]]) -> tuple[slice, slice]:
    """The rows and columns that hold all of several windows."""
    held = [window for window in windows if all(span.stop > span.start for span in window)]
    if not held:
        return slice(0, 0), slice(0, 0)
    rows, columns = (slice(min(s.start for s in spans), max(s.stop for s in spans)) for spans in zip(*held))
    return rows, columns

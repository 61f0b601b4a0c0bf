"""The plate: the empty background behind the actor, laid together from all that the camera saw of it."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from perfclone.background.exposure import Exposures
from perfclone.background.inpaint import paint_in
from perfclone.background.laying import is_whole_shift, lay, look
from perfclone.background.margin import MARGIN, widen
from perfclone.background.views import (
    CLEAR,
    DOUBTFUL,
    NEAR,
    OUTSIDE,
    PERSON,
    STRIP,
    compare,
    masked_median,
    median,
    overlooked,
    unsharp,
)

_ENOUGH = 3  # views that a pixel needs before its median is believed
_TWICE = 2  # views that a pixel needs to be known, if there is more than one frame
_FAR = 4  # times the margin that is far from somebody
_SURE = 127  # matte values above this (of 255) are surely the person
_EARLY = 5  # first views of each pixel that are remembered beside the sample
_LOOK = 3  # of the frames that the sample leaves out, every third is searched for pixels hardly seen so far
_LARGEST = 4  # times a frame's area that a canvas may have


@dataclass(frozen=True)
class Plate:
    """The empty background, on a canvas that may be larger than the picture.

    The steady view is what the clone is shown in; the canvas goes as far around it as the camera looked.

    Attributes:
        image: (Hc, Wc, 3) uint8 RGB, the canvas.
        known: (Hc, Wc) bool, True where the background was really seen, False where it was painted in or seen
            only once.
        origin: (x, y) of the steady view's upper left corner in the canvas, pixels.
        size: (width, height) of the steady view and of every frame, pixels.
    """

    image: np.ndarray
    known: np.ndarray
    origin: tuple[int, int]
    size: tuple[int, int]

    def __post_init__(self):
        height, width = self.known.shape
        (x, y), (w, h) = self.origin, self.size
        if self.image.shape != (height, width, 3):
            raise ValueError(f"image must be {(height, width, 3)} as known is, got {self.image.shape}")
        if not (0 <= x <= width - w and 0 <= y <= height - h):
            raise ValueError(f"a steady view of {w}x{h} at {x},{y} must lie within a canvas of {width}x{height}")

    @property
    def steady(self) -> np.ndarray:
        """(H, W, 3) uint8 RGB, the steady view."""
        return self.image[self._steady]

    @property
    def steady_known(self) -> np.ndarray:
        """(H, W) bool, what was really seen of the steady view."""
        return self.known[self._steady]

    @property
    def seen(self) -> float:
        """Share of the steady view's pixels that were really seen, in [0, 1]."""
        return float(self.steady_known.mean())

    def view(self, matrix: np.ndarray, size: tuple[int, int] | None = None) -> tuple[np.ndarray, np.ndarray]:
        """The plate as another camera sees it, or a crop of that.

        Args:
            matrix: (3, 3), pixels of the picture wanted -> pixels of the steady view.
            size: (width, height) of the picture wanted, pixels; None for that of the frames.

        Returns:
            The picture (h, w, 3) uint8 RGB, with the canvas's border repeated where it ends, and where it was really
            seen, (h, w) bool.
        """
        size = size or self.size
        to_canvas = _shift(*self.origin) @ matrix
        known = look(self.known.astype(np.uint8), to_canvas, size, cv2.INTER_NEAREST, border=0)
        return look(self.image, to_canvas, size, cv2.INTER_CUBIC), known > 0

    @property
    def _steady(self) -> tuple[slice, slice]:
        (x, y), (width, height) = self.origin, self.size
        return slice(y, y + height), slice(x, x + width)


@dataclass(frozen=True)
class _Sight:
    """One frame of the sample: pixels (H, W, 3) uint8, what it says of each, (H, W) uint8, and where it lies."""

    pixels: np.ndarray
    what: np.ndarray
    to_canvas: np.ndarray


class PlateBuilder:
    """Collects frames and takes, pixel by pixel, the median of what is not the person.

    Memory is bounded however long the video is and however far the camera looks: a fixed-seed reservoir sample of
    `keep` frames, and on the canvas, which is at most four times a frame's area, the first few views of each pixel,
    so that a place which the person uncovers only for a moment is known too. Changes of exposure are taken out by
    bringing every frame to the brightness of what the canvas has already of its place. Where a place was often seen
    far from anybody, only those views count: what mattes miss, and soft shadows, are near people.

    Args:
        keep: Frames sampled for the median, 3-255.
        seed: Of the sampling.
        margin: The matte is widened by this share of each person's longer side.
        reach: (left, top, right, bottom), pixels of the steady view, how far the canvas goes; None for that view
            alone. What would make it larger than four frames is cut off on all sides in proportion.
    """

    def __init__(
        self,
        keep: int = 40,
        seed: int = 0,
        margin: float = MARGIN,
        reach: tuple[float, float, float, float] | None = None,
    ):
        if not _ENOUGH <= keep <= 255:
            raise ValueError(f"keep must lie in {_ENOUGH}-255, got {keep}")
        self.keep, self.margin, self.reach = keep, margin, reach
        self._rng = np.random.default_rng(seed)
        self._count = 0
        self._sample: list[_Sight] = []

    def add(self, pixels: np.ndarray, matte: np.ndarray, matrix: np.ndarray | None = None) -> None:
        """Take in one frame.

        Leave out frames in which somebody stands but P found nobody: their matte would call the person background.

        Args:
            pixels: (H, W, 3) uint8 RGB, of the same size as the frames before.
            matte: (H, W) uint8, 255 where anybody is.
            matrix: (3, 3), frame pixels -> pixels of the steady view; None, or the very identity, where the frame lies
                as it is.
        """
        slot = self._count if self._count < self.keep else int(self._rng.integers(self._count + 1))
        self._count += 1
        if slot >= self.keep and self._count % _LOOK:
            return
        if self._count == 1:
            self._open(pixels.shape)
        elif pixels.shape != self._shape:
            raise ValueError(f"every frame must be {self._shape}, got {pixels.shape}")
        to_canvas = _shift(*self._origin) @ (np.eye(3) if matrix is None else matrix)
        what = self._tell(matte)
        sight = _Sight(self._exposures.correct(pixels, what >= NEAR, to_canvas), what, to_canvas)
        self._remember(sight)
        if slot < self.keep:
            self._sample[slot : slot + 1] = [sight]

    def _open(self, shape: tuple[int, int, int]) -> None:
        """Spread the canvas."""
        self._shape, (height, width) = shape, shape[:2]
        self._origin, canvas = _canvas((width, height), self.reach)
        self._exposures = Exposures(shape, canvas)
        self._early = np.full((_EARLY, *canvas, 3), 255, np.uint8)
        self._views, self._looks = np.zeros(canvas, np.uint8), np.zeros(canvas, np.uint8)

    def _tell(self, matte: np.ndarray) -> np.ndarray:
        """What a frame says of each of its pixels, (H, W) uint8."""
        what = np.full(matte.shape, CLEAR, np.uint8)
        what[widen(matte, _FAR * self.margin)] = NEAR
        what[widen(matte, self.margin)] = DOUBTFUL
        what[matte > _SURE] = PERSON
        return what

    def _remember(self, sight: _Sight) -> None:
        """Count the views of each place, and keep the first ones."""
        what = lay(sight.what, sight.to_canvas, self._views.shape)
        self._looks = np.minimum(self._looks + (what > OUTSIDE), _ENOUGH).astype(np.uint8)
        new = (what >= NEAR) & (self._views < _EARLY)
        rows, columns = np.flatnonzero(new.any(1)), np.flatnonzero(new.any(0))
        if not len(rows):
            return
        top, left = rows[0], columns[0]
        size = (rows[-1] + 1 - top, columns[-1] + 1 - left)
        pixels = lay(sight.pixels, _shift(-left, -top) @ sight.to_canvas, size)
        rows, columns = np.nonzero(new)
        self._early[self._views[rows, columns], rows, columns] = pixels[rows - top, columns - left]
        self._views[rows, columns] += 1

    def build(self) -> Plate:
        """The plate of all frames so far; pixels never (or hardly ever) seen are painted in from around them.

        Raises:
            ValueError: No frame was added.
        """
        if not self._sample:
            raise ValueError("a plate needs at least one frame; call add() first")
        (height, width), (h, w) = self._views.shape, self._shape[:2]
        image, shown = np.empty((height, width, 3), np.uint8), np.empty((height, width), bool)
        hidden, alike = np.empty((height, width), bool), np.empty((height, width), bool)
        moved = any(not is_whole_shift(sight.to_canvas) for sight in self._sample)
        for top in range(0, height, STRIP):
            rows = slice(top, min(top + STRIP, height))
            stack, what = self._laid(rows)
            sharp = np.where(unsharp(stack, what)[:, None, None], OUTSIDE, what) if moved else what
            strip, count = median(stack, sharp)
            rare = count < np.maximum(self._looks[rows], 1)
            strip[rare] = masked_median(self._early[:, rows], self._views[rows])[rare]
            image[rows], shown[rows] = strip, ~rare | (self._views[rows] >= np.maximum(self._looks[rows], 1))
            hidden[rows], alike[rows] = compare(strip, stack, what)
        shown &= ~overlooked(hidden & shown, alike)
        known = shown & (self._views >= min(_TWICE, self._count))
        return Plate(paint_in(image, ~shown), known, self._origin, (w, h))

    def _laid(self, rows: slice) -> tuple[np.ndarray, np.ndarray]:
        """The sample in some rows of the canvas: (n, h, Wc, 3) uint8, and what it says of each pixel, (n, h, Wc)."""
        size = (rows.stop - rows.start, self._views.shape[1])
        placed = [(sight, _shift(0, -rows.start) @ sight.to_canvas) for sight in self._sample]
        what = np.stack([lay(sight.what, matrix, size) for sight, matrix in placed])
        return np.stack([lay(sight.pixels, matrix, size) for sight, matrix in placed]), what


def _canvas(size: tuple[int, int], reach) -> tuple[tuple[int, int], tuple[int, int]]:
    """Where the steady view (width, height) lies in a canvas that goes so far, (x, y), and its (height, width)."""
    width, height = size
    left, top, right, bottom = (0, 0, width, height) if reach is None else reach
    beyond = np.ceil(np.maximum(0, [-left, -top, right - width, bottom - height]))
    while (width + beyond[0] + beyond[2]) * (height + beyond[1] + beyond[3]) > _LARGEST * width * height:
        beyond = np.floor(0.98 * beyond)
    left, top, right, bottom = (int(b) for b in beyond)
    return (left, top), (top + height + bottom, left + width + right)


def _shift(x: float, y: float) -> np.ndarray:
    """The matrix (3, 3) that moves by x and y pixels."""
    return np.array([[1.0, 0, x], [0, 1, y], [0, 0, 1]])

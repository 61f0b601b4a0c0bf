"""The plate: the empty background behind the actor, laid together from all that the camera saw of it."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from perfclone.background.exposure import Exposures, in_exposure_of
from perfclone.background.inpaint import paint_in
from perfclone.background.laying import is_whole_shift, lay, look
from perfclone.background.margin import MARGIN, size_within, widen

__all__ = ["MARGIN", "Plate", "PlateBuilder", "in_exposure_of", "size_within", "widen"]

_ENOUGH = 3  # views that a pixel needs before its median is believed
_FAR_ENOUGH = 5  # views far from anybody from which on those near somebody do not count
_FAR = 3  # times the margin that is far from somebody
_SURE = 127  # matte values above this (of 255) are surely the person
_EARLY = 5  # first views of each pixel that are remembered beside the sample
_LOOK = 3  # of the frames that the sample leaves out, every third is searched for pixels hardly seen so far
_STRIP = 64  # rows whose median is taken at a time
_ALIKE = 14  # grey levels that one person's clothes may differ by from view to view
_AROUND = 0.03  # of the short side: how far around a pixel others must agree that somebody was overlooked
_SHARP = 0.7  # share of the good views' sharpness below which a view does not count
_COARSE = 512  # longest side of the picture in which such a somebody is outlined
_LARGEST = 4  # times a frame's area that a canvas may have
_OUTSIDE, _PERSON, _DOUBTFUL, _NEAR, _CLEAR = range(5)  # what a frame says of a place


@dataclass(frozen=True)
class Plate:
    """The empty background, on a canvas that may be larger than the picture.

    The steady view is what the clone is shown in; the canvas goes as far around it as the camera looked.

    Attributes:
        image: (Hc, Wc, 3) uint8 RGB, the canvas.
        known: (Hc, Wc) bool, True where the background was really seen, False where it was painted in.
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
        sight = _Sight(self._exposures.correct(pixels, what >= _NEAR, to_canvas), what, to_canvas)
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
        what = np.full(matte.shape, _CLEAR, np.uint8)
        what[widen(matte, _FAR * self.margin)] = _NEAR
        what[widen(matte, self.margin)] = _DOUBTFUL
        what[matte > _SURE] = _PERSON
        return what

    def _remember(self, sight: _Sight) -> None:
        """Count the views of each place, and keep the first ones."""
        what = lay(sight.what, sight.to_canvas, self._views.shape)
        self._looks = np.minimum(self._looks + (what > _OUTSIDE), _ENOUGH).astype(np.uint8)
        new = (what >= _NEAR) & (self._views < _EARLY)
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
        image, known = np.empty((height, width, 3), np.uint8), np.empty((height, width), bool)
        hidden, alike = np.empty((height, width), bool), np.empty((height, width), bool)
        moved = any(not is_whole_shift(sight.to_canvas) for sight in self._sample)
        for top in range(0, height, _STRIP):
            rows = slice(top, min(top + _STRIP, height))
            stack, what = self._laid(rows)
            if moved:
                what[_unsharp(stack, what)] = _OUTSIDE
            strip, count = _median(stack, what)
            rare = count < np.maximum(self._looks[rows], 1)
            strip[rare] = _masked_median(self._early[:, rows], self._views[rows])[rare]
            image[rows], known[rows] = strip, ~rare | (self._views[rows] >= np.maximum(self._looks[rows], 1))
            hidden[rows], alike[rows] = _compare(strip, stack, what)
        known &= ~_overlooked(hidden & known, alike)
        return Plate(paint_in(image, ~known), known, self._origin, (w, h))

    def _laid(self, rows: slice) -> tuple[np.ndarray, np.ndarray]:
        """The sample in some rows of the canvas: (n, h, Wc, 3) uint8, and what it says of each pixel, (n, h, Wc)."""
        size = (rows.stop - rows.start, self._views.shape[1])
        placed = [(sight, _shift(0, -rows.start) @ sight.to_canvas) for sight in self._sample]
        what = np.stack([lay(sight.what, matrix, size) for sight, matrix in placed])
        return np.stack([lay(sight.pixels, matrix, size) for sight, matrix in placed]), what


def _median(stack: np.ndarray, what: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The background (h, w, 3) uint8 in a stack (n, h, w, 3), and the number of views that it rests on, (h, w)."""
    far = (what == _CLEAR).sum(0) >= _FAR_ENOUGH
    counts = what >= np.where(far, _CLEAR, _NEAR)
    count = counts.sum(0, dtype=np.uint8)
    return _masked_median(np.where(counts[..., None], stack, 255), count), count


def _unsharp(stack: np.ndarray, what: np.ndarray) -> np.ndarray:
    """Where views are less sharp than most of the sharper third that see the same block, (n, h, w) bool.

    The sharpest alone would not do: they may owe it to a hand that their matte missed. Sharpness is the mean size of
    the Laplacian of the picture at half its size, where noise counts less.
    """
    sharpness = np.stack([_sharpness(*view) for view in zip(stack, what >= _NEAR)])  # (n, w / _STRIP)
    third = (sharpness >= 0).sum(0) // 3
    good = np.take_along_axis(np.sort(sharpness, 0)[::-1], third[None], 0)
    dull = (sharpness >= 0) & (sharpness < _SHARP * good) & (third >= _FAR_ENOUGH)
    return np.repeat(dull, _STRIP, 1)[:, None, : what.shape[2]] & (what >= _NEAR)


def _sharpness(pixels: np.ndarray, background: np.ndarray) -> np.ndarray:
    """Sharpness of each block of a strip (h, w, 3), as far as it shows background; -1 where it shows little."""
    height, width = background.shape
    half, blocks = (max(1, width // 2), max(1, height // 2)), (-(-width // _STRIP), 1)
    grey = cv2.resize(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), half, interpolation=cv2.INTER_AREA)
    clear = cv2.resize(background.astype(np.float32), half, interpolation=cv2.INTER_NEAREST)
    edges = np.abs(cv2.Laplacian(grey, cv2.CV_32F)) * clear
    edges, clear = (cv2.resize(each, blocks, interpolation=cv2.INTER_AREA)[0] for each in (edges, clear))
    return np.where(clear > 0.1, edges / np.maximum(clear, 0.1), -1)


def _compare(strip: np.ndarray, stack: np.ndarray, what: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where somebody stands in most views, and where what they show there is what was taken for the background.

    Args:
        strip: (h, w, 3) uint8, taken for the background.
        stack: (n, h, w, 3) uint8.
        what: (n, h, w) uint8, what each view says of each pixel.

    Returns:
        (h, w) bool each.
    """
    people = what == _PERSON
    hidden = people.sum(0) > (what >= _NEAR).sum(0)
    there = people[:, hidden]  # (n, k)
    seen = np.where(there[..., None], stack[:, hidden], 255)[:, None]
    person = _masked_median(seen, there.sum(0, dtype=np.uint8)[None])[0]
    alike = np.zeros_like(hidden)
    alike[hidden] = np.abs(person.astype(int) - strip[hidden]).mean(1) < _ALIKE
    return hidden, alike


def _overlooked(hidden: np.ndarray, alike: np.ndarray) -> np.ndarray:
    """Where mattes come and go while the picture stays: somebody who was overlooked now and then, (H, W) bool."""
    height, width = hidden.shape
    size = size_within(_COARSE, hidden)
    both, all_ = (
        cv2.resize(where.astype(np.float32), size, interpolation=cv2.INTER_AREA) for where in (hidden & alike, hidden)
    )
    side = max(3, round(_AROUND * min(size))) | 1
    found = (all_ > 0.5) & (cv2.blur(both, (side, side)) > 0.5 * cv2.blur(all_, (side, side)))
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    found = cv2.morphologyEx(found.astype(np.uint8), cv2.MORPH_OPEN, kernel)
    _, pieces = cv2.connectedComponents((all_ > 0.5).astype(np.uint8))
    share = np.bincount(pieces[found > 0], minlength=pieces.max() + 1) / np.bincount(pieces.ravel())
    found |= ((share > 0.5) & (np.arange(len(share)) > 0)).astype(np.uint8)[pieces]
    found = cv2.morphologyEx(found, cv2.MORPH_CLOSE, kernel, iterations=3)
    return cv2.resize(cv2.dilate(found, kernel), (width, height), interpolation=cv2.INTER_NEAREST).astype(bool)


def _masked_median(stack: np.ndarray, count: np.ndarray) -> np.ndarray:
    """Lower median of the first `count` (h, w) of the sorted values of each pixel of a stack (n, h, w, 3) uint8.

    What does not count must be 255 in the stack. Found bit by bit, which is far quicker than sorting along n.
    """
    rank = (np.maximum(count, 1) - 1) // 2
    median = np.zeros(stack.shape[1:], np.uint8)
    for bit in (128, 64, 32, 16, 8, 4, 2, 1):
        candidate = median | np.uint8(bit)
        below = (stack < candidate).sum(0, dtype=np.uint8)
        median = np.where(below <= rank[..., None], candidate, median)
    return median


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

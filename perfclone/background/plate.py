"""The plate: the empty background behind the actor."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

#: By how much mattes are widened, as a share of their short side: they miss hair, shoes and blurred hands.
MARGIN = 0.02
_PERSON = 16  # matte values above this (of 255) are taken for the person: a plate wants no doubtful pixel
_ENOUGH = 3  # views that a pixel needs before its median is believed
_EARLY = 5  # first views of each pixel that are remembered beside the sample
_LOOK = 3  # of the frames that the sample leaves out, every third is searched for pixels hardly seen so far
_STRIP = 64  # rows whose median is taken at a time


@dataclass(frozen=True)
class Plate:
    """The empty background.

    Attributes:
        image: (H, W, 3) uint8 RGB.
        known: (H, W) bool, True where the background was really seen, False where it was painted in.
    """

    image: np.ndarray
    known: np.ndarray

    @property
    def seen(self) -> float:
        """Share of the pixels that were really seen, in [0, 1]."""
        return float(self.known.mean())


class PlateBuilder:
    """Collects frames and takes, pixel by pixel, the median of what is not the person.

    Memory is bounded however long the video is: a fixed-seed reservoir sample of `keep` frames, and the first few
    views of each pixel, so that a place which the person uncovers only for a moment is known too. Exposure drift is
    taken out by bringing every frame to the brightness of the first.

    Args:
        keep: Frames sampled for the median, 3-255.
        seed: Of the sampling.
        margin: The matte is widened by this share of the picture's short side.
    """

    def __init__(self, keep: int = 40, seed: int = 0, margin: float = MARGIN):
        if not _ENOUGH <= keep <= 255:
            raise ValueError(f"keep must lie in {_ENOUGH}-255, got {keep}")
        self.keep, self.margin = keep, margin
        self._rng = np.random.default_rng(seed)
        self._count = 0
        self._sample: list[np.ndarray] = []  # (H, W, 3) uint8 each, 255 where the person is
        self._masks: list[np.ndarray] = []  # (H, W) bool each, True where the background is
        self._exposure: _Exposure | None = None

    def add(self, pixels: np.ndarray, matte: np.ndarray) -> None:
        """Take in one frame.

        Leave out frames in which somebody stands but P found nobody: their matte would call the person background.

        Args:
            pixels: (H, W, 3) uint8 RGB, of the same size as the frames before.
            matte: (H, W) uint8, 255 where the person is, or where a stabilised frame has no picture
                (see :func:`perfclone.background.camera.stabilise`).
        """
        slot = self._count if self._count < self.keep else int(self._rng.integers(self._count + 1))
        self._count += 1
        if slot >= self.keep and self._count % _LOOK:
            return
        background = ~widen(matte, self.margin)
        if self._exposure is None:
            self._exposure = _Exposure(pixels, background)
            self._early = np.full((_EARLY, *pixels.shape), 255, np.uint8)
            self._views = np.zeros(background.shape, np.uint8)
        elif pixels.shape != self._early.shape[1:]:
            raise ValueError(f"every frame must be {self._early.shape[1:]}, got {pixels.shape}")
        pixels = self._exposure.correct(pixels, background)
        rows, columns = np.nonzero(background & (self._views < _EARLY))
        self._early[self._views[rows, columns], rows, columns] = pixels[rows, columns]
        self._views[rows, columns] += 1
        if slot < self.keep:
            pixels[~background] = 255
            self._sample[slot : slot + 1] = [pixels]
            self._masks[slot : slot + 1] = [background]

    def build(self) -> Plate:
        """The plate of all frames so far; pixels never (or hardly ever) seen are painted in from around them.

        Raises:
            ValueError: No frame was added.
        """
        if not self._sample:
            raise ValueError("a plate needs at least one frame; call add() first")
        height, width = self._views.shape
        image, known = np.empty((height, width, 3), np.uint8), np.empty((height, width), bool)
        enough = min(_ENOUGH, self._count)
        for top in range(0, height, _STRIP):
            rows = slice(top, top + _STRIP)
            count = np.sum([mask[rows] for mask in self._masks], axis=0, dtype=np.uint8)
            strip = _masked_median(np.stack([frame[rows] for frame in self._sample]), count)
            rare = count < enough
            strip[rare] = _masked_median(self._early[:, rows], self._views[rows])[rare]
            image[rows], known[rows] = strip, ~rare | (self._views[rows] >= enough)
        return Plate(_paint_in(image, ~known), known)


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


def widen(matte: np.ndarray, margin: float = MARGIN) -> np.ndarray:
    """Where the person may be: the matte made wider.

    Args:
        matte: (H, W) uint8, 255 where the person is.
        margin: By how much, as a share of the matte's short side.

    Returns:
        (H, W) bool.
    """
    height, width = matte.shape
    small = cv2.resize(matte, size_within(512, matte), interpolation=cv2.INTER_AREA)
    radius = max(1, round(margin * min(small.shape)))
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    person = cv2.dilate((small > _PERSON).astype(np.uint8), kernel)
    return cv2.resize(person, (width, height), interpolation=cv2.INTER_NEAREST).astype(bool)


def _paint_in(image: np.ndarray, holes: np.ndarray) -> np.ndarray:
    """Fill holes (H, W) bool from around them: inpainted small, where it is quick and smooth, then enlarged."""
    if not holes.any() or holes.all():
        return image
    height, width = holes.shape
    size = size_within(320, holes)
    weight = cv2.resize((~holes).astype(np.float32), size, interpolation=cv2.INTER_AREA)
    small = cv2.resize(image * (~holes[..., None]).astype(np.float32), size, interpolation=cv2.INTER_AREA)
    small = (small / np.maximum(weight, 1e-3)[..., None]).clip(0, 255).astype(np.uint8)
    small = cv2.inpaint(small, (weight < 0.25).astype(np.uint8), 5, cv2.INPAINT_TELEA)
    out = image.copy()
    out[holes] = cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)[holes]
    return out


class _Exposure:
    """Brings frames to the exposure of the first one, by one gain a colour channel."""

    def __init__(self, pixels: np.ndarray, background: np.ndarray):
        self._anchor, self._anchor_background = _thumbnail(pixels, background)

    def correct(self, pixels: np.ndarray, background: np.ndarray) -> np.ndarray:
        """A copy of the frame whose background is as bright as the first frame's; gains lie in 0.7-1.4."""
        small, clear = _thumbnail(pixels, background)
        clear &= self._anchor_background
        if clear.sum() < 50:
            return pixels.copy()
        both = np.stack([self._anchor[clear], small[clear]])  # (2, n, 3)
        usable = ((both > 16) & (both < 240)).all(0)
        ratio = both[0] / np.maximum(both[1], 1)
        gains = [np.median(ratio[use, c]) if (use := usable[:, c]).sum() >= 50 else 1.0 for c in range(3)]
        if np.abs(np.array(gains) - 1).max() < 0.004:  # below half an 8-bit level: leave the pixels as they are
            return pixels.copy()
        table = np.arange(256)[:, None] * np.clip(gains, 0.7, 1.4)
        return cv2.LUT(pixels, table.round().clip(0, 255).astype(np.uint8)[None])


def _thumbnail(pixels: np.ndarray, background: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A float picture of at most 128 pixels a side, and where it is background all through."""
    size = size_within(128, background)
    clear = cv2.resize(background.astype(np.float32), size, interpolation=cv2.INTER_AREA) > 0.99
    return cv2.resize(pixels, size, interpolation=cv2.INTER_AREA).astype(np.float32), clear


def size_within(side: int, image: np.ndarray) -> tuple[int, int]:
    """The (width, height) of the image made small enough for its longest side to be at most `side`."""
    height, width = image.shape[:2]
    scale = min(1.0, side / max(height, width))
    return max(1, round(width * scale)), max(1, round(height * scale))

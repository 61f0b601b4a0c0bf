"""The plate: the empty background behind the actor; and the camera: does it stand still?"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np

_PERSON = 16  # matte values above this (of 255) are taken for the person: a plate wants no doubtful pixel
_ENOUGH = 3  # views that a pixel needs before its median is believed
_EARLY = 5  # first views of each pixel that are remembered beside the sample
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

    def __init__(self, keep: int = 40, seed: int = 0, margin: float = 0.02):
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
            matte: (H, W) uint8, 255 where the person is, or where the frame has no picture (see :func:`stabilise`).
        """
        background = ~_widen(matte, self.margin)
        if self._exposure is None:
            self._exposure = _Exposure(pixels, background)
            self._early = np.full((_EARLY, *pixels.shape), 255, np.uint8)
            self._views = np.zeros(background.shape, np.uint8)
        elif pixels.shape != self._early.shape[1:]:
            raise ValueError(f"every frame must be {self._early.shape[1:]}, got {pixels.shape}")
        slot = self._count if self._count < self.keep else int(self._rng.integers(self._count + 1))
        self._count += 1
        fresh = background & (self._views < _EARLY)
        if slot >= self.keep and not fresh.any():
            return
        pixels = self._exposure.correct(pixels, background)
        rows, columns = np.nonzero(fresh)
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


def _widen(matte: np.ndarray, margin: float) -> np.ndarray:
    """Where the person may be, (H, W) bool: the matte made wider by `margin` of its short side."""
    height, width = matte.shape
    small = cv2.resize(matte, _size_within(512, matte), interpolation=cv2.INTER_AREA)
    radius = max(1, round(margin * min(small.shape)))
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    person = cv2.dilate((small > _PERSON).astype(np.uint8), kernel)
    return cv2.resize(person, (width, height), interpolation=cv2.INTER_NEAREST).astype(bool)


def _paint_in(image: np.ndarray, holes: np.ndarray) -> np.ndarray:
    """Fill holes (H, W) bool from around them: inpainted small, where it is quick and smooth, then enlarged."""
    if not holes.any() or holes.all():
        return image
    height, width = holes.shape
    size = _size_within(320, holes)
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
    size = _size_within(128, background)
    clear = cv2.resize(background.astype(np.float32), size, interpolation=cv2.INTER_AREA) > 0.99
    return cv2.resize(pixels, size, interpolation=cv2.INTER_AREA).astype(np.float32), clear


def _size_within(side: int, image: np.ndarray) -> tuple[int, int]:
    """(width, height) of the image made small enough for its longest side to be at most `side`."""
    height, width = image.shape[:2]
    scale = min(1.0, side / max(height, width))
    return max(1, round(width * scale)), max(1, round(height * scale))


_TRACK_SIDE = 960  # longest side of the picture in which the camera's motion is measured
_STILL = 0.5  # a camera that shifts the picture by less than this many pixels at 720p stands still
_FAR = 0.12  # shift, as a share of the short side, beyond which too much of the picture is lost
_EXPLAINED = 0.5  # inlier share from which a transform is believed


@dataclass(frozen=True)
class MotionReport:
    """How the camera moved.

    Attributes:
        max_shift_px: Largest shift of a picture corner, in pixels of a picture whose short side is 720.
        median_shift_px: The same, median over the frames.
        kind: "still" (max shift below 0.5 px), "stabilisable" (a similarity transform explains it, and the shift stays
            below 12 % of the short side), or "moving".
        explained: Share of the frames that a transform explains, in [0, 1].
        transforms: (T, 2, 3) float32, frame -> anchor, as :func:`stabilise` takes them.
    """

    max_shift_px: float
    median_shift_px: float
    kind: Literal["still", "stabilisable", "moving"]
    explained: float
    transforms: np.ndarray


class Stabiliser:
    """Finds, frame by frame, the similarity transform that lays the background over that of an anchor frame.

    Corners of the background are followed from the anchor by pyramidal Lucas-Kanade, starting from where the last
    frame had them, checked backwards, and fitted with RANSAC.

    Args:
        anchor_frame: (H, W, 3) uint8 RGB.
        anchor_matte: (H, W) uint8, 255 where the person is.
    """

    def __init__(self, anchor_frame: np.ndarray, anchor_matte: np.ndarray):
        self._anchor = self._grey(anchor_frame)
        self._scale = max(anchor_frame.shape[:2]) / max(self._anchor.shape)
        clear = (~_widen(anchor_matte, 0.02)).astype(np.uint8)
        clear = cv2.resize(clear, self._anchor.shape[::-1], interpolation=cv2.INTER_NEAREST)
        points = cv2.goodFeaturesToTrack(self._anchor, 500, 0.005, 8, mask=clear)
        self._points = np.zeros((0, 2), np.float32) if points is None else points[:, 0]
        self._last = np.eye(2, 3)  # anchor -> last frame, small pixels

    def align(self, pixels: np.ndarray, matte: np.ndarray) -> tuple[np.ndarray, float]:
        """Measure one frame.

        Args:
            pixels: (H, W, 3) uint8 RGB, of the anchor's size.
            matte: (H, W) uint8, 255 where the person is.

        Returns:
            The transform (2, 3) float32, frame pixels -> anchor pixels, and the share of followed background points
            that it explains. It is exactly the identity where the picture shifted by less than 0.5 px at 720p, and
            where the transform is not to be believed (share below 0.5). A background without a single corner cannot
            be seen to move: identity, share 1.
        """
        if len(self._points) < 8:
            return np.eye(2, 3, dtype=np.float32), 1.0
        found, clear = self._follow(self._grey(pixels), ~_widen(matte, 0.02))
        if clear.sum() < 8:
            return np.eye(2, 3, dtype=np.float32), 0.0
        forth, inliers = cv2.estimateAffinePartial2D(
            self._points[clear], found[clear], method=cv2.RANSAC, ransacReprojThreshold=1.0, confidence=0.999
        )
        share = 0.0 if forth is None else float(inliers.sum()) / self._followable
        if share < _EXPLAINED:
            self._last = np.eye(2, 3)
            return np.eye(2, 3, dtype=np.float32), share
        self._last = forth
        back = cv2.invertAffineTransform(forth)
        back[:, 2] *= self._scale
        still = shift_of(back, pixels.shape[:2]) < _STILL
        return (np.eye(2, 3) if still else back).astype(np.float32), share

    def _follow(self, grey: np.ndarray, background: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Where the anchor's points are now (n, 2), and which of them were really found, (n,) bool."""
        options = {"winSize": (21, 21), "maxLevel": 5}
        start = cv2.transform(self._points[None], self._last)[0].astype(np.float32)
        found, ok, _ = cv2.calcOpticalFlowPyrLK(
            self._anchor, grey, self._points, start.copy(), flags=cv2.OPTFLOW_USE_INITIAL_FLOW, **options
        )
        again, back_ok, _ = cv2.calcOpticalFlowPyrLK(
            grey, self._anchor, found, self._points.copy(), flags=cv2.OPTFLOW_USE_INITIAL_FLOW, **options
        )
        height, width = grey.shape
        inside = ((found >= 0) & (found < (width, height))).all(1)
        x, y = (found.clip(0, (width - 1, height - 1)) * self._scale).astype(int).T
        visible = inside & background[y.clip(0, background.shape[0] - 1), x.clip(0, background.shape[1] - 1)]
        self._followable = max(1, int(visible.sum()))
        found_again = np.linalg.norm(again - self._points, axis=1) < 0.5
        return found, visible & (ok[:, 0] > 0) & (back_ok[:, 0] > 0) & found_again

    @staticmethod
    def _grey(pixels: np.ndarray) -> np.ndarray:
        grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
        return cv2.resize(grey, _size_within(_TRACK_SIDE, grey), interpolation=cv2.INTER_AREA)


def shift_of(transform: np.ndarray, size: tuple[int, int]) -> float:
    """Largest shift of a corner of a picture of `size` (height, width), in pixels of one whose short side is 720."""
    height, width = size
    corners = np.array([[0, 0], [width, 0], [0, height], [width, height]], np.float64)
    moved = corners @ np.asarray(transform)[:, :2].T + np.asarray(transform)[:, 2]
    return float(np.linalg.norm(moved - corners, axis=1).max() * 720 / min(height, width))


def stabilise(pixels: np.ndarray, transform: np.ndarray, outside: int | None = None) -> np.ndarray:
    """Lay a frame, or a matte, over the anchor.

    Args:
        pixels: (H, W, 3) or (H, W) uint8.
        transform: (2, 3), frame -> anchor, from :meth:`Stabiliser.align`.
        outside: Value where the frame shows nothing; None repeats its border. Use 255 for a matte, so that a plate
            does not learn from there.
    """
    if np.array_equal(transform, np.eye(2, 3)):
        return pixels
    height, width = pixels.shape[:2]
    border = cv2.BORDER_REPLICATE if outside is None else cv2.BORDER_CONSTANT
    fill = (outside or 0,) * 3
    return cv2.warpAffine(
        pixels, np.float64(transform), (width, height), flags=cv2.INTER_LINEAR, borderMode=border, borderValue=fill
    )


def measure_motion(frames: Iterable[np.ndarray], mattes: Iterable[np.ndarray]) -> MotionReport:
    """Measure how the camera moved against the first frame, which is the anchor.

    Args:
        frames: At least one (H, W, 3) uint8 RGB; only one is held at a time, besides the anchor.
        mattes: (H, W) uint8 for each, 255 where the person is.
    """
    stabiliser, transforms, shifts, shares = None, [], [], []
    for pixels, matte in zip(frames, mattes, strict=True):
        stabiliser = stabiliser or Stabiliser(pixels, matte)
        transform, share = stabiliser.align(pixels, matte)
        transforms.append(transform)
        shares.append(share)
        shifts.append(shift_of(transform, pixels.shape[:2]))
    explained = np.array(shares) >= _EXPLAINED
    far, share = max(shifts), float(explained.mean())
    kind = "moving" if share < 0.95 or far > _FAR * 720 else "stabilisable" if far > 0 else "still"
    return MotionReport(far, float(np.median(shifts)), kind, share, np.stack(transforms))

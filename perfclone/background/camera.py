"""The camera: does it stand still, and if not, how are its frames laid over one another?"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np

from perfclone.background.plate import size_within, widen

_TRACK_SIDE = 960  # longest side of the picture in which the camera's motion is measured
_STILL = 0.5  # a camera that shifts the picture by less than this many pixels at 720p stands still
_FEWEST = 8  # points that a transform must rest on
_FAR = 0.12  # shift, as a share of the short side, beyond which too much of the picture is lost
_EXPLAINED = 0.5  # inlier share from which a transform is believed
_EXPLAINED_FRAMES = 0.95  # share of the frames that must be explained for the camera not to count as moving


@dataclass(frozen=True)
class MotionReport:
    """How the camera moved.

    Attributes:
        max_shift_px: Largest shift of a picture corner, in pixels of a picture whose short side is 720.
        median_shift_px: The same, median over the frames.
        kind: "still" (shift below 0.5 px in 95 % of the frames), "stabilisable" (a similarity transform explains
            95 % of the frames, and no shift exceeds 12 % of the short side), or "moving".
        explained: Share of the frames that a transform explains, in [0, 1].
        transforms: (T, 2, 3) float32, frame -> anchor, as :func:`stabilise` takes them.
    """

    max_shift_px: float
    median_shift_px: float
    kind: Literal["still", "stabilisable", "moving"]
    explained: float
    transforms: np.ndarray

    @property
    def movement(self) -> str:
        """What a camera of kind "moving" did, as the end of a sentence; a cut counts as movement."""
        if self.explained < _EXPLAINED_FRAMES:
            return f"in {1 - self.explained:.0%} of the frames the background cannot be laid over that of the first"
        return f"the picture shifts by up to {self.max_shift_px:.0f} px at 720p"


class Stabiliser:
    """Finds, frame by frame, the similarity transform that lays the background over that of an anchor frame.

    Corners of the background are followed from the anchor by pyramidal Lucas-Kanade, checked backwards, and fitted
    with RANSAC. They are looked for where the last frame had them, and where that fails, where ORB features say.

    Args:
        anchor_frame: (H, W, 3) uint8 RGB.
        anchor_matte: (H, W) uint8, 255 where the person is.
    """

    def __init__(self, anchor_frame: np.ndarray, anchor_matte: np.ndarray):
        self._anchor, self._clear = _shrink(anchor_frame, anchor_matte)
        points = cv2.goodFeaturesToTrack(self._anchor, 300, 0.005, 10, mask=self._clear)
        self._points = np.zeros((0, 2), np.float32) if points is None else points[:, 0]
        self._last = np.eye(2, 3)  # anchor -> last frame, in shrunken pixels

    def align(self, pixels: np.ndarray, matte: np.ndarray) -> tuple[np.ndarray, float]:
        """Measure one frame.

        Args:
            pixels: (H, W, 3) uint8 RGB, of the anchor's size.
            matte: (H, W) uint8, 255 where the person is.

        Returns:
            The transform (2, 3) float32, frame pixels -> anchor pixels, and the share of the background points in view
            that it explains. It is exactly the identity where the picture shifted by less than 0.5 px at 720p, and
            where the transform is not to be believed (share below 0.5). A background without corners cannot be seen to
            move: identity, share 1.
        """
        if len(self._points) < _FEWEST:
            return np.eye(2, 3, dtype=np.float32), 1.0
        grey, clear = _shrink(pixels, matte)
        forth, share = self._fit(grey, clear, self._last)
        if share < _EXPLAINED:
            forth, share = self._fit(grey, clear, _match(self._anchor, self._clear, grey, clear))
        if share < _EXPLAINED:
            return np.eye(2, 3, dtype=np.float32), share
        self._last = forth
        back = cv2.invertAffineTransform(forth)
        back[:, 2] *= max(pixels.shape[:2]) / max(grey.shape)
        still = shift_of(back, pixels.shape[:2]) < _STILL
        return (np.eye(2, 3) if still else back).astype(np.float32), share

    def _fit(self, grey: np.ndarray, clear: np.ndarray, start: np.ndarray) -> tuple[np.ndarray, float]:
        """Transform anchor -> frame (2, 3), and the share of the points in view that it explains."""
        guess = cv2.transform(self._points[None], start)[0].astype(np.float32)
        found, forth_ok = _follow(self._anchor, grey, self._points, guess)
        again, back_ok = _follow(grey, self._anchor, found, self._points)
        good = forth_ok & back_ok & (np.linalg.norm(again - self._points, axis=1) < 0.5) & _within(found, clear)
        if good.sum() < _FEWEST:
            return start, 0.0
        forth, inliers = cv2.estimateAffinePartial2D(
            self._points[good], found[good], method=cv2.RANSAC, ransacReprojThreshold=1.0, confidence=0.999
        )
        if forth is None:
            return start, 0.0
        in_view = _within(cv2.transform(self._points[None], forth)[0], clear).sum()
        return forth, float(min(1.0, inliers.sum() / max(in_view, _FEWEST)))


def _shrink(pixels: np.ndarray, matte: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A grey picture of at most 960 pixels a side, and 1 where it shows background, both (h, w) uint8."""
    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    size = size_within(_TRACK_SIDE, grey)
    clear = cv2.resize((~widen(matte)).astype(np.uint8), size, interpolation=cv2.INTER_NEAREST)
    return cv2.resize(grey, size, interpolation=cv2.INTER_AREA), clear


def _follow(a: np.ndarray, b: np.ndarray, points: np.ndarray, guess: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where points (n, 2) of picture a are in picture b, starting from a guess, and which were found, (n,) bool."""
    found, ok, _ = cv2.calcOpticalFlowPyrLK(
        a, b, points, guess.copy(), winSize=(21, 21), maxLevel=2, flags=cv2.OPTFLOW_USE_INITIAL_FLOW
    )
    return found, ok[:, 0] > 0


def _within(points: np.ndarray, clear: np.ndarray) -> np.ndarray:
    """Which points (n, 2) lie in the picture and on its background, (n,) bool."""
    height, width = clear.shape
    x, y = points.clip(-1, (width, height)).astype(int).T
    inside = ((points >= 0) & (points < (width, height))).all(1)
    return inside & (clear[y.clip(0, height - 1), x.clip(0, width - 1)] > 0)


def _match(a: np.ndarray, clear_a: np.ndarray, b: np.ndarray, clear_b: np.ndarray) -> np.ndarray:
    """A rough transform a -> b, (2, 3), by ORB features of the backgrounds; the identity where they do not match."""
    orb = cv2.ORB_create(800)
    (at, what), (to, that) = orb.detectAndCompute(a, clear_a), orb.detectAndCompute(b, clear_b)
    if what is None or that is None:
        return np.eye(2, 3)
    pairs = cv2.BFMatcher(cv2.NORM_HAMMING, crossCheck=True).match(what, that)
    if len(pairs) < _FEWEST:
        return np.eye(2, 3)
    start, end = np.array([at[p.queryIdx].pt for p in pairs]), np.array([to[p.trainIdx].pt for p in pairs])
    rough, _ = cv2.estimateAffinePartial2D(start, end, method=cv2.RANSAC, ransacReprojThreshold=4.0)
    return np.eye(2, 3) if rough is None else rough


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


class CameraTracker:
    """Measures how the camera moved against the first frame, which is the anchor, while the frames stream by."""

    def __init__(self):
        self._stabiliser: Stabiliser | None = None
        self._transforms: list[np.ndarray] = []
        self._shifts: list[float] = []
        self._shares: list[float] = []

    def add(self, pixels: np.ndarray, matte: np.ndarray) -> np.ndarray:
        """Take in a frame (H, W, 3) uint8 RGB and its matte (H, W) uint8; gives its transform to the anchor."""
        self._stabiliser = self._stabiliser or Stabiliser(pixels, matte)
        transform, share = self._stabiliser.align(pixels, matte)
        self._transforms.append(transform)
        self._shares.append(share)
        self._shifts.append(shift_of(transform, pixels.shape[:2]))
        return transform

    def report(self) -> MotionReport:
        """How the camera moved so far; at least one frame must have been added."""
        far, share = max(self._shifts), float(np.mean(np.array(self._shares) >= _EXPLAINED))
        if share < _EXPLAINED_FRAMES or far > _FAR * 720:
            kind = "moving"
        else:
            kind = "still" if np.percentile(self._shifts, 95) < _STILL else "stabilisable"
        return MotionReport(far, float(np.median(self._shifts)), kind, share, np.stack(self._transforms))


def measure_motion(frames: Iterable[np.ndarray], mattes: Iterable[np.ndarray]) -> MotionReport:
    """Measure how the camera moved against the first frame, which is the anchor.

    Args:
        frames: At least one (H, W, 3) uint8 RGB; only one is held at a time, besides the anchor.
        mattes: (H, W) uint8 for each, 255 where the person is.
    """
    tracker = CameraTracker()
    for pixels, matte in zip(frames, mattes, strict=True):
        tracker.add(pixels, matte)
    return tracker.report()

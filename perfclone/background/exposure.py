"""Exposure: pictures of one place, brought to one brightness by a gain for each colour channel."""

from __future__ import annotations

import cv2
import numpy as np

from perfclone.background.margin import size_within

_SIDE = 128  # longest side of the picture in which brightness is compared
_FEWEST = 50  # points of such a picture that a gain must rest on
_MOST = 1.4  # gains lie between this and its inverse


class Exposures:
    """Brings frame after frame to the exposure of what was laid onto a canvas before, which began with the first.

    Args:
        shape: (H, W, ...) of every frame, pixels.
        canvas: (height, width) of the canvas, pixels.
    """

    def __init__(self, shape: tuple[int, ...], canvas: tuple[int, int]):
        size = size_within(_SIDE, np.empty(shape[:2], bool))
        self._shrink = _scaling(size[0] / shape[1], size[1] / shape[0])
        height, width = np.ceil(np.array(canvas) * (size[1] / shape[0], size[0] / shape[1])).astype(int)
        self._sum, self._count = np.zeros((height, width, 3), np.float32), np.zeros((height, width), np.float32)
        self._gains = np.ones(3)  # of the last frame

    def correct(self, pixels: np.ndarray, background: np.ndarray, to_canvas: np.ndarray) -> np.ndarray:
        """A copy of the frame whose background is as bright as it is on the canvas.

        A frame that shows nothing that is there already gets the gains of the frame before.

        Args:
            pixels: (H, W, 3) uint8 RGB.
            background: (H, W) bool, True where nobody is.
            to_canvas: (3, 3), frame pixels -> canvas pixels.
        """
        small, clear = _thumbnail(pixels, background)
        matrix, size = self._shrink @ to_canvas @ np.linalg.inv(self._shrink), self._count.shape[::-1]
        laid = cv2.warpPerspective(small, matrix, size)
        clear = cv2.warpPerspective(clear.astype(np.float32), matrix, size) > 0.99
        both = clear & (self._count > 0)
        self._gains = _gains(laid[both], self._sum[both] / self._count[both, None], self._gains)
        self._sum[clear] += laid[clear] * self._gains
        self._count += clear
        return _brighten(pixels, self._gains)


def in_exposure_of(pixels: np.ndarray, other: np.ndarray, background: np.ndarray) -> np.ndarray:
    """A picture as bright as another one of the same view, such as a frame and the plate as its camera sees it.

    Args:
        pixels: (H, W, 3) uint8 RGB.
        other: (H, W, 3) uint8 RGB.
        background: (H, W) bool, True where both show background.

    Returns:
        (H, W, 3) uint8 RGB; the picture itself where too little background is in sight to tell.
    """
    small, clear = _thumbnail(pixels, background)
    return _brighten(pixels, _gains(small[clear], _thumbnail(other, background)[0][clear], np.ones(3)))


def _gains(values: np.ndarray, wanted: np.ndarray, otherwise: np.ndarray) -> np.ndarray:
    """By how much values (n, 3) must be multiplied to be as wanted, (3,): the median over n, in 1/1.4-1.4.

    Exactly 1 where no gain exceeds half a level of 8 bits; `otherwise` (3,) where too few are well exposed.
    """
    usable = ((values > 16) & (values < 240) & (wanted > 16) & (wanted < 240)).T
    ratio = (wanted / np.maximum(values, 1)).T
    gains = [np.median(r[use]) if use.sum() >= _FEWEST else other for r, use, other in zip(ratio, usable, otherwise)]
    gains = np.clip(gains, 1 / _MOST, _MOST)
    return np.ones(3) if np.abs(gains - 1).max() < 0.004 else gains


def _brighten(pixels: np.ndarray, gains: np.ndarray) -> np.ndarray:
    """A copy of the picture (H, W, 3) uint8, each channel multiplied by its gain."""
    if (gains == 1).all():
        return pixels.copy()
    table = np.arange(256)[:, None] * gains
    return cv2.LUT(pixels, table.round().clip(0, 255).astype(np.uint8)[None])


def _thumbnail(pixels: np.ndarray, background: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A float picture of at most 128 pixels a side, and where it is background all through."""
    size = size_within(_SIDE, background)
    clear = cv2.resize(background.astype(np.float32), size, interpolation=cv2.INTER_AREA) > 0.99
    return cv2.resize(pixels, size, interpolation=cv2.INTER_AREA).astype(np.float32), clear


def _scaling(x: float, y: float) -> np.ndarray:
    """The matrix (3, 3) that takes the centres of a picture's pixels to where they are in one resized so much."""
    return np.array([[x, 0, x / 2 - 0.5], [0, y, y / 2 - 0.5], [0, 0, 1]])

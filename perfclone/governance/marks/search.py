"""Which part of the marked frame is seen: a crop is found by the template that lies under every id."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from perfclone.governance.marks.spectrum import SIDE

#: Placements that are read at most: the whole frame, and the likeliest crops.
PLACEMENTS = 13
_LEAST_KEPT, _STEP = 0.7, 0.005
_RADIUS, _FAINT, _SOFT = 2.0, 0.3, 0.4


@dataclass(frozen=True)
class Place:
    """A part of the marked frame.

    Attributes:
        kept: The share of its width and of its height that is seen, 0.7 to 1.
        top, left: What was cut off there, as a share of its height and width.
    """

    kept: float
    top: float
    left: float


def resized(picture: np.ndarray, height: int, width: int) -> np.ndarray:
    """Scale a picture to a size, each axis as suits it: averaged where it shrinks, interpolated where it grows."""
    for axis, size in enumerate((height, width)):
        old = picture.shape[axis]
        if size != old:
            target = (picture.shape[1], size) if axis == 0 else (size, picture.shape[0])
            picture = cv2.resize(picture, target, interpolation=cv2.INTER_AREA if size < old else cv2.INTER_LINEAR)
    return picture


def even_contrast(luma: np.ndarray) -> np.ndarray:
    """Leave the fine structure of a picture, about as strong where it is plain as where it is textured.

    Args:
        luma: (H, W) float32.

    Returns:
        The same, from -1 to 1.
    """
    fine = luma - cv2.GaussianBlur(luma, (0, 0), _RADIUS)
    fine /= _FAINT + np.sqrt(cv2.GaussianBlur(fine * fine, (0, 0), _RADIUS))
    return fine / np.sqrt(fine * fine + _SOFT**2)


def placements(seen: np.ndarray, template: np.ndarray) -> Iterator[tuple[Place, np.ndarray]]:
    """Lay a picture where it may have been in the marked frame: over the whole first, then as the likeliest crops.

    Only the template decides where, so the chips, which lie on other frequencies, know nothing of the choice.

    Args:
        seen: (256, 256) float32, stretched: a luma, or an average of such of even contrast.
        template: (256, 256), from `Spectrum`.

    Yields:
        `PLACEMENTS` places, and for each the (256, 256) float32 picture for `Spectrum.chips`, 0 where nothing is seen.
    """
    yield Place(1.0, 0.0, 0.0), even_contrast(seen)
    spectrum = np.conj(np.fft.rfft2(template))
    found = [_best_offset(even_contrast(resized(seen, n, n)), spectrum) for n in _sides()]
    found.sort(key=lambda crop: -crop[0])
    for _, top, left, crop in found[: PLACEMENTS - 1]:
        side = len(crop)
        picture = np.zeros((SIDE, SIDE), np.float32)
        picture[top : top + side, left : left + side] = crop
        yield Place(side / SIDE, top / SIDE, left / SIDE), picture


def _sides() -> np.ndarray:
    """Sides of the crops tried, pixels of 256, each once."""
    return np.unique(np.round(np.arange(_LEAST_KEPT, 1 + _STEP / 2, _STEP) * SIDE).astype(int))


def _best_offset(crop: np.ndarray, spectrum: np.ndarray) -> tuple[float, int, int, np.ndarray]:
    """Correlate a crop with the template at every offset that keeps it inside the frame; (height of the peak, ...)."""
    room = SIDE - len(crop) + 1
    moved = np.fft.irfft2(np.fft.rfft2(crop, s=(SIDE, SIDE)) * spectrum, s=(SIDE, SIDE))
    back = -np.arange(room) % SIDE  # a crop that lies at an offset meets the template there when it is moved back
    peaks = moved[np.ix_(back, back)]
    top, left = np.unravel_index(peaks.argmax(), peaks.shape)
    return float(peaks[top, left] / np.linalg.norm(crop)) if crop.any() else 0.0, int(top), int(left), crop

"""Where somebody may be: mattes made wider, as they miss hair, shoes, hands that move and what casts a shadow."""

from __future__ import annotations

import cv2
import numpy as np

#: By how much mattes are widened, as a share of their short side: they miss hair, shoes and blurred hands.
MARGIN = 0.02
_PERSON = 16  # matte values above this (of 255) are taken for the person: a plate wants no doubtful pixel


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


def size_within(side: int, image: np.ndarray) -> tuple[int, int]:
    """The (width, height) of the image made small enough for its longest side to be at most `side`."""
    height, width = image.shape[:2]
    scale = min(1.0, side / max(height, width))
    return max(1, round(width * scale)), max(1, round(height * scale))

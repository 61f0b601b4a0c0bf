"""Where somebody may be: mattes made wider, as they miss hair, shoes, hands that move and what casts a shadow."""

from __future__ import annotations

import cv2
import numpy as np

#: By how much mattes are widened, as a share of the person's longer side: they miss hair, shoes and blurred hands.
MARGIN = 0.025
_PERSON = 16  # matte values above this (of 255) are taken for the person: a plate wants no doubtful pixel
_SIDE = 512  # longest side of the picture in which mattes are widened


def widen(matte: np.ndarray, margin: float = MARGIN) -> np.ndarray:
    """Where somebody may be: the matte made wider, in proportion to each person, as the errors of mattes are.

    Args:
        matte: (H, W) uint8, 255 where anybody is.
        margin: By how much, as a share of the longer side of the box around each connected piece of the matte.

    Returns:
        (H, W) bool.
    """
    height, width = matte.shape
    small = cv2.resize(matte, size_within(_SIDE, matte), interpolation=cv2.INTER_AREA)
    _, labels, boxes, _ = cv2.connectedComponentsWithStats((small > _PERSON).astype(np.uint8), connectivity=8)
    radii = np.maximum(1, (margin * boxes[:, 2:4].max(1)).round().astype(int))
    radii[0] = 0
    wide = np.zeros(small.shape, np.uint8)
    for radius in set(radii[1:].tolist()):
        kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
        wide |= cv2.dilate((radii == radius).astype(np.uint8)[labels], kernel)
    return cv2.resize(wide, (width, height), interpolation=cv2.INTER_NEAREST).astype(bool)


def size_within(side: int, image: np.ndarray) -> tuple[int, int]:
    """The (width, height) of the image made small enough for its longest side to be at most `side`."""
    height, width = image.shape[:2]
    scale = min(1.0, side / max(height, width))
    return max(1, round(width * scale)), max(1, round(height * scale))

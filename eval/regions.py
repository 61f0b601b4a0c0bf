"""The person's region of a frame: the pixels of the matte, and the square around them that networks are shown."""

from __future__ import annotations

import cv2
import numpy as np

#: Side of the square that networks are shown, pixels.
SIDE = 256
#: Room on each side of the person in that square, as a share of the person's longer side.
MARGIN = 0.1


def person_square(matte: np.ndarray) -> np.ndarray | None:
    """The square around the person.

    Args:
        matte: (H, W) uint8, above 127 where the person is.

    Returns:
        (2, 3) float64, the affine map from pixels of the frame to pixels of the square; None without a person.
    """
    x, y, width, height = cv2.boundingRect((matte > 127).astype(np.uint8))
    if not width:
        return None
    side = max(width, height) * (1 + 2 * MARGIN)
    corner, scale = np.array([x + width / 2, y + height / 2]) - side / 2, SIDE / side
    return np.array([[scale, 0, -corner[0] * scale], [0, scale, -corner[1] * scale]])


def cut_square(frame: np.ndarray, square: np.ndarray) -> np.ndarray:
    """Cut a frame (H, W, 3) uint8 to a square that :func:`person_square` found: (SIDE, SIDE, 3) uint8."""
    return cv2.warpAffine(frame, square, (SIDE, SIDE), borderMode=cv2.BORDER_REPLICATE)

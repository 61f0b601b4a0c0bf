"""The person's region of a frame, or of a clip: the pixels of the matte, and squares that networks are shown."""

from __future__ import annotations

import cv2
import numpy as np

from perfclone.backends.layered.crop import Box

#: Side of the square that networks are shown, pixels.
SIDE = 256
#: Room on each side of the person in that square, as a share of the person's longer side.
MARGIN = 0.1
#: Room around the joints where a whole clip is cut to one square, on each side, as a share of their extent.
CLIP_MARGIN = 0.15


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


def square_around(low: np.ndarray, high: np.ndarray, size: tuple[int, int]) -> Box:
    """A square around a box of joints.

    It has the full margin, or what the short side of the picture leaves of it but no less than a third; and it lies
    inside the picture as far as it can.

    Args:
        low: (2,) left and top of the joints, pixels.
        high: (2,) right and bottom.
        size: (width, height) of the picture.
    """
    extent = (high - low).max()
    least, wanted = (extent * (1 + 2 * margin) for margin in (CLIP_MARGIN / 3, CLIP_MARGIN))
    side = round(min(wanted, max(least, min(size))))
    corner = (low + high - side) / 2
    inside = np.clip(corner, 0, np.maximum(np.array(size) - side, 0))
    x, y = np.round(np.where(side <= np.array(size), inside, corner)).astype(int)
    return Box(int(x), int(y), side)

"""What lies where on a mesh's picture."""

from __future__ import annotations

import cv2
import numpy as np

from ..synthetic import raster
from ..synthetic.render import blank


def regions(uv: np.ndarray, faces: np.ndarray, kind: np.ndarray, side: int) -> np.ndarray:
    """Which kind of cloth each pixel of a piece's picture is.

    Args:
        uv: (V, 2), 0 to 1, v down.
        faces: (F, 3).
        kind: (F,) int, 0 and up.
        side: Of the result.

    Returns:
        (side, side) int32, -1 where there is no cloth anywhere near.
    """
    depth, triangle, bary = blank(side)
    raster.visibility(uv * side - 0.5, np.zeros(len(uv)), faces, depth, triangle, bary)
    out = np.where(triangle >= 0, kind[triangle], -1).astype(np.float32)
    for _ in range(3):  # past the seams
        out = np.where(out < 0, cv2.dilate(out, np.ones((3, 3))), out)
    return out.astype(np.int32)


def places(uv: np.ndarray, faces: np.ndarray, rest: np.ndarray, side: int) -> np.ndarray:
    """Which place on a resting mesh each pixel of its picture is, (side, side, 3) m, nan where none is.

    Args:
        uv: (V, 2), 0 to 1, v down.
        faces: (F, 3).
        rest: (V, 3) m.
        side: Of the picture.
    """
    depth, triangle, bary = blank(side)
    raster.visibility(uv * side - 0.5, np.zeros(len(uv)), faces, depth, triangle, bary)
    second, third = bary[..., 0, None], bary[..., 1, None]
    a, b, c = (rest[faces[triangle, k]] for k in range(3))
    return np.where(triangle[..., None] >= 0, a + second * (b - a) + third * (c - a), np.nan)

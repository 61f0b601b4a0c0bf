"""Laying pictures over one another by a matrix, and looking at them through one."""

from __future__ import annotations

import cv2
import numpy as np


def lay(picture: np.ndarray, matrix: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """A picture laid onto an empty canvas; a shift by whole pixels leaves its values as they are.

    Args:
        picture: (H, W, 3) uint8, interpolated by Lanczos, or (H, W) uint8, whose nearest value is taken.
        matrix: (3, 3), the picture's pixels -> the canvas's.
        size: (height, width) of the canvas, pixels.

    Returns:
        (height, width, ...) uint8; outside of the picture 0 where it has one channel, else not to be used.
    """
    if is_whole_shift(matrix):
        return _shifted(picture, *matrix[:2, 2].astype(int), size)
    how = cv2.INTER_LANCZOS4 if picture.ndim == 3 else cv2.INTER_NEAREST
    border = cv2.BORDER_REPLICATE if picture.ndim == 3 else cv2.BORDER_CONSTANT
    return cv2.warpPerspective(picture, matrix, size[::-1], flags=how, borderMode=border)


def look(canvas: np.ndarray, matrix: np.ndarray, size: tuple[int, int], how: int, border: int | None = None):
    """A picture of a canvas; where it shrinks much, the mean over each pixel's area.

    Args:
        canvas: (H, W, 3) or (H, W) uint8.
        matrix: (3, 3), pixels of the picture -> the canvas's.
        size: (width, height) of the picture, pixels.
        how: One of OpenCV's ways to interpolate.
        border: Value outside of the canvas; None repeats its border.

    Returns:
        (height, width, ...) uint8.
    """
    width, height = size
    x, y = matrix[:2, 2].astype(int)
    if is_whole_shift(matrix) and 0 <= x <= canvas.shape[1] - width and 0 <= y <= canvas.shape[0] - height:
        return canvas[y : y + height, x : x + width].copy()
    times = 1 if how == cv2.INTER_NEAREST else round(float(np.clip(np.sqrt(abs(np.linalg.det(matrix))), 1, 4)))
    finer = np.diag([1 / times, 1 / times, 1])
    finer[:2, 2] = 0.5 / times - 0.5
    picture = cv2.warpPerspective(
        canvas,
        matrix @ finer,
        (width * times, height * times),
        flags=how | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE if border is None else cv2.BORDER_CONSTANT,
        borderValue=(border or 0,) * 3,
    )
    return picture if times == 1 else cv2.resize(picture, size, interpolation=cv2.INTER_AREA)


def is_whole_shift(matrix: np.ndarray) -> bool:
    """Whether a matrix moves by whole pixels and does nothing else."""
    moved = np.eye(3)
    moved[:2, 2] = np.round(matrix[:2, 2])
    return np.array_equal(matrix, moved)


def _shifted(picture: np.ndarray, x: int, y: int, size: tuple[int, int]) -> np.ndarray:
    """A picture moved by whole pixels onto an empty canvas (height, width)."""
    canvas = np.zeros((*size, *picture.shape[2:]), np.uint8)
    (top, bottom), (left, right) = (
        np.clip((start, start + length), 0, most) for start, length, most in zip((y, x), picture.shape, size)
    )
    canvas[top:bottom, left:right] = picture[top - y : bottom - y, left - x : right - x]
    return canvas


def move_points(points: np.ndarray, matrices: np.ndarray) -> np.ndarray:
    """Points (T, N, 2) moved by matrices (T, 3, 3), float32."""
    flat = np.concatenate([points, np.ones_like(points[..., :1])], -1) @ matrices.transpose(0, 2, 1)
    return (flat[..., :2] / flat[..., 2:]).astype(np.float32)

"""Where pixels go from one frame to the next, and where that can be trusted."""

from __future__ import annotations

import cv2
import numpy as np

from perfclone.errors import UserError

from .frames import as_unit, check_frames

_LUMA, _SMALLEST = (0.299, 0.587, 0.114), 16


def optical_flow(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Where the pixels of one frame go in the next: OpenCV's DIS flow (Kroeger et al., ECCV 2016), medium preset.

    Args:
        a: (H, W, 3), uint8 RGB or floats in [0, 1]; at least 16 pixels high and wide.
        b: The next frame.

    Returns:
        (H, W, 2) float32, pixels, x then y: what is at p in a is at p + flow[p] in b.

    Raises:
        UserError: The frames differ in size or are too small.
    """
    check_frames(a, b)
    if min(a.shape[:2]) < _SMALLEST:
        raise UserError(
            f"Optical flow needs frames of at least {_SMALLEST} pixels high and wide, and these are "
            f"{a.shape[0]}x{a.shape[1]} (height x width); use larger frames."
        )
    grey = (np.rint(as_unit(x, np.float32) @ np.float32(_LUMA) * 255).astype(np.uint8) for x in (a, b))
    return cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM).calc(*grey, None)


def warp(image: np.ndarray, flow: np.ndarray) -> np.ndarray:
    """Pull an (H, W, ...) float32 image back along an (H, W, 2) flow in pixels: out[p] = image[p + flow[p]]."""
    height, width = flow.shape[:2]
    grid = np.stack(np.meshgrid(np.arange(width), np.arange(height)), -1).astype(np.float32) + flow
    return cv2.remap(image, grid, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def reliable(forward: np.ndarray, backward: np.ndarray) -> np.ndarray:
    """(H, W) bool: where a flow of (H, W, 2) pixels can be trusted, by the rules of Ruder et al.

    Not occluded: |fw + bw|^2 <= 0.01 (|fw|^2 + |bw|^2) + 0.5, bw read where fw leads; not a motion border:
    |grad fw|^2 <= 0.01 |fw|^2 + 0.002; and leading to a place inside the picture.
    """
    height, width = forward.shape[:2]
    back = warp(backward, forward)
    length, length_back = (np.square(x).sum(-1) for x in (forward, back))
    occluded = np.square(forward + back).sum(-1) > 0.01 * (length + length_back) + 0.5
    slope = sum(np.square(np.diff(forward, axis=k, append=forward.take([-1], axis=k))).sum(-1) for k in (0, 1))
    x, y = forward[..., 0] + np.arange(width), forward[..., 1] + np.arange(height)[:, None]
    inside = (x >= 0) & (x <= width - 1) & (y >= 0) & (y <= height - 1)
    return inside & ~occluded & (slope <= 0.01 * length + 0.002)

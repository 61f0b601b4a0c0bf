"""Painting in what nobody ever saw, from around it."""

from __future__ import annotations

import cv2
import numpy as np

from perfclone.background.margin import size_within


def paint_in(image: np.ndarray, holes: np.ndarray) -> np.ndarray:
    """Fill holes from around them: inpainted small, where it is quick and smooth, then enlarged.

    Args:
        image: (H, W, 3) uint8 RGB.
        holes: (H, W) bool.

    Returns:
        (H, W, 3) uint8; the image itself where there is no hole, or nothing else.
    """
    if not holes.any() or holes.all():
        return image
    height, width = holes.shape
    size = size_within(320, holes)
    weight = cv2.resize((~holes).astype(np.float32), size, interpolation=cv2.INTER_AREA)
    small = cv2.resize(image * (~holes[..., None]).astype(np.float32), size, interpolation=cv2.INTER_AREA)
    small = (small / np.maximum(weight, 1e-3)[..., None]).clip(0, 255).astype(np.uint8)
    small = cv2.inpaint(small, (weight < 0.25).astype(np.uint8), 5, cv2.INPAINT_TELEA)
    out = image.copy()
    out[holes] = cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)[holes]
    return out

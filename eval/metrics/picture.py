"""How close a picture is to the true one, pixel by pixel."""

from __future__ import annotations

import numpy as np

from eval.metrics.frames import Frames, as_array, check_pair
from perfclone.errors import UserError


def psnr(a: Frames, b: Frames, where: np.ndarray | None = None) -> float:
    """Peak signal-to-noise ratio in decibels, the mean of the frames' own.

    mean over t of -10 log10(MSE_t), colours in [0, 1], in double precision (on uint8 the squares overflow and the
    result is far too good). Infinite for equal frames; higher is better; 20 is a rough likeness, 30 is close.

    Args:
        a: Frames of one video.
        b: Frames of the other.
        where: (T, H, W) bool, the only pixels that count; frames without any are left out. None counts all.

    Raises:
        UserError: The videos differ in length or size, or nothing is left to count.
    """
    check_pair(a, b)
    values = []
    for t in range(len(a)):
        difference = as_array(a, t, np.float64) - as_array(b, t, np.float64)
        if where is not None:
            difference = difference[where[t]]
        if difference.size:
            error = np.mean(difference**2)
            values.append(np.inf if error == 0 else -10 * np.log10(error))
    if not values:
        raise UserError("PSNR has no pixels to compare: the region is empty in every frame; give another region.")
    return float(np.mean(values))

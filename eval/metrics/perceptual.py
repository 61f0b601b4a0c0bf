"""How far apart two pictures are to a person's eye: distances of deep features."""

from __future__ import annotations

from collections.abc import Callable

import torch

from eval.metrics.frames import Frames, as_tensor, check_pair
from eval.stlpips import load_stlpips


@torch.no_grad()
def st_lpips(
    a: Frames, b: Frames, *, batch: int = 4, device: str = "cpu", progress: Callable[[int, int], None] | None = None
) -> float:
    """Shift-tolerant LPIPS with the AlexNet trunk: the mean perceptual distance of frames that belong together.

    Ghildyal and Liu, ECCV 2022: mean over t, layers and places of w * |f(a) - f(b)|^2, f the unit-length features of a
    network whose pooling does not mind a shift. From 0 (equal) to about 1; lower is better.

    Args:
        a: Frames of one video.
        b: Frames of the other.
        batch: Pairs at once: more memory, a little faster.
        device: Where the network runs.
        progress: Called with (frames done, frames in all).

    Raises:
        UserError: The videos differ in length or size, or the weights' package is missing.
    """
    check_pair(a, b)
    network = load_stlpips(device)
    total = 0.0
    for start in range(0, len(a), batch):
        pair = (as_tensor(x[start : start + batch]).to(device) * 2 - 1 for x in (a, b))
        total += network(*pair).sum().item()
        if progress:
            progress(min(start + batch, len(a)), len(a))
    return total / len(a)

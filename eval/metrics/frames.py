"""Videos as the metrics take them, and the checks they share."""

from __future__ import annotations

import numpy as np
import torch

from perfclone.errors import UserError

Frames = np.ndarray | torch.Tensor


def check_pair(a: Frames, b: Frames) -> None:
    """Raise a UserError unless two videos have the same, non-zero number of frames of the same size."""
    shapes = [(x.shape[0], *(x.shape[1:3] if isinstance(x, np.ndarray) else x.shape[2:])) for x in (a, b)]
    if shapes[0] != shapes[1] or not len(a):
        raise UserError(
            f"Two videos are compared frame by frame, so they need the same length and size: one is {shapes[0]}, "
            f"the other {shapes[1]} (count, height, width)."
        )


def as_tensor(frames: Frames) -> torch.Tensor:
    """Frames -> (T, 3, H, W) float32 in [0, 1]."""
    if isinstance(frames, np.ndarray):
        return torch.from_numpy(np.ascontiguousarray(frames)).permute(0, 3, 1, 2).float() / 255
    return frames.float()


def as_array(frames: Frames, t: int, dtype: type[np.floating]) -> np.ndarray:
    """Frame t -> (H, W, 3) floats of a dtype in [0, 1]."""
    if isinstance(frames, np.ndarray):
        return frames[t].astype(dtype) / dtype(255)
    return frames[t].permute(1, 2, 0).cpu().numpy().astype(dtype)

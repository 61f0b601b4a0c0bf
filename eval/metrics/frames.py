"""Videos as the metrics take them, and the checks they share."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator

import numpy as np
import torch

from perfclone.errors import UserError

#: A whole video in memory.
Frames = np.ndarray | torch.Tensor
#: A whole video, or anything that gives its frames one by one, (H, W, 3) uint8 RGB, so that it is never all in memory.
Video = Frames | Iterable[np.ndarray]
#: Where to look: for each frame (H, W) bool, the only pixels that count.
Masks = np.ndarray | Iterable[np.ndarray]

_END = object()


def each_frame(video: Video) -> Iterator[np.ndarray]:
    """Give the frames of a video one by one: (H, W, 3) uint8, or float32 in [0, 1] where the video is a tensor."""
    for frame in video:
        yield frame.permute(1, 2, 0).cpu().float().numpy() if isinstance(frame, torch.Tensor) else frame


def with_masks(video: Video, where: Masks | None) -> Iterator[tuple[np.ndarray, np.ndarray | None]]:
    """Give each frame of a video with its (H, W) mask, or with None where there are no masks.

    Raises:
        UserError: There are more or fewer masks than frames, or one has another size than its frame.
    """
    masks = itertools.repeat(None) if where is None else iter(where)
    count = 0
    for count, frame in enumerate(each_frame(video), 1):
        mask = next(masks, _END)
        if mask is _END:
            raise UserError(f"Each frame needs a mask, and there are just {count - 1}; give one for every frame.")
        check_frames(frame, frame, mask)
        yield frame, mask
    if where is not None and next(masks, _END) is not _END:
        raise UserError(f"Each frame needs a mask, and there are more masks than the {count} frames; give as many.")


def frame_pairs(
    a: Video, b: Video, where: Masks | None = None
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray | None]]:
    """Give frames that belong together, with the mask of each.

    Args:
        a: One video.
        b: The other, of the same length and size.
        where: A mask for each frame, (H, W) bool; None counts all.

    Raises:
        UserError: The videos differ in length or size, there is no frame, or the masks do not fit.
    """
    if all(isinstance(x, Frames) for x in (a, b)):
        check_pair(a, b)
    count, others = 0, each_frame(b)
    for count, (here, mask) in enumerate(with_masks(a, where), 1):
        there = next(others, _END)
        if there is _END:
            raise _lengths(f"the first has more than the {count - 1} frames of the second")
        check_frames(here, there)
        yield here, there, mask
    if next(others, _END) is not _END:
        raise _lengths(f"the second has more than the {count} frames of the first")
    if not count:
        raise _lengths("they have no frame")


def _lengths(what: str) -> UserError:
    return UserError(f"Two videos are compared frame by frame, so they need the same length and size: {what}.")


def check_frames(a: np.ndarray, b: np.ndarray, where: np.ndarray | None = None) -> None:
    """Raise a UserError unless two frames, and the mask if there is one, have one size and three colours."""
    if a.shape != b.shape or a.ndim != 3 or a.shape[-1] != 3:
        raise UserError(
            f"Two frames are compared pixel by pixel, so they need the same size and three colours: one is "
            f"{a.shape}, the other {b.shape} (height, width, channels)."
        )
    if where is not None and where.shape != a.shape[:2]:
        raise UserError(
            f"A mask needs the size of its frame: the frame is {a.shape[:2]}, the mask {where.shape} (height, width)."
        )


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
        return as_unit(frames[t], dtype)
    return frames[t].permute(1, 2, 0).cpu().numpy().astype(dtype)


def as_unit(frame: np.ndarray, dtype: type[np.floating]) -> np.ndarray:
    """(H, W, 3) uint8, or floats in [0, 1] -> floats of a dtype in [0, 1]."""
    return frame.astype(dtype) / dtype(255) if frame.dtype == np.uint8 else frame.astype(dtype)

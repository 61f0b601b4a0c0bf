"""How good a clone is, as numbers: pure functions of frames, each with its formula, range, direction and origin.

Frames are (T, H, W, 3) uint8 RGB arrays, or (T, 3, H, W) float tensors in [0, 1]. Mattes are (T, H, W) uint8, 255
where the person is.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import torch

from eval.stlpips import load_stlpips
from perfclone.errors import UserError

Frames = np.ndarray | torch.Tensor
#: A matte below this is background: extractors leave a faint haze around a person.
BACKGROUND_BELOW = 6
_LUMA = (0.299, 0.587, 0.114)


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


def warp_error(frames: Frames) -> float:
    """How much a video flickers: what is left between frames once motion is taken out.

    Lai et al., ECCV 2018: mean over t of sum M |warp(O[t+1], F[t -> t+1]) - O[t]|^2 / sum M, colours in [0, 1], the
    square summed over R, G and B. M leaves out occlusions and motion borders (Ruder et al., GCPR 2016), and pixels
    that come from outside the picture. The flow F is OpenCV's DIS, of the measured video itself: Lai et al. took it
    from the video before processing, but a clone has none with the same pixels. From 0, lower is better; a still or a
    blurred video scores well too, so read it beside a measure of likeness and the real video's own value.

    Raises:
        UserError: There are fewer than two frames.
    """
    if len(frames) < 2:
        raise UserError(
            f"The warp error needs at least two frames, and this video has {len(frames)}; give a longer one."
        )
    flow = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    errors = []
    here = as_array(frames, 0, np.float32)
    for t in range(1, len(frames)):
        there = as_array(frames, t, np.float32)
        grey, grey_next = (np.rint(x @ np.float32(_LUMA) * 255).astype(np.uint8) for x in (here, there))
        forward, backward = flow.calc(grey, grey_next, None), flow.calc(grey_next, grey, None)
        mask = reliable(forward, backward)
        squares = np.square(warp(there, forward) - here, dtype=np.float64).sum(-1)
        errors.append(squares[mask].mean() if mask.any() else 0.0)
        here = there
    return float(np.mean(errors))


def background_change(frames: Frames, mattes: np.ndarray) -> float:
    """How much the background moves: the mean change from frame to frame of pixels without the person in both.

    mean of |I[t+1] - I[t]| over those pixels and R, G, B, in 8-bit levels: 0 for a perfectly still background, lower
    is better; the grain of a real camera gives 0.3 to 2.

    Args:
        frames: Frames of one video.
        mattes: (T, H, W) uint8, where the person is in each; below 6 counts as background.

    Raises:
        UserError: Frames and mattes differ in length or size, or there is no background to look at.
    """
    size = as_array(frames, 0, np.float32).shape[:2] if len(frames) else ()
    if mattes.shape != (len(frames), *size):
        raise UserError(
            f"Each frame needs a matte of its own size: the frames are {(len(frames), *size)}, "
            f"the mattes {mattes.shape} (count, height, width)."
        )
    change, pixels = 0.0, 0
    for t in range(1, len(frames)):
        still = (mattes[t - 1] < BACKGROUND_BELOW) & (mattes[t] < BACKGROUND_BELOW)
        change += np.abs(as_array(frames, t, np.float64) - as_array(frames, t - 1, np.float64))[still].sum()
        pixels += int(still.sum())
    if not pixels:
        raise UserError("No pixel is background in two frames running; the background's change cannot be measured.")
    return float(change * 255 / (3 * pixels))


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

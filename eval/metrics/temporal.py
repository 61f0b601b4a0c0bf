"""How a video holds together from frame to frame."""

from __future__ import annotations

import cv2
import numpy as np

from eval.metrics.frames import Frames, as_array
from perfclone.errors import UserError

#: A matte below this is background: extractors leave a faint haze around a person.
BACKGROUND_BELOW = 6
_LUMA = (0.299, 0.587, 0.114)


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

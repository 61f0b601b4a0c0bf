"""How a video holds together from frame to frame.

Each measure is a function of two frames that follow each other, and a function of a whole video made of it. The first
takes what is costly, such as flow, ready computed: one flow may serve several measures.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable

import cv2
import numpy as np

from perfclone.errors import UserError

from .flow import optical_flow, reliable, warp
from .frames import Frames, Masks, Video, as_unit, check_frames, frame_pairs, with_masks
from .perceptual import PerceptualDistance

#: A matte below this is background: extractors leave a faint haze around a person.
BACKGROUND_BELOW = 6


def warp_error_pair(
    a: np.ndarray, b: np.ndarray, forward: np.ndarray, backward: np.ndarray, where: np.ndarray | None = None
) -> float:
    """What is left between two frames once motion is taken out; :func:`warp_error` has formula and source.

    Args:
        a: (H, W, 3) frame.
        b: The next frame.
        forward: (H, W, 2) flow from a to b, as :func:`optical_flow` has it.
        backward: (H, W, 2) flow from b to a.
        where: (H, W) bool, the only pixels of a that count; None counts all.

    Returns:
        From 0 to 3; NaN where the flow of no pixel that counts can be trusted.
    """
    check_frames(a, b, where)
    return mean_inside(warp_residual(a, b, forward), reliable(forward, backward), where)


def warp_residual(a: np.ndarray, b: np.ndarray, forward: np.ndarray) -> np.ndarray:
    """What differs between two frames once motion is taken out: |warp(b, forward) - a|^2 over R, G, B, (H, W)."""
    return np.square(warp(as_unit(b, np.float32), forward) - as_unit(a, np.float32)).sum(-1)


def mean_inside(values: np.ndarray, *where: np.ndarray | None) -> float:
    """Mean of (H, W) values over the pixels that are inside all masks, (H, W) bool or None; NaN where none is."""
    masks = [mask for mask in where if mask is not None]
    values = values[np.logical_and.reduce(masks)] if masks else values
    return float(values.mean(dtype=np.float64)) if values.size else math.nan


def warp_error(frames: Video, where: Masks | None = None) -> float:
    """How much a video flickers: what is left between frames once motion is taken out.

    Lai et al., ECCV 2018: mean over t of sum M |warp(O[t+1], F[t -> t+1]) - O[t]|^2 / sum M, colours in [0, 1], the
    square summed over R, G and B. M leaves out occlusions and motion borders (Ruder et al., GCPR 2016), and pixels
    that come from outside the picture. The flow F is OpenCV's DIS, of the measured video itself: Lai et al. took it
    from the video before processing, but a clone has none with the same pixels. From 0, lower is better; a still or a
    blurred video scores well too, so read it beside a measure of likeness and the real video's own value.

    Args:
        frames: All at once or one by one.
        where: (T, H, W) bool, the only pixels that count. Pairs of frames without any are left out.

    Raises:
        UserError: There are fewer than two frames, or nothing is left to count.
    """

    def of_pair(a: np.ndarray, b: np.ndarray, mask: np.ndarray | None, _: np.ndarray | None) -> float:
        return warp_error_pair(a, b, optical_flow(a, b), optical_flow(b, a), mask)

    return _over_time("The warp error", of_pair, frames, where)


def flickering_pair(a: np.ndarray, b: np.ndarray, where: np.ndarray | None = None) -> float:
    """How alike two frames running are: (255 - mean |b - a|) / 255 over pixels and R, G, B in 8-bit levels.

    Args:
        a: (H, W, 3) frame.
        b: The next frame.
        where: (H, W) bool, the only pixels that count; None counts all.

    Returns:
        From 0 to 1, which equal frames have; NaN where no pixel counts.
    """
    check_frames(a, b, where)
    return 1 - _change(a, b, where) / 255


def temporal_flickering(frames: Video, where: Masks | None = None) -> float:
    """VBench's temporal flickering: mean over t of (255 - mean |I[t+1] - I[t]|) / 255. For static shots only.

    Huang et al., CVPR 2024. From 0 to 1, which a still video has; higher is better. Motion counts as flicker, so it
    says something of static shots only, where camera and people stand still, or beside the real video's own value.

    Args:
        frames: All at once or one by one.
        where: (T, H, W) bool, the only pixels that count: those of the first frame of each pair.

    Raises:
        UserError: There are fewer than two frames, or nothing is left to count.
    """
    return _over_time("Temporal flickering", lambda a, b, mask, _: flickering_pair(a, b, mask), frames, where)


def jump_size(left: np.ndarray, where: np.ndarray) -> float:
    """How much the person changes from one frame to the next beyond what moved: the root mean square of what is left.

    Unlike the warp error it also counts where the flow cannot be trusted, because what changes all at once has none.

    Args:
        left: (H, W) as :func:`warp_residual` gives it.
        where: (H, W) bool, the person.

    Returns:
        8-bit levels, from 0; NaN where nobody is.
    """
    return 255 * math.sqrt(mean_inside(left, where) / 3)


def jumps(sizes: np.ndarray, real: np.ndarray) -> np.ndarray:
    """Which steps from frame to frame are jumps: larger than 99 of 100 of the real video's, by :func:`jump_size`.

    A change that is no larger than what fast motion brings in the same video hides below it.

    Args:
        sizes: (T - 1,) of the video to judge; NaN where nobody is.
        real: (T - 1,) of the real video.

    Returns:
        (T - 1,) float64: 1 for a jump, 0 for none, NaN where nobody is.
    """
    known = real[np.isfinite(real)]
    most = np.percentile(known, 99) if known.size else np.inf
    return np.where(np.isfinite(sizes), sizes > most, np.nan)


def moves_pair(truth: np.ndarray, output: np.ndarray, where: np.ndarray) -> float:
    """Whether the output moves where the truth does: by at least a quarter of it.

    Args:
        truth: (H, W, 2) flow between two frames of the true video, as :func:`optical_flow` has it.
        output: (H, W, 2) flow between the same two frames of the video to judge.
        where: (H, W) bool, the person.

    Returns:
        1 or 0; NaN where the truth's person stands, its mean flow below a 500th of the frame's shorter side.
    """
    real, found = (mean_inside(np.linalg.norm(flow, axis=-1), where) for flow in (truth, output))
    return float(found >= real / 4) if real >= min(truth.shape[:2]) / 500 else math.nan


def t_of_pair(truth: np.ndarray, output: np.ndarray, where: np.ndarray | None = None) -> float:
    """How far two motions are apart: the mean |flow(truth) - flow(output)|, in pixels; :func:`t_of` has the source.

    Args:
        truth: (H, W, 2) flow between two frames of the true video, as :func:`optical_flow` has it.
        output: (H, W, 2) flow between the same two frames of the video to judge.
        where: (H, W) bool, the only pixels that count; None counts all.

    Returns:
        From 0; NaN where no pixel counts.
    """
    error = np.sqrt(np.square(truth - output, dtype=np.float64).sum(-1))
    error = error if where is None else error[where]
    return float(error.mean()) if error.size else math.nan


def t_of(truth: Video, output: Video, where: Masks | None = None) -> float:
    """Whether a video moves as the true one does: tOF, the mean over t and pixels of |flow(truth) - flow(output)|.

    Chu et al. (TecoGAN), TOG 2020; |.| is the length of the difference of two flows in pixels of the video. The flow
    is DIS here and Farneback's in their code, so that numbers compare within this report only. From 0, lower is
    better; it does not notice what a picture looks like as long as it moves as it should.

    Args:
        truth: The true video, all at once or one by one.
        output: The video to judge, of the same length and size.
        where: (T, H, W) bool, the only pixels that count: those of the first frame of each pair.

    Raises:
        UserError: The videos differ in length or size, have fewer than two frames, or nothing is left to count.
    """
    values = (
        t_of_pair(optical_flow(x, x_next), optical_flow(y, y_next), mask)
        for (x, y, mask), (x_next, y_next, _) in itertools.pairwise(frame_pairs(truth, output, where))
    )
    return _mean("tOF", values)


def t_lp_pair(truth: float, output: float) -> float:
    """100 |LP(output) - LP(truth)|, each the perceptual distance of the same two frames running; NaN if one is."""
    return 100 * abs(output - truth)


def t_lp(truth: Video, output: Video, perceptual: PerceptualDistance, where: Masks | None = None) -> float:
    """Whether a video changes as much as the true one: tLP, the mean of 100 |LP(y[t-1], y[t]) - LP(x[t-1], x[t])|.

    Chu et al. (TecoGAN), TOG 2020, with LP the distance that is given; y is the output and x the truth. From 0, lower
    is better.

    Args:
        truth: The true video, all at once or one by one.
        output: The video to judge, of the same length and size.
        perceptual: As :func:`eval.metrics.load_perceptual` makes it.
        where: (T, H, W) bool, the only places that count: those of the first frame of each pair.

    Raises:
        UserError: The videos differ in length or size, have fewer than two frames, or nothing is left to count.
    """

    def seen() -> Iterable[tuple]:
        for x, y, mask in frame_pairs(truth, output, where):
            yield perceptual.features(x[None]), perceptual.features(y[None]), None if mask is None else mask[None]

    values = (
        t_lp_pair(perceptual.distance(x, x_next, mask).item(), perceptual.distance(y, y_next, mask).item())
        for (x, y, mask), (x_next, y_next, _) in itertools.pairwise(seen())
    )
    return _mean("tLP", values)


def background_change_pair(a: np.ndarray, b: np.ndarray, matte_a: np.ndarray, matte_b: np.ndarray) -> float:
    """How much the background changes from one frame to the next; :func:`background_change` has the formula.

    Args:
        a: (H, W, 3) frame.
        b: The next frame.
        matte_a: (H, W) uint8, where the person is in a; below 6 counts as background.
        matte_b: The same of b.

    Returns:
        8-bit levels, from 0; NaN where no pixel is background in both.
    """
    check_frames(a, b, matte_a)
    return _change(a, b, (matte_a < BACKGROUND_BELOW) & (matte_b < BACKGROUND_BELOW))


def background_change(frames: Video, mattes: Masks) -> float:
    """How much the background moves: the mean change from frame to frame of pixels without the person in both.

    mean over t of the mean |I[t+1] - I[t]| over those pixels and R, G, B, in 8-bit levels: 0 for a perfectly still
    background, lower is better; the grain of a real camera gives 0.3 to 2.

    Args:
        frames: All at once or one by one.
        mattes: (T, H, W) uint8, where the person is in each; below 6 counts as background.

    Raises:
        UserError: Frames and mattes differ in length or size, or there is no background to look at.
    """
    if all(isinstance(x, Frames) for x in (frames, mattes)):
        size = frames.shape[1:3] if isinstance(frames, np.ndarray) else frames.shape[2:]
        if mattes.shape != (len(frames), *size):
            raise UserError(
                f"Each frame needs a matte of its own size: the frames are {(len(frames), *size)}, "
                f"the mattes {mattes.shape} (count, height, width)."
            )
    nothing = "No pixel is background in two frames running; the background's change cannot be measured."
    return _over_time("The background's change", background_change_pair, frames, mattes, nothing)


def _change(a: np.ndarray, b: np.ndarray, where: np.ndarray | None) -> float:
    """Mean |b - a| over pixels and colours in 8-bit levels; NaN where no pixel counts."""
    a, b = (x if where is None else x[where] for x in (a, b))
    if not a.size:
        return math.nan
    if a.dtype == b.dtype == np.uint8:
        return float(cv2.absdiff(a, b).mean(dtype=np.float64))
    return float(np.abs(as_unit(b, np.float64) - as_unit(a, np.float64)).mean() * 255)


def _over_time(
    name: str, of_pair: Callable[..., float], frames: Video, masks: Masks | None, nothing: str | None = None
) -> float:
    """Mean of ``of_pair(frame, next frame, mask, next mask)`` over a video, which is read once."""
    pairs = itertools.pairwise(with_masks(frames, masks))
    return _mean(name, (of_pair(a, b, mask, mask_next) for (a, mask), (b, mask_next) in pairs), nothing)


def _mean(name: str, values: Iterable[float], nothing: str | None = None) -> float:
    """Mean of the values of pairs, of those that have one."""
    total, found, left_out = 0.0, 0, 0
    for value in values:
        if math.isnan(value):
            left_out += 1
        else:
            total, found = total + value, found + 1
    if not found + left_out:
        raise UserError(f"{name} needs at least two frames, and this video has fewer; give a longer one.")
    if not found:
        raise UserError(nothing or f"{name} has no pixels to compare in two frames running; give another region.")
    return total / found

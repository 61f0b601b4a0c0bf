"""Routines: motions one after the other, for as long as a clip needs, without a jump where they meet."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from itertools import count

import numpy as np

from .appearance import ACTORS
from .bodies import Body
from .motions import join, mirrored, mix, motion

#: Seconds over which one motion fades into the next.
BLEND = 0.4


def routine(names: Sequence[str], fps: float, seconds: float) -> np.ndarray:
    """Motions in a row; when the last is over all begin again, left and right exchanged, until the time is up.

    Where two motions meet no joint moves faster than it does somewhere in the two themselves: a fade that would hurry
    is played more slowly.

    Args:
        names: Of motions, as `motion` knows them.
        fps: Frames a second.
        seconds: Length of the result.

    Returns:
        (T, 43) float64, T = round(fps * seconds), at least 1.

    Raises:
        ValueError: There is no such motion.
    """
    wanted, frames = max(1, round(fps * seconds)), motion(names[0], fps)
    for turn in count(1):
        if len(frames) >= wanted:
            return frames[:wanted]
        before, name = names[(turn - 1) % len(names)], names[turn % len(names)]
        clip = motion(name, fps)
        clip = mirrored(clip) if turn // len(names) % 2 else clip
        frames = _joined(frames, clip, fps, max(fastest(before, fps), fastest(name, fps)))


def speeds(frames: np.ndarray, fps: float) -> np.ndarray:
    """How fast each joint of a body of ordinary size moves from frame (T, 43) to frame, (T - 1, J) m/s."""
    joints = np.array([list(_body().pose(frame)[1].values()) for frame in frames])
    return np.linalg.norm(np.diff(joints, axis=0), axis=-1) * fps


@cache
def fastest(name: str, fps: float) -> float:
    """The fastest that any joint moves in a motion, m/s."""
    return float(speeds(motion(name, fps), fps).max())


def _joined(frames: np.ndarray, clip: np.ndarray, fps: float, limit: float) -> np.ndarray:
    """Frames (T, 43) that fade into a clip (N, 43), no joint faster than `limit` m/s meanwhile."""
    whole = join([frames, clip], fps, BLEND)
    begin, end = len(whole) - len(clip) - 1, len(frames)  # the last frame of the one alone, the first of the other
    seam = fade = whole[begin : end + 1]
    slower = 1.0
    while (peak := speeds(fade, fps).max()) > limit:
        slower *= 1.05 * peak / limit
        at = np.linspace(0, len(seam) - 1, int(np.ceil((len(seam) - 1) * slower)) + 1)
        low = np.minimum(at.astype(int), len(seam) - 2)
        fade = mix(seam[low], seam[low + 1], at - low)
    return np.concatenate([whole[:begin], fade, whole[end + 1 :]])


@cache
def _body() -> Body:
    return Body(ACTORS["anna"])

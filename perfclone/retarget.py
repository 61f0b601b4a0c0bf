"""Retargeting: a driving pose moved to the actor's limb lengths, place and scale. Plain maths."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import repeat
from typing import TypeVar

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from perfclone.pose.body import BONES, LENGTHS, ROOT, Body, bone_vectors, hip_centre, lowest_foot, measure_body
from perfclone.pose.sequence import Moment, Pose, PoseSequence

T = TypeVar("T")
#: The floor line of the clone may leave the actor's by this share of the actor's height: so much higher stand feet
#: in the picture whose toes point away from the camera, or one step deeper in the room.
_STRAY = 0.015


@dataclass(frozen=True)
class Retarget:
    """The stage that moves a driver's poses to the actor, whose feet stay on their floor wherever the driver walks.

    It is :func:`retarget` over a floor line that follows the driver's lowest foot. Who walks towards the camera comes
    lower in the picture, and so does the floor under them; the lowest foot tells where it is, but for jumps, which are
    rises that end within ``airborne_s``. The morphological closing of the foot's path (Serra, 1982) fills just these
    and follows everything else without lag. Where no foot is seen the floor stays where it was.

    The size of the performer would tell their depth too, but less well than their feet do: a squat shortens torso and
    thighs in the picture by more than a step of a metre does.

    Attributes:
        driver: The driving performer.
        actor: The target actor.
        fps: Frames a second.
        keep_proportions: Only scale and place the driver's own proportions.
        airborne_s: Feet that leave the floor come back within this time, seconds; what rises for longer is the floor.
        steady_s: Half the time over which the floor line is averaged, seconds.
    """

    driver: Body
    actor: Body
    fps: float
    keep_proportions: bool = False
    airborne_s: float = 1.0
    steady_s: float = 0.2

    @property
    def ahead_s(self) -> float:
        """How far it looks ahead, seconds: about ``airborne_s + steady_s``."""
        return self._reach / self.fps

    @property
    def _half(self) -> int:
        return max(1, round(self.airborne_s * self.fps / 2))

    @property
    def _reach(self) -> int:
        return 2 * self._half + round(self.steady_s * self.fps)

    def __call__(self, moments: Iterable[Moment]) -> Iterator[Moment]:
        """The moments in the actor's frame, without mattes; see :class:`perfclone.pose.stage.Stage`."""
        reach, floor_y = self._reach, self.driver.floor_y
        window: deque[tuple[Moment, float]] = deque(maxlen=2 * reach + 1)
        for seen in _with_ends(((moment, _lowest_foot_of(moment.pose)) for moment in moments), reach):
            window.append(seen)
            if len(window) < window.maxlen:
                continue
            here = self._floor(np.array([low for _, low in window]))
            floor_y = here if np.isfinite(here) else floor_y
            (pose, time, _), _ = window[reach]
            keypoints, scores = retarget(
                pose.keypoints[None],
                pose.scores[None],
                self.driver,
                self.actor,
                self.keep_proportions,
                np.array([floor_y]),
            )
            yield Moment(Pose(keypoints[0], scores[0]), time)

    def _floor(self, low: np.ndarray) -> float:
        """The floor in the middle of a window of the lowest foot, (2 * reach + 1,) y in pixels; NaN is not known."""
        width = 2 * self._half + 1
        lowest = sliding_window_view(np.nan_to_num(low, nan=-np.inf), width).max(1)
        closed = sliding_window_view(np.where(np.isfinite(lowest), lowest, np.inf), width).min(1)
        known = closed[np.isfinite(closed)]
        return float(known.mean()) if len(known) else np.nan


def _lowest_foot_of(pose: Pose) -> float:
    return float(lowest_foot(pose.keypoints[None], pose.scores[None])[0])


def _with_ends(values: Iterable[T], count: int) -> Iterator[T]:
    """A stream with its first and its last value so many times more: a clip begins and ends on the floor."""
    last = None
    for value in values:
        yield from repeat(value, 1 if last is not None else count + 1)
        last = value
    yield from repeat(last, count if last is not None else 0)


def retarget_sequence(poses: PoseSequence, actor: Body, size: tuple[int, int]) -> PoseSequence:
    """Retarget a whole performance by :class:`Retarget`, its driver measured on all of it.

    Args:
        poses: Cleaned poses of the driving video.
        actor: The target actor.
        size: (width, height) of the actor's frame, pixels.
    """
    stage = Retarget(measure_body(poses), actor, poses.fps)
    return PoseSequence.from_moments(list(stage(poses.moments())), size, poses.extractor)


def retarget(
    keypoints: np.ndarray,
    scores: np.ndarray,
    driver: Body,
    actor: Body,
    keep_proportions: bool = False,
    floor_y: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Move driving poses to the actor's body, place and scale.

    Every bone keeps its direction and its foreshortening (its length as a share of the driver's own) and takes the
    actor's length; the skeleton is then put where the driver stood, measured from the actor's usual place, with the
    lowest foot as high above the actor's floor line as the driver's was above theirs. Frames are independent of
    each other, so a stream may come in pieces of any size.

    Args:
        keypoints: (T, J, 2) float, pixels in the driving video.
        scores: (T, J) float in [0, 1].
        driver: The driving performer, measured in the driving video.
        actor: The target actor, measured in the reference video.
        keep_proportions: Only scale and place the driver's own proportions.
        floor_y: (T,) the floor line under the driver in each frame, pixels; None takes ``driver.floor_y``
            throughout. However it moves, the actor's own hardly does.

    Returns:
        (T, J, 2) float32 in the actor's frame and (T, J) float32 scores, 0 where a joint's parent was not seen.
    """
    scale = actor.height / driver.height
    ratio = {
        name: scale if keep_proportions else float(np.clip(a / d, 0.5 * scale, 2.0 * scale))
        for name, a, d in zip(LENGTHS, actor.lengths, driver.lengths)
    }
    root, root_seen = hip_centre(keypoints, scores)
    moved, out = np.zeros_like(keypoints, np.float32), np.zeros_like(scores, np.float32)
    for bone in BONES:
        parent, child, group = bone
        vector, seen = bone_vectors(keypoints, scores, bone)
        base, placed = (0.0, root_seen) if parent == ROOT else (moved[:, parent], out[:, parent] > 0)
        moved[:, child] = base + vector * ratio[group]
        out[:, child] = np.where(seen & placed, scores[:, child], 0)
    x = actor.centre_x + scale * (root[:, 0] - driver.centre_x)
    floor_y = np.full(len(root), driver.floor_y) if floor_y is None else floor_y
    stray = np.clip(scale * (floor_y - driver.floor_y), -_STRAY * actor.height, _STRAY * actor.height)
    floor = actor.floor_y + stray
    y = floor - scale * (floor_y - lowest_foot(keypoints, scores)) - lowest_foot(moved, out)
    y = np.where(np.isfinite(y), y, floor + scale * (root[:, 1] - floor_y))
    moved += np.stack([x, y], -1)[:, None].astype(np.float32)
    return np.where(out[..., None] > 0, moved, 0).astype(np.float32), out

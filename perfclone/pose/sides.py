"""Which side of a performer is which: swaps of the whole body undone, real turns left alone, as a stream."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import groupby

import numpy as np

from perfclone.pose.details import UNKNOWN
from perfclone.pose.sequence import Moment, Pose
from perfclone.pose.skeleton import INDEX, NECK, OTHER_SIDE

_RIGHT, _LEFT = ([INDEX[f"{side}_{part}"] for part in ("shoulder", "hip")] for side in ("right", "left"))
_SWAPPED = list(OTHER_SIDE)
#: Width of shoulders and hips, torso lengths, under which a body is in profile and its sides say nothing.
_PROFILE = 0.15
#: Widths change no faster in a real turn, torso lengths per second: a pirouette of 0.3 s a half-turn reaches 6.
_TURN_SPEED = 8.0
#: A profile this long is a turn, or the end of what is known, seconds.
_PROFILE_S = 0.15
#: So many times more frames must show the back than the front before a performer is taken to face away.
_SURE = 2


@dataclass
class _Seen:
    """A moment on its way.

    Attributes:
        moment: What P says.
        width: How far left lies from right, torso lengths; positive from the front, NaN where it cannot be told.
        swap: Whether its sides are exchanged against those at the start of its stretch.
        blend: Whether it lies between two such poses and is a mixture of both.
        starts: Whether a stretch, in which the performer keeps their sides, begins here.
    """

    moment: Moment
    width: float
    swap: bool = False
    blend: bool = False
    starts: bool = False


@dataclass(frozen=True)
class KeepSides:
    """The stage that undoes swaps of left and right of the whole body, whether they last a frame or a second.

    Nobody turns around from one frame to the next: a real turn passes through a narrow profile, so the performer
    keeps their sides wherever the body stays wide but its two sides change places faster than anybody turns.
    From its beginning, and after every profile, a stretch faces the way that P says in most of its next frames, and
    the camera where these do not agree. P is believed in the end if it holds against this for ``longest_s``.

    Where an extractor blended both sides into one body between two that are swapped, the joints come out with score 0.
    All of it goes by the moments' own times, and each shot begins anew.

    Attributes:
        fps: Usual frames a second; under about 12 a fast turn looks like a swap, and nothing is done.
        min_score: Joints with a lower score do not count.
        ahead_s: How far it looks ahead, seconds.
        longest_s: The longest mistake, seconds.
    """

    fps: float
    min_score: float = 0.3
    ahead_s: float = 0.4
    longest_s: float = 2.0

    def __call__(self, moments: Iterable[Moment]) -> Iterator[Moment]:
        """The moments with the sides that the performer has; see :class:`perfclone.pose.stage.Stage`."""
        for _, shot in groupby(moments, lambda moment: moment.shot):
            yield from self._keep(shot)

    def _keep(self, shot: Iterable[Moment]) -> Iterator[Moment]:
        ahead_s = max(self.ahead_s, 1 / self.fps) - 0.5 / self.fps
        held: deque[_Seen] = deque()
        sides = _Sides(self.longest_s)
        for moment in shot:
            held.append(_Seen(moment, _width(moment.pose, self.min_score)))
            sides.follow(held)
            while moment.time - held[0].moment.time > ahead_s:
                yield sides.take(held)
        while held:
            yield sides.take(held)


class _Sides:
    """What is known of the sides so far."""

    def __init__(self, longest_s: float):
        self.longest_s = longest_s
        self.last: _Seen | None = None  # the last that is no profile
        self.since = 0  # frames since then
        self.flip = False  # whether the stretch that is being given out is the wrong way round at its start
        self.against = 0.0  # seconds for which P was overruled
        self.time = np.inf  # of the moment that was given out last

    def follow(self, held: deque[_Seen]) -> None:
        """Join the newest pose to those before it."""
        new = held[-1]
        self.since += 1
        if self.last is not None:
            new.swap = self.last.swap
        if not abs(new.width) > _PROFILE:
            return
        gap = 0.0 if self.last is None else round(new.moment.time - self.last.moment.time, 9)
        if self.last is None or gap > _PROFILE_S:
            new.starts, new.swap = True, False
        elif self.last.width * new.width < 0:
            if _exchanged(self.last, new, gap):
                new.swap = not self.last.swap
                for i in range(2, min(self.since, len(held)) + 1):
                    held[-i].blend = True
            else:
                new.starts, new.swap = True, False
        self.last, self.since = new, 0

    def take(self, held: deque[_Seen]) -> Moment:
        """Give out the oldest moment."""
        seen = held[0]
        if seen.starts:
            self.flip, self.against = self._wrong_way(held), 0.0
        held.popleft()
        swap, pose = seen.swap != self.flip, seen.moment.pose
        passed, self.time = max(0.0, seen.moment.time - self.time), seen.moment.time
        self.against = self.against + passed if swap else max(0.0, self.against - passed)
        if self.against > self.longest_s:
            self.flip, self.against, swap = not self.flip, 0.0, not swap
        if seen.blend:
            return seen.moment._replace(pose=replace(pose, scores=np.zeros_like(pose.scores), details=UNKNOWN))
        if swap:
            swapped = pose.keypoints[_SWAPPED], pose.scores[_SWAPPED], pose.matte, pose.details.swapped()
            return seen.moment._replace(pose=Pose(*swapped))
        return seen.moment

    @staticmethod
    def _wrong_way(held: deque[_Seen]) -> bool:
        """Whether the stretch that starts with the oldest pose must be exchanged there."""
        facing = away = 0
        for i, seen in enumerate(held):
            if i and seen.starts:
                break
            facing += seen.width > _PROFILE
            away += seen.width < -_PROFILE
        front = away < _SURE * facing
        return front != (held[0].width > 0)


def _width(pose: Pose, min_score: float) -> float:
    """How far left lies from right, across the spine, shoulders and hips together; torso lengths, NaN if not known."""
    if not (pose.scores[[NECK, *_RIGHT, *_LEFT]] >= max(min_score, 1e-6)).all():
        return np.nan
    points = pose.keypoints.astype(np.float64)
    spine = points[_RIGHT[1:] + _LEFT[1:]].mean(0) - points[NECK]
    across = (points[_LEFT] - points[_RIGHT]).mean(0)
    return float(across[0] * spine[1] - across[1] * spine[0]) / max(float(spine @ spine), 1e-6)


def _exchanged(before: _Seen, after: _Seen, gap: float) -> bool:
    """Whether two poses ``gap`` seconds apart show the same body with its sides exchanged."""
    if abs(after.width - before.width) <= _TURN_SPEED * gap:
        return False
    a, b = before.moment.pose.keypoints, after.moment.pose.keypoints
    kept = np.linalg.norm(b[_RIGHT + _LEFT] - a[_RIGHT + _LEFT], axis=1).mean()
    mirrored = np.linalg.norm(b[_LEFT + _RIGHT] - a[_RIGHT + _LEFT], axis=1).mean()
    return bool(mirrored < 0.5 * kept)

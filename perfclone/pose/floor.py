"""The floor under a driver, which follows what they rest on but no jump, and stays under somebody who hangs."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from perfclone.pose.body import Body, lowest
from perfclone.pose.sequence import Moment
from perfclone.pose.skeleton import HEAD, NECK, joints
from perfclone.pose.stage import sliding

_WRISTS = joints("right_wrist", "left_wrist")
#: How long hands above the head must have been still, seconds, and how still, while what the body rests on moved by
#: how much, that somebody hangs from them; torso lengths. The time and a jump to the bar pass for one jump.
_HANGING_S, _STILL, _SWINGING = 0.7, 0.12, 0.2
#: Hands that hang may slide by this, torso lengths; the floor under them is that of so long before, seconds.
_SLIDE, _BEFORE_S = 0.3, 2.0


class _Seen(NamedTuple):
    """What tells the floor, y downwards in pixels; NaN is not known, and hands are so where not above the head."""

    low: float
    hands: np.ndarray
    torso: float


@dataclass(frozen=True)
class Floor:
    """Finds the floor line under each moment of a shot; see :class:`perfclone.retarget.Retarget`.

    Attributes:
        fps: Usual frames a second.
        airborne_s: Feet that leave the floor come back within this time, seconds.
        steady_s: Half the time over which the floor line is averaged, seconds.
    """

    fps: float
    airborne_s: float
    steady_s: float

    @property
    def ahead_s(self) -> float:
        """How far it looks ahead, seconds."""
        return (2 * self._half + self._steady) / self.fps

    @property
    def _half(self) -> int:
        return max(1, round(self.airborne_s * self.fps / 2))

    @property
    def _steady(self) -> int:
        return round(self.steady_s * self.fps)

    def under(self, shot: Iterable[tuple[Moment, Body]]) -> Iterator[tuple[float, tuple[Moment, Body]]]:
        """The floor under each moment, y in pixels, NaN where it is not known, and the moment with the body given."""
        floors = self._with_ends(_unhung(shot), 2 * self._half + self._steady)
        steps = ((self._half, _of_known(max)), (self._half, _of_known(min)), (self._steady, _of_known(np.mean)))
        for frames, reduce in steps:
            floors = sliding(floors, (frames + 0.25) / self.fps, reduce, 0.5 / self.fps)
        return ((floor, more) for _, floor, more in floors if more)

    def _with_ends(self, stream: Iterable[tuple], count: int) -> Iterator[tuple]:
        """Lengthen a stream by its first and its last floor: a shot begins and ends on the floor."""
        last = None
        for time, value, more in stream:
            if last is None:
                yield from ((time - n / self.fps, value, None) for n in range(count, 0, -1))
            yield time, value, more
            last = time, value
        if last:
            yield from ((last[0] + n / self.fps, last[1], None) for n in range(1, count + 1))


def _of_known(reduce: Callable[[list[float]], float]) -> Callable[[list[tuple[float, float]]], float]:
    """The same, of the values of a window that are not NaN."""

    def of_known(window: list[tuple[float, float]]) -> float:
        known = [value for _, value in window if value == value]
        return float(reduce(known)) if known else np.nan

    return of_known


def _unhung(shot: Iterable[tuple[Moment, Body]]) -> Iterator[tuple[float, float, tuple[Moment, Body]]]:
    """What the body rests on in each moment; while somebody hangs, the floor that was under the hands before."""
    past: deque[tuple[float, _Seen]] = deque()
    hung, floor = None, np.nan
    for moment, body in shot:
        seen = _look(moment, body)
        past.append((moment.time, seen))
        while moment.time - past[0][0] > _BEFORE_S:
            past.popleft()
        if hung is not None and not np.linalg.norm(seen.hands - hung) < _SLIDE * seen.torso:
            hung = None
        if hung is None and _hangs(past):
            hung, floor = seen.hands, float(np.nanmax([each.low for _, each in past]))
        yield moment.time, seen.low if hung is None else floor, (moment, body)


def _look(moment: Moment, body: Body) -> _Seen:
    keypoints, scores = moment.pose.keypoints, moment.pose.scores
    low = float(lowest(keypoints[None], scores[None], body.torso)[0])
    head = [joint for joint in (NECK, *HEAD) if scores[joint] > 0]
    above = bool(head) and (scores[_WRISTS] > 0).all() and keypoints[_WRISTS, 1].max() < keypoints[head, 1].min()
    return _Seen(low, keypoints[_WRISTS].mean(0).astype(float) if above else np.full(2, np.nan), body.torso)


def _hangs(past: deque[tuple[float, _Seen]]) -> bool:
    """Whether the body has been swinging from hands that are still."""
    time, now = past[-1]
    if np.isnan(now.hands).any() or time - past[0][0] < _HANGING_S:
        return False
    hands, lows = (np.array(v) for v in zip(*((s.hands, s.low) for t, s in past if time - t <= _HANGING_S)))
    # comparisons with NaN are false
    return bool((np.ptp(hands, axis=0) < _STILL * now.torso).all() and np.ptp(lows) > _SWINGING * now.torso)

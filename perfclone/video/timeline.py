"""When each frame of a file is shown, whatever is wrong with the clock of the file."""

from __future__ import annotations

import logging
from collections import defaultdict
from dataclasses import dataclass, field

import av
import numpy as np

logger = logging.getLogger(__name__)

JUMP = 10.0  # seconds: the clock of a recording joined to another, rather than a frame held so long
# Of the median gap: those taken for the usual one. A pulldown stays inside, a dropped frame does not.
_USUAL = (0.6, 1.6)


@dataclass(frozen=True, eq=False)
class Timeline:
    """When the frames of a video are shown, in order of display.

    Attributes:
        stamps: (T,) int64, as the file gives them to the frames, in `tick`.
        times: (T,) float64, seconds since the first frame; they rise.
        fps: frames per second: the mean where they are evenly spaced, else what is usual between two of them.
        even: whether they are evenly spaced.
        tick: seconds that a stamp counts.
        lag: how far the decoder's own stamps are behind, where the file stamps its frames in the order of coding;
            None where it stamps them as they are shown.
        shifts: seconds on the file's own clock that the times count from: of each part between two jumps of the clock.
    """

    stamps: np.ndarray
    times: np.ndarray
    fps: float
    even: bool
    tick: float
    lag: int | None = None
    shifts: tuple[float, ...] = (0.0,)
    _places: dict[int, list[int]] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        places = defaultdict(list)
        for place, stamp in enumerate(self.stamps.tolist()):
            places[stamp].append(place)
        object.__setattr__(self, "_places", places)

    @property
    def seekable(self) -> bool:
        """Whether a frame's stamp is its own, wherever decoding begins."""
        return not self.lag and len(self.shifts) == 1

    def stamp_at(self, time: float) -> int:
        """The stamp of the first frame that is shown at or after `time` seconds."""
        place = np.searchsorted(self.times, time)
        return int(self.stamps[min(place, len(self.stamps) - 1)])

    def clock(self) -> Clock:
        """Make what tells the time of the frames as they are decoded, in order."""
        return Clock(self)

    def _stamp_of(self, frame: av.VideoFrame) -> int | None:
        if self.lag is None:
            return frame.pts
        return None if frame.dts is None else frame.dts - self.lag


class Clock:
    """Tell the time of each frame of a video, one after the other; frames may be left out.

    Args:
        timeline: that of the video.
    """

    def __init__(self, timeline: Timeline):
        self._timeline, self._place, self._last = timeline, -1, None

    def __call__(self, frame: av.VideoFrame) -> float:
        """Return seconds since the first frame, later than those of the frame before."""
        timeline, place = self._timeline, self._place_of(frame)
        time = float(timeline.times[place]) if place < len(timeline.times) else self._last + 1 / timeline.fps
        self._place, self._last = place, time
        return time

    def _place_of(self, frame: av.VideoFrame) -> int:
        """Find the frame by its stamp; one that has none, or another's, is the next."""
        places = self._timeline._places.get(self._timeline._stamp_of(frame), ())
        return next((place for place in places if place > self._place), self._place + 1)


def timeline(
    stamps: np.ndarray,
    order: np.ndarray,
    tick: float,
    nominal: float,
    lag: int | None,
    *,
    reordered: bool,
    joined: bool,
) -> Timeline:
    """Put stamps in order and mend them: repeated ones are spread, a clock that jumps goes on where it was.

    Args:
        stamps: (T,) int64, in order of coding, of frames that are shown.
        order: (T,) int64, stamps that rise in the order of coding.
        tick: seconds that a stamp counts.
        nominal: frames per second that the file claims.
        lag: see `Timeline`.
        reordered: whether frames may be coded in another order than they are shown.
        joined: whether the container is one whose clock may jump forward, since it is made for broadcasting.
    """
    gaps = np.diff(order)
    gap = float(np.median(gaps[gaps > 0])) if (gaps > 0).any() else 1 / (nominal * tick)
    jumps = (gaps < -2 * gap) | (joined & (gaps > max(JUMP / tick, 2 * gap)))
    shown, times, shifts, begin = [], [], [], 0.0
    for part in np.split(stamps, np.flatnonzero(jumps) + 1):
        part = np.sort(part) if reordered else part
        at = _rising(part.astype(float), gap)
        shown.append(part)
        shifts.append(float(at[0] * tick - begin))
        times.append((at - at[0]) * tick + begin)
        begin = times[-1][-1] + gap * tick
    times = np.concatenate(times)
    even, fps = _rate(times, nominal, tick)
    return Timeline(np.concatenate(shown), times, fps, even, tick, lag, tuple(shifts))


def without_clock(count: int, fps: float) -> Timeline:
    """Make the timeline of `count` frames whose file has no clock, such as a bare H.264 stream."""
    return Timeline(np.arange(count), np.arange(count) / fps, fps, True, 1 / fps, 0)


def animation(stamps: np.ndarray, delays: np.ndarray, tick: float) -> Timeline:
    """Make the timeline of a GIF: as browsers do, a frame of up to a hundredth of a second is shown for a tenth.

    Args:
        stamps: (T,) int64, as the file gives them, in `tick`.
        delays: (T,) int64, how long each frame is shown, in `tick`.
        tick: seconds that a stamp counts.
    """
    held = np.where(delays * tick < 0.015, 0.1, delays * tick)
    times = np.concatenate([[0.0], np.cumsum(held)])
    even, fps = _rate(times, 1 / held.mean(), tick)
    return Timeline(stamps, times[:-1], fps, even, tick)


def _rising(stamps: np.ndarray, gap: float) -> np.ndarray:
    """Spread stamps that do not rise over the time until the next that does, at most `gap` apart."""
    high = np.maximum.accumulate(stamps)
    values, first, counts = np.unique(high, return_index=True, return_counts=True)
    step = np.minimum(np.append(np.diff(values) / counts[:-1], gap), gap)
    return high + (np.arange(len(stamps)) - np.repeat(first, counts)) * np.repeat(step, counts)


def _rate(times: np.ndarray, nominal: float, tick: float) -> tuple[bool, float]:
    """Tell whether frames at these times are evenly spaced, and their usual rate in frames per second."""
    if len(times) < 2:
        return True, nominal
    gaps = np.diff(times)
    mean = gaps.mean()
    even = bool(np.abs(gaps - mean).max() <= 1.5 * tick + 0.05 * mean)
    if not even:
        low, high = np.multiply(_USUAL, np.median(gaps))
        mean = gaps[(gaps >= low - tick) & (gaps <= high + tick)].mean()
    # A clock of milliseconds cannot spell 30 fps; the header can.
    return even, nominal if abs(nominal * mean - 1) < 0.005 else float(1 / mean)

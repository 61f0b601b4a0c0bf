"""What a run will cost: a few frames of it timed on this machine."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from perfclone.devices import beside_others
from perfclone.governance.marks.marker import Marker, MarkOptions
from perfclone.pose.body import measure_body
from perfclone.pose.extractor import PoseExtractor, extract
from perfclone.pose.sequence import Moment, Pose, PoseSequence
from perfclone.preflight.report import Finding
from perfclone.retarget import retarget_sequence
from perfclone.survey.sample import Sample, believed
from perfclone.video import VideoReader, VideoWriter

if TYPE_CHECKING:
    from perfclone.pipeline import PerformanceCloner
    from perfclone.progress import Progress

_TIMED = 24  # frames; the first half warms things up


class Pace(NamedTuple):
    """How long a part of a run takes with a frame, milliseconds.

    Attributes:
        wall: By the clock.
        work: Of all processors together.
        begin: Until it is at its pace.
    """

    wall: float
    work: float
    begin: float


class Paces(NamedTuple):
    """The parts of a run that go on at the same time, each in a thread of its own: P, G, and marking with coding."""

    poses: Pace
    painting: Pace
    writing: Pace

    def seconds(self, frames: int, ahead: float, processors: int) -> float:
        """How long a run takes.

        First P alone reads what must be looked ahead; in the end as many frames are painted without it. Between, and
        then, the slowest part sets the pace, or all the processors' work does.

        Args:
            frames: Of the driving video.
            ahead: Frames that are looked ahead.
            processors: How many there are.
        """
        ahead = min(ahead, frames)
        together, rest = (_side_by_side(parts, processors) for parts in (self, self[1:]))
        paced = ahead * (self.poses.wall + rest) + (frames - ahead) * together
        return (sum(part.begin for part in self) + paced) / 1000


def _side_by_side(parts: Sequence[Pace], processors: int) -> float:
    """Milliseconds a frame of parts that go on at the same time."""
    return max(*(part.wall for part in parts), sum(part.work for part in parts) / processors)


def cost(
    sample: Sample,
    cloner: PerformanceCloner,
    price_per_hour: float | None,
    progress: Progress | None = None,
    purpose: str = "evaluation",
    watch: Callable[[Moment, np.ndarray], None] | None = None,
) -> Iterator[Finding]:
    """Tell the time, and where there is a price the cost, of a whole run from a few frames of it.

    Args:
        sample: Of the driving video, with the performer in it.
        cloner: Paints the actor.
        price_per_hour: What an hour of this machine costs; None leaves the cost out.
        progress: Called with "timing", parts done and parts in all.
        purpose: What the actor's record must allow, as a few frames are painted.
        watch: What else is going to be done with each frame.
    """
    paces, info = time_parts(sample, cloner, progress, purpose, watch), sample.info
    seconds = paces.seconds(info.frames, cloner.looks_ahead_s(info.fps) * info.fps, processors())
    poses, painting, writing = (f"{part.wall:.0f}" for part in paces)
    message = (
        f"about {_duration(seconds)} here: {info.frames} frames, of which each takes {poses} ms for its poses, "
        f"{painting} to paint and {writing} to mark and code, side by side where there are processors for it"
    )
    yield Finding("time", "pass", round(seconds, 1), message)
    if price_per_hour is not None:
        price = seconds / 3600 * price_per_hour
        shown = f"{price:.2f}" if price >= 0.1 else f"{price:.1g}"
        yield Finding("cost", "pass", round(price, 6), f"about {shown}: {seconds:.0f} s at {price_per_hour:g} an hour")


def processors() -> int:
    """How many processors this process may use."""
    allowed = getattr(os, "sched_getaffinity", None)  # not everywhere
    return len(allowed(0)) if allowed else os.cpu_count() or 1


def time_parts(
    sample: Sample,
    cloner: PerformanceCloner,
    progress: Progress | None = None,
    purpose: str = "evaluation",
    watch: Callable[[Moment, np.ndarray], None] | None = None,
) -> Paces:
    """Time pose extraction with decoding, G with its composite, and marking with encoding.

    They follow one another as in the run, over some of the first frames: from one frame to the next there is less to
    paint anew than between frames far apart.
    """
    found: list[tuple] = []
    frames: list[np.ndarray] = []
    made: list[PoseSequence] = []

    def poses() -> Pace:
        pace = _pose_pace(sample, cloner.extractor, found)
        made.append(_retargeted(sample, found, cloner))
        return pace

    parts = (
        poses,
        lambda: _painting_pace(made[0], cloner, purpose, frames),
        lambda: _writing_pace(list(zip(made[0].moments(), frames)), sample.info.fps, watch),
    )
    paces = []
    for part in parts:
        if progress:
            progress("timing", len(paces), len(parts))
        paces.append(part())
    return Paces(*paces)


def _pose_pace(sample: Sample, extractor: PoseExtractor, found: list) -> Pace:
    with VideoReader(sample.info.path) as reader:
        return _pace(islice(extract(extractor, reader), _TIMED), found)


def _retargeted(sample: Sample, found: list, cloner: PerformanceCloner) -> PoseSequence:
    """The poses of the first frames, or of the sample where nobody is seen in them, in the actor's frame."""
    actor, driver = cloner.actor, measure_body(sample.poses)
    size = actor.config.width, actor.config.height
    moments = [
        Moment(Pose(pose.keypoints / sample.scale, pose.scores), frame.time)
        for frame, pose, _ in ((frame, believed(pose), shot) for frame, pose, shot in found)
        if pose.seen
    ]
    poses = PoseSequence.from_moments(moments, sample.poses.size) if moments else sample.performer[:_TIMED]
    return retarget_sequence(poses, actor.body, size, actor.stance(actor.body), driver=driver)


def _painting_pace(poses: PoseSequence, cloner: PerformanceCloner, purpose: str, frames: list) -> Pace:
    """Of a second time: the first frames of a run take ten times as long as all that follow."""
    with beside_others():
        began = time.perf_counter()
        for _ in cloner.render(poses, purpose):
            pass
        first = (time.perf_counter() - began) * 1000
        pace = _pace(cloner.render(poses, purpose), frames)
    return pace._replace(begin=max(0.0, first - len(frames) * pace.wall))


def _writing_pace(
    painted: list[tuple[Moment, np.ndarray]], fps: float, watch: Callable[[Moment, np.ndarray], None] | None
) -> Pace:
    marker = Marker(MarkOptions(), 0, fps)
    with tempfile.TemporaryDirectory() as folder, VideoWriter(Path(folder) / "timed.mp4", rate=fps) as writer:

        def written() -> Iterator[None]:
            for moment, pixels in painted:
                marked = marker.apply(pixels, moment.time)
                writer.write(marked)
                if watch:
                    watch(moment, marked)
                yield

        return _pace(written())


def _pace(stream: Iterator, keep: list | None = None) -> Pace:
    """How long the items of a stream take: the median of those in its second half, and what the first is late."""
    walls, works = [], []
    last = time.perf_counter(), time.process_time()
    for item in stream:
        now = time.perf_counter(), time.process_time()
        walls.append((now[0] - last[0]) * 1000)
        works.append((now[1] - last[1]) * 1000)
        if keep is not None:
            keep.append(item)
        last = time.perf_counter(), time.process_time()
    late = slice(len(walls) // 2, None)
    wall, work = float(np.median(walls[late] or [0.0])), float(np.mean(works[late] or [0.0]))
    return Pace(wall, work, max(0.0, (walls or [0.0])[0] - wall))


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"

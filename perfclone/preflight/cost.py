"""What a run will cost: a few frames of it timed on this machine."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

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


def cost(
    sample: Sample,
    extractor: PoseExtractor,
    cloner: PerformanceCloner,
    price_per_hour: float | None,
    progress: Progress | None = None,
    purpose: str = "evaluation",
) -> Iterator[Finding]:
    """Tell the time, and where there is a price the cost, of a whole run from a few frames of it.

    Args:
        sample: Of the driving video, with the performer in it.
        extractor: Finds the people.
        cloner: Paints the actor.
        price_per_hour: What an hour of this machine costs; None leaves the cost out.
        progress: Called with "timing", parts done and parts in all.
        purpose: What the actor's record must allow, as a few frames are painted.
    """
    pose_ms, generator_ms, codec_ms = time_parts(sample, extractor, cloner, progress, purpose)
    frames = sample.info.frames
    seconds = frames * (pose_ms + generator_ms + codec_ms) / 1000
    message = (
        f"about {_duration(seconds)} here: {frames} frames x (poses {pose_ms:.0f} + painting {generator_ms:.0f} + "
        f"coding {codec_ms:.0f} ms), less where they overlap"
    )
    yield Finding("time", "pass", round(seconds, 1), message)
    if price_per_hour is not None:
        price = seconds / 3600 * price_per_hour
        shown = f"{price:.2f}" if price >= 0.1 else f"{price:.1g}"
        yield Finding("cost", "pass", round(price, 6), f"about {shown}: {seconds:.0f} s at {price_per_hour:g} an hour")


def time_parts(
    sample: Sample,
    extractor: PoseExtractor,
    cloner: PerformanceCloner,
    progress: Progress | None = None,
    purpose: str = "evaluation",
) -> tuple[float, float, float]:
    """Milliseconds a frame of pose extraction with decoding, of G with its composite, and of encoding.

    The first two are medians over some of the first frames. They follow one another as in the run: from one frame to
    the next there is less to paint anew than between frames far apart.
    """
    found: list[tuple] = []
    frames: list[np.ndarray] = []
    parts = (
        lambda: _pose_pace(sample, extractor, found),
        lambda: _painting_pace(_retargeted(sample, found, cloner), cloner, purpose, frames),
        lambda: _codec_pace(frames, sample.info.fps),
    )
    paces = []
    for part in parts:
        if progress:
            progress("timing", len(paces), len(parts))
        paces.append(part())
    return tuple(paces)


def _pose_pace(sample: Sample, extractor: PoseExtractor, found: list) -> float:
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


def _painting_pace(poses: PoseSequence, cloner: PerformanceCloner, purpose: str, frames: list) -> float:
    """Of a second time: the first frames of a run take ten times as long as all that follow."""
    for _ in cloner.render(poses, purpose):
        pass
    return _pace(cloner.render(poses, purpose), frames)


def _codec_pace(frames: list[np.ndarray], fps: float) -> float:
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        with VideoWriter(Path(folder) / "timed.mp4", rate=fps) as writer:
            for pixels in frames:
                writer.write(pixels)
        return (time.perf_counter() - start) / len(frames) * 1000


def _pace(stream: Iterator, keep: list | None = None) -> float:
    """Median milliseconds between the items of a stream, the first half left out where there are more."""
    gaps, last = [], time.perf_counter()
    for item in stream:
        now = time.perf_counter()
        gaps.append(now - last)
        if keep is not None:
            keep.append(item)
        last = time.perf_counter()
    return float(np.median(gaps[len(gaps) // 2 :] or [0.0])) * 1000


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"

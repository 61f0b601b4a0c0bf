"""A performance: the cleaned poses of a video, one a frame, as a stream or whole."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from perfclone.pose.clean import Clean
from perfclone.pose.extractor import PoseExtractor, build_extractor, extract
from perfclone.pose.sequence import Moment, Pose, PoseSequence, is_poses
from perfclone.progress import Progress

if TYPE_CHECKING:
    from perfclone.video import Frame


class Performance(NamedTuple):
    """A performance that is about to be cloned.

    Attributes:
        moments: Its cleaned poses.
        fps: Frames a second.
        frames: How many there are, as far as the file knows.
        duration: Seconds, as far as the file knows.
        audio: The file that has the sound.
        poses: All of it, where it was saved.
    """

    moments: Iterator[Moment]
    fps: float
    frames: int
    duration: float | None = None
    audio: Path | None = None
    poses: PoseSequence | None = None


def open_performance(
    performance: str | Path | PoseSequence, extractor: PoseExtractor | None = None, person: int = 0
) -> Performance:
    """Open a video, saved poses or poses at hand; ``extractor`` and ``person`` as for :func:`perform`."""
    if is_poses(performance):
        poses = performance if isinstance(performance, PoseSequence) else PoseSequence.load(performance)
        begun = replace(poses, times=poses.times - poses.times[:1])  # a part of a longer one begins when it begins
        return Performance(begun.moments(), poses.fps, len(poses), poses=poses)
    from perfclone.video import probe

    info = probe(performance)
    moments = perform(performance, extractor, person)
    return Performance(moments, info.fps, info.frames, info.duration, Path(performance))


def perform(
    video: str | Path,
    extractor: PoseExtractor | None = None,
    person: int = 0,
    watch: Callable[[Frame, Pose], None] | None = None,
) -> Iterator[Moment]:
    """The performance in a video as a stream: one cleaned pose for each frame, and its time in seconds.

    Args:
        video: The video.
        extractor: P; None takes BlazePose.
        person: Which person performs, 0 the largest.
        watch: Called with each frame and what P said of it, before cleaning, in order.
    """
    from perfclone.video import VideoReader

    def found(reader: VideoReader) -> Iterator[Moment]:
        for frame, pose, shot in extract(extractor or build_extractor("blazepose"), reader, person):
            if watch:
                watch(frame, pose)
            yield Moment(replace(pose, matte=None), frame.time, shot)

    with VideoReader(video) as reader:
        yield from Clean(reader.info.fps)(found(reader))


def read_poses(
    path: str | Path,
    extractor: PoseExtractor | None = None,
    person: int = 0,
    progress: Progress | None = None,
    watch: Callable[[Frame, Pose], None] | None = None,
) -> PoseSequence:
    """The cleaned poses of a video, or those that a .npz file holds; ``watch`` as for :func:`perform`."""
    if is_poses(path):
        return PoseSequence.load(path)
    from perfclone.video import probe

    info, extractor = probe(path), extractor or build_extractor("blazepose")
    moments = []
    for moment in perform(path, extractor, person, watch):
        moments.append(moment)
        if progress:
            progress("poses", len(moments), max(info.frames, len(moments)))
    return PoseSequence.from_moments(moments, (info.width, info.height), extractor.name)

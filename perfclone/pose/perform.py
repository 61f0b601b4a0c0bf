"""A performance: the cleaned poses of a video, one a frame, as a stream or whole."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from perfclone.pose.clean import clean
from perfclone.pose.extractor import PoseExtractor, build_extractor, extract
from perfclone.pose.sequence import Moment, Pose, PoseSequence, is_poses

if TYPE_CHECKING:
    from perfclone.video import Frame


def perform(
    video: str | Path, extractor: PoseExtractor, person: int = 0, watch: Callable[[Frame, Pose], None] | None = None
) -> Iterator[Moment]:
    """The performance in a video as a stream: one cleaned pose for each frame, and its time in seconds.

    Args:
        video: The video.
        extractor: P.
        person: Which person performs, 0 the largest.
        watch: Called with each frame and what P said of it, before cleaning, in order.
    """
    from perfclone.video import VideoReader

    with VideoReader(video) as reader:
        times: list[float] = []

        def poses() -> Iterator[Pose]:
            for frame, pose in extract(extractor, reader, person):
                if watch:
                    watch(frame, pose)
                times.append(frame.time)
                yield replace(pose, matte=None)

        for pose in clean(poses(), reader.info.fps):
            yield Moment(pose, times.pop(0))


def read_poses(
    path: str | Path, extractor: PoseExtractor | None = None, person: int = 0,
    progress: Callable[[str, int, int], None] | None = None, watch: Callable[[Frame, Pose], None] | None = None,
) -> PoseSequence:  # fmt: skip
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

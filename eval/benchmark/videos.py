"""The methods' videos: written nearly lossless, one frame for each pose; and frames of a reference in any order."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from perfclone.pose import PoseSequence
from perfclone.video import VideoInfo, VideoReader, VideoWriter

#: Quality of the videos that are scored: nothing to be seen is lost.
CRF = 4


def write_frames(frames: Iterable[np.ndarray], poses: PoseSequence, info: VideoInfo, path: Path) -> Path:
    """Write frames (H, W, 3) uint8 RGB, one for each pose and at its time, nearly lossless."""
    with VideoWriter(path, rate=info.fps, crf=CRF, force=True) as writer:
        for pixels, at in zip(frames, poses.times - poses.times[0]):
            writer.write(pixels, at)
    return path


def frames_at(video: Path, indices: np.ndarray, info: VideoInfo, scratch: Path) -> Iterable[np.ndarray]:
    """The frames of a video at indices in any order: those needed lie in a scratch file, so memory stays flat."""
    wanted = np.unique(indices)
    kept = np.lib.format.open_memmap(scratch, "w+", np.uint8, (len(wanted), info.height, info.width, 3))
    place = {int(index): n for n, index in enumerate(wanted)}
    with VideoReader(video) as reader:
        for n, frame in enumerate(reader):
            if n in place:
                kept[place[n]] = frame.pixels
    return (kept[place[int(index)]] for index in indices)


def clocked(frames: Iterator[np.ndarray], spent: list[float]) -> Iterator[np.ndarray]:
    """Pass frames on, noting how many seconds each took to come."""
    while True:
        began = time.monotonic()
        frame = next(frames, None)
        if frame is None:
            return
        spent.append(time.monotonic() - began)
        yield frame

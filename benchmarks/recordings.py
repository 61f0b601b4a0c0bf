"""Recordings for the benchmarks: cut to the person, read whole, their poses extracted once."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from eval.scoring.regions import cut_square, person_square, square_around
from perfclone.backends.layered.crop import Box
from perfclone.errors import UserError
from perfclone.pose import BODY_18, Pose, PoseSequence
from perfclone.pose.clean import clean_sequence
from perfclone.pose.extractor import PoseExtractor, build_extractor, extract
from perfclone.progress import counted
from perfclone.terminal.progress import progress_bar, progress_bars
from perfclone.video import Frame, VideoReader, VideoWriter

SIZE = 256


@dataclass(frozen=True)
class Recording:
    """A short video in memory with the performer's poses.

    Attributes:
        frames: (T, H, W, 3) uint8 RGB.
        raw: What the extractor said, frame by frame, mattes included.
        poses: The same poses after cleaning.
    """

    frames: np.ndarray
    raw: list[Pose]
    poses: PoseSequence

    @property
    def mattes(self) -> np.ndarray:
        """(T, H, W) uint8, widened by a few pixels so that what is left of the picture is surely background."""
        size, kernel = self.frames.shape[1:3], np.ones((9, 9), np.uint8)
        return np.stack(
            [np.zeros(size, np.uint8) if p.matte is None else cv2.dilate(p.matte, kernel) for p in self.raw]
        )

    def __getitem__(self, index: slice) -> Recording:
        """A stretch of the recording."""
        return Recording(self.frames[index], self.raw[index], self.poses[index])

    def write(self, path: Path) -> Recording:
        """Write the frames to a video, nearly lossless; the recording as whoever reads that video sees it."""
        with VideoWriter(path, rate=self.poses.fps, crf=4, force=True) as writer:
            for frame, time in zip(self.frames, self.poses.times):
                writer.write(frame, time - self.poses.times[0])
        with VideoReader(path) as reader:
            frames = np.stack([frame.pixels for frame in reader])
        assert frames.shape == self.frames.shape
        return Recording(frames, self.raw, self.poses)


class Remembered:
    """A pose extractor that knows the frames of a recording, so that nobody pays for extracting them a second time."""

    def __init__(self, recording: Recording):
        self.name, self.batch = recording.poses.extractor, 16
        self._poses = {_digest(frame): pose for frame, pose in zip(recording.frames, recording.raw)}

    def people(self, frames: Sequence[np.ndarray]) -> list[list[Pose]]:
        """The one person of each frame, or nobody."""
        poses = (self._poses[_digest(frame)] for frame in frames)
        return [[pose] if pose.seen else [] for pose in poses]

    def reset(self) -> None:
        """Nothing to forget."""


def _digest(frame: np.ndarray) -> bytes:
    return hashlib.blake2b(np.ascontiguousarray(frame).tobytes(), digest_size=16).digest()


def load_recording(path: Path, extractor: PoseExtractor | None = None) -> Recording:
    """Read a video whole and extract its poses; for a minute or so at 256 px.

    Args:
        path: The video.
        extractor: One that gives mattes; BlazePose by default.

    Raises:
        UserError: Nobody is seen in it.
    """
    extractor = extractor or build_extractor("blazepose", matte=True)
    with VideoReader(path) as reader, progress_bar("poses") as progress:
        frames, raw, times = [], [], []
        for frame, pose, _ in extract(extractor, reader):
            frames.append(frame.pixels)
            raw.append(pose)
            times.append(frame.time)
            progress(len(frames), reader.info.frames)
    if not any(pose.seen for pose in raw):
        raise UserError(f"Nobody is seen in {path}; give footage of one person, whole in the picture.")
    height, width = frames[0].shape[:2]
    poses = PoseSequence.from_poses(raw, times, (width, height), extractor.name)
    return Recording(np.stack(frames), raw, clean_sequence(poses))


def cut_to_square(reference: Path, output: Path, size: int = SIZE) -> Path:
    """Cut a video to the square that holds the person throughout, scaled to `size` with area filtering.

    A video of that size already is taken as it is. Where the square reaches beyond the picture its border is repeated.

    Args:
        reference: The video.
        output: The file to write, nearly lossless.
        size: Side of the result in pixels.

    Returns:
        The file to use: `output`, or `reference` itself.
    """
    with VideoReader(reference) as reader:
        info = reader.info
        if (info.width, info.height) == (size, size):
            return reference
        with progress_bars() as progress:
            frames = counted(reader, progress, "finding the person", info.frames)
            box = _person_square(frames, (info.width, info.height))
    with (
        VideoReader(reference) as reader,
        VideoWriter(output, rate=info.fps, crf=8, force=True) as writer,
        progress_bars() as progress,
    ):
        for frame in counted(reader, progress, "cutting to a square", info.frames):
            writer.write(box.cut(frame.pixels, size), frame.time)
    return output


def _person_square(frames: Iterable[Frame], size: tuple[int, int]) -> Box:
    """The square that holds the joints of the performer in every frame, with a margin where the picture has room."""
    seen = []
    for _, pose, _ in extract(build_extractor("blazepose"), frames):
        seen.append(pose.keypoints[:BODY_18][pose.scores[:BODY_18] > 0])
    joints = np.concatenate([np.zeros((0, 2)), *seen])
    if not len(joints):
        raise UserError("Nobody is seen in the video; give footage of one person, whole in the picture.")
    return square_around(joints.min(0), joints.max(0), size)


def person_crops(mattes: np.ndarray, *videos: np.ndarray) -> list[np.ndarray]:
    """Cut videos to the square around each frame's matte, so that the background does not outweigh the person.

    Args:
        mattes: (T, H, W) uint8; frames without a person are left out.
        *videos: (T, H, W, 3) uint8 each.

    Returns:
        For each video (N, 256, 256, 3) uint8.
    """
    squares = [(t, square) for t, matte in enumerate(mattes) if (square := person_square(matte)) is not None]
    return [np.stack([cut_square(video[t], square) for t, square in squares]) for video in videos]

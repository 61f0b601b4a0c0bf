"""Poses found on one machine and trained from on another: what the extractor said, kept in the file of the poses."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from perfclone.errors import UserError
from perfclone.pose.details import Details
from perfclone.pose.mattes import Mattes
from perfclone.pose.sequence import Pose, PoseSequence

if TYPE_CHECKING:
    from perfclone.video import Frame


_ANEW = "make it anew with `python -m perfclone poses VIDEO -o POSES.npz --mattes`"


class Recorder:
    """Keeps what an extractor said of each frame, before cleaning, because that is what training begins with.

    Args:
        scratch: A file for the mattes while there are more to come; whoever asked for it removes it.
    """

    def __init__(self, scratch: Path):
        self._mattes = Mattes(scratch)
        self._poses: list[Pose] = []

    def __call__(self, frame: Frame, pose: Pose) -> None:
        """Take the next frame and the performer's pose in it."""
        self._mattes.take(frame.pixels, pose)
        self._poses.append(replace(pose, matte=None))

    def arrays(self) -> dict[str, np.ndarray]:
        """What to save beside the cleaned poses, for :class:`SavedPoses`.

        Returns:
            "raw_keypoints" (T, J, 2) float32 pixels, "raw_scores" (T, J) float32 in [0, 1], the arrays of
            :class:`perfclone.pose.details.Details` with "raw_" before their names, and "mattes" (T, h, w) uint8, 255
            where the person is, longest side at most 384 pixels.
        """
        details = Details.stack([pose.details for pose in self._poses])
        return {
            "raw_keypoints": np.array([pose.keypoints for pose in self._poses], np.float32),
            "raw_scores": np.array([pose.scores for pose in self._poses], np.float32),
            **{f"raw_{name}": array for name, array in details.arrays().items()},
            "mattes": self._mattes.all(),
        }


class SavedPoses:
    """A pose extractor that runs no network: it gives what ``python -m perfclone poses --mattes`` saved of a video.

    It looks at no picture, so it serves that one video only, from its first frame on. The mattes are held in memory,
    0.1 MB a frame.

    Args:
        path: The .npz file.

    Raises:
        FileNotFoundError: There is no such file.
        UserError: It holds no poses, or poses without mattes.
    """

    batch = 1

    def __init__(self, path: str | Path):
        self._path, sequence = Path(path), PoseSequence.load(path)
        self.name, self._size = sequence.extractor, sequence.size
        try:
            with np.load(path, allow_pickle=False) as data:
                keypoints, scores, self._mattes = (
                    data.get(name) for name in ("raw_keypoints", "raw_scores", "mattes")
                )
                details = Details.read(data, "raw_")
        except (ValueError, OSError, EOFError, zipfile.BadZipFile, zlib.error) as error:
            raise UserError(f"The mattes in {path} cannot be read ({error}); {_ANEW}.") from error
        if self._mattes is None or keypoints is None or scores is None:
            raise UserError(f"{path} holds poses without mattes; {_ANEW}.")
        self._raw = replace(sequence, keypoints=keypoints, scores=scores, details=details)
        self.reset()

    def reset(self) -> None:
        """Begin at the first frame again."""
        self._next = 0

    def people(self, frames: Sequence[np.ndarray]) -> list[list[Pose]]:
        """The one performer of each of the next frames, or nobody.

        Args:
            frames: (H, W, 3) uint8 RGB each, the frames of the saved video, in order.

        Returns:
            For each frame at most one pose, its matte (H, W) uint8 at the frame's size.

        Raises:
            UserError: The frames are of another size, or more, than those saved.
        """
        return [self._people_of(frame) for frame in frames]

    def skip(self) -> None:
        """Pass over the next frame."""
        self._next += 1

    def check_end(self) -> None:
        """Make sure that the video ended where the saved poses do.

        Raises:
            UserError: There are poses left.
        """
        if self._next < len(self._raw):
            raise self._misfit(f"has {self._next} frames, not {len(self._raw)}")

    def _people_of(self, frame: np.ndarray) -> list[Pose]:
        height, width = frame.shape[:2]
        if (width, height) != self._size:
            raise self._misfit(f"is {width}x{height} pixels, not {self._size[0]}x{self._size[1]}")
        if self._next == len(self._raw):
            raise self._misfit(f"has more than {self._next} frames")
        n = self._next
        pose = Pose(self._raw.keypoints[n], self._raw.scores[n], details=self._raw.details[n])
        matte, self._next = self._mattes[n], n + 1
        if not pose.seen:
            return []
        return [replace(pose, matte=cv2.resize(matte, self._size, interpolation=cv2.INTER_LINEAR))]

    def _misfit(self, what: str) -> UserError:
        return UserError(f"{self._path} was not made from this video, which {what}; {_ANEW}.")

"""A sample of a video: a few frames spread over it, with the people in them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from perfclone.errors import UserError
from perfclone.pose.extractor import FollowingExtractor, PoseExtractor
from perfclone.pose.performer import person_size
from perfclone.pose.sequence import Pose, PoseSequence, is_poses
from perfclone.pose.skeleton import BODY_18
from perfclone.video import VideoInfo, probe, sample_frames

if TYPE_CHECKING:
    from perfclone.progress import Progress

#: Longest side of the frames, pixels.
SIDE = 960
#: Frames of a sample: two a second, but so many at least and at most.
LEAST, MOST = 40, 200
_A_SECOND = 2
_LEAST_SCORE = 0.3  # as the cleaning of poses has it
_EVERYBODY = 6  # in every sixth of them everybody is looked for, in the others only the performer, which is quicker
_SURE = 0.5  # mean score of the body joints from which somebody beside the performer counts as a person


@dataclass(frozen=True)
class Sample:
    """A few frames of a video and who is in them.

    Attributes:
        info: Of the video.
        frames: T pictures (h, w, 3) uint8 RGB, evenly spread, at most 960 pixels a side.
        poses: The performer in them, in pixels of these pictures.
        mattes: T mattes (h, w) uint8 of the performer; from the outline of the joints where the extractor gives none.
        everybody: T mattes (h, w) uint8 of all people who were found.
        others: Size of the largest other person as a share of the performer's, 0 for nobody, (n,) for the n frames in
            which everybody was looked for.
    """

    info: VideoInfo
    frames: list[np.ndarray]
    poses: PoseSequence
    mattes: list[np.ndarray]
    everybody: list[np.ndarray]
    others: np.ndarray

    @property
    def found(self) -> np.ndarray:
        """(T,) bool, frames in which the performer was found."""
        return (self.poses.scores > 0).any(1)

    @property
    def performer(self) -> PoseSequence:
        """The poses of the frames in which the performer was found."""
        return self.poses[self.found]

    @property
    def scale(self) -> float:
        """Pixels of the video in one pixel of these pictures."""
        return self.info.height / self.frames[0].shape[0]

    @property
    def title(self) -> str:
        """The video in a few words."""
        info = self.info
        return f"{info.path.name}: {info.width}x{info.height}, {info.fps:.4g} frames a second, {info.duration:.1f} s"


def sample_size(seconds: float) -> int:
    """How many frames a sample of so long a video has; who is there for three seconds is in it, up to ten minutes."""
    return int(np.clip(_A_SECOND * seconds, LEAST, MOST))


def take_sample(
    path: str | Path,
    extractor: PoseExtractor,
    stage: str,
    progress: Progress | None = None,
    count: int | None = None,
) -> Sample:
    """Take a few frames of a video and find the people in them; the largest counts as the performer.

    Args:
        path: The video.
        extractor: Finds the people.
        stage: What `progress` is told.
        progress: Called with the stage, frames done and frames in all.
        count: How many frames, evenly spread; None takes :func:`sample_size`. A shorter video gives all it has.

    Raises:
        FileNotFoundError: There is no such file.
        UserError: It is no video that can be read.
    """
    if is_poses(path):
        raise UserError(f"{path} holds poses, and a check needs the picture too; give the video they were found in.")
    extractor.reset()
    info = probe(path)
    poses, others, mattes, everybody = [], [], [], []
    frames = sample_frames(path, count or sample_size(info.duration), max_side=SIDE)
    for index, frame in enumerate(frames):
        look = index % _EVERYBODY == 0 or any(others)
        if look:
            extractor.reset()
        people = sorted(extractor.people([frame.pixels])[0], key=person_size, reverse=True)
        pose, size = people[0] if people else Pose.missing(), frame.pixels.shape[:2]
        if look:
            others.append(largest_other(people))
        if isinstance(extractor, FollowingExtractor):
            extractor.follow(pose if people else None)
        mattes.append(matte_of(pose, size))
        everybody.append(united(people, size))
        poses.append(believed(pose))
        if progress:
            progress(stage, index + 1, len(frames))
    height, width = frames[0].pixels.shape[:2]
    sequence = PoseSequence.from_poses(poses, [frame.time for frame in frames], (width, height), extractor.name)
    return Sample(info, [frame.pixels for frame in frames], sequence, mattes, everybody, np.array(others))


def visible(share: float) -> str:
    """In how many frames the performer was found, in words."""
    return f"found in {share:.0%} of the frames" if share else "nobody was found in any frame"


def largest_other(people: list[Pose]) -> float:
    """Size of the largest person beside the first one, as a share of the first one's; 0 for nobody."""
    sizes = [person_size(other) / person_size(people[0]) for other in people[1:] if _certain(other)]
    return max(sizes, default=0.0)


def _certain(pose: Pose) -> bool:
    return bool(pose.scores[:BODY_18].mean() > _SURE)


def united(people: list[Pose], size: tuple[int, int]) -> np.ndarray:
    """One matte (h, w) uint8 of all these people."""
    return np.maximum.reduce([matte_of(pose, size) for pose in people] or [np.zeros(size, np.uint8)])


def believed(pose: Pose) -> Pose:
    """The pose without the joints that are hardly seen, and without its matte."""
    return Pose(pose.keypoints, np.where(pose.scores >= _LEAST_SCORE, pose.scores, 0))


def matte_of(pose: Pose, size: tuple[int, int]) -> np.ndarray:
    """The pose's matte, or the widened outline of its joints; (h, w) uint8."""
    if pose.matte is not None:
        return pose.matte
    matte = np.zeros(size, np.uint8)
    if pose.seen:
        points = pose.keypoints[pose.scores > 0].astype(np.int32)
        cv2.fillConvexPoly(matte, cv2.convexHull(points), 255)
        radius = max(3, int(0.08 * person_size(pose)))
        matte = cv2.dilate(matte, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1)))
    return matte

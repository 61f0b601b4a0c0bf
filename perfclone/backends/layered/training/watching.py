"""The first pass over a reference video: P looks at the frames that will be trained on."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from perfclone.pose.extractor import FollowingExtractor, PoseExtractor, build_extractor, extract
from perfclone.pose.mattes import Mattes
from perfclone.pose.performer import person_centre
from perfclone.pose.saved import SavedPoses
from perfclone.pose.sequence import Pose, PoseSequence
from perfclone.progress import Progress
from perfclone.survey.sample import SIDE, Sample, believed, largest_other, matte_of, sample_size, united
from perfclone.video import Frame, VideoInfo, VideoReader

log = logging.getLogger(__name__)

#: Frames kept for training; longer videos give evenly spread runs of consecutive frames.
MOST_FRAMES = 3000
RUN = 60
#: Reference videos faster than this are thinned to about this rate, frames a second.
MOST_FPS = 40
_OFTEN = 0.02  # share of the sample that shows somebody else from which that is company
_SHORTLY = 0.3  # seconds in which others hardly move
_BELIEVED = 0.6  # mean score from which somebody far away is a person: posts and coats get less
_THOROUGH = 6  # of the frames of a sample so many are searched for people who are far away


@dataclass
class Watched:
    """What the first pass gives of the T frames that were looked at.

    Attributes:
        info: Of the video.
        kept: (T,) indices of these frames in the video.
        poses: What P said, in pixels of the frames.
        follows: (T,) bool, whether a frame comes right after the one before, without a cut.
        mattes: (T, h, w) uint8, small and on disk.
        sample: A few of the frames, for the judge.
        looked: (n,) which of the T frames the sample has.
        others: n mattes (h, w) uint8 of those beside the performer in them.
        standing: (H, W) uint8, 255 where somebody else is all the time if the camera stands still, or None.
    """

    info: VideoInfo
    kept: np.ndarray
    poses: PoseSequence
    follows: np.ndarray
    mattes: np.ndarray
    sample: Sample
    looked: np.ndarray
    others: list[np.ndarray]
    standing: np.ndarray | None

    def matte(self, n: int) -> np.ndarray:
        """The performer's matte of a frame, (H, W) uint8."""
        return cv2.resize(self.mattes[n], self.poses.size, interpolation=cv2.INTER_LINEAR)

    def beside(self, n: int) -> np.ndarray | None:
        """Where somebody else is, (H, W) uint8, as seen shortly before or after; None where it is not known."""
        k = int(np.abs(self.poses.times[self.looked] - self.poses.times[n]).argmin())
        near = abs(self.poses.times[self.looked[k]] - self.poses.times[n]) <= _SHORTLY
        if not near or not self.others[k].any():
            return None
        return cv2.resize(self.others[k], self.poses.size, interpolation=cv2.INTER_LINEAR)

    @property
    def company(self) -> bool:
        """Whether somebody else is there now and then, who must not get into the plate."""
        return float(np.mean([matte.any() for matte in self.others])) > _OFTEN


def watch(
    video: Path, extractor: PoseExtractor, person: int, scratch: Path, progress: Progress | None = None
) -> Watched:
    """Find the performer in the frames of a reference video, and everybody in a sample of them.

    Args:
        video: The reference video.
        extractor: A pose extractor, or poses saved from this video; where it gives no matte, BlazePose gives it.
        person: Which person, 0 the largest.
        scratch: A file for the mattes; whoever asked for it removes it.
        progress: Called with "poses", frames done and frames in all.
    """
    with VideoReader(video) as reader:
        info, kept = reader.info, frames_to_keep(reader.info)
        looked = np.unique(((np.arange(n := sample_size(info.duration)) + 0.5) * len(kept) / n).astype(int))
        mattes, sampler = Mattes(scratch), _Sampler(info, extractor, set(looked.tolist()))
        poses, times, shots = [], [], []
        frames = _thinned(reader, kept, extractor)
        for frame, pose, shot in extract(extractor, frames, person):
            mattes.take(frame.pixels, pose)
            sampler.take(len(poses), frame, pose)
            poses.append(replace(pose, matte=None))
            times.append(frame.time)
            shots.append(shot)
            if progress:
                progress("poses", len(poses), len(kept))
    if isinstance(extractor, SavedPoses):
        extractor.check_end()
    kept, stride, shots = kept[: len(poses)], frame_stride(info), np.array(shots)
    follows = np.r_[False, (np.diff(kept) == stride) & (np.diff(shots) == 0)]
    sequence = PoseSequence.from_poses(poses, times, (info.width, info.height), extractor.name, shots)
    looked = looked[looked < len(poses)]
    return Watched(
        info, kept, sequence, follows, mattes.all(), sampler.sample(), looked, sampler.others, sampler.standing
    )


def frame_stride(info: VideoInfo) -> int:
    """How many frames of a fast video go by from one that is looked at to the next."""
    return max(1, round(info.fps / MOST_FPS))


def frames_to_keep(info: VideoInfo) -> np.ndarray:
    """Indices of the frames to look at and to train on, known before anything is decoded."""
    thinned = np.arange(0, info.frames, frame_stride(info))
    if len(thinned) > MOST_FRAMES:
        begins = np.linspace(0, len(thinned) - RUN, MOST_FRAMES // RUN).astype(int)
        thinned = thinned[np.unique(begins[:, None] + np.arange(RUN))]
    if len(thinned) < info.frames:
        log.info("Of the reference's %d frames, %d evenly spread ones are looked at.", info.frames, len(thinned))
    return thinned


def _thinned(reader: VideoReader, kept: np.ndarray, extractor: PoseExtractor) -> Iterator[Frame]:
    """The frames to keep; saved poses pass over those between."""
    wanted = set(kept.tolist())
    for index, frame in enumerate(reader):
        if index in wanted:
            yield frame
        elif isinstance(extractor, SavedPoses):
            extractor.skip()


class _Sampler:
    """Puts aside a sample of the frames while they pass, and finds everybody in them."""

    def __init__(self, info: VideoInfo, extractor: PoseExtractor, wanted: set[int]):
        self._info, self._extractor, self._wanted = info, extractor.name, wanted
        self._finder = build_extractor("blazepose", matte=True) if isinstance(extractor, FollowingExtractor) else None
        self._parts: list[tuple] = []
        self.others: list[np.ndarray] = []
        self._far, self._thorough = [], set(sorted(wanted)[:: max(1, len(wanted) // _THOROUGH)])

    def take(self, n: int, frame: Frame, pose: Pose) -> None:
        """Look at frame number n."""
        if n not in self._wanted:
            return
        size = frame.pixels.shape[:2]
        scale = min(1.0, SIDE / max(size))
        small = lambda image: cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)  # noqa: E731
        people = _performer_first(self._finder.people([frame.pixels])[0] if self._finder else [], pose)
        matte, beside = matte_of(pose, size), united(people[1:], size)
        self.others.append(np.where(small(united(people[:1], size)) > 127, 0, small(beside)))
        if self._finder and n in self._thorough:
            far = (person for person in self._finder.everybody(frame.pixels) if not _overlap(person, pose))
            self._far += [person for person in far if person.scores[person.scores > 0].mean() > _BELIEVED]
        self._parts.append((
            small(frame.pixels), replace(believed(pose), keypoints=pose.keypoints * scale), frame.time,
            small(matte), small(np.maximum(matte, united(people, size))), largest_other(people),
        ))  # fmt: skip

    @property
    def standing(self) -> np.ndarray | None:
        """(H, W) uint8, 255 where half of the thorough looks or more found somebody else; None for nobody."""
        often = [a for a in self._far if 2 * sum(_overlap(a, b) for b in self._far) >= max(4, len(self._thorough))]
        return united(often, often[0].matte.shape) if often else None

    def sample(self) -> Sample:
        """What was put aside."""
        frames, poses, times, mattes, everybody, others = map(list, zip(*self._parts))
        size = frames[0].shape[1::-1]
        sequence = PoseSequence.from_poses(poses, times, size, self._extractor)
        return Sample(self._info, frames, sequence, mattes, everybody, np.array(others))


def _overlap(a: Pose, b: Pose) -> bool:
    """Whether the boxes around two people share more than half of the smaller one."""
    if not (a.seen and b.seen):
        return False
    (low_a, high_a), (low_b, high_b) = (
        (p.min(0), p.max(0)) for p in (a.keypoints[a.scores > 0], b.keypoints[b.scores > 0])
    )
    common = (np.minimum(high_a, high_b) - np.maximum(low_a, low_b)).clip(0).prod()
    return bool(common > 0.5 * min((high_a - low_a).prod(), (high_b - low_b).prod()))


def _performer_first(people: list[Pose], performer: Pose) -> list[Pose]:
    """People, the one nearest to the performer at their head, if the performer is there."""
    if not performer.seen:
        return people
    return sorted(people, key=lambda pose: np.linalg.norm(person_centre(pose) - person_centre(performer)))

"""One pose, a moment of a performance, and a whole sequence."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from perfclone.errors import UserError
from perfclone.files.writing import beside
from perfclone.pose.details import UNKNOWN, Details
from perfclone.pose.skeleton import KEYPOINTS


@dataclass(frozen=True)
class Pose:
    """One person in one frame.

    Attributes:
        keypoints: (J, 2) float32, pixels, x then y, origin top left, pixel centres at .5.
        scores: (J,) float32 in [0, 1]; 0 means that the joint was not seen and its place means nothing.
        matte: (H, W) uint8, 255 where the person is, or None where the extractor gives none.
        details: Depths, face and fingers, all unknown where the extractor gives none.
    """

    keypoints: np.ndarray
    scores: np.ndarray
    matte: np.ndarray | None = None
    details: Details = UNKNOWN

    def __repr__(self) -> str:
        matte = None if self.matte is None else self.matte.shape
        return f"Pose(joints={(self.scores > 0).sum()}, matte={matte})"

    @property
    def seen(self) -> bool:
        """Whether any joint was seen at all."""
        return bool((self.scores > 0).any())

    @classmethod
    def missing(cls) -> Pose:
        """The pose of a frame in which nobody was found: every score is 0."""
        return cls(np.zeros((len(KEYPOINTS), 2), np.float32), np.zeros(len(KEYPOINTS), np.float32))


class Moment(NamedTuple):
    """A pose and when it was struck: what the streams of a performance are made of.

    Attributes:
        pose: The pose.
        time: Seconds from the start of the video.
        shot: Which of the video's shots it belongs to: 0 for the first, and a cut raises it by one.
    """

    pose: Pose
    time: float
    shot: int = 0


@dataclass(frozen=True)
class PoseSequence:
    """The performance of one person, frame by frame: what P gives and everything after it reads.

    Attributes:
        keypoints: (T, J, 2) float32, pixels, x then y, origin top left.
        scores: (T, J) float32 in [0, 1]; 0 means not seen.
        times: (T,) float64, seconds from the start of the video, increasing.
        size: (width, height) of the video in pixels.
        extractor: Name of the extractor that found them.
        shots: (T,) int, the shot of the video that each frame belongs to; a cut raises it. None is one shot, zeros.
        details: Depths, faces and fingers of the T frames, each array with T in front. None is unknown, zeros.
    """

    keypoints: np.ndarray
    scores: np.ndarray
    times: np.ndarray
    size: tuple[int, int]
    extractor: str = ""
    shots: np.ndarray | None = None
    details: Details | None = None

    def __post_init__(self):
        t, j = len(self.times), len(KEYPOINTS)
        shots = np.zeros(t, np.int64) if self.shots is None else np.asarray(self.shots, np.int64)
        object.__setattr__(self, "shots", shots)
        details = Details.unknown(t) if self.details is None else self.details
        object.__setattr__(self, "details", details)
        if self.keypoints.shape != (t, j, 2) or self.scores.shape != (t, j):
            raise ValueError(
                f"keypoints must be ({t}, {j}, 2) and scores ({t}, {j}) for {t} times, "
                f"got {self.keypoints.shape} and {self.scores.shape}"
            )
        if not (
            np.isfinite(self.keypoints).all() and np.isfinite(self.scores).all() and np.isfinite(self.times).all()
        ):
            raise ValueError("keypoints, scores and times must be finite")
        if t > 1 and not (np.diff(self.times) > 0).all():
            raise ValueError("times must increase from frame to frame")
        if shots.shape != (t,) or (np.diff(shots) < 0).any():
            raise ValueError(f"shots must be ({t},) and never fall, got {shots.shape}")
        if details.face_score.shape != (t,):
            raise ValueError(f"details must be those of {t} poses, got {details.face_score.shape}")

    def __len__(self) -> int:
        return len(self.times)

    def __repr__(self) -> str:
        seen = (self.scores > 0).any(1).sum() / max(1, len(self))
        return (
            f"PoseSequence(frames={len(self)}, seconds={len(self) / self.fps:.2f}, fps={self.fps:.4g}, "
            f"size={self.size}, extractor={self.extractor!r}, seen={seen:.2f})"
        )

    def __getitem__(self, index: slice | np.ndarray) -> PoseSequence:
        """The frames of a slice or an index array, as a sequence of the same size."""
        return replace(
            self,
            keypoints=self.keypoints[index],
            scores=self.scores[index],
            times=self.times[index],
            shots=self.shots[index],
            details=self.details[index],
        )

    def moved(self, move: Callable[[np.ndarray], np.ndarray]) -> PoseSequence:
        """The sequence with its points elsewhere, those of the hands too; what is not seen stays 0.

        Args:
            move: Given points (T, N, 2) in pixels; returns as many.
        """
        keypoints = np.where(self.scores[..., None] > 0, move(self.keypoints), 0).astype(np.float32)
        return replace(self, keypoints=keypoints, details=self.details.with_hands_moved(move))

    @property
    def fps(self) -> float:
        """Mean frame rate, frames a second (25 for a single frame)."""
        span = self.times[-1] - self.times[0] if len(self) > 1 else 0.0
        return float((len(self) - 1) / span) if span > 0 else 25.0

    @classmethod
    def from_poses(
        cls,
        poses: Sequence[Pose],
        times: Sequence[float],
        size: tuple[int, int],
        extractor: str = "",
        shots: Sequence[int] | None = None,
    ) -> PoseSequence:
        """Join poses, one a frame, into a sequence; mattes are left behind."""
        joints = len(KEYPOINTS)
        keypoints = np.array([p.keypoints for p in poses], np.float32).reshape(-1, joints, 2)
        scores = np.array([p.scores for p in poses], np.float32).reshape(-1, joints)
        details = Details.stack([p.details for p in poses])
        return cls(keypoints, scores, np.asarray(times, np.float64), size, extractor, shots, details)

    @classmethod
    def from_moments(
        cls, moments: Sequence[Moment], size: tuple[int, int] = (1, 1), extractor: str = ""
    ) -> PoseSequence:
        """Join moments into a sequence; mattes are left behind."""
        poses, times, shots = ([getattr(m, field) for m in moments] for field in Moment._fields)
        return cls.from_poses(poses, times, size, extractor, shots)

    def moments(self) -> Iterator[Moment]:
        """The sequence as a stream."""
        for n, (keypoints, scores) in enumerate(zip(self.keypoints, self.scores)):
            pose = Pose(keypoints, scores, details=self.details[n])
            yield Moment(pose, float(self.times[n]), int(self.shots[n]))

    def save(self, path: str | Path, **more: np.ndarray) -> Path:
        """Write an .npz without pickle; written beside, then renamed.

        Args:
            path: The file.
            **more: Further arrays for the same file, of any shape; :meth:`load` passes over them.
        """
        path = Path(path)
        with beside(path) as part, open(part, "wb") as file:
            np.savez_compressed(
                file,
                keypoints=self.keypoints,
                scores=self.scores,
                times=self.times,
                shots=self.shots,
                size=np.array(self.size),
                extractor=np.array(self.extractor),
                names=np.array(KEYPOINTS),
                **self.details.arrays(),
                **more,
            )
        return path

    @classmethod
    def load(cls, path: str | Path) -> PoseSequence:
        """Read what :meth:`save` wrote.

        Raises:
            FileNotFoundError: There is no such file.
            UserError: The file is not a pose sequence of this skeleton.
        """
        path = Path(path)
        if not path.is_file():
            raise FileNotFoundError(
                f"There is no pose file at {path}; make one with `python -m perfclone poses` or "
                "read_poses(video).save(path)."
            )
        try:
            with np.load(path, allow_pickle=False) as data:
                if tuple(data["names"]) != KEYPOINTS:
                    raise ValueError("another skeleton")
                size = tuple(int(n) for n in data["size"])
                shots = data["shots"] if "shots" in data else None
                details = Details.read(data)
                return cls(
                    data["keypoints"], data["scores"], data["times"], size, str(data["extractor"]), shots, details
                )
        except (ValueError, KeyError, OSError, EOFError, zipfile.BadZipFile) as error:
            raise UserError(
                f"{path} does not hold poses of this version ({error}); make it anew with `python -m perfclone poses` "
                "or read_poses(video).save(path)."
            ) from error


def is_poses(performance: str | Path | PoseSequence) -> bool:
    """Tell poses, or the name of a file that :meth:`PoseSequence.save` wrote, from the name of a video."""
    return isinstance(performance, PoseSequence) or Path(performance).suffix.lower() == ".npz"

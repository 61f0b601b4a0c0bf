"""Filming: from a trouble to a video file and everything that is true about it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from perfclone.pose import Pose, PoseSequence

from ..synthetic import ACTORS, motion
from ..synthetic.routines import routine
from .coding import Coder
from .paths import Look, looks, matrix
from .places import CROWN, SOLES, Shown, Stage
from .recipes import Trouble

#: Pixels of the place to one of the frame; fewer where the person would be drawn larger than needed.
FINER, LARGEST = 1.3, 1.5
#: Whose rooms the places are, and what is performed there, and beside.
PLACES, PERFORMANCE, BESIDE = ("anna", "cleo"), ("walk", "arms", "squats"), "wave"
WORDS = ("ORDINARY", "footage of", "a person who", "DANCES", "in a room", "(2026)", "like & share")


@dataclass(frozen=True)
class Truth:
    """What is true about a clip.

    Attributes:
        path: The video.
        trouble: What it was filmed with.
        matrices: (T, 3, 3) float64, pixels of each frame to pixels of its place, as OpenCV counts pixels; NaN where
            no such matrix exists, since the camera travels.
        plates: For each place (H, W, 3) uint8 RGB, the place when nobody is there.
        places: (T,) int, the place that each frame shows.
        shots: (T,) int, 0 for the first, one more at every cut.
        poses: The performer's true joints in pixels of the frame; scores 0 outside of the picture and in the dark.
        mattes: (T, h, w) uint8, how much of each pixel is the performer, 0-255.
        digest: SHA-256 over the raw RGB of all fields before encoding, 64 hex digits.
    """

    path: Path
    trouble: Trouble
    matrices: np.ndarray
    plates: tuple[np.ndarray, ...]
    places: np.ndarray
    shots: np.ndarray
    poses: PoseSequence
    mattes: np.ndarray
    digest: str

    @property
    def performing(self) -> np.ndarray:
        """(T,) bool, the frames that show the performer."""
        return (self.poses.scores > 0).any(1)


def film(
    trouble: Trouble, path: Path, *, seconds: float = 6.0, fps: int = 25, height: int = 480, seed: int = 0
) -> Truth:
    """Film a synthetic person in trouble.

    Args:
        trouble: The circumstances.
        path: The video to write, .mp4; one that exists is replaced.
        seconds: Its length.
        fps: Frames a second.
        height: Of the picture, pixels; the width is 16/9 of it.
        seed: Of hand and noise; the same seed gives the same frames.
    """
    shooting = _Shooting(trouble, max(2, round(seconds * fps)), fps, height, seed)
    with Coder(path, shooting.size, fps, trouble.crf, trouble.interlaced) as coder:
        taken, digest = [], hashlib.sha256()
        for frame in shooting.frames():
            coder.write(frame.fields)
            digest.update(b"".join(np.ascontiguousarray(field).tobytes() for field in frame.fields))
            taken.append(replace(frame, fields=[]))
    poses = [Pose(frame.keypoints, frame.scores) for frame in taken]
    return Truth(
        path,
        trouble,
        shooting.matrices,
        tuple(stage.plate for stage in shooting.stages),
        shooting.places,
        shooting.shots,
        PoseSequence.from_poses(poses, np.arange(len(poses)) / fps, shooting.size, "truth", shooting.shots),
        np.stack([frame.matte for frame in taken]),
        digest.hexdigest(),
    )


@dataclass(frozen=True)
class _Frame:
    """A frame: its fields (one, or two if interlaced), and the truth of the first."""

    fields: list[np.ndarray]
    matte: np.ndarray
    keypoints: np.ndarray
    scores: np.ndarray


class _Shooting:
    """A clip while it is filmed: cameras, places and shots of every frame."""

    def __init__(self, trouble: Trouble, count: int, fps: int, height: int, seed: int):
        self.trouble, self.count, self.fps, self.seed = trouble, count, fps, seed
        self.size = (round(height * 8 / 9) * 2, height)
        self.fields = 2 if trouble.interlaced else 1
        self.times = np.arange(count * self.fields) / (fps * self.fields)
        third = np.minimum(np.arange(count) * 3 // count, 2)
        halves = np.arange(count) * 2 // count
        self.shots = {"none": halves * 0, "same place": halves, "other place": third}[trouble.cut]
        self.places = np.where(trouble.cut == "other place", third % 2, 0)
        self._film = self._cameras()
        self.matrices = self._film[:: self.fields] + (np.nan if trouble.tracking else 0)

    def _cameras(self) -> np.ndarray:
        """The matrices of all fields; builds the stages just as large as they look at."""
        top, bottom = self.trouble.framing
        tall, height = SOLES - CROWN, self.size[1]
        scene = 2 * round(min(FINER * height / (bottom - top) / tall, LARGEST * height) / 2)
        scale = (bottom - top) * tall * scene / height
        middle = np.array([scene / 2, scene * (CROWN + (top + bottom) / 2 * tall)]) - 0.5
        path = looks(self.trouble.path, self.times, self.seed)
        found = np.stack([matrix(self._cut(look, n), self.size, middle, scale) for n, look in enumerate(path)])
        corners = np.array([[0, 0, 1], [self.size[0], 0, 1], [0, self.size[1], 1], [*self.size, 1]], float)
        reach = np.abs((corners @ found.transpose(0, 2, 1))[..., :2] - scene / 2).max()
        side = max(scene, 2 * (int(np.ceil(reach)) + 4))
        self.stages = [Stage(self.trouble, scene, side, ACTORS[name].room) for name in PLACES[: self.places.max() + 1]]
        found[:, :2, 2] += self.stages[0].corner
        return found

    def _cut(self, look: Look, field: int) -> Look:
        """A closer view after a cut in the same place."""
        if self.trouble.cut == "same place" and self.shots[field // self.fields]:
            return Look(look.x + 0.05, look.y - 0.04, look.turn, look.zoom * 1.2)
        return look

    def frames(self) -> Iterator[_Frame]:
        """Film frame by frame."""
        performed = routine(PERFORMANCE, self.fps * self.fields, self.times[-1] + 1)
        beside = motion(BESIDE, self.fps * self.fields, self.times[-1] + 1)
        for n in range(self.count):
            dark = abs(n - (self.count - 1) / 2) < self.trouble.blackout_s * self.fps / 2
            fields, truths = [], []
            for k in range(n * self.fields, (n + 1) * self.fields):
                done = k / max(len(self.times) - 1, 1)
                shown = self.stages[self.places[n]].show(performed[k], beside[k], self.times[k], done)
                fields.append(self._develop(shown, k, dark))
                truths.append(shown)
            yield self._framed(fields, truths[0], n * self.fields, dark)

    def _framed(self, fields: list[np.ndarray], shown: Shown, k: int, dark: bool) -> _Frame:
        back = np.linalg.inv(self._film[k])
        keypoints = (shown.keypoints - 0.5) @ back[:2, :2].T + back[:2, 2] + 0.5
        inside = ((keypoints >= 0) & (keypoints < self.size)).all(1)
        matte = look_through(shown.matte, self._film[k], self.size)
        return _Frame(fields, matte * (not dark), keypoints.astype(np.float32), shown.scores * inside * (not dark))

    def _develop(self, shown: Shown, k: int, dark: bool) -> np.ndarray:
        """What the camera makes of what is shown, (h, w, 3) uint8: its view, exposure, words and noise."""
        rng = np.random.default_rng([self.seed, k, 11])
        picture = look_through(shown.picture, self._film[k], self.size).astype(np.float32)
        done = k / max(len(self.times) - 1, 1)
        picture *= (1 + self.trouble.exposure * np.sin(2 * np.pi * done)) * (not dark)
        picture += self.trouble.noise * rng.standard_normal(picture.shape, np.float32)
        frame = np.clip(np.round(picture), 0, 255).astype(np.uint8)
        return _caption(frame, self.times[k]) if self.trouble.captions else frame


def look_through(picture: np.ndarray, matrix: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """What a camera sees of a place.

    Args:
        picture: (H, W, 3) or (H, W) uint8, the place.
        matrix: (3, 3), pixels of the frame to pixels of the place.
        size: (width, height) of the frame.

    Returns:
        (height, width, 3) or (height, width) uint8: each pixel the mean of its area, of four cubic samples.
    """
    finer = np.array([[0.5, 0, -0.25], [0, 0.5, -0.25], [0, 0, 1]])
    how = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    seen = cv2.warpPerspective(picture, matrix @ finer, (2 * size[0], 2 * size[1]), flags=how)
    return cv2.resize(seen, size, interpolation=cv2.INTER_AREA)


def _caption(frame: np.ndarray, time: float) -> np.ndarray:
    """Words burnt in at the bottom, other ones each half second."""
    height, width = frame.shape[:2]
    words, scale = WORDS[int(2 * time) % len(WORDS)], height / 400
    (w, h), _ = cv2.getTextSize(words, cv2.FONT_HERSHEY_DUPLEX, scale, 1)
    at = ((width - w) // 2, round(0.93 * height) + h // 2)
    for colour, thick in (((0, 0, 0), 4), ((255, 230, 40), 1)):
        thick = max(1, round(thick * scale))
        cv2.putText(frame, words, at, cv2.FONT_HERSHEY_DUPLEX, scale, colour, thick, cv2.LINE_AA)
    return frame

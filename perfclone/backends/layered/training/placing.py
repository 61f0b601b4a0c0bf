"""The second pass over a reference video: where each frame lies on the plate, and the plate itself."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from perfclone.backends.layered.training.watching import Watched
from perfclone.background.camera import Camera
from perfclone.background.laying import move_points
from perfclone.background.plate import Plate, PlateBuilder
from perfclone.pose.clean import clean_sequence
from perfclone.pose.sequence import Pose, PoseSequence
from perfclone.progress import Progress
from perfclone.survey.verdict import FEWEST_FRAMES
from perfclone.video import Frame, VideoReader

log = logging.getLogger(__name__)


@dataclass
class Placed:
    """The n frames that lie on the plate.

    Attributes:
        on: (n,) which of the watched frames they are.
        matrices: (n, 3, 3), frame pixels -> pixels of the steady view.
        poses: The performer in them, cleaned, in pixels of the steady view.
        plate: The empty background.
        lost: Whether none fits them all: then each frame is its own background, and the plate that of one of them.
    """

    on: np.ndarray
    matrices: np.ndarray
    poses: PoseSequence
    plate: Plate
    lost: bool

    @property
    def still(self) -> bool:
        """Whether every frame is the steady view."""
        return bool((self.matrices == np.eye(3)).all())

    def own_pose(self, n: int) -> Pose:
        """The pose of frame n in its own pixels."""
        inverse = np.linalg.inv(self.matrices[n])[None]
        own = self.poses[n : n + 1].moved(lambda points: move_points(points, inverse))
        return Pose(own.keypoints[0], own.scores[0], details=own.details[0])


def place(
    video: Path, watched: Watched, camera: Camera | None, known: int, progress: Progress | None = None
) -> Placed:
    """Lay the frames of a reference video onto one plate.

    Args:
        video: The reference video.
        watched: The first pass.
        camera: What the judge says of it; None takes the frames as they are, each with a background of its own.
        known: So many frames may enter the plate.
        progress: Called with "plate", frames done and frames in all.
    """
    matrices, builder = _laid(video, watched, camera, known, progress)
    on = np.flatnonzero([matrix is not None for matrix in matrices])
    shown = (watched.poses.scores[on[on < known]] > 0).any(1).sum()
    if camera and shown < FEWEST_FRAMES:
        log.warning(
            "Too few frames can be laid on one plate; clones stand before a still picture of one moment of the video."
        )
        return place(video, watched, None, known, progress)
    matrices, found = np.stack([matrices[n] for n in on]), watched.poses[on]
    steady = found.moved(lambda points: move_points(points, matrices))
    return Placed(on, matrices, clean_sequence(steady), builder.build(), camera is None)


def _laid(
    video: Path, watched: Watched, camera: Camera | None, known: int, progress: Progress | None
) -> tuple[list[np.ndarray | None], PlateBuilder]:
    """The matrix of each watched frame, None for one of another place, and the plate's builder with all of them."""
    tracker, builder = camera and camera.tracker(), PlateBuilder(reach=camera and _reach(watched, camera))
    everybody, company = dict(zip(watched.looked.tolist(), watched.sample.everybody)), watched.company
    seen, matrices, begun = (watched.poses.scores > 0).any(1), [], False
    middle = np.flatnonzero(seen[:known])[seen[:known].sum() // 2]
    for n, frame in enumerate(kept_frames(video, watched.kept)):
        matte = watched.matte(n)
        if camera and camera.kind == "still" and watched.standing is not None:
            matte = np.maximum(matte, watched.standing)
        if n in everybody:
            matte = np.maximum(matte, cv2.resize(everybody[n], watched.poses.size, interpolation=cv2.INTER_LINEAR))
        view = tracker(frame.pixels, matte, not watched.follows[n]) if tracker else None
        matrices.append(np.eye(3) if tracker is None else None if view is None else view.matrix)
        fit = (n in everybody if company else seen[n]) and n < known
        wanted = n == middle if camera is None else matrices[n] is not None and (fit or not begun)
        if wanted:
            builder.add(frame.pixels, matte, matrices[n])
            begun = True
        if progress:
            progress("plate", n + 1, len(watched.kept))
    return matrices, builder


def kept_frames(video: Path, kept: np.ndarray) -> Iterator[Frame]:
    """The frames of a video with these indices, in order."""
    wanted = set(kept.tolist())
    with VideoReader(video) as reader:
        for index, frame in enumerate(reader):
            if index in wanted:
                yield frame


def _reach(watched: Watched, camera: Camera) -> tuple[int, int, int, int]:
    """How far the frames of the sample go, in pixels of the steady view: left, top, right, bottom."""
    height, width = watched.sample.frames[0].shape[:2]
    corners = np.array([[[0, 0], [width, 0], [0, height], [width, height]]], np.float64)
    views = [view.matrix for view in camera.views if view is not None]
    moved = move_points(np.repeat(corners, len(views), 0), np.stack(views)) * watched.sample.scale
    low, high = np.minimum(moved.min((0, 1)), 0), np.maximum(moved.max((0, 1)), watched.poses.size)
    return tuple(np.r_[np.floor(low), np.ceil(high)].astype(int).tolist())

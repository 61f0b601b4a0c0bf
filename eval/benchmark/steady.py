"""Footage of a moving camera, laid into the steady view in which its actor is shown."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from perfclone.background.camera import find_camera
from perfclone.background.laying import move_points
from perfclone.pose import Pose, PoseSequence
from perfclone.survey.sample import matte_of, sample_size
from perfclone.video import VideoReader


def views_on(
    plate: np.ndarray, reference: Path, poses: PoseSequence, mattes: np.ndarray | None = None
) -> np.ndarray | None:
    """How the frames of a video are laid over its actor's plate, as training found it: from the place itself.

    Args:
        plate: (H, W, 3) uint8 RGB, of the frames' size.
        reference: The video.
        poses: Of its T frames, in their pixels.
        mattes: (T, h, w) uint8 of any size; None takes the outlines of the joints.

    Returns:
        (T, 3, 3), pixels of each frame -> pixels of the plate, NaN where a frame does not show the place; None where
        the camera stands still, or no frame shows it.
    """
    size = plate.shape[1::-1]

    def matte(n: int) -> np.ndarray:
        if mattes is not None:
            return cv2.resize(mattes[n], size)
        return matte_of(Pose(poses.keypoints[n], poses.scores[n]), size[::-1])

    looked = np.unique(np.linspace(0, len(poses) - 1, sample_size(poses.times[-1])).astype(int))
    with VideoReader(reference) as reader:
        wanted = set(looked.tolist())
        frames = [frame.pixels for n, frame in enumerate(reader) if n in wanted]
        camera = find_camera([plate, *frames], [np.zeros(size[::-1], np.uint8), *(matte(n) for n in looked)])
        if camera.kind != "moving" or camera.views[0] is None:
            return None
        tracker, to_plate = camera.tracker(), np.linalg.inv(camera.views[0].matrix)
        found = [tracker(frame.pixels, matte(n)) for n, frame in enumerate(reader)]
    return np.stack([np.full((3, 3), np.nan) if view is None else to_plate @ view.matrix for view in found])


def laid(pixels: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """A frame (H, W, 3) uint8 as the steady view shows it, its border repeated; as it is where the matrix is NaN."""
    if not np.isfinite(matrix).all() or np.array_equal(matrix, np.eye(3)):
        return pixels
    return cv2.warpPerspective(
        pixels, matrix, pixels.shape[1::-1], flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
    )


def laid_poses(poses: PoseSequence, matrices: np.ndarray) -> PoseSequence:
    """Poses moved into the steady view; as they are where a matrix is NaN."""
    matrices = np.where(np.isfinite(matrices), matrices, np.eye(3))
    return poses.moved(lambda points: move_points(points, matrices))

"""Footage: poses with their crops, and the batches of consecutive frames that training draws from them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from perfclone.backends.layered.choice import arm_depths, face_traits
from perfclone.backends.layered.crop import Box, BoxFollower
from perfclone.backends.layered.fingers import hand_points
from perfclone.pose.sequence import PoseSequence


class Batch(NamedTuple):
    """A batch of B sequences of L consecutive frames, as tensors.

    Attributes:
        keypoints: (B, L + 2, J, 2) frame pixels, with one pose before and one after the L frames.
        seen: (B, L + 2, J) bool.
        faces: (B, L, FACE_TRAITS) what is known of the faces.
        arms: (B, L, 2) how far beyond the trunk the arms are, frame pixels.
        hands: (B, L, 2, 21, 3) what is known of the hands, frame pixels.
        boxes: (B, L, 3) x, y, side in frame pixels, on the CPU.
        plates: (B, L, 3, S, S) in [0, 1], the plate in each box.
        frames: (B, L, 3, S, S) in [0, 1], or None where there is no ground truth.
        mattes: (B, L, 1, S, S) in [0, 1], or None.
        filmed: (B, L, 1, S, S) bool, where the crop lies in the frame: beyond its border nothing is known. Or None.
        times: (B, L) float, seconds, when the frames were filmed; None where there is no ground truth.
    """

    keypoints: Tensor
    seen: Tensor
    faces: Tensor
    arms: Tensor
    hands: Tensor
    boxes: Tensor
    plates: Tensor
    frames: Tensor | None
    mattes: Tensor | None
    filmed: Tensor | None
    times: Tensor | None


@dataclass
class Footage:
    """Poses with their boxes and plates, and the frames and mattes where they were filmed.

    Attributes:
        poses: In the actor's frame, one for each kept frame.
        boxes: (n, 3) int32.
        follows: (n,) bool, whether the frame comes right after the one before it.
        plate_of: (n,) int, index into ``plates``.
        plates: (m, S, S, 3) uint8.
        frames: (n, S, S, 3) uint8, or None.
        mattes: (n, S, S) uint8, or None.
        filmed: (n, 4) float32 left, top, right and bottom border of the frame in pixels of the crop, or None.
    """

    poses: PoseSequence
    boxes: np.ndarray
    follows: np.ndarray
    plate_of: np.ndarray
    plates: np.ndarray
    frames: np.ndarray | None = None
    mattes: np.ndarray | None = None
    filmed: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.poses)

    def starts(self, length: int, usable: np.ndarray) -> np.ndarray:
        """First frames of all runs of ``length`` consecutive usable frames in which the person is seen."""
        good = usable & (self.poses.scores > 0).any(1)
        first = np.ones(max(len(self) - length + 1, 0), bool)
        for n in range(length):
            first &= good[n : n + len(first)]
            if n:
                first &= self.follows[n : n + len(first)]
        return np.flatnonzero(first)

    def longest(self, usable: np.ndarray, most: int) -> int:
        """How many consecutive usable frames that show the person there are, at most ``most``; 0 for none."""
        return next((length for length in range(most, 0, -1) if len(self.starts(length, usable))), 0)

    def batch(self, starts: np.ndarray, length: int, device: torch.device | str = "cpu") -> Batch:
        """The sequences that begin at ``starts`` (B,), on a device, to which pictures travel as bytes."""
        at = starts[:, None] + np.arange(length)
        around = np.clip(starts[:, None] + np.arange(-1, length + 1), 0, len(self) - 1)
        around[:, 0] = np.where(self.follows[starts], around[:, 0], starts)
        last = around[:, -2]
        around[:, -1] = np.where(self.follows[around[:, -1]], around[:, -1], last)
        picture = lambda a: torch.from_numpy(np.ascontiguousarray(a)).to(device).float().div(255)  # noqa: E731
        colours = lambda a: picture(a).permute(0, 1, 4, 2, 3)  # noqa: E731
        return Batch(
            torch.from_numpy(self.poses.keypoints[around]).to(device),
            torch.from_numpy(self.poses.scores[around] > 0).to(device),
            torch.from_numpy(face_traits(self.poses.details[at])).to(device),
            torch.from_numpy(arm_depths(self.poses.details[at])).to(device),
            torch.from_numpy(hand_points(self.poses.details[at])).to(device),
            torch.from_numpy(self.boxes[at]).float(),
            colours(self.plates[self.plate_of[at]]),
            None if self.frames is None else colours(self.frames[at]),
            None if self.mattes is None else picture(self.mattes[at])[:, :, None],
            None if self.filmed is None else self._filmed(at).to(device),
            None if self.frames is None else torch.from_numpy(self.poses.times[at]).float().to(device),
        )

    def _filmed(self, at: np.ndarray) -> Tensor:
        """Where the crops (B, L) lie in their frames, (B, L, 1, S, S) bool."""
        left, top, right, bottom = torch.from_numpy(self.filmed[at])[..., None].unbind(2)
        centres = torch.arange(self.plates.shape[1]) + 0.5
        columns, rows = (centres > left) & (centres < right), (centres > top) & (centres < bottom)
        return (rows[..., :, None] & columns[..., None, :])[:, :, None]


def follow_boxes(poses: PoseSequence, side: int, torso: float) -> np.ndarray:
    """The crop of each frame, (n, 3) int32: x, y, side in frame pixels."""
    follower, box, boxes = BoxFollower(side, torso), None, []
    for keypoints, scores in zip(poses.keypoints, poses.scores):
        box = follower.follow(box, keypoints, scores)
        boxes.append(box.array())
    return np.stack(boxes)


def borders(boxes: np.ndarray, size: tuple[int, int], resolution: int) -> np.ndarray:
    """Where the frame, of so many pixels (w, h), ends in crops (n, 3) of it: ``Footage.filmed``."""
    edges = np.array([0, 0, *size]) - boxes[:, [0, 1, 0, 1]]
    return (edges * (resolution / boxes[:, 2:])).astype(np.float32)


def cut_plates(boxes: np.ndarray, plate: np.ndarray, resolution: int) -> tuple[np.ndarray, np.ndarray]:
    """Cut the plate once for each different box: index of each frame's plate, and the plates."""
    different, plate_of = np.unique(boxes, axis=0, return_inverse=True)
    return plate_of.reshape(-1), np.stack([Box(*box.tolist()).cut(plate, resolution) for box in different])

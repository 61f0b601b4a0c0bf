"""What ControlNet is shown: the pose in the crop, as OpenPose draws it."""

from __future__ import annotations

import cv2
import numpy as np
import torch
from torch import Tensor

from perfclone.backends.layered.crop import Box
from perfclone.pose.draw import draw_pose
from perfclone.pose.sequence import Pose


def pose_picture(pose: Pose, box: Box, side: int, thick: int = 1) -> np.ndarray:
    """Draw a pose in a crop as ControlNet's training saw poses, (side, side, 3) uint8 RGB.

    Args:
        pose: Keypoints in frame pixels.
        box: The crop.
        side: Of the picture, pixels.
        thick: How many times as thick as controlnet-aux draws them lines are to be.
    """
    drawn = side // thick
    keypoints = (pose.keypoints - (box.x, box.y)) * (drawn / box.side)
    picture = draw_pose(Pose(keypoints.astype(np.float32), pose.scores), drawn, drawn)
    return picture if thick == 1 else cv2.resize(picture, (side, side), interpolation=cv2.INTER_LINEAR)


def as_tensor(pictures: np.ndarray) -> Tensor:
    """(N, H, W, 3) uint8 -> (N, 3, H, W) in [0, 1]."""
    return torch.from_numpy(np.ascontiguousarray(pictures)).permute(0, 3, 1, 2).float() / 255

"""Pictures of poses, drawn by controlnet-aux as ControlNet and OpenPose draw them."""

from __future__ import annotations

import numpy as np

from perfclone.pose.quiet import import_quietly
from perfclone.pose.sequence import Pose
from perfclone.pose.skeleton import BODY_18


def draw_pose(pose: Pose, height: int, width: int, min_score: float = 0.0) -> np.ndarray:
    """Draw the BODY_18 joints and limbs of a pose on black.

    Args:
        pose: Keypoints in pixels of a ``height`` x ``width`` frame.
        height: Height of the picture in pixels.
        width: Width of the picture in pixels.
        min_score: Joints with a score of this or less are left out, with the limbs that end there.

    Returns:
        (height, width, 3) uint8 RGB.
    """
    lib = import_quietly("controlnet_aux.open_pose")
    places = pose.keypoints[:BODY_18] / (width, height)
    joints = [lib.Keypoint(*place) if score > min_score else None for place, score in zip(places, pose.scores)]
    body = lib.BodyResult(
        joints, total_score=float(pose.scores[:BODY_18].sum()), total_parts=BODY_18 - joints.count(None)
    )
    return lib.draw_poses([lib.PoseResult(body, None, None, None)], height, width)

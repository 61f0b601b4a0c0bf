"""Looking closer at somebody whom P has found: at the face and at both hands."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from perfclone.pose.face import FaceFinder
from perfclone.pose.hands import HandFinder
from perfclone.pose.sequence import Pose
from perfclone.pose.skeleton import joints

#: Joints that a closer look places more exactly, and the points of the face mesh in whose middle each lies. Fingers
#: stay P's: the hand's are nearer to the truth, but tremble more where a hand is found in every other frame only.
_FACE = {"nose": [1], "right_eye": [33, 133], "left_eye": [362, 263], "right_ear": [234], "left_ear": [454]}
_FACE_JOINTS = joints(*_FACE)


class CloseUps:
    """Adds face and hands to the poses of one performer, frame by frame."""

    def __init__(self):
        self._faces, self._hands = FaceFinder(), HandFinder()

    def reset(self) -> None:
        """The next frame belongs to another clip or shot."""
        self._hands.reset()

    def close(self) -> None:
        """Free the networks."""
        self._faces.close()
        self._hands.close()

    def __call__(self, frame: np.ndarray, pose: Pose) -> Pose:
        """The pose with the details that the next frame shows, and with its face placed by them.

        On synthetic people that took nose and eyes from 0.020 to 0.005 torso lengths off, ears from 0.043 to 0.022;
        on real ones they tremble half as much.

        Args:
            frame: (H, W, 3) uint8 RGB, upright.
            pose: The performer in it.
        """
        face, hands = self._faces(frame, pose), self._hands(frame, pose)
        details, keypoints = pose.details, pose.keypoints.copy()
        if face is not None:
            keypoints[_FACE_JOINTS] = [face.points[points].mean(0) for points in _FACE.values()]
            details = replace(details, expression=face.expression, head=face.head, face_score=np.float32(1))
        points, scores = details.hands.copy(), details.hand_scores.copy()
        for side, hand in enumerate(hands):
            if hand is not None:
                points[side], scores[side] = hand.points, hand.score
        return replace(pose, keypoints=keypoints, details=replace(details, hands=points, hand_scores=scores))

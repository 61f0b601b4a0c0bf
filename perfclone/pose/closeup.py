"""Looking closer at somebody whom P has found: at the face and at both hands."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from perfclone.pose.face import FaceFinder
from perfclone.pose.hands import HandFinder
from perfclone.pose.sequence import Pose


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
        """The pose with the details that the next frame shows.

        Args:
            frame: (H, W, 3) uint8 RGB, upright.
            pose: The performer in it.
        """
        details, face = pose.details, self._faces(frame, pose)
        if face is not None:
            details = replace(details, expression=face.expression, head=face.head, face_score=np.float32(1))
        hands = self._hands(frame, pose)
        points, scores = details.hands.copy(), details.hand_scores.copy()
        for side, hand in enumerate(hands):
            if hand is not None:
                points[side], scores[side] = hand.points, hand.score
        return replace(pose, details=replace(details, hands=points, hand_scores=scores))

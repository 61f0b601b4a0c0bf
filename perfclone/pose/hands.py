"""The hands, seen from nearby: 21 points each, by MediaPipe's hand network where P and the last frame say they are."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from perfclone.pose.crop import Crop
from perfclone.pose.quiet import silent_stderr
from perfclone.pose.sequence import Pose
from perfclone.pose.skeleton import HEAD, joints

#: Arms shorter than this are not looked at, pixels: their hands are about 20.
LEAST = 27
#: The network is given so many pixels: a square of so many times the palm with the first half of the fingers, moved by
#: a share of it towards the fingertips, as it was trained.
_SIDE, _ROOM, _SHIFT = 224, 2.0, 0.1
#: The palm and the first half of the fingers.
_PALM = [0, 1, 2, 3, 5, 6, 9, 10, 13, 14, 17, 18]
#: Where P alone says where a hand is: its palm is at least so long, and from so long on it tells the direction, in
#: lengths of the arm; its middle lies so far from the wrist, and the square is so large, in lengths of the palm.
_LEAST_PALM, _TELLING, _MIDDLE, _WIDE = 0.3, 0.12, 0.85, 3.2
#: A hand whose wrist is farther from P's than this is another one, lengths of the arm.
_ASTRAY = 0.5
#: Length of the forearm in lengths of the upper arm, and in widths of the head.
_UPPER, _HEADS = 0.85, 1.0
#: The person's right hand, as the network names it: it takes every picture for a mirror's.
_CALLED = ("Left", "Right")

_GRAPH = """
input_stream: "image"
input_stream: "roi"
output_stream: "landmarks"
output_stream: "handedness"
node {
  calculator: "ConstantSidePacketCalculator"
  output_side_packet: "PACKET:complexity"
  options: { [mediapipe.ConstantSidePacketCalculatorOptions.ext]: { packet { int_value: 0 } } }
}
node {
  calculator: "HandLandmarkCpu"
  input_stream: "IMAGE:image"
  input_stream: "ROI:roi"
  input_side_packet: "MODEL_COMPLEXITY:complexity"
  output_stream: "LANDMARKS:landmarks"
  output_stream: "HANDEDNESS:handedness"
}
"""
_ARMS = tuple(
    joints(*(f"{side}_{part}" for part in ("shoulder", "elbow", "wrist", "index", "pinky")))
    for side in ("right", "left")
)


class Hand(NamedTuple):
    """A hand.

    Attributes:
        points: (21, 2) pixels of the frame.
        score: From 0.5, looks like one of the other side, to 1, surely of this side.
    """

    points: np.ndarray
    score: float


class HandFinder:
    """The smaller hand network of MediaPipe (Zhang et al. 2020), Apache-2.0, on crops of our own.

    It looks where the hand was in the last frame, moved as the wrist has, and else where the pose says. The larger
    network takes twice as long and found 75 instead of 72 in a hundred hands; one that finds palms, five times.
    """

    def __init__(self):
        with silent_stderr():
            from mediapipe.framework.formats.rect_pb2 import NormalizedRect
            from mediapipe.python.solution_base import SolutionBase

            self._graph = SolutionBase(graph_config=_GRAPH, outputs=["landmarks", "handedness"])
            self._all = NormalizedRect(x_center=0.5, y_center=0.5, width=1, height=1, rotation=0)
            self._look(np.zeros((_SIDE, _SIDE, 3), np.uint8))
        self.reset()

    def reset(self) -> None:
        """Forget where hands were."""
        self._last: list[np.ndarray | None] = [None, None]

    def close(self) -> None:
        """Free the network."""
        self._graph.close()

    def __call__(self, frame: np.ndarray, pose: Pose) -> tuple[Hand | None, Hand | None]:
        """The right and the left hand of a person; None where it is too small, hidden or not found.

        Args:
            frame: (H, W, 3) uint8 RGB, the next one of a clip.
            pose: The person.
        """
        return self._find(frame, pose, 0), self._find(frame, pose, 1)

    def _find(self, frame: np.ndarray, pose: Pose, side: int) -> Hand | None:
        last, self._last[side] = self._last[side], None
        wrist, arm = pose.keypoints[_ARMS[side][2]], arm_length(pose, side)
        if arm < LEAST:
            return None
        hand = None if last is None else self._near(frame, around(last + wrist), wrist, arm, side)
        if hand is None:
            hand = self._near(frame, hand_crop(pose, side, arm), wrist, arm, side)
        if hand is not None:
            self._last[side] = hand.points - wrist
        return hand

    def _near(self, frame: np.ndarray, crop: Crop, wrist: np.ndarray, arm: float, side: int) -> Hand | None:
        """The hand in a crop, if it belongs to the wrist."""
        found = self._look(crop.picture(frame, _SIDE))
        if found.landmarks is None:
            return None
        points = crop.to_frame(np.array([(point.x, point.y) for point in found.landmarks.landmark]))
        if np.linalg.norm(points[0] - wrist) > _ASTRAY * arm:
            return None
        called = found.handedness.classification[0]
        sure = called.score if called.label == _CALLED[side] else 1 - called.score
        return Hand(points, 0.5 + 0.5 * float(np.clip(sure, 0, 1)))

    def _look(self, picture: np.ndarray):
        return self._graph.process({"image": picture, "roi": self._all})


def around(points: np.ndarray) -> Crop:
    """The crop for a hand with points (21, 2), upright in it, as the network was trained on."""
    ahead = (points[5] + points[13]) / 4 + points[9] / 2 - points[0]
    angle = np.arctan2(ahead[0], -ahead[1])
    axes = Crop(points[0], 1.0, angle).axes
    palm = points[_PALM] @ axes.T
    low, high = palm.min(0), palm.max(0)
    middle = (low + high) / 2 - np.array([0, _SHIFT * (high - low)[1]])
    return Crop(middle @ axes, max(_ROOM * (high - low).max(), 1.0), angle)


def hand_crop(pose: Pose, side: int, arm: float) -> Crop:
    """Where the pose says that a hand is.

    Args:
        pose: The person.
        side: 0 for the right one, 1 for the left one.
        arm: Length of that arm, pixels.
    """
    _, elbow, wrist, index, pinky = _ARMS[side]
    points = pose.keypoints.astype(np.float64)
    knuckles = points[[index, pinky]].mean(0) - points[wrist]
    told = (pose.scores[[index, pinky]] > 0).all() and np.linalg.norm(knuckles) > _TELLING * arm
    ahead = knuckles if told else points[wrist] - points[elbow]
    palm = max(_LEAST_PALM * arm, np.linalg.norm(knuckles) if told else 0.0)
    ahead = ahead / max(np.linalg.norm(ahead), 1e-6)
    return Crop(points[wrist] + _MIDDLE * palm * ahead, _WIDE * palm, np.arctan2(ahead[0], -ahead[1]))


def arm_length(pose: Pose, side: int) -> float:
    """Length of a forearm held across the view, pixels, as far as arm and head tell; 0 where no arm is seen."""
    shoulder, elbow, wrist, *_ = _ARMS[side]
    if not (pose.scores[[elbow, wrist]] > 0).all():
        return 0.0
    points = pose.keypoints.astype(np.float64)
    head = points[[j for j in HEAD if pose.scores[j] > 0]]
    wide = float(np.ptp(head, axis=0).max()) if len(head) else 0.0
    upper = np.linalg.norm(points[elbow] - points[shoulder]) if pose.scores[shoulder] > 0 else 0.0
    return max(float(np.linalg.norm(points[wrist] - points[elbow])), _UPPER * float(upper), _HEADS * wide)

"""The face, seen from nearby: what it does and where it looks, by MediaPipe's face landmarker."""

from __future__ import annotations

from importlib import resources
from typing import NamedTuple

import numpy as np

from perfclone.pose.crop import Crop
from perfclone.pose.details import EXPRESSIONS
from perfclone.pose.quiet import silent_stderr
from perfclone.pose.sequence import Pose
from perfclone.pose.skeleton import joints

#: Heads smaller than this are not looked at; ear to ear, pixels.
LEAST = 20
#: Side of the crop in such sizes, and pixels that the network is given.
_ROOM, _SIDE = 2.6, 256
#: A nose is so much nearer to the farther ear than the ears are to one another, seen from wherever it is most.
_PROFILE = 1.3
_NOSE, _RIGHT_EYE, _LEFT_EYE, _RIGHT_EAR, _LEFT_EAR = joints("nose", "right_eye", "left_eye", "right_ear", "left_ear")
_HEAD = [_NOSE, _RIGHT_EYE, _LEFT_EYE, _RIGHT_EAR, _LEFT_EAR]


class Face(NamedTuple):
    """A face.

    Attributes:
        expression: (52,) as in :class:`perfclone.pose.details.Details`.
        head: (3,) as there.
        points: (478, 2) pixels of the frame, MediaPipe's face mesh and irises.
    """

    expression: np.ndarray
    head: np.ndarray
    points: np.ndarray


class FaceFinder:
    """The face landmarker of MediaPipe (Kartynnik et al. 2019; expressions Grishchenko et al. 2022), Apache-2.0."""

    def __init__(self):
        with silent_stderr():
            import mediapipe

            tasks, self._mediapipe = mediapipe.tasks, mediapipe
            model = (resources.files("perfclone") / "data" / "face_landmarker.task").read_bytes()
            self._network = tasks.vision.FaceLandmarker.create_from_options(
                tasks.vision.FaceLandmarkerOptions(
                    base_options=tasks.BaseOptions(model_asset_buffer=model),
                    min_face_detection_confidence=0.3,
                    min_face_presence_confidence=0.3,
                    output_face_blendshapes=True,
                    output_facial_transformation_matrixes=True,
                )
            )
            self._look(np.zeros((_SIDE, _SIDE, 3), np.uint8))

    def close(self) -> None:
        """Free the network."""
        self._network.close()

    def __call__(self, frame: np.ndarray, pose: Pose) -> Face | None:
        """The face of a person, or None where it is too small, hidden or turned away.

        Args:
            frame: (H, W, 3) uint8 RGB.
            pose: The person.
        """
        crop = face_crop(pose)
        if crop is None:
            return None
        found = self._look(crop.picture(frame, _SIDE))
        if not found.face_landmarks:
            return None
        points = np.array([(point.x, point.y) for point in found.face_landmarks[0]])
        scores = {category.category_name: category.score for category in found.face_blendshapes[0]}
        expression = np.array([scores.get(name, 0.0) for name in EXPRESSIONS], np.float32)
        head = head_angles(found.facial_transformation_matrixes[0][:3, :3]) + np.array([0, 0, crop.angle])
        head[2] = np.arctan2(np.sin(head[2]), np.cos(head[2]))
        return Face(expression.clip(0, 1), head.astype(np.float32), crop.to_frame(points))

    def _look(self, picture: np.ndarray):
        image = self._mediapipe.Image(image_format=self._mediapipe.ImageFormat.SRGB, data=picture)
        return self._network.detect(image)


def face_crop(pose: Pose) -> Crop | None:
    """Where the face of a pose is, turned by right angles only; None where it is not seen or too small."""
    if not (pose.scores[_HEAD] > 0).all():
        return None
    points = pose.keypoints.astype(np.float64)
    far = max(np.linalg.norm(points[_NOSE] - points[ear]) for ear in (_RIGHT_EAR, _LEFT_EAR))
    size = max(np.linalg.norm(points[_LEFT_EAR] - points[_RIGHT_EAR]), _PROFILE * far)
    if size < LEAST:
        return None
    across = points[_LEFT_EYE] - points[_RIGHT_EYE]
    quarters = round(np.arctan2(across[1], across[0]) / (np.pi / 2))
    return Crop(points[_NOSE], _ROOM * size, quarters * np.pi / 2)


def head_angles(rotation: np.ndarray) -> np.ndarray:
    """(3,) yaw, pitch and roll, as in :class:`perfclone.pose.details.Details`.

    Args:
        rotation: (3, 3), of any scale, from a face that looks along z to the camera's axes: x right, y up, z nearer.
    """
    turned = rotation / np.linalg.norm(rotation, axis=0)
    across, up, ahead = turned[:, 2]
    return np.array(
        [np.arctan2(across, ahead), -np.arcsin(np.clip(up, -1, 1)), -np.arctan2(turned[1, 0], turned[1, 1])]
    )

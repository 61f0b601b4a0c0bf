"""Whether it is the same person: distance of two faces.

The networks are dlib's, in two optional packages; their weights are in the public domain (CC0).
"""

from __future__ import annotations

import functools
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from perfclone.errors import UserError
from perfclone.pose import INDEX

PACKAGES = ("face-recognition-models", "dlib-bin")
#: Below it dlib's author calls two faces the same person's.
SAME_PERSON = 0.6
_LANDMARKS, _DESCRIPTOR = "shape_predictor_5_face_landmarks.dat", "dlib_face_recognition_resnet_model_v1.dat"
#: dlib finds faces from about 80 pixels on, so pictures are enlarged until their longer side is this, pixels: a whole
#: frame or person, and the surroundings of a head.
_WHOLE_SIDE, _HEAD_SIDE = 1536, 512
#: Side of the square around a head, in distances from nose to neck, and in widths of the shoulders.
_BY_NECK, _BY_SHOULDERS = 3.0, 1.5


class FaceDistance:
    """Distance of the faces in two pictures: |f(a) - f(b)| of dlib's 128 numbers a face.

    From 0, lower is better; the same person lies below 0.6 (usually 0.2-0.5), others at 0.7-1.0. The face found with
    the most confidence counts.

    Raises:
        UserError: The optional packages are not installed.
    """

    def __init__(self):
        folder = _models()
        if folder is None:
            raise UserError(
                "The distance of faces needs two packages that are not installed; "
                f"run `pip install {' '.join(PACKAGES)}`."
            )
        self._find, self._landmarks, self._describe = _load(folder)

    @staticmethod
    def available() -> bool:
        """Whether the optional packages are installed."""
        return _models() is not None

    def distance(
        self, a: np.ndarray, b: np.ndarray, box_a: np.ndarray | None = None, box_b: np.ndarray | None = None
    ) -> float | None:
        """Compare the faces in two pictures.

        Args:
            a: (H, W, 3) uint8 RGB.
            b: The other, of any size.
            box_a: Where to look in ``a``: x0, y0, x1, y1 in pixels, as :func:`head_box` gives it; None is everywhere,
                which takes ten times longer.
            box_b: Where to look in ``b``.

        Returns:
            The distance; None where one of them shows no face.
        """
        first = self.descriptor(a, box_a)
        second = None if first is None else self.descriptor(b, box_b)
        return None if second is None else float(np.linalg.norm(first - second))

    def descriptor(self, frame: np.ndarray, box: np.ndarray | None = None) -> np.ndarray | None:
        """See whose face is in a picture: (128,) float64, or None where no face is found.

        Args:
            frame: (H, W, 3) uint8 RGB.
            box: Where to look: x0, y0, x1, y1 in pixels; None is everywhere.
        """
        picture = _enlarged(frame, box)
        if picture is None:
            return None
        places, scores, _ = self._find.run(picture, 0, 0.0)
        if not len(places):
            return None
        landmarks = self._landmarks(picture, places[int(np.argmax(scores))])
        return np.array(self._describe.compute_face_descriptor(picture, landmarks))


def head_box(keypoints: np.ndarray, scores: np.ndarray) -> np.ndarray | None:
    """Where the head is, with room around it.

    Args:
        keypoints: (J, 2) joints of one frame, pixels.
        scores: (J,), 0 where a joint was not seen.

    Returns:
        (4,) float64 x0, y0, x1, y1 in pixels, a square that may reach beyond the picture; None where nose or neck
        was not seen.
    """
    nose, neck, right, left = (INDEX[name] for name in ("nose", "neck", "right_shoulder", "left_shoulder"))
    if not (scores[nose] > 0 and scores[neck] > 0):
        return None
    side = _BY_NECK * np.linalg.norm(keypoints[nose] - keypoints[neck])
    if scores[right] > 0 and scores[left] > 0:
        side = max(side, _BY_SHOULDERS * np.linalg.norm(keypoints[right] - keypoints[left]))
    centre = np.asarray(keypoints[nose], np.float64)
    return np.concatenate([centre - side / 2, centre + side / 2])


def _enlarged(frame: np.ndarray, box: np.ndarray | None) -> np.ndarray | None:
    """The part of a frame inside a box, enlarged where it is small; None where nothing is left."""
    wanted = _WHOLE_SIDE
    if box is not None:
        height, width = frame.shape[:2]
        x0, y0, x1, y1 = np.clip(np.round(box), 0, (width, height, width, height)).astype(int)
        frame, wanted = frame[y0:y1, x0:x1], _HEAD_SIDE
    if not frame.size:
        return None
    scale = max(1.0, wanted / max(frame.shape[:2]))
    return np.ascontiguousarray(cv2.resize(frame, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC))


def _models() -> Path | None:
    """The folder of the weights, found without importing their package, which wants old setuptools."""
    package = find_spec("face_recognition_models")
    if package is None or find_spec("dlib") is None:
        return None
    return Path(package.submodule_search_locations[0]) / "models"


@functools.cache
def _load(folder: Path) -> tuple[Any, Any, Any]:
    import dlib

    return (
        dlib.get_frontal_face_detector(),
        dlib.shape_predictor(str(folder / _LANDMARKS)),
        dlib.face_recognition_model_v1(str(folder / _DESCRIPTOR)),
    )

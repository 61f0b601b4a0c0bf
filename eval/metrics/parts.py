"""Whether a face or a hand is to be seen in a picture, and where its points are: MediaPipe, offline.

Face mesh (Kartynnik et al., CVPR workshops 2019) wants eyes, nose and mouth: a head without a face, or one that is
smeared, is not found, which the plainer face detection finds all the same. Hands: Zhang et al., CVPR workshops 2020.
"""

from __future__ import annotations

import os
import warnings
from functools import cache

import numpy as np

from perfclone.pose.quiet import silent_stderr

#: Points of a face and of a hand.
FACE_POINTS, HAND_POINTS = 468, 21
#: What a finder must be sure of where it says what the real video shows, and where it looks for that in the output: a
#: hand or face on the edge of being found would come and go with the grain.
_SURE, _LIKELY = 0.7, 0.4


def find_face(picture: np.ndarray, sure: bool = False) -> np.ndarray | None:
    """Find the face in a picture of a head.

    Args:
        picture: (S, S, 3) uint8 RGB, the head enlarged to about 256 pixels.
        sure: Leave out what is on the edge of being found, as for the real video.

    Returns:
        (468, 2) float32 pixels, or None where no face is seen.
    """
    found = _face(sure).process(picture).multi_face_landmarks
    return _pixels(found[0], picture)[:FACE_POINTS] if found else None


def find_hand(picture: np.ndarray, sure: bool = False) -> np.ndarray | None:
    """Find the hand in a picture of a forearm's end.

    Args:
        picture: (S, S, 3) uint8 RGB, enlarged to about 256 pixels.
        sure: Leave out what is on the edge of being found, as for the real video.

    Returns:
        (21, 2) float32 pixels, or None where no hand is seen.
    """
    found = _hands(sure).process(picture).multi_hand_landmarks
    return _pixels(found[0], picture) if found else None


def point_error(found: np.ndarray, wanted: np.ndarray) -> float:
    """Mean distance of points from where they should be, in sizes of what they belong to.

    mean |found - wanted| / the longer side of the box around the wanted. From 0, lower is better.

    Args:
        found: (P, 2) pixels.
        wanted: (P, 2) pixels of the same picture.
    """
    return float(np.linalg.norm(found - wanted, axis=1).mean() / np.ptp(wanted, axis=0).max())


def _pixels(landmarks, picture: np.ndarray) -> np.ndarray:
    points = np.array([(point.x, point.y) for point in landmarks.landmark], np.float32)
    return points * np.float32(picture.shape[1::-1])


@cache
def _face(sure: bool):
    from mediapipe.python.solutions.face_mesh import FaceMesh

    return _opened(FaceMesh, sure, max_num_faces=1)


@cache
def _hands(sure: bool):
    from mediapipe.python.solutions.hands import Hands

    return _opened(Hands, sure, max_num_hands=1)


def _opened(kind, sure: bool, **options):
    """A running graph that takes each picture for itself, its networks loaded."""
    os.environ.setdefault("GLOG_minloglevel", "2")
    warnings.filterwarnings("ignore", message="SymbolDatabase.GetPrototype", category=UserWarning)
    with silent_stderr():
        confidence = _SURE if sure else _LIKELY
        graph = kind(static_image_mode=True, min_detection_confidence=confidence, **options)
        graph.process(np.zeros((64, 64, 3), np.uint8))
    return graph

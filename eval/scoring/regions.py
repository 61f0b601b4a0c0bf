"""The person's region of a frame, or of a clip: the pixels of the matte, and squares that networks are shown."""

from __future__ import annotations

import cv2
import numpy as np

from perfclone.backends.layered.crop import Box
from perfclone.pose import INDEX

#: Side of the square that networks are shown, pixels.
SIDE = 256
#: Room on each side of the person in that square, as a share of the person's longer side.
MARGIN = 0.1
#: Room around the joints where a whole clip is cut to one square, on each side, as a share of their extent.
CLIP_MARGIN = 0.15
#: Side of the square around a head, in spans of the joints of the head and in distances from nose to neck.
BY_HEAD, BY_NECK = 2.6, 2.2
#: Side of the square around a hand, in torso lengths: a forearm may point at the camera, a torso seldom does.
BY_TORSO = 0.75
#: Room on each side of the points of a face or a hand in the square that is compared, as a share of their extent.
PART_MARGIN = 0.2
_HEAD = [INDEX[name] for name in ("nose", "left_eye", "right_eye", "left_ear", "right_ear")]


def person_square(matte: np.ndarray) -> np.ndarray | None:
    """The square around the person.

    Args:
        matte: (H, W) uint8, above 127 where the person is.

    Returns:
        (2, 3) float64, the affine map from pixels of the frame to pixels of the square; None without a person.
    """
    x, y, width, height = cv2.boundingRect((matte > 127).astype(np.uint8))
    if not width:
        return None
    return _square(np.array([x + width / 2, y + height / 2]), max(width, height) * (1 + 2 * MARGIN), SIDE)


def head_square(keypoints: np.ndarray, scores: np.ndarray) -> np.ndarray | None:
    """The square around a head, as wide as a finder of faces likes it.

    Args:
        keypoints: (J, 2) joints of one frame, pixels.
        scores: (J,), 0 where a joint was not seen.

    Returns:
        (2, 3) float64, as :func:`person_square`; None where the nose was not seen.
    """
    nose, neck = INDEX["nose"], INDEX["neck"]
    if not scores[nose] > 0:
        return None
    seen = keypoints[[joint for joint in _HEAD if scores[joint] > 0]]
    side = BY_HEAD * np.ptp(seen, axis=0).max()
    if scores[neck] > 0:
        side = max(side, BY_NECK * np.linalg.norm(keypoints[nose] - keypoints[neck]))
    return _square(seen.mean(0), side, SIDE) if side > 0 else None


def hand_squares(keypoints: np.ndarray, scores: np.ndarray, torso: float) -> list[np.ndarray | None]:
    """The squares around the right and the left hand.

    Args:
        keypoints: (J, 2) joints of one frame, pixels.
        scores: (J,), 0 where a joint was not seen.
        torso: Length of the torso, pixels.

    Returns:
        Of each (2, 3) float64, as :func:`person_square`; None where it was not seen.
    """
    found = []
    for side in ("right", "left"):
        wrist = INDEX[f"{side}_wrist"]
        fingers = [joint for name in ("thumb", "index", "pinky") if scores[joint := INDEX[f"{side}_{name}"]] > 0]
        seen = scores[wrist] > 0 and fingers
        middle = (keypoints[wrist] + keypoints[fingers].mean(0)) / 2 if seen else None
        found.append(_square(middle, BY_TORSO * torso, SIDE) if seen else None)
    return found


def points_square(points: np.ndarray, wide: np.ndarray, side: int) -> np.ndarray:
    """The square around the points of a face or a hand, with some room.

    Args:
        points: (P, 2) pixels of a square that :func:`cut_square` cut.
        wide: (2, 3), what it was cut by.
        side: Of the square to cut, pixels.

    Returns:
        (2, 3) float64, pixels of the frame -> pixels of that square.
    """
    points = (points - wide[:, 2]) / wide[0, 0]
    low, high = points.min(0), points.max(0)
    return _square((low + high) / 2, (high - low).max() * (1 + 2 * PART_MARGIN), side)


def _square(middle: np.ndarray, size: float, side: int) -> np.ndarray:
    """Pixels of the frame -> pixels of a square of a size around a place, (2, 3) float64."""
    scale = side / size
    x, y = (middle - size / 2) * scale
    return np.array([[scale, 0, -x], [0, scale, -y]])


def cut_square(frame: np.ndarray, square: np.ndarray, side: int = SIDE) -> np.ndarray:
    """Cut a frame (H, W, ...) uint8 to a square that one of these functions found: (side, side, ...) uint8."""
    return cv2.warpAffine(frame, square, (side, side), borderMode=cv2.BORDER_REPLICATE)


def square_around(low: np.ndarray, high: np.ndarray, size: tuple[int, int]) -> Box:
    """A square around a box of joints.

    It has the full margin, or what the short side of the picture leaves of it but no less than a third; and it lies
    inside the picture as far as it can.

    Args:
        low: (2,) left and top of the joints, pixels.
        high: (2,) right and bottom.
        size: (width, height) of the picture.
    """
    extent = (high - low).max()
    least, wanted = (extent * (1 + 2 * margin) for margin in (CLIP_MARGIN / 3, CLIP_MARGIN))
    side = round(min(wanted, max(least, min(size))))
    corner = (low + high - side) / 2
    inside = np.clip(corner, 0, np.maximum(np.array(size) - side, 0))
    x, y = np.round(np.where(side <= np.array(size), inside, corner)).astype(int)
    return Box(int(x), int(y), side)

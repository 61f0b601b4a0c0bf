"""Where a person is in the picture, told from the joints alone: what must not be covered."""

from __future__ import annotations

from collections.abc import Iterable

import cv2
import numpy as np

from perfclone.pose.body import BONES, ROOT
from perfclone.pose.sequence import Moment
from perfclone.pose.skeleton import HEAD, HIPS, NECK, SHOULDERS

#: Cells of the longer side of the map.
_CELLS = 256
#: Flesh around a bone, torso lengths.
_FLESH = 0.22
#: From the middle of eyes and ears to the top of the hair, torso lengths.
_CROWN = 0.3
#: A head counts for so many feet: who is hidden up there, be it for a moment, is nobody any more.
_FACE = 16.0


def covered(moments: Iterable[Moment], size: tuple[int, int]) -> np.ndarray:
    """Tell where a person is in a stretch of a performance, and how much it would matter to hide it.

    Args:
        moments: Poses in the frame.
        size: (width, height) of the frame, pixels.

    Returns:
        (h, w) float32, the frame in coarse cells: the share of the time in which the person is there, the head counted
        sixteen times; all 0 where nobody is.
    """
    scale = _CELLS / max(size)
    shape = max(1, round(size[1] * scale)), max(1, round(size[0] * scale))
    masks = [_mask(moment.pose, scale, shape) for moment in moments]
    return np.mean(masks, axis=0, dtype=np.float32) if masks else np.zeros(shape, np.float32)


def _mask(pose, scale: float, shape: tuple[int, int]) -> np.ndarray:
    mask = np.zeros(shape, np.float32)
    if not pose.seen:
        return mask
    joints = np.vstack([pose.keypoints, pose.keypoints[HIPS].mean(0)]) * scale  # ROOT is the last
    seen = np.append(pose.scores > 0, (pose.scores[HIPS] > 0).all())
    thick = max(1, round(_FLESH * _torso(joints, seen)))
    for parent, child, _ in BONES:
        if seen[parent] and seen[child]:
            cv2.line(mask, _cell(joints[parent]), _cell(joints[child]), 1.0, thick)
    trunk = [*SHOULDERS, *HIPS[::-1]]
    if seen[trunk].all():
        cv2.fillConvexPoly(mask, cv2.convexHull(joints[trunk].astype(np.int32)), 1.0)
    for joint in HEAD:
        if seen[joint]:
            cv2.circle(mask, _cell(joints[joint]), thick, _FACE, -1)
    if seen[HEAD].any():
        crown = max(1, round(_CROWN * _torso(joints, seen)))
        cv2.circle(mask, _cell(joints[HEAD][seen[HEAD]].mean(0)), crown, _FACE, -1)
    return mask


def _torso(joints: np.ndarray, seen: np.ndarray) -> float:
    if seen[NECK] and seen[ROOT]:
        return float(np.linalg.norm(joints[NECK] - joints[ROOT]))
    return float(np.ptp(joints[:-1][seen[:-1]], axis=0).max()) / 2


def _cell(point: np.ndarray) -> tuple[int, int]:
    x, y = np.clip(np.rint(point), -4 * _CELLS, 4 * _CELLS)
    return int(x), int(y)

"""Pose space: poses freed of place and size, and how far one lies from another."""

from __future__ import annotations

import numpy as np

from perfclone.pose.skeleton import BODY_18, HIPS, INDEX, NECK

#: Bones and their usual length in torso lengths (neck to mid-hip): what tells the size of a body whose torso is bent
#: towards the camera or not seen. Rounded from Drillis and Contini's body segment lengths (1966).
_USUAL_LENGTHS: dict[tuple[str, str], float] = {
    ("right_shoulder", "left_shoulder"): 0.75,
    ("right_shoulder", "right_elbow"): 0.62, ("left_shoulder", "left_elbow"): 0.62,
    ("right_elbow", "right_wrist"): 0.52, ("left_elbow", "left_wrist"): 0.52,
    ("right_hip", "right_knee"): 0.88, ("left_hip", "left_knee"): 0.88,
    ("right_knee", "right_ankle"): 0.85, ("left_knee", "left_ankle"): 0.85,
}  # fmt: skip
#: A bone may look this much longer than usual before it, and not the torso, sets the scale.
_SLACK = 0.8
_CHUNK = 4_000_000


def normalise(keypoints: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Express poses in torso lengths around the middle of the hips.

    The unit is the distance from neck to mid-hip in the same frame. Foreshortening can only shorten a bone, so where
    the torso looks short beside the limbs (a bow towards the camera) or is not seen, the longest limb sets the unit.
    Without hips the centre is one unit below the neck.

    Args:
        keypoints: (T, J, 2), pixels, x then y, y downwards.
        scores: (T, J) in [0, 1]; 0 is not seen.

    Returns:
        (T, J, 2) float32, torso lengths, x then y, y downwards. Joints not seen, and whole frames that show neither
        hips nor neck or no bone at all, are zero.
    """
    keypoints, seen = np.asarray(keypoints, np.float32), np.asarray(scores) > 0
    neck, has_neck = keypoints[:, NECK], seen[:, NECK]
    count = seen[:, HIPS].sum(1)
    centre = (keypoints[:, HIPS] * seen[:, HIPS, None]).sum(1) / np.maximum(count, 1)[:, None]

    torso = np.linalg.norm(neck - centre, axis=1) * (has_neck & (count > 0))
    limbs = _size_by_limbs(keypoints, seen)
    unit = np.where(torso > 0, np.maximum(torso, _SLACK * limbs), limbs)
    centre = np.where(count[:, None] > 0, centre, neck + np.stack([np.zeros_like(unit), unit], 1))

    usable = seen & ((count > 0) | has_neck)[:, None] & (unit > 0)[:, None]
    placed = (keypoints - centre[:, None]) / np.maximum(unit, 1e-6)[:, None, None]
    return np.where(usable[..., None], placed, 0).astype(np.float32)


def _size_by_limbs(keypoints: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """Torso length that the least foreshortened limb speaks for, (T,) pixels, 0 where no bone is seen."""
    a, b = (np.array([INDEX[bone[end]] for bone in _USUAL_LENGTHS]) for end in (0, 1))
    lengths = np.linalg.norm(keypoints[:, a] - keypoints[:, b], axis=-1) / np.array(list(_USUAL_LENGTHS.values()))
    return (lengths * (seen[:, a] & seen[:, b])).max(1).astype(np.float32)


def pose_distances(poses: np.ndarray, scores: np.ndarray, bank: np.ndarray, bank_scores: np.ndarray) -> np.ndarray:
    """Distance of every pose to every pose of a bank: the mean distance of the joints that both show.

    Only the 18 body joints count, because every extractor has them. A pair that shares fewer than half of the joints
    that the pose shows, or fewer than 4, is not comparable.

    Args:
        poses: (T, J, 2), as :func:`normalise` gives them.
        scores: (T, J); 0 is not seen.
        bank: (N, J, 2), as :func:`normalise` gives them.
        bank_scores: (N, J).

    Returns:
        (T, N) float32, torso lengths, 0 for the same pose; infinite where a pair is not comparable.
    """
    poses, bank = (np.asarray(x, np.float32)[:, :BODY_18] for x in (poses, bank))
    seen, bank_seen = _comparable(poses, scores), _comparable(bank, bank_scores)
    rows = max(1, _CHUNK // max(1, len(bank) * BODY_18))
    out = np.full((len(poses), len(bank)), np.inf, np.float32)
    for i in range(0, len(poses), rows):
        both = seen[i : i + rows, None] & bank_seen[None]  # (rows, N, 18)
        offset = poses[i : i + rows, None] - bank[None]
        shared = both.sum(-1)
        mean = (np.hypot(offset[..., 0], offset[..., 1]) * both).sum(-1) / np.maximum(shared, 1)
        enough = shared >= np.maximum(4, seen[i : i + rows].sum(-1, keepdims=True) / 2)
        out[i : i + rows][enough] = mean[enough]
    return out


def _comparable(poses: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Which body joints may be compared, (T, 18): those seen, in frames that :func:`normalise` could place."""
    return (np.asarray(scores)[:, :BODY_18] > 0) & poses.any(axis=(1, 2))[:, None]

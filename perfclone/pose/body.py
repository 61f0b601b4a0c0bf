"""The body: how long a performer's limbs are in the picture, and where they stand in it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from perfclone.errors import UserError
from perfclone.pose.sequence import PoseSequence
from perfclone.pose.skeleton import FEET, HEAD, HIPS, INDEX, NECK

#: Length groups in the order of ``Body.lengths``, each with its share of the torso in an average adult,
#: which stands in for a limb that was never seen.
LENGTHS: dict[str, float] = {
    "torso": 1.0, "head": 0.45, "shoulder": 0.36, "upper_arm": 0.56, "forearm": 0.48, "hand": 0.2,
    "hip": 0.19, "thigh": 0.85, "shin": 0.82, "foot": 0.3,
}  # fmt: skip
_GROUPS = list(LENGTHS)
ROOT = -1  # the middle of the hips; no keypoint of its own


def _tree() -> list[tuple[int, int, str]]:
    """Bones as (parent, child, length group), parents first."""
    bones = [(ROOT, NECK, "torso")]
    bones += [(NECK, joint, "head") for joint in HEAD]
    for side in ("right", "left"):
        i = {name: INDEX[f"{side}_{name}"] for name in (
            "shoulder", "elbow", "wrist", "hip", "knee", "ankle", "heel", "toe", "thumb", "index", "pinky",
        )}  # fmt: skip
        bones += [(NECK, i["shoulder"], "shoulder"), (i["shoulder"], i["elbow"], "upper_arm")]
        bones += [(i["elbow"], i["wrist"], "forearm")]
        bones += [(i["wrist"], i[finger], "hand") for finger in ("thumb", "index", "pinky")]
        bones += [(ROOT, i["hip"], "hip"), (i["hip"], i["knee"], "thigh"), (i["knee"], i["ankle"], "shin")]
        bones += [(i["ankle"], i[end], "foot") for end in ("heel", "toe")]
    return bones


BONES = _tree()


@dataclass(frozen=True)
class Body:
    """Where a person stands in the picture and how long their limbs are there.

    Attributes:
        lengths: Bone lengths in pixels, one for each name in ``LENGTHS``.
        centre_x: Where the middle of the hips usually is, pixels from the left.
        floor_y: The floor line under the feet, pixels from the top.
    """

    lengths: tuple[float, ...]
    centre_x: float
    floor_y: float

    def __post_init__(self):
        if len(self.lengths) != len(LENGTHS) or min(self.lengths) <= 0:
            raise ValueError(f"lengths must be {len(LENGTHS)} positive numbers, got {self.lengths}")

    @property
    def torso(self) -> float:
        """Neck to the middle of the hips, pixels: the scale of the person in the picture."""
        return self.lengths[0]

    @property
    def height(self) -> float:
        """Standing height from the ankles to the face, pixels."""
        return sum(self.lengths[_GROUPS.index(name)] for name in ("torso", "head", "thigh", "shin"))

    def scaled(self, scale: float) -> Body:
        """The same body in a picture ``scale`` times as large."""
        lengths = tuple(length * scale for length in self.lengths)
        return Body(lengths, self.centre_x * scale, self.floor_y * scale)

    def proportions(self) -> dict[str, float]:
        """Each length as a share of the standing height."""
        return {name: length / self.height for name, length in zip(LENGTHS, self.lengths)}


def hip_centre(keypoints: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Middle of the hips (T, 2) and whether it was seen (T,)."""
    return keypoints[:, HIPS].mean(1), (scores[:, HIPS] > 0).all(1)


def bone_vectors(keypoints: np.ndarray, scores: np.ndarray, bone: tuple[int, int, str]):
    """A bone as vectors (T, 2) and whether both its ends were seen (T,)."""
    parent, child, _ = bone
    start, seen = hip_centre(keypoints, scores) if parent == ROOT else (keypoints[:, parent], scores[:, parent] > 0)
    return keypoints[:, child] - start, seen & (scores[:, child] > 0)


def measure_body(poses: PoseSequence) -> Body:
    """Measure a performer over a sequence.

    A bone is longest in the picture when it lies parallel to it, so each length is the 90th percentile over all
    frames and both sides; the floor line is the 95th percentile of the lowest foot point.

    Raises:
        UserError: The torso is never seen.
    """
    found: dict[str, list[np.ndarray]] = {name: [] for name in LENGTHS}
    for bone in BONES:
        vector, seen = bone_vectors(poses.keypoints, poses.scores, bone)
        found[bone[2]].append(np.linalg.norm(vector[seen], axis=-1))
    samples = {name: np.concatenate(parts) for name, parts in found.items()}
    if not len(samples["torso"]) or np.quantile(samples["torso"], 0.9) < 2:
        raise UserError("No shoulders and hips were found together in any frame; film the whole body, in good light.")
    torso = float(np.quantile(samples["torso"], 0.9))
    lengths = tuple(
        float(max(np.quantile(samples[name], 0.9), 0.05 * torso)) if len(samples[name]) else share * torso
        for name, share in LENGTHS.items()
    )
    root, seen = hip_centre(poses.keypoints, poses.scores)
    centre_x = float(np.median(root[seen, 0]))
    low = lowest_foot(poses.keypoints, poses.scores)
    low = low[np.isfinite(low)]
    legs = lengths[_GROUPS.index("thigh")] + lengths[_GROUPS.index("shin")]
    floor_y = float(np.quantile(low, 0.95)) if len(low) else float(np.median(root[seen, 1])) + legs
    return Body(lengths, centre_x, floor_y)


def lowest_foot(keypoints: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """(T,) y of the lowest foot point in pixels, NaN where no foot was seen."""
    y = np.where(scores[:, FEET] > 0, keypoints[:, FEET, 1], -np.inf).max(1)
    return np.where(np.isfinite(y), y, np.nan)

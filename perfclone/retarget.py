"""Retargeting: a driving pose moved to the actor's limb lengths, place and scale. Plain maths, no state."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from perfclone.errors import UserError
from perfclone.pose.sequence import INDEX, PoseSequence

#: Length groups in the order of ``Body.lengths``, each with its share of the torso in an average adult,
#: which stands in for a limb that was never seen.
LENGTHS: dict[str, float] = {
    "torso": 1.0, "head": 0.45, "shoulder": 0.36, "upper_arm": 0.56, "forearm": 0.48, "hand": 0.2,
    "hip": 0.19, "thigh": 0.85, "shin": 0.82, "foot": 0.3,
}  # fmt: skip
_GROUPS = list(LENGTHS)
_ROOT = -1  # the middle of the hips; no keypoint of its own


def _tree() -> list[tuple[int, int, str]]:
    """Bones as (parent, child, length group), parents first."""
    bones = [(_ROOT, INDEX["neck"], "torso")]
    bones += [(INDEX["neck"], INDEX[n], "head") for n in ("nose", "right_eye", "left_eye", "right_ear", "left_ear")]
    for side in ("right", "left"):
        i = {name: INDEX[f"{side}_{name}"] for name in (
            "shoulder", "elbow", "wrist", "hip", "knee", "ankle", "heel", "toe", "thumb", "index", "pinky",
        )}  # fmt: skip
        bones += [(INDEX["neck"], i["shoulder"], "shoulder"), (i["shoulder"], i["elbow"], "upper_arm")]
        bones += [(i["elbow"], i["wrist"], "forearm")]
        bones += [(i["wrist"], i[finger], "hand") for finger in ("thumb", "index", "pinky")]
        bones += [(_ROOT, i["hip"], "hip"), (i["hip"], i["knee"], "thigh"), (i["knee"], i["ankle"], "shin")]
        bones += [(i["ankle"], i[end], "foot") for end in ("heel", "toe")]
    return bones


BONES = _tree()
_FEET = [INDEX[f"{side}_{part}"] for side in ("right", "left") for part in ("ankle", "heel", "toe")]
_HIPS = [INDEX["right_hip"], INDEX["left_hip"]]


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

    def proportions(self) -> dict[str, float]:
        """Each length as a share of the standing height."""
        return {name: length / self.height for name, length in zip(LENGTHS, self.lengths)}


def _root(keypoints: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Middle of the hips (T, 2) and whether it was seen (T,)."""
    return keypoints[:, _HIPS].mean(1), (scores[:, _HIPS] > 0).all(1)


def _ends(keypoints: np.ndarray, scores: np.ndarray, bone: tuple[int, int, str]):
    """A bone as vectors (T, 2) and whether both its ends were seen (T,)."""
    parent, child, _ = bone
    start, seen = _root(keypoints, scores) if parent == _ROOT else (keypoints[:, parent], scores[:, parent] > 0)
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
        vector, seen = _ends(poses.keypoints, poses.scores, bone)
        found[bone[2]].append(np.linalg.norm(vector[seen], axis=-1))
    samples = {name: np.concatenate(parts) for name, parts in found.items()}
    if not len(samples["torso"]) or np.quantile(samples["torso"], 0.9) < 2:
        raise UserError("No shoulders and hips were found together in any frame; film the whole body, in good light.")
    torso = float(np.quantile(samples["torso"], 0.9))
    lengths = tuple(
        float(max(np.quantile(samples[name], 0.9), 0.05 * torso)) if len(samples[name]) else share * torso
        for name, share in LENGTHS.items()
    )
    root, seen = _root(poses.keypoints, poses.scores)
    centre_x = float(np.median(root[seen, 0]))
    low = _lowest_foot(poses.keypoints, poses.scores)
    low = low[np.isfinite(low)]
    legs = lengths[_GROUPS.index("thigh")] + lengths[_GROUPS.index("shin")]
    floor_y = float(np.quantile(low, 0.95)) if len(low) else float(np.median(root[seen, 1])) + legs
    return Body(lengths, centre_x, floor_y)


def _lowest_foot(keypoints: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """(T,) y of the lowest foot point in pixels, NaN where no foot was seen."""
    y = np.where(scores[:, _FEET] > 0, keypoints[:, _FEET, 1], -np.inf).max(1)
    return np.where(np.isfinite(y), y, np.nan)


def retarget(
    keypoints: np.ndarray, scores: np.ndarray, driver: Body, actor: Body, keep_proportions: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """Move driving poses to the actor's body, place and scale.

    Every bone keeps its direction and its foreshortening (its length as a share of the driver's own) and takes the
    actor's length; the skeleton is then put where the driver stood, measured from the actor's usual place, with the
    lowest foot as high above the actor's floor line as the driver's was above theirs. Frames are independent of
    each other, so a stream may come in pieces of any size.

    Args:
        keypoints: (T, J, 2) float, pixels in the driving video.
        scores: (T, J) float in [0, 1].
        driver: The driving performer, measured in the driving video.
        actor: The target actor, measured in the reference video.
        keep_proportions: Only scale and place the driver's own proportions.

    Returns:
        (T, J, 2) float32 in the actor's frame and (T, J) float32 scores, 0 where a joint's parent was not seen.
    """
    scale = actor.height / driver.height
    ratio = {
        name: scale if keep_proportions else float(np.clip(a / d, 0.5 * scale, 2.0 * scale))
        for name, a, d in zip(LENGTHS, actor.lengths, driver.lengths)
    }
    root, root_seen = _root(keypoints, scores)
    moved, out = np.zeros_like(keypoints, np.float32), np.zeros_like(scores, np.float32)
    for bone in BONES:
        parent, child, group = bone
        vector, seen = _ends(keypoints, scores, bone)
        base, placed = (0.0, root_seen) if parent == _ROOT else (moved[:, parent], out[:, parent] > 0)
        moved[:, child] = base + vector * ratio[group]
        out[:, child] = np.where(seen & placed, scores[:, child], 0)
    x = actor.centre_x + scale * (root[:, 0] - driver.centre_x)
    lift = scale * (driver.floor_y - _lowest_foot(keypoints, scores))
    y = actor.floor_y - lift - _lowest_foot(moved, out)
    y = np.where(np.isfinite(y), y, actor.floor_y + scale * (root[:, 1] - driver.floor_y))
    moved += np.stack([x, y], -1)[:, None].astype(np.float32)
    return np.where(out[..., None] > 0, moved, 0).astype(np.float32), out

"""The body: how long a performer's limbs are in the picture, where they stand in it, and what they stand on."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from perfclone.errors import UserError
from perfclone.pose.sequence import PoseSequence
from perfclone.pose.skeleton import FEET, HEAD, HIPS, INDEX, NECK, SHOULDERS

#: Length groups in the order of ``Body.lengths``, each with its share of the torso in an average adult,
#: which stands in for a limb that was never seen.
LENGTHS: dict[str, float] = {
    "torso": 1.0, "head": 0.45, "shoulder": 0.36, "upper_arm": 0.56, "forearm": 0.48, "hand": 0.2,
    "hip": 0.19, "thigh": 0.85, "shin": 0.82, "foot": 0.3,
}  # fmt: skip
_GROUPS = list(LENGTHS)
ROOT = -1  # the middle of the hips; no keypoint of its own
#: From one side of a face to the other, torso lengths.
_FACE = 0.3
#: Parts that can bear a body beside the feet, each with the flesh between joint and floor, torso lengths.
_BEARING = {"wrist": 0.0, "thumb": 0.0, "index": 0.0, "pinky": 0.0, "elbow": 0.03, "knee": 0.05, "shoulder": 0.08,
            "hip": 0.12, "nose": 0.05, "eye": 0.05, "ear": 0.05}  # fmt: skip
_FLESH = np.array([_BEARING.get(name.split("_")[-1], -np.inf) for name in INDEX])
#: Whatever is so much lower than the feet, torso lengths, may only be nearer to the camera; twice as much bears.
_NEARER = 0.15


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

    def nearer(self, scale: float) -> Body:
        """The same body where the picture shows it ``scale`` times as large, at the same place."""
        return replace(self, lengths=tuple(length * scale for length in self.lengths)) if scale != 1 else self

    def proportions(self) -> dict[str, float]:
        """Each length as a share of the standing height."""
        return {name: length / self.height for name, length in zip(LENGTHS, self.lengths)}


def hip_centre(keypoints: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Middle of the hips (T, 2) and whether it was seen (T,)."""
    return keypoints[:, HIPS].mean(1), (scores[:, HIPS] > 0).all(1)


def find_root(keypoints: np.ndarray, scores: np.ndarray, torso: float) -> tuple[np.ndarray, np.ndarray]:
    """Middle of the hips (T, 2) and whether it is known (T,): seen, or so far below the neck, shoulders or head."""
    root, seen = hip_centre(keypoints, scores)
    down = np.array([0.0, torso], keypoints.dtype)
    for joints, lengths in (([NECK], 1.0), (SHOULDERS, 1.0), (HEAD, 1.0 + LENGTHS["head"])):
        there = scores[:, joints] > 0
        mean = (keypoints[:, joints] * there[..., None]).sum(1) / np.maximum(there.sum(1), 1)[:, None]
        root = np.where(seen[:, None], root, mean + lengths * down).astype(keypoints.dtype)
        seen = seen | there.any(1)
    return root, seen


def with_hips(poses: PoseSequence, body: Body) -> PoseSequence:
    """Hang the hips that the picture does not show under the neck and shoulders that it does.

    Whoever is filmed to the chest has a trunk, too, though its lower end was never seen.

    Args:
        poses: Of a performer.
        body: The performer, measured in them.
    """
    points, scores = poses.keypoints.copy(), poses.scores.copy()
    below, across = np.array([0, body.torso], np.float32), LENGTHS["hip"] / LENGTHS["shoulder"]
    hung = (scores[:, [NECK, *SHOULDERS]] > 0).all(1) & (scores[:, HIPS] == 0).all(1)
    for hip, shoulder in zip(HIPS, SHOULDERS):
        points[hung, hip] = points[hung, NECK] + below + across * (points[hung, shoulder] - points[hung, NECK])
        scores[hung, hip] = scores[hung, shoulder]
    return replace(poses, keypoints=points, scores=scores)


def bone_vectors(
    keypoints: np.ndarray,
    scores: np.ndarray,
    bone: tuple[int, int, str],
    root: np.ndarray | None = None,
    root_known: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """A bone as vectors (T, 2) and whether both its ends are known (T,); ``root`` if not where the hips are seen."""
    parent, child, _ = bone
    if parent != ROOT:
        start, seen = keypoints[:, parent], scores[:, parent] > 0
    else:
        start, seen = hip_centre(keypoints, scores) if root is None else (root, root_known)
    return keypoints[:, child] - start, seen & (scores[:, child] > 0)


def measure_body(poses: PoseSequence, like: Body | None = None) -> Body:
    """Measure a performer over a sequence.

    A bone is longest in the picture when it lies parallel to it, so each length is the 90th percentile over all
    frames and both sides; the floor line is the 95th percentile of what the body rests on. Limbs that were never seen
    are taken from those that were, and the place of hips and floor from what is above them.

    Args:
        poses: The sequence.
        like: Somebody with the same proportions; None takes an average adult's.

    Raises:
        UserError: Nothing is ever seen that could be measured.
    """
    found: dict[str, list[np.ndarray]] = {name: [] for name in LENGTHS}
    for bone in BONES:
        vector, seen = bone_vectors(poses.keypoints, poses.scores, bone)
        found[bone[2]].append(np.linalg.norm(vector[seen], axis=-1))
    longest = {name: np.quantile(np.concatenate(parts), 0.9) for name, parts in found.items() if sum(map(len, parts))}
    shares = {n: length / like.torso for n, length in zip(LENGTHS, like.lengths)} if like else LENGTHS
    by_limbs = [longest[name] / shares[name] for name in longest if name not in ("torso", "hand", "foot")]
    torso = float(longest.get("torso", np.median(by_limbs) if by_limbs else _by_face(poses)))
    if not (poses.scores > 0).any():
        raise UserError("Nobody was found in any frame; film one person, in good light.")
    if torso < 2:
        raise UserError(
            "No shoulders and hips, nor head and shoulders, were found together in any frame; film the whole body, in "
            "good light."
        )
    lengths = tuple(
        float(max(longest[name], 0.05 * torso)) if name in longest else share * torso for name, share in shares.items()
    )
    root, seen = hip_centre(poses.keypoints, poses.scores)
    if not seen.any():
        root, seen = find_root(poses.keypoints, poses.scores, torso)
    if not seen.any():
        root, seen = poses.keypoints.mean(1), (poses.scores > 0).any(1)
    centre_x = float(np.median(root[seen, 0]))
    low = lowest(poses.keypoints, poses.scores, torso)
    low = low[np.isfinite(low)]
    legs = sum(lengths[_GROUPS.index(name)] * share for name, share in (("thigh", 1), ("shin", 1), ("foot", 0.5)))
    floor_y = float(np.quantile(low, 0.95)) if len(low) else float(np.median(root[seen, 1])) + legs
    return Body(lengths, centre_x, floor_y)


def _by_face(poses: PoseSequence) -> float:
    """The torso's length that a face speaks for, pixels; 0 where none is seen."""
    seen = (poses.scores[:, HEAD] > 0)[..., None]
    points = np.where(seen, poses.keypoints[:, HEAD], np.nan)[seen.any((1, 2))]
    wide = np.linalg.norm(np.nanmax(points, 1) - np.nanmin(points, 1), axis=1) if len(points) else points
    return float(np.quantile(wide, 0.9)) / _FACE if len(wide) else 0.0


def lowest(keypoints: np.ndarray, scores: np.ndarray, torso: float) -> np.ndarray:
    """What a body rests on: the lowest foot, or whatever else is clearly lower, be it hands, knees, back or head.

    Feet that are hidden may be anywhere below somebody upright, so that nothing is known then.

    Args:
        keypoints: (T, J, 2) pixels.
        scores: (T, J); 0 is not seen.
        torso: Length of the torso, pixels.

    Returns:
        (T,) y in pixels, NaN where it is not known.
    """
    y, seen = keypoints[..., 1], scores > 0
    feet = np.where(seen[:, FEET], y[:, FEET], -np.inf).max(1)
    other = np.where(seen, y + _FLESH * torso, -np.inf).max(1)
    below = np.where(np.isfinite(feet), other - np.nan_to_num(feet, neginf=0), 0)
    low = feet + np.clip(2 * (below - _NEARER * torso), 0, np.maximum(below, 0))
    neck, hips = seen[:, NECK], seen[:, HIPS].all(1)
    inverted = neck & hips & (y[:, NECK] > y[:, HIPS].mean(1))
    low = np.where(np.isfinite(feet), low, np.where(inverted, other, np.nan))
    return np.where(np.isfinite(low), low, np.nan).astype(keypoints.dtype)

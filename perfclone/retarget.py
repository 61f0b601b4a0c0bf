"""Retargeting: a driving pose moved to the actor's limb lengths, place and scale. Plain maths."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import repeat

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from perfclone.errors import UserError
from perfclone.pose.sequence import INDEX, Pose, PoseSequence

#: Length groups in the order of ``Body.lengths``, each with its share of the torso in an average adult,
#: which stands in for a limb that was never seen.
LENGTHS: dict[str, float] = {
    "torso": 1.0, "head": 0.45, "shoulder": 0.36, "upper_arm": 0.56, "forearm": 0.48, "hand": 0.2,
    "hip": 0.19, "thigh": 0.85, "shin": 0.82, "foot": 0.3,
}  # fmt: skip
_GROUPS = list(LENGTHS)
_ROOT = -1  # the middle of the hips; no keypoint of its own
#: Feet that leave the floor come back within this time, seconds; what rises for longer is the floor itself.
_AIRBORNE_S = 1.0
#: Half the time over which the floor line is averaged, seconds.
_STEADY_S = 0.2
#: The floor line of the clone may leave the actor's by this share of the actor's height: so much higher stand feet
#: in the picture whose toes point away from the camera, or one step deeper in the room.
_STRAY = 0.015


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


def _floors(low: Iterable[float], fps: float) -> Iterator[float]:
    """The floor under a performer, (T,) y in pixels, from the lowest foot in each frame; NaN is not known.

    Who walks towards the camera comes lower in the picture, and so does the floor under them. The lowest foot tells
    where it is, but for jumps: rises that end within a second. The morphological closing of the foot's path (Serra,
    1982) fills just these and follows everything else without lag; it needs to look ahead by 1.2 s.

    The size of the performer would tell their depth too, but less well than their feet do: a squat shortens torso and
    thighs in the picture by more than a step of a metre does.
    """
    half, steady = max(1, round(_AIRBORNE_S * fps / 2)), round(_STEADY_S * fps)
    reach = 2 * half + steady
    window: deque[float] = deque(maxlen=2 * reach + 1)
    for n, y in enumerate(_with_ends(low, reach)):
        window.append(y)
        if n >= 2 * reach:
            lowest = sliding_window_view(np.nan_to_num(window, nan=-np.inf), 2 * half + 1).max(1)
            closed = sliding_window_view(np.where(np.isfinite(lowest), lowest, np.inf), 2 * half + 1).min(1)
            known = closed[np.isfinite(closed)]
            yield float(known.mean()) if len(known) else np.nan


def _with_ends(values: Iterable[float], count: int) -> Iterator[float]:
    """A stream with its first and its last value so many times more: a clip begins and ends on the floor."""
    last = None
    for value in values:
        yield from repeat(value, 1 if last is not None else count + 1)
        last = value
    yield from repeat(last, count if last is not None else 0)


def retarget_sequence(poses: PoseSequence, actor: Body, size: tuple[int, int]) -> PoseSequence:
    """Retarget a whole performance by :func:`retarget_stream`, its driver measured on all of it.

    Args:
        poses: Cleaned poses of the driving video.
        actor: The target actor.
        size: (width, height) of the actor's frame, pixels.
    """
    stream = (Pose(keypoints, scores) for keypoints, scores in zip(poses.keypoints, poses.scores))
    moved = list(retarget_stream(stream, poses.fps, measure_body(poses), actor))
    return PoseSequence.from_poses(moved, poses.times, size, poses.extractor)


def retarget_stream(
    poses: Iterable[Pose], fps: float, driver: Body, actor: Body, keep_proportions: bool = False
) -> Iterator[Pose]:
    """Retarget a stream of poses, with the actor's feet on their floor wherever the driver walks.

    It is :func:`retarget` over a floor line that follows the driver's lowest foot but for jumps of up to a second, for
    which it looks ahead by 1.2 s; it holds no more than that. Where no foot is seen the floor stays where it was.

    Args:
        poses: One cleaned pose a frame, in order.
        fps: Frames a second.
        driver: The driving performer.
        actor: The target actor.
        keep_proportions: Only scale and place the driver's own proportions.

    Yields:
        As many poses as came in, in the actor's frame, without mattes.
    """
    held: deque[Pose] = deque()

    def low() -> Iterator[float]:
        for pose in poses:
            held.append(pose)
            yield float(_lowest_foot(pose.keypoints[None], pose.scores[None])[0])

    floor_y = driver.floor_y
    for here in _floors(low(), fps):
        floor_y = here if np.isfinite(here) else floor_y
        pose = held.popleft()
        keypoints, scores = retarget(
            pose.keypoints[None], pose.scores[None], driver, actor, keep_proportions, np.array([floor_y])
        )
        yield Pose(keypoints[0], scores[0])


def retarget(
    keypoints: np.ndarray, scores: np.ndarray, driver: Body, actor: Body, keep_proportions: bool = False,
    floor_y: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
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
        floor_y: (T,) the floor line under the driver in each frame, pixels; None takes ``driver.floor_y``
            throughout. However it moves, the actor's own hardly does.

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
    floor_y = np.full(len(root), driver.floor_y) if floor_y is None else floor_y
    stray = np.clip(scale * (floor_y - driver.floor_y), -_STRAY * actor.height, _STRAY * actor.height)
    floor = actor.floor_y + stray
    y = floor - scale * (floor_y - _lowest_foot(keypoints, scores)) - _lowest_foot(moved, out)
    y = np.where(np.isfinite(y), y, floor + scale * (root[:, 1] - floor_y))
    moved += np.stack([x, y], -1)[:, None].astype(np.float32)
    return np.where(out[..., None] > 0, moved, 0).astype(np.float32), out

"""How an actor usually stands: it stands in for what a driver does not show, and says what was filmed of the actor."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from perfclone.pose.body import BONES, LENGTHS, ROOT, Body
from perfclone.pose.sequence import Moment, Pose
from perfclone.pose.skeleton import FEET, HEAD, HIPS, INDEX, NECK, OTHER_SIDE, SHOULDERS, joints
from perfclone.pose.stage import sliding

#: What is about to be lost, or has just come, moves from the one pose to the other in this time, seconds.
FADE_S = 0.4
#: Ankles nearer below the hips than this share of the legs' length are those of somebody who sits or kneels.
_SEATED = 0.6
#: Joints that fewer frames than this share show were not filmed.
_FILMED = 0.02
#: The hips of somebody whose feet are not seen sway so far above feet that stand, torso lengths, x and y.
_SWAY = np.array([0.3, 0.05])

_NAMES = list(INDEX)
_ANKLES = joints("right_ankle", "left_ankle")
_LEGS = [j for j, name in enumerate(_NAMES) if name.split("_")[-1] in ("knee", "ankle", "heel", "toe")]
#: How far the joints of a leg stay with the feet, 1, or go with the hips, 0.
_PLANTED = np.array([{"knee": 0.5}.get(name.split("_")[-1], 1.0) for name in _NAMES])
_OTHER = np.array(OTHER_SIDE)
#: Directions of the bones of somebody who stands straight, facing the camera, (bones, 2).
_STRAIGHT = np.array(
    [
        (0, -1)
        if group in ("torso", "head")
        else (0, 1)
        if group not in ("shoulder", "hip")
        else (-1, 0)
        if _NAMES[child].startswith("right")
        else (1, 0)
        for _, child, group in BONES
    ]
)
_ANY_HEAD, _ANY_ANKLE = len(_NAMES), len(_NAMES) + 1
#: Joints that are stood in for only with another one, or with a group.
_WITH = {"thumb": "wrist", "index": "wrist", "pinky": "wrist", "heel": "ankle", "toe": "ankle"}


def _leader(name: str) -> int:
    """The joint, or group of joints, that must be lost before this one is stood in for."""
    if INDEX[name] in HEAD:
        return _ANY_HEAD
    part = name.split("_")[-1]
    return INDEX[name.replace(part, _WITH.get(part, part))]


_LEADER = np.array([_leader(name) for name in _NAMES])


@dataclass(frozen=True)
class Stance:
    """How an actor usually stands, and what of them was ever filmed.

    Attributes:
        vectors: (bones, 2) pixels, each bone of ``BONES`` in the actor's frame; straight where it is not known.
        known: (J,) bool, whether the bone that ends there is known.
        filmed: (J,) bool, whether the joint was ever filmed.
        seated: Whether the actor was never filmed standing; then no driver's legs unfold theirs.
    """

    vectors: np.ndarray
    known: np.ndarray
    filmed: np.ndarray
    seated: bool = False

    @classmethod
    def find(cls, bank: np.ndarray, scores: np.ndarray, body: Body) -> Stance | None:
        """Find it in poses of the reference video.

        It is the medoid of the poses with the longest legs, a real one; what it does not show is a median over all.

        Args:
            bank: (N, J, 2), as :func:`perfclone.pose.space.normalise` gives them.
            scores: (N, J); 0 is not seen.
            body: The actor in the frame.

        Returns:
            The stance, or None where the poses show nobody.
        """
        bank, seen = np.asarray(bank, np.float64), np.asarray(scores) > 0
        seen = seen & bank.any(axis=(1, 2))[:, None]
        filmed = seen.mean(0) >= _FILMED
        if not filmed.any():
            return None
        points = np.where(seen[..., None], bank, np.nan)
        standing = _medoid(points[_upright(points)])
        lengths = dict(zip(LENGTHS, body.lengths))
        vectors = _STRAIGHT * [[lengths[group]] for _, _, group in BONES]
        known = np.zeros(len(_NAMES), bool)
        for n, (parent, child, group) in enumerate(BONES):
            usual = (points[:, child] - _place(points, parent))[filmed[child] & seen[:, child]]
            vector = (standing[child] - _place(standing[None], parent)[0]) * body.torso
            if not np.isfinite(vector).all():
                usual = usual[np.isfinite(usual).all(1)]
                if not len(usual):
                    continue
                vector = np.median(usual, axis=0) * body.torso
            vectors[n] = vector * min(1.0, lengths[group] / max(float(np.linalg.norm(vector)), 1e-6))
            known[child] = True
        depth = _under_hips(_by_child(vectors))[_ANKLES, 1].max()
        seated = known[_ANKLES].all() and depth < _SEATED * (lengths["thigh"] + lengths["shin"])
        return cls(vectors, known, filmed, bool(seated))


def _place(points: np.ndarray, joint: int) -> np.ndarray:
    return points[:, HIPS].mean(1) if joint == ROOT else points[:, joint]


def _upright(points: np.ndarray) -> np.ndarray:
    """(N,) whether somebody stands as upright as they ever do; all of them where nobody is seen to stand."""
    drop = points[:, _ANKLES, 1].max(1)  # NaN where one is not known
    neck = points[:, NECK, 1]
    usable = np.isfinite(drop) & (neck < 0)
    if not usable.any():
        return np.ones(len(points), bool)
    return usable & (drop >= 0.9 * np.quantile(drop[usable], 0.9))


def _medoid(points: np.ndarray) -> np.ndarray:
    """The pose (J, 2) of the fuller ones of (N, J, 2) that is nearest to all the others of these."""
    missing = np.isnan(points).any(-1).sum(1)
    points = points[missing <= missing.min() + 2]
    apart = np.linalg.norm(points[:, None] - points[None], axis=-1)
    return points[np.nan_to_num(apart).sum((1, 2)).argmin()]


def stand_in(shot: Iterable[tuple[Moment, Body]], stance: Stance, shares: np.ndarray) -> Iterator[tuple[Moment, Body]]:
    """Complete the poses of a shot: what the driver does not show stands as the actor stands.

    Legs whose feet are not seen stand where the hips were, which may sway above them; one that would reach below the
    other's foot does as the other does. Before a joint is lost, and after it has come, it moves from the one to the
    other. Fingers, and a part of a foot or of a face, are never stood in for while the rest is seen.

    Args:
        shot: Moments of one shot and the driver's body in each.
        stance: The actor's.
        shares: (bones,) lengths of the driver's bones, with the body of the shot's first moment, to the actor's.
    """
    shown = ((moment.time, _shown(moment.pose), (moment, body)) for moment, body in shot)
    legs, torso = _Legs(), None
    for _, fade, (moment, body) in sliding(shown, FADE_S, _fade):
        torso = torso or body.torso
        fade[_ANY_ANKLE] *= not stance.seated
        vectors = stance.vectors * (shares * body.torso / torso)[:, None]
        yield moment._replace(pose=_completed(moment.pose, fade, vectors, stance.known, legs, body.torso)), body


def _shown(pose: Pose) -> np.ndarray:
    """(J + 2,) which joints are seen, whether any of the head is, and any ankle; all where nobody is there."""
    seen = pose.scores > 0
    return np.concatenate([seen, [seen[HEAD].any(), seen[_ANKLES].any()]]) | (not seen.any())


def _fade(window: list[tuple[float, np.ndarray]]) -> np.ndarray:
    """How near the next or last moment without it is: 0 at that moment, 1 at FADE_S or more."""
    return np.min([np.where(shown, 1.0, min(abs(apart) / FADE_S, 1.0)) for apart, shown in window], axis=0)


class _Legs:
    """Where the hips were when the feet that are not seen came to stand."""

    def __init__(self):
        self.hips: np.ndarray | None = None

    def follow(self, root: np.ndarray, low: float | None, depth: float, torso: float) -> np.ndarray:
        """Give the place of the hips above these feet; ``low`` is that of feet that are seen, ``depth`` under hips."""
        if low is not None:
            self.hips = np.array([root[0], low - depth])
        before = root if self.hips is None else self.hips
        self.hips = before if low is not None else np.clip(before, root - _SWAY * torso, root + _SWAY * torso)
        return self.hips


def _completed(
    pose: Pose, fade: np.ndarray, vectors: np.ndarray, known: np.ndarray, legs: _Legs, torso: float
) -> Pose:
    seen = pose.scores > 0
    if not seen.any():
        return pose
    raw, points, there = pose.keypoints.astype(np.float64), pose.keypoints.astype(np.float64), seen.copy()
    to = _by_child(vectors)
    if not _place_trunk(raw, points, there, fade, to):
        return pose
    root, feet = points[HIPS].mean(0), fade[_ANY_ANKLE]
    under = _under_hips(to)
    low = raw[FEET][seen[FEET], 1].max() if feet == 1 and seen[FEET].any() else None
    stood = legs.follow(root, low, under[FEET, 1].max(), torso) - root
    stands = known & (points[NECK, 1] < root[1])
    for parent, child, _ in BONES:
        if child == NECK or child in HIPS or not there[parent]:
            continue
        weight, place = fade[_LEADER[child]], points[parent] + to[child]
        if child in _LEGS:
            if low is not None and place[1] > low + 0.1 * torso and seen[_OTHER[[parent, child]]].all():
                place = points[parent] + raw[_OTHER[child]] - raw[_OTHER[parent]]
            place = feet * place + (1 - feet) * (root + under[child] + _PLANTED[child] * stood)
            weight = weight * feet
        if seen[child] and weight < 1 and (stands[child] or (known[child] and child not in _LEGS)):
            points[child] = weight * raw[child] + (1 - weight) * place
        elif not seen[child] and known[child] and fade[_LEADER[child]] == 0 and (stands[child] or child not in _LEGS):
            points[child], there[child] = place, True
    return replace(
        pose, keypoints=points.astype(np.float32), scores=np.where(seen, pose.scores, there).astype(np.float32)
    )


def _place_trunk(
    raw: np.ndarray, points: np.ndarray, there: np.ndarray, fade: np.ndarray, to: dict[int, np.ndarray]
) -> bool:
    """Put neck and hips in place, from what is seen around them; whether there is enough."""
    hung = [
        np.mean([raw[j] - to[j] for j in group if there[j]], 0) for group in (SHOULDERS, HEAD) if there[group].any()
    ]
    both = there[HIPS].all()
    if not hung and not there[NECK] and not both:
        return False
    seen_root = raw[HIPS].mean(0)
    neck = hung[0] if hung else seen_root + to[NECK] if both else raw[NECK]
    points[NECK] = fade[NECK] * raw[NECK] + (1 - fade[NECK]) * neck if there[NECK] else neck
    weight, root = fade[HIPS].min() if both else 0.0, points[NECK] - to[NECK]
    for hip in HIPS:
        points[hip] = weight * raw[hip] + (1 - weight) * (root + to[hip])
    there[[NECK, *HIPS]] = True
    return True


def _by_child(vectors: np.ndarray) -> dict[int, np.ndarray]:
    return {child: vector for (_, child, _), vector in zip(BONES, vectors)}


def _under_hips(to: dict[int, np.ndarray]) -> np.ndarray:
    """(J, 2) joints of the legs from the middle of the hips, in the stance."""
    places = np.zeros((len(_NAMES), 2))
    for parent, child, _ in BONES:
        if child in HIPS or child in _LEGS:
            places[child] = (0 if parent == ROOT else places[parent]) + to[child]
    return places

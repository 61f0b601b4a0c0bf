"""Which views and movements a performer shows: what the actor will be able to do."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from perfclone.pose.sequence import PoseSequence
from perfclone.pose.skeleton import INDEX
from perfclone.pose.space import normalise
from perfclone.preflight.report import Finding, graded

_TURNED = 0.33  # shoulders and hips narrower than this, on average, in torso lengths: seen from the side
_OFTEN = 0.04  # share of the frames from which a view or movement counts as covered
_VIEWS = {
    "front": "facing the camera",
    "left side": "from the left side",
    "right side": "from the right side",
    "back": "from behind",
}
_MOVES = {
    "arms up": ("with a hand above the head", "raise both arms overhead and lower them, slowly, twice"),
    "arms wide": ("with an arm stretched out sideways", "stretch both arms out sideways for two seconds"),
    "legs": ("with a leg bent or lifted", "do a squat and lift each knee once"),
}


def coverage(poses: PoseSequence) -> Iterator[Finding]:
    """Judge how much of the pose space a few frames spread over a video cover.

    What was never filmed is a warning, not a failure: the actor can do without it as long as nobody asks for it.

    Args:
        poses: At least one frame in which the performer was found.
    """
    shares = {name: float(seen.mean()) for name, seen in {**views(poses), **movements(poses)}.items()}
    for name, words in _VIEWS.items():
        known = "little" if shares[name] else "nothing"
        advice = f"Let the actor turn slowly on the spot once: {words}, {known} of them will be known."
        yield graded(name, shares[name], _shown(shares[name], words), advice, warn=_OFTEN)
    for name, (words, wish) in _MOVES.items():
        advice = f"Let the actor {wish}, or such movements will be guessed."
        yield graded(name, shares[name], _shown(shares[name], words), advice, warn=_OFTEN)


def _shown(share: float, words: str) -> str:
    return f"{words} in {share:.0%} of the frames" if share else f"never {words}"


def views(poses: PoseSequence) -> dict[str, np.ndarray]:
    """From which side the performer is seen, name -> (T,) bool; a frame may belong to none.

    Somebody who faces the camera has the left shoulder and hip on the picture's right. Where both are narrow, the nose
    tells the side: who looks to the picture's left shows the left side. (The scores of eyes and nose tell nothing:
    BlazePose gives 1 for them from behind, too.)
    """
    place, seen = normalise(poses.keypoints, poses.scores), poses.scores > 0
    width, count = np.zeros(len(poses)), np.zeros(len(poses))
    for part, usual in (("shoulder", 1.0), ("hip", 0.5)):  # hips are half as wide as shoulders
        left, right = INDEX[f"left_{part}"], INDEX[f"right_{part}"]
        both = seen[:, left] & seen[:, right]
        width += np.where(both, (place[:, left, 0] - place[:, right, 0]) / usual, 0)
        count += both
    width = np.divide(width, count, out=np.full(len(poses), np.nan), where=count > 0)
    face = [INDEX[name] for name in ("nose", "right_eye", "left_eye")]
    gaze = (place[:, face, 0] * seen[:, face]).sum(1) / np.maximum(seen[:, face].sum(1), 1) - place[
        :, INDEX["neck"], 0
    ]
    side = np.abs(width) < _TURNED
    return {
        "front": width >= _TURNED,
        "left side": side & (gaze < -0.05),
        "right side": side & (gaze > 0.05),
        "back": width <= -_TURNED,
    }


def movements(poses: PoseSequence) -> dict[str, np.ndarray]:
    """What arms and legs do, name -> (T,) bool."""
    place, seen = normalise(poses.keypoints, poses.scores), poses.scores > 0
    up, wide, legs = (np.zeros(len(poses), bool) for _ in range(3))
    for side in ("right", "left"):
        shoulder, wrist, hip, knee, ankle = (
            INDEX[f"{side}_{joint}"] for joint in ("shoulder", "wrist", "hip", "knee", "ankle")
        )
        arm = place[:, wrist] - place[:, shoulder]
        arm_seen = seen[:, wrist] & seen[:, shoulder]
        up |= arm_seen & (arm[:, 1] < -0.45)
        wide |= arm_seen & (np.abs(arm[:, 0]) > 0.7) & (np.abs(arm[:, 1]) < 0.6)
        bend = _angle(place[:, hip] - place[:, knee], place[:, ankle] - place[:, knee])
        leg_seen = seen[:, [hip, knee, ankle]].all(1)
        short = np.linalg.norm(place[:, ankle] - place[:, hip], axis=1) < 1.25  # 1.65 where a leg is straight
        legs |= leg_seen & ((bend < 140) | short)
    feet = [INDEX["right_ankle"], INDEX["left_ankle"]]
    legs |= seen[:, feet].all(1) & (np.abs(place[:, feet[0], 1] - place[:, feet[1], 1]) > 0.35)
    return {"arms up": up, "arms wide": wide, "legs": legs}


def _angle(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Angle between vectors (T, 2), degrees."""
    lengths = np.maximum(np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1), 1e-6)
    return np.degrees(np.arccos(np.clip((a * b).sum(1) / lengths, -1, 1)))

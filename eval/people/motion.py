"""How people move: captured and authored motion, changed at random; faces and hands that are never still."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.interpolate import PchipInterpolator
from scipy.spatial.transform import Rotation

from ..synthetic import motions
from . import bvh

_NAMES = ("turn", "arms", "walk", "squats", "dance_a", "dance_b", "punch", "kick", "wave", "steps")
#: What somebody does of whom the camera sees half.
_CALM = ("turn", "arms", "wave", "dance_a")
#: What a hand does: curls of thumb, index, middle, ring and little finger, and spread.
_GRIPS = np.array([
    (0.1, 0.15, 0.18, 0.2, 0.22, 0.0), (0.0, -0.1, -0.1, -0.1, -0.1, 0.8), (0.9, 1.0, 1.0, 1.0, 1.0, 0.0),
    (0.8, 0.0, 1.0, 1.0, 1.0, 0.0), (0.8, 0.0, 0.0, 1.0, 1.0, 0.8), (0.5, 0.55, 0.5, 0.55, 0.6, 0.1),
    (0.0, 1.0, 1.0, 1.0, 1.0, 0.0), (0.6, 0.65, 0.1, 0.05, 0.0, 0.5), (0.3, 0.3, 0.35, 0.4, 0.45, -0.3),
])  # fmt: skip
#: Actions of the face that come together, and how far.
_FACES = (
    {"mouthSmileLeft": 0.9, "mouthSmileRight": 0.9, "cheekSquintLeft": 0.5, "cheekSquintRight": 0.5},
    {"jawOpen": 0.7}, {"jawOpen": 0.35, "mouthFunnel": 0.6}, {"mouthPucker": 0.9},
    {"browInnerUp": 0.8, "browOuterUpLeft": 0.7, "browOuterUpRight": 0.7, "eyeWideLeft": 0.6, "eyeWideRight": 0.6},
    {"browDownLeft": 0.9, "browDownRight": 0.9, "noseSneerLeft": 0.4, "noseSneerRight": 0.4},
    {"mouthFrownLeft": 0.8, "mouthFrownRight": 0.8}, {"mouthLeft": 0.6}, {"mouthRight": 0.6},
    {"mouthUpperUpLeft": 0.6, "mouthUpperUpRight": 0.6, "mouthLowerDownLeft": 0.6, "mouthLowerDownRight": 0.6},
    {"mouthStretchLeft": 0.6, "mouthStretchRight": 0.6}, {"mouthSmileLeft": 0.8}, {"mouthSmileRight": 0.8},
    {"cheekPuff": 0.7}, {"mouthPressLeft": 0.6, "mouthPressRight": 0.6}, {"mouthRollLower": 0.6},
    {"eyeSquintLeft": 0.7, "eyeSquintRight": 0.7}, {"jawLeft": 0.5}, {"jawRight": 0.5}, {"mouthShrugLower": 0.6},
)  # fmt: skip
#: Actions of the face that talk.
SPEECH = ("jawOpen", "mouthFunnel", "mouthPucker", "mouthStretchLeft", "mouthStretchRight", "mouthLowerDownLeft",
          "mouthLowerDownRight", "mouthUpperUpLeft", "mouthUpperUpRight", "mouthClose")  # fmt: skip


@dataclass(frozen=True)
class Performance:
    """What somebody does, frame by frame.

    Attributes:
        frames: (T, 43), see `eval.synthetic.motions`.
        grips: (T, 2, 9), see `hands.turn`.
        actions: (T, 52) in [0, 1].
        starts: (R,) int, the frames at which a run begins; within a run, time goes on without a gap.
    """

    frames: np.ndarray
    grips: np.ndarray
    actions: np.ndarray
    starts: np.ndarray


def draw(
    seed: int, count: int, fps: float, actions: Sequence[str], captured: Sequence[Path] = (), calm: bool = False
) -> Performance:
    """A performance of `count` frames in runs of 12 to 24, each of another motion or another part of one.

    Args:
        seed: The same number gives the same performance.
        count: Of frames.
        fps: Frames a second.
        actions: Names of the face's actions, in their order.
        captured: Files of motion capture (.bvh), more motions to choose from.
        calm: Whether to stay where one stands.
    """
    rng, parts, starts = np.random.default_rng([seed, 41]), [], []
    done = 0
    while done < count:
        length = min(int(rng.integers(12, 25)), count - done)
        if 0 < count - done - length < 6:
            length = count - done
        starts.append(done)
        parts.append(
            (_body(rng, length, fps, captured, calm), _hands(rng, length, fps), _face(rng, length, fps, actions))
        )
        done += length
    frames, grips, faces = (np.concatenate(columns) for columns in zip(*parts))
    return Performance(frames, grips, faces, np.array(starts))


def wander(rng: np.random.Generator, length: int, fps: float, width: int, seconds: float) -> np.ndarray:
    """Smooth noise (length, width) in about [-1, 1] that turns every `seconds`."""
    knots = int(length / fps / seconds) + 4
    values = np.clip(rng.normal(0, 0.5, (knots, width)), -1, 1)
    at = rng.uniform(0, 1) + np.arange(length) / fps / seconds
    return PchipInterpolator(np.arange(knots), values)(at)


def _body(rng: np.random.Generator, length: int, fps: float, captured: Sequence[Path], calm: bool) -> np.ndarray:
    names = _CALM if calm else _NAMES
    n = rng.integers(len(names) + (0 if calm else 2 * len(captured)))
    if rng.uniform() < (0.6 if calm else 0.35):
        clip = _gestures(rng, length, fps)
    elif n < len(names):
        clip = motions.motion(names[n], fps, None)
    else:
        clip = bvh.motion(captured[(n - len(names)) // 2], fps)
    if len(clip) < length:
        clip = motions.join([clip, motions.mirrored(clip)] * (length // len(clip) + 1), fps)
    start = int(rng.integers(0, len(clip) - length + 1))
    frames = clip[start : start + length].copy()
    if rng.uniform() < 0.5:
        frames = motions.mirrored(frames)
    return _turned(_changed(frames, rng, fps), rng)


def _gestures(rng: np.random.Generator, length: int, fps: float) -> np.ndarray:
    """Somebody who stands, sits or kneels and talks with arms, trunk and head, (length, 43): poses nobody captured."""
    channels, stance = {}, rng.choice(["stand", "sit", "kneel"], p=[0.78, 0.13, 0.09])
    for side in "rl":
        out, fwd, turn, elbow, lift = wander(rng, length, fps, 5, 0.9).T
        rest = rng.choice([12, 45, 80], p=[0.6, 0.25, 0.15])
        channels |= {f"out_{side}": np.clip(rest + 55 * out, 4, 165), f"fwd_{side}": 15 + 50 * fwd}
        channels |= {f"turn_{side}": 60 * turn, f"elbow_{side}": np.clip(55 + 75 * elbow, 4, 135)}
        channels |= {f"lift_{side}": 78 + 8 * lift if stance == "sit" else np.clip(70 * lift - 35, 0, 60)}
    lean, bend, twist, head, squat, shift = wander(rng, length, fps, 6, 1.2).T
    channels |= {"yaw": 0 * lean, "lean": 16 * lean, "side": 10 * bend, "twist": 24 * twist, "head_yaw": 40 * head}
    channels |= {"squat": np.clip(50 * squat - 20, 0, 50) * (stance == "stand"), "shift": 0.08 * shift}
    frames = motions.compose(channels, np.arange(length) / fps)
    if stance == "kneel":
        for limbs in (motions.RIGHT, motions.LEFT):
            frames[:, limbs["knee"]] = -np.radians(rng.uniform(95, 140) + 6 * squat)
            bend = Rotation.from_euler("xz", [rng.uniform(-8, 8), rng.uniform(5, 50)], degrees=True).as_quat()
            frames[:, limbs["hip"] : limbs["hip"] + 4] = bend[[3, 0, 1, 2]]
            frames[:, limbs["ankle"] : limbs["ankle"] + 4] = (np.sqrt(0.75), 0, 0, -0.5)
    return frames


def _changed(frames: np.ndarray, rng: np.random.Generator, fps: float) -> np.ndarray:
    """Frames (T, 43) with every joint bent a little otherwise, more in the arms; none beyond what joints can."""
    length, strength = len(frames), rng.choice([0.4, 1.0, 1.6])
    for at in motions.QUATERNIONS:
        if at == motions.ROOT:
            continue
        degrees = {motions.CHEST: 7, motions.NECK: 14}.get(at, 16 if at in (24, 38) else 5)
        bend = Rotation.from_rotvec(np.radians(degrees * strength) * wander(rng, length, fps, 3, 0.9))
        own = Rotation.from_quat(frames[:, [at + 1, at + 2, at + 3, at]])
        x, y, z, w = (bend * own).as_quat().T
        frames[:, at : at + 4] = np.stack([w, x, y, z], 1)
    for at in (motions.RIGHT["elbow"], motions.LEFT["elbow"]):
        more = np.radians(28 * strength) * wander(rng, length, fps, 1, 0.8)[:, 0]
        frames[:, at] = np.clip(frames[:, at] + more, 0.03, 2.5)
    return frames


def _turned(frames: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Frames turned to the camera, or away from it, and put somewhere near the middle."""
    angle = rng.choice([rng.normal(0, 18), rng.uniform(-95, 95), rng.uniform(-180, 180)], p=[0.55, 0.28, 0.17])
    turn = Rotation.from_euler("y", angle, degrees=True)
    x, y, z, w = (turn * Rotation.from_quat(frames[:, [4, 5, 6, 3]])).as_quat().T
    frames[:, 3:7] = np.stack([w, x, y, z], 1)
    place = turn.apply(np.insert(frames[:, [0, 2]] - frames[:, [0, 2]].mean(0), 1, 0, axis=1))[:, [0, 2]]
    frames[:, [0, 2]] = np.clip(0.6 * place + rng.uniform(-0.12, 0.12, 2), -0.4, 0.4)
    return frames


def _hands(rng: np.random.Generator, length: int, fps: float) -> np.ndarray:
    knots = int(length / fps / 0.6) + 4
    at = rng.uniform(0, 1) + np.arange(length) / fps / 0.6
    out = np.zeros((length, 2, 9))
    for hand in range(2):
        likely = np.array([4, 2, 1, 1, 1, 2, 0.5, 1, 2])
        kept = _GRIPS[rng.choice(len(_GRIPS), knots, p=likely / likely.sum())] + rng.normal(0, 0.07, (knots, 6))
        out[:, hand, :6] = np.clip(PchipInterpolator(np.arange(knots), kept)(at), -0.15, 1)
    out[:, :, 6:] = wander(rng, length, fps, 6, 0.8).reshape(length, 2, 3)
    return out


def _face(rng: np.random.Generator, length: int, fps: float, actions: Sequence[str]) -> np.ndarray:
    out, column = np.zeros((length, len(actions))), {name: i for i, name in enumerate(actions)}

    def raise_to(name: str, curve: np.ndarray) -> None:
        out[:, column[name]] = np.maximum(out[:, column[name]], curve)

    for _ in range(int(rng.integers(1, 5))):
        curve = np.clip(wander(rng, length, fps, 1, 0.5)[:, 0] + rng.uniform(-0.2, 0.5), 0, 1)
        for name, most in _FACES[rng.integers(len(_FACES))].items():
            raise_to(name, most * curve * rng.uniform(0.85, 1.15))
    if rng.uniform() < 0.5:
        curves = np.clip(wander(rng, length, fps, len(SPEECH), 0.14) * 0.8, 0, 1)
        for name, curve in zip(SPEECH, curves.T):
            raise_to(name, curve * (0.8 if name == "jawOpen" else 0.5))
    side, up = (wander(rng, length, fps, 2, 0.5) * 0.9).T
    for name, curve in (("eyeLookOutLeft", side), ("eyeLookInRight", side), ("eyeLookInLeft", -side),
                        ("eyeLookOutRight", -side), ("eyeLookUpLeft", up), ("eyeLookUpRight", up),
                        ("eyeLookDownLeft", -up), ("eyeLookDownRight", -up)):  # fmt: skip
        raise_to(name, np.clip(curve, 0, 1))
    for centre in np.cumsum(rng.exponential(1.2, 8)) * fps:
        shut = np.clip(1.3 - np.abs(np.arange(length) - centre) / (0.09 * fps), 0, 1)
        raise_to("eyeBlinkLeft", shut)
        raise_to("eyeBlinkRight", shut)
    return np.clip(out, 0, 1)

"""Motion for the synthetic people: captured clips, authored ones, and their joining without jumps.

A frame is 43 numbers in DeepMimic's order: x, air, z of the root, then quaternions (w, x, y, z) and hinge angles
(rad) from the root outwards. Axes are x forward (towards the camera), y up, z to the person's right; `air` is the
height of the lowest foot above the floor (m), so that feet stay on the ground whatever the body's proportions are.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

ROOT, CHEST, NECK = 3, 7, 11
RIGHT = {"hip": 15, "knee": 19, "ankle": 20, "shoulder": 24, "elbow": 28}
LEFT = {"hip": 29, "knee": 33, "ankle": 34, "shoulder": 38, "elbow": 42}
QUATERNIONS = (3, 7, 11, 15, 20, 24, 29, 34, 38)
LENGTH = 43

#: Motions of the reference clips, and motions kept for driving and testing; no motion is in both.
TRAIN: tuple[str, ...] = ("turn", "arms", "walk", "squats", "dance_a", "punch", "kick")
TEST: tuple[str, ...] = ("dance_b", "jump", "wave", "steps")
#: Captured clips that need cyclic travel taken out of them.
TRAVELLING = ("walk", "run", "punch")

#: Authored motions: seconds -> what changes there, in degrees. Arms: `out` sideways, `fwd` forwards, `turn` about
#: the arm, `elbow` bent; `_r`/`_l` one side only. All else goes on as it was.
AUTHORED: dict[str, tuple[tuple[float, dict[str, float]], ...]] = {
    "turn": (
        (0, {"out": 12, "elbow": 8}), (0.6, {}), (8.4, {"yaw": 360, "out": 24, "elbow": 20}), (9, {"out": 12}),
    ),
    "arms": (
        (0, {"out": 10, "elbow": 10}), (0.9, {"out": 88, "elbow": 4}), (1.7, {"out": 165, "elbow": 12}),
        (2.2, {"side": 10}), (2.7, {"side": -10}), (3.2, {"out": 88, "elbow": 80, "turn": 85, "side": 0}),
        (3.9, {"out": 14, "fwd": 85, "elbow": 4, "turn": 0}), (4.6, {"out": 10, "fwd": 30, "elbow": 125}),
        (5.4, {"out": 40, "fwd": -20, "elbow": 90, "turn": -60}), (6, {"twist": 22}), (6.6, {"twist": -22}),
        (7.2, {"out": 10, "fwd": 0, "elbow": 10, "turn": 0, "twist": 0}),
    ),
    "squats": (
        (0, {"out": 10, "elbow": 10}), (0.9, {"squat": 62, "fwd": 80, "lean": 24, "elbow": 6}),
        (1.8, {"squat": 2, "fwd": 5, "lean": 2}),
        (2.6, {"squat": 48, "out": 50, "lean": 18}), (3.4, {"squat": 2, "out": 10, "lean": 2}),
    ),
    "wave": (
        (0, {"out": 10, "elbow": 10}), (0.7, {"out_r": 96, "elbow_r": 75, "turn_r": 80, "side": 4}),
        (1.0, {"elbow_r": 40}), (1.3, {"elbow_r": 85}), (1.6, {"elbow_r": 40}), (1.9, {"elbow_r": 85, "head_yaw": 20}),
        (2.4, {"out_r": 20, "elbow_r": 100, "turn_r": 0, "fwd_r": 40, "lean": 14, "head_yaw": 0}),
        (3.2, {"out": 10, "elbow": 10, "fwd": 0, "side": 0, "lean": 0}),
    ),
    "steps": (
        (0, {"out": 12, "elbow": 20}), (0.5, {"lift_r": 65, "out_l": 60, "elbow_r": 70, "shift": 0.08}),
        (1.0, {"lift_r": 0, "out_l": 12, "elbow_r": 20, "shift": 0}),
        (1.5, {"lift_l": 65, "out_r": 60, "elbow_l": 70, "shift": -0.08}),
        (2.0, {"lift_l": 0, "out_r": 12, "elbow_l": 20, "shift": 0}),
        (2.6, {"yaw": 50, "fwd": 60, "twist": 15}), (3.3, {"yaw": -50, "fwd": 10, "out": 70, "twist": -15}),
        (4, {"yaw": 0, "fwd": 0, "out": 12, "twist": 0}),
    ),
}  # fmt: skip


@cache
def captured() -> dict[str, np.ndarray]:
    """The captured clips, name -> (T, 44) float64: seconds of each frame, then the frame."""
    with np.load(Path(__file__).with_name("motions.npz"), allow_pickle=False) as data:
        return {name: data[name].astype(np.float64) for name in data.files}


def mix(a: np.ndarray, b: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Between frames `a` and `b`, both (T, 43): rotations on the sphere, the rest in a line; `share` (T,) of `b`."""
    share = np.asarray(share)[:, None]
    out = a + (b - a) * share
    for at in QUATERNIONS:
        p, q = (x[:, at : at + 4] / np.linalg.norm(x[:, at : at + 4], axis=1, keepdims=True) for x in (a, b))
        dot = (p * q).sum(1, keepdims=True)
        q, angle = np.where(dot < 0, -q, q), np.arccos(np.clip(np.abs(dot), 0, 1))
        near = angle < 1e-4
        scale = np.where(near, 1.0, np.sin(angle))
        first = np.where(near, 1 - share, np.sin((1 - share) * angle) / scale)
        second = np.where(near, share, np.sin(share * angle) / scale)
        out[:, at : at + 4] = first * p + second * q
    return out


def mirrored(frames: np.ndarray) -> np.ndarray:
    """The same performance (T, 43) with left and right exchanged."""
    out = frames.copy()
    for name, right in RIGHT.items():
        left, size = LEFT[name], 1 if name in ("knee", "elbow") else 4
        out[:, right : right + size], out[:, left : left + size] = (
            frames[:, left : left + size],
            frames[:, right : right + size],
        )
    out[:, 2] *= -1
    for at in QUATERNIONS:
        out[:, [at + 1, at + 2]] *= -1
    return out


def join(clips: list[np.ndarray], fps: float, blend: float = 0.4) -> np.ndarray:
    """Clips (T_i, 43) one after the other, each fading into the next over `blend` seconds."""
    out = clips[0]
    for clip in clips[1:]:
        n = min(max(int(round(blend * fps)), 1), len(out), len(clip))
        u = (np.arange(n) + 1) / (n + 1)
        out = np.concatenate([out[:-n], mix(out[-n:], clip[:n], u * u * (3 - 2 * u)), clip[n:]])
    return out


def resample(clip: np.ndarray, fps: float) -> np.ndarray:
    """A captured clip (T, 44) at a steady rate, (T', 43)."""
    times = np.concatenate([[0], np.cumsum(clip[:-1, 0])])
    at = np.arange(0, times[-1], 1 / fps)
    low = np.clip(np.searchsorted(times, at, "right") - 1, 0, len(times) - 2)
    return mix(clip[low, 1:], clip[low + 1, 1:], (at - times[low]) / (times[low + 1] - times[low]))


def face_camera(frames: np.ndarray, travelling: bool) -> np.ndarray:
    """Turn a clip (T, 43) towards the camera and keep it around the middle of the room."""
    out, root = frames.copy(), Rotation.from_quat(frames[:, [ROOT + 1, ROOT + 2, ROOT + 3, ROOT]])
    forward = root.apply([1, 0, 0]).mean(0)
    turn = Rotation.from_rotvec([0, np.arctan2(forward[2], forward[0]), 0])
    x, y, z, w = (turn * root).as_quat().T
    out[:, ROOT : ROOT + 4] = np.stack([w, x, y, z], 1)
    place = frames[:, [0, 2]]
    if travelling:
        place = place - np.linspace(place[0], place[-1], len(place))
    place = turn.apply(np.insert(place - place.mean(0), 1, 0, axis=1))
    out[:, [0, 2]] = np.clip(place[:, [0, 2]] * (0.6, 0.7), (-0.5, -0.55), (0.5, 0.55))
    return out


def authored(name: str, fps: float) -> np.ndarray:
    """One of the `AUTHORED` motions as frames (T, 43), with a little breathing so that nothing stands still."""
    keys = AUTHORED[name]
    channels = [f"{c}_{s}" for c in ("out", "fwd", "turn", "elbow", "lift") for s in "rl"]
    channels += ["yaw", "lean", "side", "twist", "head_yaw", "squat", "shift"]
    values, rows = dict.fromkeys(channels, 0.0), []
    for _, change in keys:
        for key, value in change.items():
            values.update({c: value for c in channels if c in (key, f"{key}_r", f"{key}_l")})
        rows.append(list(values.values()))
    times, rows = np.array([t for t, _ in keys]), np.array(rows)
    at = np.arange(0, times[-1], 1 / fps)
    low = np.clip(np.searchsorted(times, at, "right") - 1, 0, len(times) - 2)
    u = (at - times[low]) / (times[low + 1] - times[low])
    ease = np.where(np.diff(times)[low] > 3, u, u * u * (3 - 2 * u))[:, None]
    c = dict(zip(channels, (rows[low] * (1 - ease) + rows[low + 1] * ease).T))
    return compose(c, at)


def compose(c: dict[str, np.ndarray], at: np.ndarray) -> np.ndarray:
    """Frames (T, 43) from channels of angles (degrees, (T,) each) at the times `at` (s)."""

    def quaternion(order: str, *angles: np.ndarray) -> np.ndarray:
        x, y, z, w = Rotation.from_euler(order, np.stack(angles, 1), degrees=True).as_quat().T
        return np.stack([w, x, y, z], 1)

    breath = 1.5 * np.sin(at * 2.1)
    out = np.zeros((len(at), LENGTH))
    out[:, 2] = c["shift"]
    out[:, ROOT : ROOT + 4] = quaternion("YXZ", c["yaw"], c["side"] * 0.3, -c["lean"] * 0.6)
    out[:, CHEST : CHEST + 4] = quaternion("YXZ", c["twist"], c["side"], breath - c["lean"] * 0.4)
    out[:, NECK : NECK + 4] = quaternion(
        "YXZ", c["head_yaw"] - c["twist"] * 0.5, -c["side"] * 0.5, c["lean"] * 0.5 - breath
    )
    for limbs, side, sign in ((RIGHT, "r", -1), (LEFT, "l", 1)):
        flex = c["squat"] + c[f"lift_{side}"]
        hip = limbs["hip"]
        out[:, hip : hip + 4] = quaternion("XYZ", sign * (3 + c["squat"] * 0.25), 0 * at, flex + c["lean"] * 0.6)
        out[:, limbs["knee"]] = np.radians(-(c["squat"] * 1.9 + c[f"lift_{side}"] * 1.3))
        ankle = limbs["ankle"]
        out[:, ankle : ankle + 4] = quaternion("XYZ", -sign * (3 + c["squat"] * 0.25), 0 * at, c["squat"] * 0.9)
        shoulder = limbs["shoulder"]
        out[:, shoulder : shoulder + 4] = quaternion(
            "XZY", sign * (c[f"out_{side}"] + breath), c[f"fwd_{side}"], sign * c[f"turn_{side}"]
        )
        out[:, limbs["elbow"]] = np.radians(c[f"elbow_{side}"] + breath)
    return out


def motion(name: str, fps: float = 30, seconds: float | None = None) -> np.ndarray:
    """A motion by name, as frames that `Scene.render` takes.

    Args:
        name: One of `TRAIN`, `TEST`, another captured clip ("run", "spin", "spinkick"), or "reference" (all of
            `TRAIN` joined, 24 s and more) or "driving" (three of `TEST` joined, 9 s).
        fps: Frames a second of the result.
        seconds: Cut to this length, or repeat (every other time mirrored) until it is reached; None leaves it.

    Returns:
        (T, 43) float64, see the head of this module.
    """
    if name == "reference":
        parts = ("turn", "arms", "walk", "dance_a", "squats", "punch", "kick", "dance_a", "walk")
        clips = [motion(part, fps) for part in parts]
        frames = join([mirrored(c) if i > 6 else c for i, c in enumerate(clips)], fps)
    elif name == "driving":
        frames = join([motion(part, fps) for part in ("wave", "dance_b", "steps")], fps)
    elif name in AUTHORED:
        frames = authored(name, fps)
    elif name in captured():
        frames = face_camera(resample(captured()[name], fps), name in TRAVELLING)
    else:
        known = ("reference", "driving", *AUTHORED, *captured())
        raise ValueError(f"there is no motion {name!r}; choose one of {', '.join(known)}")
    if seconds is None:
        return frames
    count, clips = int(round(seconds * fps)), [frames]
    while len(frames) < count:
        clips.append(mirrored(clips[-1]))
        frames = join(clips, fps)
    return frames[:count]

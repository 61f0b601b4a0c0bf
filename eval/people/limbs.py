"""Hands and feet that go where they should: a body's joints from where its ends are to be."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from scipy.spatial.transform import Rotation

from ..synthetic import motions
from ..synthetic.armature import AXES
from ..synthetic.rig import Rig

#: Share of its length to which a limb stretches at most.
_STRETCH = 0.995
_SIDES = (("r", "Right", motions.RIGHT), ("l", "Left", motions.LEFT))
#: Where elbows and knees point, in their parent's axes: forward, up, outward.
_ELBOW, _KNEE = (-0.5, -0.8, 0.3), (1.0, 0.0, 0.12)


class Limbs:
    """What a body's bones measure, and how its joints turn for its ends to be somewhere.

    Everything is in the axes of `eval.synthetic.motions` (x forward, y up, z to the person's right), m and degrees,
    but for what is said to be outward: away from the body's middle.

    Args:
        rig: The bones at rest.

    Attributes:
        reach: From shoulder to wrist, m.
    """

    def __init__(self, rig: Rig):
        at = {name: AXES.T @ head for name, head in zip(rig.names, rig.heads)}

        def far(*names: str) -> tuple[float, ...]:
            return tuple(float(np.linalg.norm(at[b] - at[a])) for a, b in zip(names, names[1:]))

        self._arm, self._leg = far("RightArm", "RightForeArm", "RightHand"), far("RightUpLeg", "RightLeg", "RightFoot")
        self._hip = {side: at[f"{name}UpLeg"] - at["Hips"] for side, name, _ in _SIDES}
        self._ankle = float(at["RightFoot"][1])
        self.reach = sum(self._arm)

    def frames(self, tracks: Mapping[str, np.ndarray]) -> np.ndarray:
        """The motion frames (T, 43) of a performance.

        Args:
            tracks: What is where at each of T times:
                "pelvis" (T, 3): forward, right (m) and how far it sinks below standing upright (m);
                "hips" (T, 3), "chest" (T, 3), "head" (T, 3): degrees to the left, to the right side, and forward down;
                "hand_r", "hand_l" (T, 3): the wrist from its shoulder, in the chest's axes: forward, up, outward, in
                lengths of the arm;
                "foot_r", "foot_l" (T, 4): forward, outward, above the floor (m), and degrees by which it turns out.
        """
        length = len(tracks["pelvis"])
        out = np.zeros((length, motions.LENGTH))
        hips, chest, head = (_bent(tracks[name]) for name in ("hips", "chest", "head"))
        for at, turn in ((motions.ROOT, hips), (motions.CHEST, chest), (motions.NECK, head)):
            out[:, at : at + 4] = _quaternion(turn)
        feet, pelvis = self._feet(tracks), np.insert(tracks["pelvis"][:, :2], 1, 0, axis=1)
        pelvis[:, 1] = self._height(pelvis, feet, hips) - tracks["pelvis"][:, 2]
        out[:, [0, 2]] = pelvis[:, [0, 2]]
        for side, _, bones in _SIDES:
            outward = np.array([1, 1, 1 if side == "r" else -1])
            upper, elbow = _two_bones(tracks[f"hand_{side}"] * outward * self.reach, self._arm, _ELBOW * outward, 1)
            out[:, bones["shoulder"] : bones["shoulder"] + 4], out[:, bones["elbow"]] = _quaternion(upper), elbow
            way = hips.inv().apply(feet[side][0] - pelvis) - self._hip[side]
            thigh, knee = _two_bones(way, self._leg, _KNEE * outward, -1)
            shin = hips * thigh * Rotation.from_rotvec(np.outer(knee, [0, 0, 1]))
            out[:, bones["hip"] : bones["hip"] + 4], out[:, bones["knee"]] = _quaternion(thigh), knee
            out[:, bones["ankle"] : bones["ankle"] + 4] = _quaternion(shin.inv() * feet[side][1])
        return out

    def _feet(self, tracks: Mapping[str, np.ndarray]) -> dict[str, tuple[np.ndarray, Rotation]]:
        """Side -> the ankle's place (T, 3) m and the foot's turn."""
        out = {}
        for side, sign in (("r", 1), ("l", -1)):
            forward, outward, above, turn = tracks[f"foot_{side}"].T
            place = np.stack([forward, above + self._ankle, sign * outward], 1)
            out[side] = place, Rotation.from_euler("Y", -sign * turn[:, None], degrees=True)
        return out

    def _height(self, pelvis: np.ndarray, feet: Mapping, hips: Rotation) -> np.ndarray:
        """How high (T,) the pelvis is where the leg that reaches less far is straight."""
        highest = []
        for side, (place, _) in feet.items():
            hip = hips.apply(self._hip[side])
            way = place - pelvis - hip
            flat = np.hypot(way[:, 0], way[:, 2])
            highest.append(place[:, 1] - hip[:, 1] + np.sqrt((0.985 * sum(self._leg)) ** 2 - flat**2))
        return -np.logaddexp(*(-100 * each for each in highest)) / 100  # the lower one, without a corner


def _bent(degrees: np.ndarray) -> Rotation:
    left, right, down = degrees.T
    return Rotation.from_euler("YXZ", np.stack([left, right, -down], 1), degrees=True)


def _quaternion(turn: Rotation) -> np.ndarray:
    x, y, z, w = turn.as_quat().T
    return np.stack([w, x, y, z], 1)


def _two_bones(
    way: np.ndarray, bones: tuple[float, float], pole: np.ndarray, sign: int
) -> tuple[Rotation, np.ndarray]:
    """Bend two bones, hanging along -y and hinged about z, so that they end at `way` from where they start.

    Args:
        way: (T, 3) m.
        bones: Their lengths, m.
        pole: (3,) where the hinge points.
        sign: 1 where the hinge bends forward, -1 backward.

    Returns:
        The upper bone's turn, and the hinge's angle (T,), rad.
    """
    a, b = bones
    far = np.clip(np.linalg.norm(way, axis=1), abs(a - b) * 1.05, _STRETCH * (a + b))
    bend = sign * np.arccos((far**2 - a**2 - b**2) / (2 * a * b))
    end = np.stack([b * np.sin(bend), -a - b * np.cos(bend), 0 * bend], 1)
    hinge = np.broadcast_to([0.0, -a, 0], end.shape)
    turn = _basis(way, np.broadcast_to(pole, way.shape)) @ _basis(end, hinge).transpose(0, 2, 1)
    return Rotation.from_matrix(turn), bend


def _basis(along: np.ndarray, towards: np.ndarray) -> np.ndarray:
    """Right-handed axes (T, 3, 3), in columns: the first along, the second as near `towards` as it can be."""
    u = along / np.linalg.norm(along, axis=1, keepdims=True)
    v = towards - (towards * u).sum(1, keepdims=True) * u
    v = v / np.linalg.norm(v, axis=1, keepdims=True)
    return np.stack([u, v, np.cross(u, v)], 2)

"""Wrists and fingers: how nine numbers turn a hand's bones, and its 21 points."""

from __future__ import annotations

import numpy as np
from scipy.spatial.transform import Rotation

from ..synthetic.rig import Rig

FINGERS = ("Thumb", "Index", "Middle", "Ring", "Pinky")
#: Degrees by which a finger that is curled wholly bends at its three joints; the thumb's.
_BENDS, _THUMB = (78, 95, 60), (28, 45, 60)
#: Degrees to which 1 turns the wrist: down, towards the thumb, about the forearm.
_WRIST = (45, 18, 50)


def turn(rig: Rig, side: str, forearm: np.ndarray, grip: np.ndarray) -> dict[str, np.ndarray]:
    """The rotations of one hand's bones.

    Args:
        rig: The bones at rest.
        side: "Left" or "Right".
        forearm: (3, 3) the forearm's global rotation.
        grip: (9,) curl of thumb, index, middle, ring and little finger (0 straight, 1 fist), spread (-1 to 1), and
            the wrist's turns (-1 to 1) down, towards the thumb and about the forearm.

    Returns:
        Bone -> its global rotation (3, 3).
    """
    ahead, palm = _frame(rig, side)
    thumbward = np.cross(ahead, palm) * (1 if side == "Left" else -1)
    axes = np.stack([np.cross(ahead, palm), np.cross(ahead, thumbward), ahead])
    wrist = Rotation.identity()
    for axis, angle, share in zip(axes, _WRIST, grip[6:]):
        wrist = Rotation.from_rotvec(np.radians(angle * share) * axis) * wrist
    out = {f"{side}Hand": forearm @ wrist.as_matrix()}
    for n, finger in enumerate(FINGERS):
        current = out[f"{side}Hand"]
        for joint in range(3):
            name = f"{side}Hand{finger}{joint + 1}"
            i = rig.names.index(name)
            along = _unit(rig.tails[i] - rig.heads[i])
            inward = _unit(palm - 0.8 * thumbward) if finger == "Thumb" else palm
            bend = (_THUMB if finger == "Thumb" else _BENDS)[joint] * grip[n]
            local = Rotation.from_rotvec(np.radians(bend) * _unit(np.cross(along, inward)))
            if joint == 0 and finger != "Thumb":
                local *= Rotation.from_rotvec(np.radians(6 * (2.5 - n) * grip[5]) * np.cross(ahead, thumbward))
            current = current @ local.as_matrix()
            out[name] = current
    return out


def points(rig: Rig, side: str, heads: np.ndarray, tails: np.ndarray) -> np.ndarray:
    """The 21 points (21, 3) of a posed hand in MediaPipe's order: the wrist, then each finger from its root on.

    Args:
        rig: The bones at rest.
        side: "Left" or "Right".
        heads: (B, 3) m, where the posed bones start.
        tails: (B, 3) m, and where they end.
    """
    out = [heads[rig.names.index(f"{side}Hand")]]
    for finger in FINGERS:
        bones = [rig.names.index(f"{side}Hand{finger}{joint}") for joint in (1, 2, 3)]
        out += [*heads[bones], tails[bones[-1]]]
    return np.array(out)


def _frame(rig: Rig, side: str) -> tuple[np.ndarray, np.ndarray]:
    """A resting hand's direction, and the one that its palm looks to."""
    wrist, index, pinky = (rig.at(f"{side}Hand{bone}") for bone in ("", "Index1", "Pinky1"))
    ahead = _unit((index + pinky) / 2 - wrist)
    palm = _unit(np.cross(index - wrist, pinky - wrist))
    return ahead, palm if palm[1] < 0 else -palm


def _unit(v: np.ndarray) -> np.ndarray:
    return v / np.linalg.norm(v)

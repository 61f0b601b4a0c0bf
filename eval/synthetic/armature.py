"""A body's bones: turned by a motion frame, and put where they then are."""

from __future__ import annotations

import numpy as np
from scipy.spatial.transform import Rotation

from . import motions
from .rig import Rig

#: DeepMimic (x forward, y up, z right) to the body's axes.
AXES = np.array([[0.0, 0, -1], [0, 1, 0], [1, 0, 0]])


class Armature:
    """The bones of one body.

    Attributes:
        rig: The bones at rest.
        alignment: Limb -> the rotation (3, 3) that hangs it straight down.
    """

    def __init__(self, rig: Rig):
        self.rig = rig
        limbs = [side + part for side in ("Left", "Right") for part in ("Arm", "ForeArm", "UpLeg", "Leg")]
        self.alignment = {name: self._align(name) for name in limbs}

    def _align(self, name: str) -> np.ndarray:
        """The rotation (3, 3) that hangs a limb of the resting body straight down."""
        i = self.rig.names.index(name)
        axis = self.rig.tails[i] - self.rig.heads[i]
        axis = axis / np.linalg.norm(axis)
        pivot = np.cross(axis, [0, -1, 0])
        return Rotation.from_rotvec(pivot / np.linalg.norm(pivot) * np.arccos(-axis[1])).as_matrix()

    def rotations(self, frame: np.ndarray) -> dict[str, np.ndarray]:
        """Global rotation (3, 3) of each driven bone for one motion frame (43,)."""

        def turn(at: int) -> Rotation:
            return Rotation.from_quat(frame[[at + 1, at + 2, at + 3, at]])

        def matrix(rotation: Rotation) -> np.ndarray:
            return AXES @ rotation.as_matrix() @ AXES.T

        def part(rotation: Rotation, share: float) -> Rotation:
            return Rotation.from_rotvec(rotation.as_rotvec() * share)

        root, chest, neck = turn(motions.ROOT), turn(motions.CHEST), turn(motions.NECK)
        trunk = root * chest
        out = {f"Spine{k}": matrix(root * part(chest, s)) for k, s in (("", 0.35), ("1", 0.7), ("2", 1))}
        out |= {"Hips": matrix(root), "Neck": matrix(trunk * part(neck, 0.5)), "Head": matrix(trunk * neck)}
        for side, at in (("Right", motions.RIGHT), ("Left", motions.LEFT)):
            thigh = root * turn(at["hip"])
            shin = thigh * Rotation.from_rotvec([0, 0, frame[at["knee"]]])
            arm = trunk * turn(at["shoulder"])
            fore = arm * Rotation.from_rotvec([0, 0, frame[at["elbow"]]])
            for name, rotation in (("Arm", arm), ("ForeArm", fore), ("UpLeg", thigh), ("Leg", shin)):
                out[side + name] = matrix(rotation) @ self.alignment[side + name]
            out[f"{side}Foot"] = matrix(shin * turn(at["ankle"]))
            lift = turn(at["shoulder"]).as_matrix()[1, 1]  # 1 hanging, -1 straight up
            raised = np.radians(22) * (1 - lift) / 2 * (1 if side == "Left" else -1)
            out |= {f"{side}Shoulder": matrix(trunk) @ Rotation.from_rotvec([0, 0, raised]).as_matrix()}
        return out

    def place(self, given: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        """Where every bone is once some are turned: a bone that is not given goes on as its parent does.

        Args:
            given: Bone -> its global rotation (3, 3).

        Returns:
            Global rotations (B, 3, 3), and where the bones start, (B, 3) m, the root where it rests.
        """
        rig = self.rig
        turned, place = np.zeros((len(rig.names), 3, 3)), np.zeros((len(rig.names), 3))
        for i, (name, parent) in enumerate(zip(rig.names, rig.parents)):
            turned[i] = given.get(name, turned[parent])
            place[i] = rig.heads[i]
            if parent >= 0:
                place[i] = place[parent] + turned[parent] @ (rig.heads[i] - rig.heads[parent])
        return turned, place

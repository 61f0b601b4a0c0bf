"""One dressed person: from an appearance to a skinned mesh, and from a motion frame to its posed vertices."""

from __future__ import annotations

import numpy as np

from perfclone.pose import KEYPOINTS

from . import hair
from .appearance import Appearance
from .armature import AXES, Armature
from .clothes import Measures, cloth_coordinates, dress
from .mesh import EYE, HAIR, SHOE, SKIN, join
from .rig import BODY, EARS, EYES, naked


class Body:
    """One dressed person, ready to be posed.

    Attributes:
        faces: (F, 3) int32; material: (F,) int32, one of SKIN ... LASH.
        paint: (V, 3) float32, where each vertex is at rest: patterns and faces are painted there.
        masks: (V, 4) float32, how much lips, lids, ears, face; cloth: (V, 2) float32 m, see `cloth_coordinates`.
        eye: (3,) middle between the eyes at rest; crown: height (m) of the skull above it.
        height: Of the person, m.
    """

    def __init__(self, look: Appearance):
        self.rig, mesh, groups = naked(look)
        measures, self.eye = Measures(self.rig), mesh.only(groups == EYES).vertices.mean(0)
        skull = mesh.only(groups == BODY)
        self.crown = float(skull.vertices[:, 1].max() - self.eye[1])
        pieces = dress(look, self.rig, mesh, groups)
        pieces += [(h, HAIR) for h in hair.grow(look.hair_style, skull, self.rig, self.eye, self.crown)]
        whole = join([piece for piece, _ in pieces])
        self.rest, self.faces = whole.vertices, whole.faces.astype(np.int32)
        self.material = np.repeat([k for _, k in pieces], [len(p.faces) for p, _ in pieces]).astype(np.int32)
        self.paint, self.masks = whole.vertices.astype(np.float32), whole.masks.astype(np.float32)
        self.cloth = cloth_coordinates(measures, whole).astype(np.float32)
        self.bones = np.argsort(-whole.weights, 1)[:, :4]
        self.weights = np.take_along_axis(whole.weights, self.bones, 1)
        self.weights /= self.weights.sum(1, keepdims=True)
        self.height = float(skull.vertices[:, 1].max())
        self.points = self._points()
        self.armature = Armature(self.rig)

    def _points(self) -> dict[str, np.ndarray]:
        """Keypoint -> the vertices whose mean it is, for those that no bone starts at."""
        v, kind = self.rest, np.zeros(len(self.rest), int)
        kind[self.faces.ravel()] = np.repeat(self.material, 3)
        face = (kind == SKIN) & (np.abs(v[:, 0]) < 0.01) & (np.abs(v[:, 1] - self.eye[1] + 0.04) < 0.025)
        points = {"nose": np.where(face)[0][np.argsort(-v[face, 2])[:4]]}
        for side, sign in (("left", 1), ("right", -1)):
            own = v[:, 0] * sign > 0
            points[f"{side}_eye"] = np.where(own & (kind == EYE))[0]
            points[f"{side}_ear"] = np.where(own & (kind == SKIN) & (self.masks[:, EARS] > 0.5))[0]
            shoe = np.where(own & (kind == SHOE))[0]
            points[f"{side}_heel"] = shoe[np.argsort(v[shoe, 2])[:12]]
            points[f"{side}_toe"] = shoe[np.argsort(-v[shoe, 2])[:12]]
        return points

    def pose(self, frame: np.ndarray) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """Pose the person in the room.

        Args:
            frame: (43,) one motion frame, see `motions`.

        Returns:
            The vertices (V, 3) float64 m, feet on the floor y = 0, and the keypoints (name -> (3,) m) of
            `perfclone.pose.KEYPOINTS`.
        """
        rig, armature = self.rig, self.armature
        turned, place = armature.place(armature.rotations(frame))
        shift = place - np.einsum("bij,bj->bi", turned, rig.heads)
        posed = np.zeros_like(self.rest)
        for k in range(4):
            bone, weight = self.bones[:, k], self.weights[:, k, None]
            posed += weight * (np.einsum("vij,vj->vi", turned[bone], self.rest) + shift[bone])
        move = AXES @ [frame[0], 0, frame[2]] - [place[0][0], posed[:, 1].min() - frame[1], place[0][2]]
        posed += move
        joints = {name: place[i] + move for i, name in enumerate(rig.names)}
        return posed, self._keypoints(posed, joints)

    def _keypoints(self, posed: np.ndarray, joints: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """The common skeleton of a posed body."""
        out = {name: posed[index].mean(0) for name, index in self.points.items()}
        for side in ("left", "right"):
            own = side.capitalize()
            names = {"shoulder": "Arm", "elbow": "ForeArm", "wrist": "Hand", "hip": "UpLeg", "knee": "Leg",
                     "ankle": "Foot", "thumb": "HandThumb2", "index": "HandIndex1", "pinky": "HandPinky1"}  # fmt: skip
            out |= {f"{side}_{name}": joints[own + bone] for name, bone in names.items()}
        out["neck"] = (out["left_shoulder"] + out["right_shoulder"]) / 2
        return {name: out[name] for name in KEYPOINTS}

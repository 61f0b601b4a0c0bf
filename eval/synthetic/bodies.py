"""From an appearance to a clothed, skinned mesh, and from a motion frame to its posed vertices.

Axes of the body: x to the person's left, y up from the floor, z forwards; metres.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from eval.synthetic import hair, motions
from eval.synthetic.appearance import Appearance
from eval.synthetic.mesh import Mesh, clip, join
from perfclone.pose import KEYPOINTS

SKIN, TOP, BOTTOM, SHOE, HAIR, EYE, LASH = range(7)
BODY, TIGHTS, SKIRT, EYES, LASHES = range(5)
LIPS, LIDS, EARS, FACE = range(4)
#: DeepMimic (x forward, y up, z right) to the body's axes.
AXES = np.array([[0.0, 0, -1], [0, 1, 0], [1, 0, 0]])


@cache
def bundle() -> dict[str, np.ndarray]:
    """The shapes, rig and weights of `people.npz`, coordinates in metres."""
    with np.load(Path(__file__).with_name("people.npz"), allow_pickle=False) as file:
        data = {name: file[name] for name in file.files}
    data["shapes"] = (data["mean"].astype(np.float64) + data["offsets"]) * 1e-4
    dense = np.zeros((len(data["mean"]), len(data["names"])))
    np.put_along_axis(dense, data["bones"].astype(int), data["weights"] / 255, 1)
    data["dense"] = dense / dense.sum(1, keepdims=True)
    return data


@dataclass(frozen=True)
class Rig:
    """Bones of one body at rest: names, parents (B,), heads and tails (B, 3) m."""

    names: tuple[str, ...]
    parents: np.ndarray
    heads: np.ndarray
    tails: np.ndarray

    def at(self, name: str) -> np.ndarray:
        """Where the bone of that name starts, (3,)."""
        return self.heads[self.names.index(name)]

    def which(self, *parts: str) -> list[int]:
        """The bones whose names hold any of `parts`."""
        return [i for i, name in enumerate(self.names) if any(part in name for part in parts)]


def stretch(rig: Rig, vertices: np.ndarray, weights: np.ndarray, look: Appearance) -> tuple[Rig, np.ndarray]:
    """Change the proportions: every bone scales its flesh along and across itself, and carries its children."""
    p = look.proportions
    along, across = np.full(len(rig.names), p.height), np.full(len(rig.names), p.height * p.girth)
    for parts, factor in (
        (("LeftArm", "RightArm", "ForeArm"), p.arms), (("UpLeg", "LeftLeg", "RightLeg"), p.legs),
        (("Spine",), p.torso), (("LeftShoulder", "RightShoulder"), p.shoulders),
    ):  # fmt: skip
        along[rig.which(*parts)] *= factor
    across[rig.which("Head", "Neck", "Hand", "Foot", "Toe")] = p.height
    head = rig.names.index("Head")
    along[head], across[head] = p.height * p.head, p.height * p.head
    axis = rig.tails - rig.heads
    axis /= np.linalg.norm(axis, axis=1, keepdims=True)
    linear = across[:, None, None] * np.eye(3) + (along - across)[:, None, None] * axis[:, :, None] * axis[:, None, :]
    heads = rig.heads * p.height
    for i, parent in enumerate(rig.parents):
        if parent >= 0:
            heads[i] = heads[parent] + linear[parent] @ (rig.heads[i] - rig.heads[parent])
    moved = np.einsum("vb,bij,vj->vi", weights, linear, vertices, optimize=True)
    moved += weights @ (heads - np.einsum("bij,bj->bi", linear, rig.heads))
    tails = heads + np.einsum("bij,bj->bi", linear, rig.tails - rig.heads)
    floor = moved[:, 1].min()
    moved[:, 1] -= floor
    return Rig(rig.names, rig.parents, heads - [0, floor, 0], tails - [0, floor, 0]), moved


def naked(look: Appearance) -> tuple[Rig, Mesh, np.ndarray]:
    """The body in its own proportions: rig, the whole mesh with its helpers, and each triangle's group."""
    data = bundle()
    shares = np.array(look.shape) / sum(look.shape)
    blend = {key: np.tensordot(shares, data[key], 1) for key in ("shapes", "heads", "tails")}
    rig = Rig(tuple(str(n) for n in data["names"]), data["parents"].astype(int), blend["heads"], blend["tails"])
    rig, vertices = stretch(rig, blend["shapes"], data["dense"], look)
    faces = data["faces"].astype(np.int64)
    mesh = Mesh(vertices, data["dense"], data["masks"] / 255, np.zeros((len(vertices), 2)), faces)
    return rig, mesh, data["groups"]


class Measures:
    """Where things are on one body at rest, as smooth functions of its vertices."""

    def __init__(self, rig: Rig):
        self.rig = rig
        self.hip, self.knee, self.ankle = (rig.at(n)[1] for n in ("LeftUpLeg", "LeftLeg", "LeftFoot"))
        self.neck, self.shoulder = rig.at("Neck"), rig.at("LeftArm")

    def arm(self, mesh: Mesh) -> tuple[np.ndarray, np.ndarray]:
        """How far down the arm, (V,): 0 shoulder, 1 elbow, 2 wrist; and the share of arm in each vertex, (V,)."""
        shoulder, elbow, wrist = (self.rig.at(n) for n in ("LeftArm", "LeftForeArm", "LeftHand"))
        v = mesh.vertices * np.where(mesh.vertices[:, :1] < 0, [[-1, 1, 1]], [[1, 1, 1]])  # both arms as the left one
        upper, fore = elbow - shoulder, wrist - elbow
        first = (v - shoulder) @ upper / (upper @ upper)
        second = 1 + (v - elbow) @ fore / (fore @ fore)
        share = mesh.weights[:, self.rig.which("LeftArm", "RightArm", "ForeArm", "Hand")].sum(1)
        return np.where(first < 1, first, np.maximum(second, 1)) * share, share

    def leg(self, length: float) -> float:
        """Height (m) at which a trouser leg of that length ends."""
        return float(np.interp(length, (0, 1, 2), (self.hip, self.knee, self.ankle)))

    def neckline(self, vertices: np.ndarray) -> np.ndarray:
        """Distance (m) outside the neck hole, (V,): negative where the throat shows."""
        centre = self.neck + [0, 0.02, 0.028]
        return np.linalg.norm((vertices - centre) * [1, 0.95, 0.9], axis=1) - 0.084


def dress(look: Appearance, rig: Rig, mesh: Mesh, groups: np.ndarray) -> list[tuple[Mesh, int]]:
    """Cut top, trousers, shoes and the skin that shows out of the whole mesh; (mesh, material) each."""
    m, (tights, body) = Measures(rig), (mesh.only(groups == g) for g in (TIGHTS, BODY))
    sleeve, cuff, hem, waist = look.top.length, m.leg(look.bottom.length), m.hip - 0.04, m.hip + 0.07

    top = clip(tights, lambda x: sleeve - m.arm(x)[0])
    top = clip(top, lambda x: x.vertices[:, 1] - hem + 4 * m.arm(x)[1])
    top = clip(top, lambda x: m.neckline(x.vertices))
    arm, _ = m.arm(top)
    loose = 0.010 * np.exp(-np.maximum(top.vertices[:, 1] - hem, 0) / 0.16) * (arm < 0.1)
    loose = loose + 0.007 * np.exp(-np.maximum(sleeve - arm, 0) / 0.25) * (arm > 0.1)
    top = hanging(top.inflated(0.011 + loose), rig)

    bottom = clip(clip(tights, lambda x: waist - x.vertices[:, 1]), lambda x: x.vertices[:, 1] - cuff)
    bottom = clip(bottom, lambda x: 0.3 - m.arm(x)[1])
    bottom = bottom.inflated(0.007 + 0.012 * np.clip((m.hip - 0.1 - bottom.vertices[:, 1]) / 0.5, 0, 1))

    shoe = clip(clip(tights, lambda x: m.ankle + 0.015 - x.vertices[:, 1]), lambda x: 0.3 - m.arm(x)[1])
    shoe = shoe.inflated(np.full(len(shoe.vertices), 0.012))
    sole = shoe.vertices.copy()
    sole[:, 1] = np.maximum(sole[:, 1], 0)
    shoe = replace(shoe, vertices=sole)

    def bare(x: Mesh) -> np.ndarray:
        along, share = m.arm(x)
        arms = np.where(share > 0.3, along - sleeve + 0.12, -1)
        throat = np.where(share > 0.3, -1, 0.035 - m.neckline(x.vertices))
        legs = np.where(x.vertices[:, 1] < m.hip, cuff + 0.03 - x.vertices[:, 1], -1)
        return np.maximum.reduce([arms, throat, legs, x.vertices[:, 1] - m.neck[1] - 0.03])

    eyes, lashes = mesh.only(groups == EYES), mesh.only(groups == LASHES)
    return [(clip(body, bare), SKIN), (top, TOP), (bottom, BOTTOM), (shoe, SHOE), (eyes, EYE), (lashes, LASH)]


def hanging(top: Mesh, rig: Rig) -> Mesh:
    """The same top, its hem following the hips more than the thighs, as cloth does."""
    weights, thighs = top.weights.copy(), rig.which("UpLeg")
    moved = 0.65 * weights[:, thighs]
    weights[:, thighs] -= moved
    weights[:, rig.names.index("Hips")] += moved.sum(1)
    return replace(top, weights=weights)


def cloth_coordinates(m: Measures, mesh: Mesh) -> np.ndarray:
    """Where on the cloth each vertex is, (V, 2) m: around it and down it; sleeves run along the arm."""
    along, share = m.arm(mesh)
    v = mesh.vertices
    length = np.linalg.norm(m.rig.at("LeftForeArm") - m.shoulder)
    down = (m.shoulder[1] - v[:, 1]) * (1 - share) + along * length * share
    around = v[:, 0] * (1 - share) + (v[:, 2] + 0.2 * np.sign(v[:, 0])) * share
    return np.stack([around, down], 1)


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
        limbs = [side + part for side in ("Left", "Right") for part in ("Arm", "ForeArm", "UpLeg", "Leg")]
        self.alignment = {name: self._align(name) for name in limbs}

    def _align(self, name: str) -> np.ndarray:
        """The rotation (3, 3) that hangs a limb of the resting body straight down."""
        i = self.rig.names.index(name)
        axis = self.rig.tails[i] - self.rig.heads[i]
        axis = axis / np.linalg.norm(axis)
        pivot = np.cross(axis, [0, -1, 0])
        return Rotation.from_rotvec(pivot / np.linalg.norm(pivot) * np.arccos(-axis[1])).as_matrix()

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

    def pose(self, frame: np.ndarray) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """Pose the person in the room.

        Args:
            frame: (43,) one motion frame, see `motions`.

        Returns:
            The vertices (V, 3) float64 m, feet on the floor y = 0, and the keypoints (name -> (3,) m) of
            `perfclone.pose.KEYPOINTS`.
        """
        rig, given = self.rig, self.rotations(frame)
        turned, place = np.zeros((len(rig.names), 3, 3)), np.zeros((len(rig.names), 3))
        for i, (name, parent) in enumerate(zip(rig.names, rig.parents)):
            turned[i] = given.get(name, turned[parent])
            place[i] = rig.heads[i]
            if parent >= 0:
                place[i] = place[parent] + turned[parent] @ (rig.heads[i] - rig.heads[parent])
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

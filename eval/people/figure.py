"""A dressed person: body, clothes and hair as one mesh with pictures on it, ready to be posed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from perfclone.pose import KEYPOINTS

from ..synthetic.armature import AXES, Armature
from ..synthetic.rig import Rig
from . import hands
from .dressing import Dresser
from .hanging import Legs
from .look import Look
from .mesh import Sway, normals, skin
from .part import Part
from .shape import base

#: Bones that the common skeleton's joints are the starts of.
_STARTS = {"shoulder": "Arm", "elbow": "ForeArm", "wrist": "Hand", "hip": "UpLeg", "knee": "Leg", "ankle": "Foot",
           "thumb": "HandThumb2", "index": "HandIndex1", "pinky": "HandPinky1"}  # fmt: skip


@dataclass(frozen=True)
class Posed:
    """A person in one pose.

    Attributes:
        world: (V, 3) float64 m, feet on the floor y = 0.
        normal: (V, 3) float64, of any length.
        joints: Name -> (3,) m, the common skeleton's.
        hands: (2, 21, 3) m, left and right, in MediaPipe's order.
        head: (3, 3), the head's rotation against the room.
        folds: (3,) m, by how much the cloth's folds have wandered.
    """

    world: np.ndarray
    normal: np.ndarray
    joints: dict[str, np.ndarray]
    hands: np.ndarray
    head: np.ndarray
    folds: np.ndarray


def between(before: Posed, after: Posed, share: float) -> Posed:
    """A pose on the way from one to the next, `share` of the way before it arrives."""

    def mix(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return b + share * (a - b)

    joints = {name: mix(before.joints[name], joint) for name, joint in after.joints.items()}
    pairs = ((before.world, after.world), (before.normal, after.normal), (before.hands, after.hands))
    world, normal, fingers = (mix(a, b) for a, b in pairs)
    return Posed(world, normal, joints, fingers, after.head, after.folds)


class Figure:
    """One dressed person.

    Args:
        look: Who it is.
        folder: What `assets.fetch` filled.

    Attributes:
        part: The whole mesh at rest.
        actions: Names of the face's actions, as :meth:`pose` takes them.
        height: m, without hair and shoes.
    """

    def __init__(self, look: Look, folder: Path):
        mesh = base(folder)
        vertices = mesh.shaped(look.phenotype)
        vertices[:, 1] -= vertices[mesh.arrays["base"], 1].min()
        self.rig = mesh.rig(vertices)
        self.armature = Armature(self.rig)
        self.actions = tuple(str(name) for name in mesh.arrays["actions"])
        body = mesh.arrays["base"][np.unique(mesh.arrays["faces"][mesh.arrays["groups"] == 0])]
        self.height = float(np.ptp(vertices[body, 1]))
        self.part: Part = Dresser(look, folder, vertices, self.rig).dress()
        self.sways = [Sway(self.part.looseness * (self.part.hair == h), *how) for h, how in (
            (0, (0.09, 1.5, 0.45)), (1, (0.05, 2.2, 0.35)))]  # fmt: skip
        hanging = np.nonzero((self.part.looseness > 0.01) & ~self.part.hair)[0]
        self.legs = Legs(self.rig, vertices[body], mesh.arrays["weights"][body], self.part.rest, hanging)
        self.rng = np.random.default_rng([look.seed, 29])
        self.start()
        self.points = _markers(vertices, mesh.arrays, self.rig)

    def start(self) -> None:
        """Begin another run: nothing swings yet, and the clothes have been pulled into other folds."""
        self.folds = self.rng.uniform(-0.5, 0.5, 3)
        self.last: np.ndarray | None = None
        for sway in self.sways:
            sway.start()

    def pose(self, frame: np.ndarray, grips: np.ndarray, actions: np.ndarray, seconds: float) -> Posed:
        """Pose the person.

        Args:
            frame: (43,), see `eval.synthetic.motions`.
            grips: (2, 9) left and right hand, see `hands.turn`.
            actions: (52,) in [0, 1], the face.
            seconds: Since the frame before.
        """
        part, rig = self.part, self.rig
        given = self.armature.rotations(frame)
        for side, grip in zip(("Left", "Right"), grips):
            given |= hands.turn(rig, side, given[f"{side}ForeArm"], grip)
        turned, place = self.armature.place(given)
        shift = place - np.einsum("bij,bj->bi", turned, rig.heads)
        rest = part.rest.copy()
        rest[part.moved] += np.tensordot(actions, part.moves, 1)
        world = skin(rest, part.bones, part.weights, turned, shift)
        tails = place + np.einsum("bij,bj->bi", turned, rig.tails - rig.heads)
        move = AXES @ [frame[0], 0, frame[2]] - [place[0][0], world[part.worn, 1].min() - frame[1], place[0][2]]
        world, place, tails = world + move, place + move, tails + move
        for sway in self.sways:
            sway.hang(world, seconds)
        self.legs.push(world, place, tails)
        world[:, 1] = np.maximum(world[:, 1], 0.002)
        marks = {name: _marked(points, turned, shift) + move for name, points in self.points.items()}
        joints = self._joints(place, marks)
        if self.last is not None:
            self.folds = self.folds + 0.1 * (place - place[0] - self.last).mean(0)
        self.last = place - place[0]
        fingers = np.stack([hands.points(rig, side, place, tails) for side in ("Left", "Right")])
        return Posed(
            world,
            normals(world, part.faces, part.welded),
            joints,
            fingers,
            turned[rig.names.index("Head")],
            self.folds,
        )

    def _joints(self, place: np.ndarray, marks: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        out = dict(marks)
        for side in ("left", "right"):
            for name, bone in _STARTS.items():
                out[f"{side}_{name}"] = place[self.rig.names.index(side.capitalize() + bone)]
        out["neck"] = (out["left_shoulder"] + out["right_shoulder"]) / 2
        return {name: out[name] for name in KEYPOINTS}


def _marked(points: tuple[np.ndarray, int], turned: np.ndarray, shift: np.ndarray) -> np.ndarray:
    at, bone = points
    return turned[bone] @ at + shift[bone]


def _markers(vertices: np.ndarray, arrays: dict[str, np.ndarray], rig: Rig) -> dict[str, tuple[np.ndarray, int]]:
    """Keypoint -> where it is at rest (3,), and the bone that carries it, for those that no bone starts at."""
    names = list(arrays["group_names"])
    used = {n: arrays["base"][np.unique(arrays["faces"][arrays["groups"] == i])] for i, n in enumerate(names)}
    body, head = vertices[np.unique(used["body"])], rig.names.index("Head")
    eyes = {s: vertices[used[f"helper-{s[0]}-eye"]].mean(0) for s in ("left", "right")}
    middle = (eyes["left"] + eyes["right"]) / 2
    nose = body[(np.abs(body[:, 0]) < 0.012) & (body[:, 1] < middle[1]) & (body[:, 1] > middle[1] - 0.08)]
    out = {"nose": (nose[np.argsort(-nose[:, 2])[:3]].mean(0), head)}
    around = body[(np.abs(body[:, 1] - middle[1]) < 0.04) & (body[:, 2] < middle[2] - 0.02)]
    for side, sign in (("left", 1), ("right", -1)):
        ear = around[np.argsort(-sign * around[:, 0])[:8]].mean(0)
        own = body[(body[:, 0] * sign > 0) & (body[:, 1] < 0.06)]
        heel, toe = own[np.argsort(own[:, 2])[:10]].mean(0), own[np.argsort(-own[:, 2])[:10]].mean(0)
        foot, ball = (rig.names.index(side.capitalize() + bone) for bone in ("Foot", "ToeBase"))
        out |= {f"{side}_eye": (eyes[side], head), f"{side}_ear": (ear, head)}
        out |= {f"{side}_heel": (heel, foot), f"{side}_toe": (toe, ball)}
    return out

"""The raw body: its shapes, its bones, and the change of its proportions.

Axes of the body: x to the person's left, y up from the floor, z forwards; metres.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from .appearance import Appearance
from .mesh import Mesh

#: What a triangle of the bundle belongs to, and the columns of its masks.
BODY, TIGHTS, SKIRT, EYES, LASHES = range(5)
LIPS, LIDS, EARS, FACE = range(4)


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

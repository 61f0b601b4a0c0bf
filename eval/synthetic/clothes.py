"""Clothes: cut out of the tights that come with the body, and made looser than skin."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from .appearance import Appearance
from .mesh import BOTTOM, EYE, LASH, SHOE, SKIN, TOP, Mesh, clip
from .rig import BODY, EYES, LASHES, TIGHTS, Rig


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

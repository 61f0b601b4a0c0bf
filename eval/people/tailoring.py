"""Clothes cut to measure out of the tights and the skirt that come with the body: tops, trousers, skirts, robes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ..synthetic.clothes import Measures, cloth_coordinates, hanging
from ..synthetic.mesh import Mesh, clip
from ..synthetic.rig import Rig
from .shape import base

#: Metres of cloth that one picture covers before it repeats.
CLOTH = 0.7


class Cut(NamedTuple):
    """A garment.

    Attributes:
        mesh: It, fitted.
        uv: (V, 2) its places on the cloth, repeating after 1.
        hides: (base mesh's vertices,) bool, what of the body it covers.
    """

    mesh: Mesh
    uv: np.ndarray
    hides: np.ndarray


class Tailor:
    """Makes clothes for one body.

    Args:
        folder: What `assets.fetch` filled.
        vertices: (V, 3) m, the shaped base mesh.
        rig: Its bones.
        rng: Draws lengths and widths.
    """

    def __init__(self, folder: Path, vertices: np.ndarray, rig: Rig, rng: np.random.Generator):
        arrays = base(folder).arrays
        self.rig, self.rng, self.measures = rig, rng, Measures(rig)
        names, weights = list(arrays["group_names"]), arrays["weights"].astype(np.float64)
        blank = np.zeros((len(vertices), 4))
        faces = arrays["base"][arrays["faces"]].astype(np.int64)
        self.body = Mesh(vertices, weights, blank, blank[:, :2], faces)
        self.tights, self.skirt = (
            self.body.only(arrays["groups"] == names.index(f"helper-{name}")) for name in ("tights", "skirt")
        )

    def make(self, kind: str) -> list[Cut]:
        """A "top", "trousers", "skirt" or "robe"."""
        return {"top": self._top, "trousers": self._trousers, "skirt": self._skirt, "robe": self._robe}[kind]()

    def _top(self, waist: float | None = None) -> list[Cut]:
        m, rng = self.measures, self.rng
        sleeve = float(rng.choice([rng.uniform(0.45, 0.9), rng.uniform(1.0, 1.6), 1.93]))
        hem = m.hip - rng.uniform(-0.04, 0.08) if waist is None else waist
        throat = rng.uniform(-0.02, 0.035)
        top = clip(self.tights, lambda x: sleeve - m.arm(x)[0])
        top = clip(top, lambda x: x.vertices[:, 1] - hem + 4 * m.arm(x)[1])
        top = clip(top, lambda x: m.neckline(x.vertices) - throat)
        arm, _ = m.arm(top)
        wide = rng.uniform(0.004, 0.022)
        flare = wide * np.exp(-np.maximum(top.vertices[:, 1] - hem, 0) / 0.2) * (arm < 0.1)
        cuff = 0.7 * wide * np.exp(-np.maximum(sleeve - arm, 0) / 0.3) * (arm > 0.1)
        top = hanging(top.inflated(0.009 + flare + cuff), self.rig)
        along, share = m.arm(self.body)
        hides = np.where(share > 0.3, along < sleeve - 0.1, m.neckline(self.body.vertices) > throat + 0.03)
        hides &= (self.body.vertices[:, 1] > hem + 0.03) | (share > 0.3)
        return [Cut(top, cloth_coordinates(m, top) / CLOTH, hides & (self.body.vertices[:, 1] < m.neck[1] + 0.03))]

    def _trousers(self) -> list[Cut]:
        m, rng = self.measures, self.rng
        cuff, waist = m.leg(float(rng.choice([rng.uniform(0.6, 1.2), rng.uniform(1.6, 1.97)]))), m.hip + 0.09
        legs = clip(clip(self.tights, lambda x: waist - x.vertices[:, 1]), lambda x: x.vertices[:, 1] - cuff)
        legs = clip(legs, lambda x: 0.3 - m.arm(x)[1])
        wide = rng.uniform(0.0, 0.03)
        legs = legs.inflated(0.006 + wide * np.clip((m.hip - 0.05 - legs.vertices[:, 1]) / 0.5, 0, 1))
        y, share = self.body.vertices[:, 1], m.arm(self.body)[1]
        return [Cut(legs, cloth_coordinates(m, legs) / CLOTH, (y > cuff + 0.03) & (y < waist - 0.03) & (share < 0.3))]

    def _skirt(self) -> list[Cut]:
        m, rng = self.measures, self.rng
        hem = float(rng.uniform(m.ankle + 0.02, m.knee + 0.18))
        skirt = clip(self.skirt, lambda x: x.vertices[:, 1] - hem)
        v = skirt.vertices.copy()
        centre = self.rig.at("Hips") * [1, 0, 1]
        down = np.clip((m.hip + 0.05 - v[:, 1]) / max(m.hip - hem, 0.1), 0, 1)
        angle = np.arctan2(v[:, 0] - centre[0], v[:, 2] - centre[2])
        pleats = rng.uniform(0, 0.012) * np.sin(int(rng.integers(9, 22)) * angle) * down
        radius = np.hypot(v[:, 0] - centre[0], v[:, 2] - centre[2])
        out = 1 + rng.uniform(-0.12, 0.4) * down + (0.008 + pleats) / np.maximum(radius, 0.05)
        v[:, [0, 2]] = centre[[0, 2]] + (v[:, [0, 2]] - centre[[0, 2]]) * out[:, None]
        uv = np.stack([angle * 0.17, m.hip - v[:, 1]], 1) / CLOTH
        skirt = _seamless(replace(skirt, vertices=v), uv)
        y, share = self.body.vertices[:, 1], m.arm(self.body)[1]
        return [Cut(*skirt, (y > hem + 0.10) & (y < v[:, 1].max() - 0.03) & (share < 0.3))]

    def _robe(self) -> list[Cut]:
        (skirt,) = self._skirt()
        return [*self._top(skirt.mesh.vertices[:, 1].max() - 0.04), skirt]


def _seamless(mesh: Mesh, uv: np.ndarray) -> tuple[Mesh, np.ndarray]:
    """The mesh and its places, the vertices behind doubled where the angle jumps from one end to the other."""
    span = np.ptp(uv[mesh.faces, 0], axis=1)
    torn = span > 0.5 * np.ptp(uv[:, 0])
    copies, faces = len(uv) + np.arange(len(uv)), mesh.faces.copy()
    left = uv[faces[torn], 0] < 0
    faces[torn] = np.where(left, copies[faces[torn]], faces[torn])
    twice = [np.concatenate([x, x]) for x in (mesh.vertices, mesh.weights, mesh.masks, mesh.cloth)]
    around = 2 * np.pi * 0.17 / CLOTH
    return Mesh(*twice, faces), np.concatenate([uv, uv + [around, 0]])

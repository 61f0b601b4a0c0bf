"""Putting clothes on a body: every piece fitted to it, what they hide left out, all joined to one mesh."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from ..synthetic.rig import Rig
from . import baking, complexion, dye
from .catalogue import Piece
from .convert import STEP, picture
from .hanging import loosened, under
from .look import Look
from .part import Layer, Part, join
from .shape import base
from .tailoring import CLOTH, Tailor

_SURFACE = {"hair": "hair", "brows": "hair", "lashes": "hair", "shoes": "shoes", "glasses": "glasses",
            "teeth": "mouth"}  # fmt: skip
_HEAD = ("hair", "brows", "lashes", "glasses", "teeth", "hat")
#: By how much what is on the head counts as nearer than it is, m, so that a hat is over the hair.
_LIFT = {"hat": 0.04, "brows": 0.001, "lashes": 0.001, "hair": 0.0, "glasses": 0.0, "teeth": 0.0}


class Dresser:
    """Dresses one body.

    Args:
        look: Who it is, and what is worn.
        folder: What `assets.fetch` filled.
        vertices: (V, 3) m, the shaped base mesh.
        rig: Its bones.
    """

    def __init__(self, look: Look, folder: Path, vertices: np.ndarray, rig: Rig):
        arrays = base(folder).arrays
        self.look, self.folder, self.vertices, self.rig = look, folder, vertices, rig
        self.rng = np.random.default_rng([look.seed, 23])
        self.weights = arrays["weights"].astype(np.float32)
        self.moves = (arrays["action_moves"].transpose(1, 0, 2) * np.float32(STEP)).astype(np.float32)
        self.hidden, self.covered = np.zeros(len(vertices), bool), np.inf
        self.tone = complexion.hair_colour(self.rng, look.phenotype.age)
        if "hair" in look.chosen:
            self.tone = np.array(look.chosen["hair"], float)
        self.tailor = Tailor(folder, vertices, rig, self.rng)

    def dress(self) -> Part:
        """The person's whole mesh."""
        layers = []
        for piece in sorted(self.look.pieces, key=lambda piece: piece.kind != "coat"):
            layers += self._tailored(piece) if piece.tailored else [self._bought(piece)]
            if piece.kind == "coat":
                self.covered = np.percentile(layers[-1].rest[:, 1], 2) + 0.12
        return join(layers + self._bare(), float(self.rng.uniform(0.5, 1.8)))

    def _bought(self, piece: Piece) -> Layer:
        """A piece of the packages', fitted: each vertex lies somewhere beside three of the body's."""
        with np.load(self.folder / f"{piece.name}.npz", allow_pickle=False) as file:
            data = {name: file[name] for name in file.files}
        refs, shares = data["refs"], data["shares"]
        rest = np.einsum("vk,vkj->vj", shares, self.vertices[refs]) + data["offsets"]
        weights, looseness = np.einsum("vk,vkb->vb", shares, self.weights[refs]), None
        if piece.kind not in _HEAD:
            self.hidden |= np.unpackbits(data["hides"])[: len(self.hidden)].astype(bool)
        if piece.loose:
            weights, looseness = loosened(rest, weights, self.rig, piece.kind == "hair")
            if piece.kind != "hair":
                self.hidden |= under(self.vertices, self.weights, rest, self.rig)
        uv, faces = data["uv"] * [1, -1] + [0, 1], data["faces"]
        image = self._painted(piece, picture(data["picture"].tobytes()), rest, uv, faces)
        if piece.kind == "trousers":
            faces = faces[rest[faces, 1].min(1) < self.covered]
        return Layer(
            rest, weights, uv, faces, image, _SURFACE.get(piece.kind, "cloth"),
            np.einsum("vk,vkan->van", shares, self.moves[refs]) if piece.kind in _HEAD else None, data["same"],
            looseness, _LIFT.get(piece.kind, 0.0002 * float(data["layer"])),
        )  # fmt: skip

    def _tailored(self, piece: Piece) -> list[Layer]:
        layers, image = [], None
        for cut in self.tailor.make(piece.kind):
            mesh, looseness = cut.mesh, None
            faces = mesh.faces
            if piece.kind == "trousers":
                faces = faces[mesh.vertices[faces, 1].min(1) < self.covered]
            if image is None or self.rng.uniform() < 0.3:
                image = dye.bolt(self.rng, 0.05 / CLOTH * dye.SIDE)
            weights = mesh.weights
            if piece.kind == "skirt" or len(layers) == 1:
                weights, looseness = loosened(mesh.vertices, weights, self.rig, False)
            same = np.unique(mesh.vertices.round(6), axis=0, return_inverse=True)[1].reshape(-1)
            self.hidden |= cut.hides
            lift = {"trousers": 0.008, "skirt": 0.010, "robe": 0.012, "top": self.rng.choice([0.002, 0.02])}[
                piece.kind
            ]
            layers.append(Layer(mesh.vertices, weights, cut.uv, faces, image, "cloth", None, same, looseness, lift))
        return layers

    def _painted(
        self, piece: Piece, image: np.ndarray, rest: np.ndarray, uv: np.ndarray, faces: np.ndarray
    ) -> np.ndarray:
        """A piece's picture in this person's own colours."""
        if piece.kind in ("hair", "brows", "lashes"):
            return complexion.hair(image, self.tone * {"lashes": 0.25, "brows": 0.7, "hair": 1.0}[piece.kind])
        if piece.kind in ("glasses", "teeth"):
            return image
        if piece.name in self.look.chosen:
            return dye.plain(image, self.look.chosen[piece.name])
        waist = self.rig.at("Hips")[1] + 0.04
        ends = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]]])
        island = connected_components(coo_matrix((np.ones(len(ends)), ends.T), (len(rest),) * 2), directed=False)[1]
        height = np.bincount(island, rest[:, 1]) / np.maximum(np.bincount(island), 1)
        lower = (height[island[faces[:, 0]]] < waist) & (piece.kind == "suit")
        metres = np.sqrt(_area(rest[faces]) / max(_area(np.pad(uv, ((0, 0), (0, 1)))[faces]), 1e-6))
        period = float(np.clip(0.05 / metres * dye.SIDE, 8, 200))
        calm = piece.kind in ("shoes", "hat")
        return dye.cloth(image, baking.regions(uv, faces, lower.astype(int), dye.SIDE), self.rng, period, calm)

    def _bare(self) -> list[Layer]:
        """What is seen of the body itself: skin, eyes and tongue."""
        arrays, vertices = base(self.folder).arrays, self.vertices
        names, own = [str(name) for name in arrays["group_names"]], arrays["base"]
        skin = picture((self.folder / f"skin_{self.look.skin}.png").read_bytes())
        skin = complexion.skin(skin, self.rng, self.look.chosen.get("skin"))
        if "skin" not in self.look.chosen and self.look.phenotype.sex > 0.5 and self.rng.uniform() < 0.45:
            skin = self._bearded(skin)
        tongue, iris = (
            np.full((4, 4, 4), (150, 78, 76, 255), np.uint8),
            complexion.eye(self.rng, self.look.chosen.get("eyes")),
        )
        skirted = any(piece.loose and piece.kind != "hair" for piece in self.look.pieces)
        thighs = self.weights[own][:, self.rig.which("UpLeg")].sum(1)
        out = []
        for name, image, surface in (
            ("body", skin, "skin"), ("helper-l-eye", iris, "eye"), ("helper-r-eye", iris, "eye"),
            ("helper-tongue", tongue, "mouth"),
        ):  # fmt: skip
            faces = arrays["faces"][arrays["groups"] == names.index(name)]
            uv = arrays["uv"].astype(np.float64) * [1, -1] + [0, 1]
            if name == "body":
                faces = faces[~self.hidden[own[faces]].all(1)]
            if surface == "eye":
                at = vertices[own[faces]].reshape(-1, 3)
                centre, radius = (at.max(0) + at.min(0)) / 2, np.ptp(at[:, 0]) / 2
                uv = (vertices[own, :2] - centre[:2]) / (2 * radius) * [1, -1] + 0.5
            out.append(
                Layer(vertices[own], self.weights[own], uv, faces, image, surface, self.moves[own], own, None,
                      -0.04 * thighs * skirted)
            )  # fmt: skip
        return out

    def _bearded(self, skin: np.ndarray) -> np.ndarray:
        arrays, vertices = base(self.folder).arrays, self.vertices
        names, own = [str(name) for name in arrays["group_names"]], arrays["base"]
        body, eyes = (np.isin(arrays["groups"], [names.index(n) for n in which]) for which in (
            ("body",), ("helper-l-eye", "helper-r-eye")))  # fmt: skip
        middle = vertices[own[arrays["faces"][eyes]]].reshape(-1, 3).mean(0)
        crown = vertices[own[arrays["faces"][body]], 1].max() - middle[1]
        at = baking.places(arrays["uv"] * [1, -1] + [0, 1], arrays["faces"][body], vertices[own], len(skin))
        return complexion.beard(skin, at, middle, crown, self.tone, self.rng)


def _area(corners: np.ndarray) -> float:
    """Of all triangles (F, 3, 3) together."""
    across = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    return float(np.linalg.norm(across, axis=1).sum() / 2)

"""Meshes with everything that rides on their vertices, and the few operations that clothes need."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import astuple, dataclass, replace

import numpy as np

#: What a triangle of a dressed person is made of.
SKIN, TOP, BOTTOM, SHOE, HAIR, EYE, LASH = range(7)


@dataclass(frozen=True)
class Mesh:
    """Triangles over vertices.

    Attributes:
        vertices: (V, 3) float64 m.
        weights: (V, B) share of each bone.
        masks: (V, 4) in [0, 1]: lips, lids, ears, face.
        cloth: (V, 2) m, places on the cloth.
        faces: (F, 3) int64.
    """

    vertices: np.ndarray
    weights: np.ndarray
    masks: np.ndarray
    cloth: np.ndarray
    faces: np.ndarray

    def only(self, kept: np.ndarray) -> Mesh:
        """The triangles where `kept` (F,) is true, without the vertices that nothing uses any more."""
        used, faces = np.unique(self.faces[kept], return_inverse=True)
        return Mesh(*(a[used] for a in astuple(self)[:4]), faces.reshape(-1, 3))

    def inflated(self, by: np.ndarray) -> Mesh:
        """Every vertex moved outwards along its normal by (V,) metres."""
        return replace(self, vertices=self.vertices + normals(self.vertices, self.faces) * np.asarray(by)[:, None])


def normals(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Unit normals (V, 3), the mean of the triangles around each vertex weighted by area."""
    corners = vertices[faces]
    across = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    total = np.stack([np.bincount(faces.ravel(), np.repeat(across[:, k], 3), len(vertices)) for k in range(3)], 1)
    return total / np.maximum(np.linalg.norm(total, axis=1, keepdims=True), 1e-12)


def clip(mesh: Mesh, scalar: Callable[[Mesh], np.ndarray]) -> Mesh:
    """Keep the part of a mesh where `scalar` (V,) is positive; triangles on the border are cut through."""
    value = scalar(mesh)
    inside = value > 0
    count = inside[mesh.faces].sum(1)
    border = mesh.faces[(count == 1) | (count == 2)]
    lone = np.where(inside[border].sum(1) == 1, inside[border].argmax(1), (~inside[border]).argmax(1))
    border = np.take_along_axis(border, (lone[:, None] + [0, 1, 2]) % 3, 1)  # the lone corner first
    edges, where = np.unique(
        np.sort(np.stack([border[:, [0, 1]], border[:, [0, 2]]], 1), 2).reshape(-1, 2), axis=0, return_inverse=True
    )
    a, b = edges.T
    share = (value[a] / (value[a] - value[b]))[:, None] if len(edges) else np.zeros((0, 1))
    attributes = [np.concatenate([x, x[a] * (1 - share) + x[b] * share]) for x in astuple(mesh)[:4]]
    first, second = (where.reshape(-1, 2) + len(value)).T if len(border) else np.zeros((2, 0), int)
    tip = inside[border[:, 0]] if len(border) else np.zeros(0, bool)
    faces = np.concatenate(
        [
            mesh.faces[count == 3],
            np.stack([border[:, 0], first, second], 1)[tip],
            np.stack([first, border[:, 1], border[:, 2]], 1)[~tip],
            np.stack([first, border[:, 2], second], 1)[~tip],
        ]
    )
    return Mesh(*attributes, faces).only(slice(None))


def join(pieces: Sequence[Mesh]) -> Mesh:
    """Several meshes as one, in order."""
    starts = np.cumsum([0] + [len(p.vertices) for p in pieces[:-1]])
    attributes = [np.concatenate(arrays) for arrays in zip(*(astuple(p)[:4] for p in pieces))]
    return Mesh(*attributes, np.concatenate([p.faces + start for p, start in zip(pieces, starts)]))

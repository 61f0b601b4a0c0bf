"""A dressed person's mesh at rest, put together from layers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from ..synthetic.textures import Textures, pyramids

#: What a picture's surface is like: strength and sharpness of its shine, how far light wraps around, depth of folds.
_SURFACES = {"skin": (0.05, 16, 0.28, 0.0), "eye": (0.35, 60, 0.1, 0.0), "mouth": (0.1, 30, 0.1, 0.0),
             "cloth": (0.015, 8, 0.06, 0.16), "shoes": (0.08, 25, 0.04, 0.0), "hair": (0.05, 14, 0.25, 0.0),
             "glasses": (0.3, 60, 0.0, 0.0)}  # fmt: skip
Surface = Literal["skin", "eye", "mouth", "cloth", "shoes", "hair", "glasses"]


@dataclass(frozen=True)
class Part:
    """A mesh at rest, or a part of one.

    Attributes:
        rest: (V, 3) float64 m.
        uv: (V, 2) float32, 0 to 1, v down.
        faces: (F, 3) int32.
        material: (F,) int32, which picture.
        bones, weights: (V, 4) int32 and float64, what carries a vertex.
        moved, moves: (N,) int32 and (52, N, 3) float32 m, the vertices that the face's actions move, and how.
        welded: (V,) int32, the same for vertices on one place.
        looseness: (V,) 0 to 1, see `mesh.Sway`.
        hair: (V,) int8, whether it is hair.
        lift: (V,) m, by how much a vertex counts as nearer than it is, so that cloth hides what it lies on.
        worn: (W,) int32, vertices that may rest on the floor: all but those that hang.
        textures: The pictures.
        surfaces: (M, 4) float64, of each picture, see `_SURFACES`.
        pierced: (M,) bool, whether a picture has holes.
        names: (M,) of the surfaces.
    """

    rest: np.ndarray
    uv: np.ndarray
    faces: np.ndarray
    material: np.ndarray
    bones: np.ndarray
    weights: np.ndarray
    moved: np.ndarray
    moves: np.ndarray
    welded: np.ndarray
    looseness: np.ndarray
    hair: np.ndarray
    lift: np.ndarray
    worn: np.ndarray
    textures: Textures
    surfaces: np.ndarray
    pierced: np.ndarray
    names: tuple[str, ...]


@dataclass(frozen=True)
class Layer:
    """One garment, or the body.

    Attributes:
        rest: (V, 3) m.
        weights: (V, B) share of each bone.
        uv: (V, 2), v down.
        faces: (F, 3); vertices that none uses are left out.
        image: (H, W, 4) uint8 RGBA, the picture on it.
        surface: What it is made of.
        moves: (V, 52, 3) m, how the face's actions move it; None for not at all.
        welded: (V,) int, the same for vertices on one place; None where each has its own.
        looseness: (V,) 0 to 1, see `mesh.Sway`; None for 0.
        lift: By how much it counts as nearer than it is, m; one for all, or (V,).
    """

    rest: np.ndarray
    weights: np.ndarray
    uv: np.ndarray
    faces: np.ndarray
    image: np.ndarray
    surface: Surface
    moves: np.ndarray | None = None
    welded: np.ndarray | None = None
    looseness: np.ndarray | None = None
    lift: float | np.ndarray = 0.0


def join(layers: list[Layer], folds: float = 1.0) -> Part:
    """Layers as one mesh; cloth has `folds` times the usual ones."""
    rows: dict[str, list[np.ndarray]] = {}
    count = welds = 0
    for number, layer in enumerate(layers):
        kept, index = np.unique(layer.faces, return_inverse=True)
        bones = np.argsort(-layer.weights[kept], 1)[:, :4]
        shares = np.take_along_axis(layer.weights[kept], bones, 1).astype(np.float64)
        same = (np.arange(len(layer.rest)) if layer.welded is None else layer.welded)[kept]
        row = {
            "rest": layer.rest[kept], "uv": layer.uv[kept], "bones": bones,
            "weights": shares / shares.sum(1, keepdims=True), "welded": same + welds,
            "looseness": np.zeros(len(kept)) if layer.looseness is None else layer.looseness[kept],
            "hair": np.full(len(kept), layer.surface == "hair"),
            "lift": np.broadcast_to(layer.lift, len(layer.rest))[kept],
            "faces": index.reshape(-1, 3) + count, "material": np.full(len(layer.faces), number),
        }  # fmt: skip
        if layer.moves is not None:
            which = np.nonzero(np.abs(layer.moves[kept]).max((1, 2)) > 1e-5)[0]
            row |= {"moved": which + count, "moves": layer.moves[kept[which]]}
        count, welds = count + len(kept), int(row["welded"].max(initial=welds - 1)) + 1
        for name, column in row.items():
            rows.setdefault(name, []).append(column)
    whole = {name: np.concatenate(columns) for name, columns in rows.items()}
    worn = np.nonzero(whole["looseness"] < 0.01)[0]
    images = [layer.image for layer in layers]
    surfaces = np.array([_SURFACES[layer.surface] for layer in layers]) * [1, 1, 1, folds]
    return Part(
        whole["rest"].astype(np.float64), whole["uv"].astype(np.float32), whole["faces"].astype(np.int32),
        whole["material"].astype(np.int32), whole["bones"].astype(np.int32), whole["weights"],
        whole["moved"].astype(np.int32), np.ascontiguousarray(whole["moves"].transpose(1, 0, 2)),
        np.unique(whole["welded"], return_inverse=True)[1].astype(np.int32), whole["looseness"], whole["hair"],
        whole["lift"], worn.astype(np.int32), pyramids(images), surfaces,
        np.array([(image[..., 3] < 100).mean() > 0.01 for image in images]), tuple(layer.surface for layer in layers),
    )  # fmt: skip

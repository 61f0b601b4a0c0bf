"""Pictures on triangles: a pyramid of each, and what a sample of it is. Compiled by numba."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numba as nb
import numpy as np

LEVELS = 8
#: Least opacity that each of the four samples of a pixel takes for solid: their share is then the pixel's opacity.
SOLID = np.array([[0.2, 0.65], [0.8, 0.4]])


class Textures(NamedTuple):
    """Several pictures, each in all its sizes.

    Attributes:
        texels: (N, 4) uint8 RGBA, one picture after the other, each from its largest to its smallest.
        table: (M, LEVELS, 3) int64, where a picture's level starts in `texels`, its width and its height.
    """

    texels: np.ndarray
    table: np.ndarray


class Cutout(NamedTuple):
    """Which triangles have holes in them, for :func:`raster.visibility`.

    Attributes:
        textures: The pictures.
        material: (F,) int32, which picture.
        level: (F,) int32, which of its sizes.
        uv: (V, 2) float32, a vertex' place in its picture, both from 0 to 1, v down.
        pierced: (M,) bool, whether a picture has holes.
    """

    textures: Textures
    material: np.ndarray
    level: np.ndarray
    uv: np.ndarray
    pierced: np.ndarray


def pyramids(pictures: Sequence[np.ndarray]) -> Textures:
    """Pictures (H, W, 4) uint8 with all their smaller sizes."""
    texels, table, start = [], np.zeros((len(pictures), LEVELS, 3), np.int64), 0
    for m, picture in enumerate(pictures):
        for level in range(LEVELS):
            height, width = picture.shape[:2]
            table[m, level] = start, width, height
            texels.append(picture.reshape(-1, 4))
            start += height * width
            picture = cv2.resize(picture, (max(1, width // 2), max(1, height // 2)), interpolation=cv2.INTER_AREA)
    return Textures(np.concatenate(texels), table)


@nb.njit(cache=True, fastmath=True)
def levels(textures, material, uv, faces, xy):
    """The size at which one texel of a triangle is about one sample.

    Args:
        textures: The pictures.
        material: (F,) int32, which picture.
        uv: (V, 2) places in it, 0 to 1.
        faces: (F, 3) int32.
        xy: (V, 2) sample coordinates.

    Returns:
        (F,) int32, 0 the largest.
    """
    out = np.zeros(len(faces), np.int32)
    for t in range(len(faces)):
        a, b, c = faces[t, 0], faces[t, 1], faces[t, 2]
        _, width, height = textures.table[material[t], 0]
        texels = (
            width
            * height
            * abs((uv[b, 0] - uv[a, 0]) * (uv[c, 1] - uv[a, 1]) - (uv[b, 1] - uv[a, 1]) * (uv[c, 0] - uv[a, 0]))
        )
        samples = abs((xy[b, 0] - xy[a, 0]) * (xy[c, 1] - xy[a, 1]) - (xy[b, 1] - xy[a, 1]) * (xy[c, 0] - xy[a, 0]))
        ratio = texels / max(samples, 1e-3)
        if ratio > 1:
            out[t] = min(LEVELS - 1, int(0.5 * np.log2(ratio) + 0.5))
    return out


@nb.njit(cache=True, fastmath=True)
def opacity(cutout, faces, t, w1, w2):
    """Opacity in [0, 1] of the picture at a place on triangle t, the nearest texel's."""
    w0 = 1 - w1 - w2
    a, b, c = faces[t, 0], faces[t, 1], faces[t, 2]
    uv = cutout.uv
    start, width, height = cutout.textures.table[cutout.material[t], cutout.level[t]]
    u = (w0 * uv[a, 0] + w1 * uv[b, 0] + w2 * uv[c, 0]) % 1.0
    v = (w0 * uv[a, 1] + w1 * uv[b, 1] + w2 * uv[c, 1]) % 1.0
    x, y = min(width - 1, int(u * width)), min(height - 1, int(v * height))
    return cutout.textures.texels[start + y * width + x, 3] / 255


@nb.njit(cache=True, fastmath=True)
def sample(textures, material, level, u, v, light, out):
    """The colour of a picture at (u, v) between its four nearest texels.

    Args:
        textures: The pictures.
        material: Which one.
        level: Which of its sizes.
        u: Across, 0 to 1; beyond that it repeats.
        v: Down, likewise.
        light: (256,) what each byte means.
        out: (3,) written, in the unit of `light`.
    """
    start, width, height = textures.table[material, level]
    x, y = (u % 1.0) * width - 0.5, (v % 1.0) * height - 0.5
    x0, y0 = int(np.floor(x)), int(np.floor(y))
    fx, fy = x - x0, y - y0
    left, right, above, below = x0 % width, (x0 + 1) % width, y0 % height, (y0 + 1) % height
    texels = textures.texels
    for k in range(3):
        top = (
            light[texels[start + above * width + left, k]] * (1 - fx)
            + light[texels[start + above * width + right, k]] * fx
        )
        low = (
            light[texels[start + below * width + left, k]] * (1 - fx)
            + light[texels[start + below * width + right, k]] * fx
        )
        out[k] = top * (1 - fy) + low * fy

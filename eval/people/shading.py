"""The light on a dressed person, in linear colour. Compiled by numba."""

from __future__ import annotations

from typing import NamedTuple

import numba as nb
import numpy as np

from ..synthetic.paint import folds
from ..synthetic.raster import blend, faces_away, lit
from ..synthetic.textures import sample

#: What each byte of a picture is in linear light, 0 to 1.
LINEAR = np.where(np.arange(256) / 255 <= 0.04045, np.arange(256) / 255 / 12.92,
                  ((np.arange(256) / 255 + 0.055) / 1.055) ** 2.4)  # fmt: skip


class Light(NamedTuple):
    """What shines.

    Attributes:
        key: (3,) towards the main light, a unit.
        colour: (3,) of the main light.
        sky, ground: (3,) light from above and from below.
        fill: (3,) light from beside the camera.
    """

    key: np.ndarray
    colour: np.ndarray
    sky: np.ndarray
    ground: np.ndarray
    fill: np.ndarray


class Surface(NamedTuple):
    """A posed person with pictures on them.

    Attributes:
        faces: (F, 3) int32.
        material, level: (F,) int32, which picture, and which of its sizes.
        uv: (V, 2) float32.
        folded: (V, 3) float64 m, where on the folds of cloth each vertex is.
        crease: (F,) float64, how much deeper than usual cloth folds.
        world, normal: (V, 3) float64 m.
        light_at: (V, 3) column, row and distance in the main light's depth map.
        surfaces: (M, 4) shine's strength and sharpness, wrap, depth of folds.
    """

    faces: np.ndarray
    material: np.ndarray
    level: np.ndarray
    uv: np.ndarray
    folded: np.ndarray
    crease: np.ndarray
    world: np.ndarray
    normal: np.ndarray
    light_at: np.ndarray
    surfaces: np.ndarray


@nb.njit(cache=True, fastmath=True, inline="always")
def unit(v):
    """Make a vector (3,) as long as 1, in place; its length before."""
    length = np.sqrt(v[0] ** 2 + v[1] ** 2 + v[2] ** 2) + 1e-12
    for k in range(3):
        v[k] /= length
    return length


@nb.njit(cache=True, fastmath=True)
def bent_normal(surface, t, corners, shares, n, p, bump):
    """The normal (3,) of triangle `t` at a place, with the folds of its cloth, a unit; written to `n`.

    Args:
        surface: The person, a :class:`Surface`.
        t: The triangle.
        corners: Its three vertices.
        shares: Of each in the place.
        n: (3,), written.
        p: (3,), and `bump`, (3,): room to work in.
        bump: See `p`.
    """
    blend(surface.normal, corners, shares, 3, n)
    unit(n)
    depth = surface.surfaces[surface.material[t], 3]
    if depth > 0:
        blend(surface.folded, corners, shares, 3, p)
        folds(p[0], p[1], p[2], bump)
        for k in range(3):
            n[k] += depth * surface.crease[t] * bump[k]
        unit(n)


@nb.njit(cache=True, fastmath=True)
def shade(triangle, bary, surface, textures, light, shadows, view, linear, out):
    """Colour every sample that sees the person.

    Args:
        triangle: (H, W) int32 as `raster.visibility` wrote it.
        bary: (H, W, 2) float32, likewise.
        surface: The person, a :class:`Surface`.
        textures: Their pictures.
        light: What shines, a :class:`Light`.
        shadows: (h, w) float32, the main light's depth map.
        view: (3,) the camera, m.
        linear: (256,) what each byte of a picture is in linear light.
        out: (H, W, 3) float32, linear light, written where a triangle is seen.
    """
    n, at, p, eye, bump, colour = np.zeros(3), np.zeros(3), np.zeros(3), np.zeros(3), np.zeros(3), np.zeros(3)
    uv = np.zeros(2)
    faces = surface.faces
    for y in range(triangle.shape[0]):
        for x in range(triangle.shape[1]):
            t = triangle[y, x]
            if t < 0:
                continue
            w1, w2 = bary[y, x, 0], bary[y, x, 1]
            shares, corners = (1 - w1 - w2, w1, w2), (faces[t, 0], faces[t, 1], faces[t, 2])
            m = surface.material[t]
            strength, power, wrap, _ = surface.surfaces[m]
            bent_normal(surface, t, corners, shares, n, p, bump)
            blend(surface.light_at, corners, shares, 3, at)
            blend(surface.world, corners, shares, 3, eye)
            blend(surface.uv, corners, shares, 2, uv)
            for k in range(3):
                eye[k] = view[k] - eye[k]
            inner = faces_away(surface.world, corners, eye)
            sample(textures, m, surface.level[t], uv[0], uv[1], linear, colour)
            unit(eye)
            sign = -1.0 if inner else 1.0
            diffuse, around, facing = 0.0, 0.0, 0.0
            for k in range(3):
                n[k] *= sign
                diffuse += n[k] * light.key[k]
                around += n[k] * (light.key[k] + eye[k])
                facing += n[k] * eye[k]
            open_ = lit(shadows, at, 0.02 + 0.03 * (1 - max(0.0, diffuse)))
            key = max(0.0, (diffuse + wrap) / (1 + wrap)) * open_
            half = min(1.0, max(0.0, around / 1.95))
            shine = strength * half**power * open_ * (0.4 + 0.6 * (1 - max(0.0, facing)))
            up = 0.5 + 0.5 * n[1]
            dim = 0.55 if inner else 1.0
            for k in range(3):
                falls = light.colour[k] * key + light.sky[k] * up + light.ground[k] * (1 - up)
                falls += light.fill[k] * max(0.0, facing)
                out[y, x, k] = dim * (colour[k] * falls + shine * light.colour[k])

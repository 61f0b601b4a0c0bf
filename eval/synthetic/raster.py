"""The rasteriser: which triangle each sample sees, and what colour it has. Compiled by numba, one thread.

What is called for every sample is inlined before it is compiled: shading is a sixth quicker for it.
"""

from __future__ import annotations

from typing import NamedTuple

import numba as nb
import numpy as np

from .mesh import BOTTOM, SKIN, TOP
from .paint import albedo, folds
from .textures import SOLID, opacity

KEY = np.array([-0.42, 0.72, 0.55]) / np.linalg.norm([-0.42, 0.72, 0.55])  # towards the main light


class Surface(NamedTuple):
    """A posed person: what their triangles are, and what their vertices carry.

    Attributes:
        faces: (F, 3) int32.
        material: (F,) int32, SKIN to LASH.
        world: (V, 3) posed vertices, m.
        normal: (V, 3) their unit normals.
        paint: (V, 3) places at rest, m.
        cloth: (V, 2) places on the cloth, m.
        masks: (V, 4) lips, lids, ears, face in [0, 1].
        light_at: (V, 3) column, row and distance in the main light's depth map.
    """

    faces: np.ndarray
    material: np.ndarray
    world: np.ndarray
    normal: np.ndarray
    paint: np.ndarray
    cloth: np.ndarray
    masks: np.ndarray
    light_at: np.ndarray


@nb.njit(cache=True, fastmath=True)
def visibility(xy, z, faces, depth, triangle, bary, cutout=None):
    """Find the nearest triangle of every sample.

    Args:
        xy: (V, 2) float64, sample coordinates.
        z: (V,) distance from the eye, smaller is nearer.
        faces: (F, 3) int32.
        depth: (H, W) float32, infinity where nothing is yet; written.
        triangle: (H, W) int32, -1 where nothing is yet; written.
        bary: (H, W, 2) float32, shares of the second and third corner; written.
        cutout: Pictures with holes that are on the triangles, a :class:`~.textures.Cutout`; None for none.
    """
    height, width = depth.shape
    for t in range(faces.shape[0]):
        a, b, c = faces[t, 0], faces[t, 1], faces[t, 2]
        x0, y0 = xy[a, 0], xy[a, 1]
        ux, uy, vx, vy = xy[b, 0] - x0, xy[b, 1] - y0, xy[c, 0] - x0, xy[c, 1] - y0
        area = ux * vy - vx * uy
        if abs(area) < 1e-9:
            continue
        low_x, high_x = max(0, int(np.ceil(x0 + min(0.0, ux, vx)))), min(width - 1, int(x0 + max(0.0, ux, vx)))
        low_y, high_y = max(0, int(np.ceil(y0 + min(0.0, uy, vy)))), min(height - 1, int(y0 + max(0.0, uy, vy)))
        for y in range(low_y, high_y + 1):
            for x in range(low_x, high_x + 1):
                px, py = x - x0, y - y0
                w1 = (px * vy - vx * py) / area
                w2 = (ux * py - px * uy) / area
                if w1 < -1e-6 or w2 < -1e-6 or w1 + w2 > 1 + 1e-6:
                    continue
                d = z[a] + w1 * (z[b] - z[a]) + w2 * (z[c] - z[a])
                if d < depth[y, x]:
                    if cutout is not None:
                        if (
                            cutout.pierced[cutout.material[t]]
                            and opacity(cutout, faces, t, w1, w2) < SOLID[y % 2, x % 2]
                        ):
                            continue
                    depth[y, x], triangle[y, x] = d, t
                    bary[y, x, 0], bary[y, x, 1] = w1, w2


@nb.njit(cache=True, fastmath=True)
def lit(shadows, at, bias):
    """Share of the main light that reaches `at` (column, row, distance) of the light's depth map: 3x3 samples."""
    height, width = shadows.shape
    total = 0.0
    for i in range(-1, 2):
        for j in range(-1, 2):
            y, x = int(at[1] + 0.5) + i, int(at[0] + 0.5) + j
            inside = 0 <= y < height and 0 <= x < width
            total += 1.0 if not inside or shadows[y, x] > at[2] - bias else 0.0
    return total / 9


@nb.njit(cache=True, fastmath=True, inline="always")
def blend(values, corners, shares, size, out):
    """What values (V, size) are inside a triangle: its corners' by their shares, into `out` (size,)."""
    a, b, c = corners
    w0, w1, w2 = shares
    for k in range(size):
        out[k] = w0 * values[a, k] + w1 * values[b, k] + w2 * values[c, k]


@nb.njit(cache=True, fastmath=True, inline="always")
def faces_away(world, corners, eyeward):
    """Whether a triangle shows its back, as inside a sleeve or in hair.

    By its own normal: the smooth one turns away too early at the outline.
    """
    a, b, c = corners
    outward = 0.0
    for k in range(3):
        i, j = (k + 1) % 3, (k + 2) % 3
        outward += eyeward[k] * (
            (world[b, i] - world[a, i]) * (world[c, j] - world[a, j])
            - (world[b, j] - world[a, j]) * (world[c, i] - world[a, i])
        )
    return outward < 0


@nb.njit(cache=True, fastmath=True, inline="always")
def illuminate(kind, colour, n, eyeward, inner, shadows, at, out, y, x):
    """Let the lights fall on one sample.

    Args:
        kind: SKIN to LASH.
        colour: (3,) its own colour, sRGB 0-255.
        n: (3,) its normal, of any length; made a unit that faces the eye.
        eyeward: (3,) from it to the camera, m.
        inner: Whether it is on the back of its triangle.
        shadows: (h, w) float32, the main light's depth map.
        at: (3,) its column, row and distance in that map.
        out: (H, W, 3) float32, sRGB 0-255; written at (y, x).
        y: The sample's row.
        x: Its column.
    """
    length = np.sqrt(n[0] ** 2 + n[1] ** 2 + n[2] ** 2) + 1e-9
    distance = np.sqrt(eyeward[0] ** 2 + eyeward[1] ** 2 + eyeward[2] ** 2)
    facing = (n[0] * eyeward[0] + n[1] * eyeward[1] + n[2] * eyeward[2]) / (length * distance)
    sign = -1.0 if inner else 1.0
    diffuse, around = 0.0, 0.0
    for k in range(3):
        n[k] *= sign / length
        diffuse += n[k] * KEY[k]
        around += n[k] * (KEY[k] + eyeward[k] / distance)
    half = max(0.0, around / 1.75)
    wrap = 0.25 if kind == SKIN else 0.08
    key = max(0.0, (diffuse + wrap) / (1 + wrap)) * (
        0.25 + 0.75 * lit(shadows, at, 0.025 + 0.035 * (1 - max(0.0, diffuse)))
    )
    ambient = 0.50 + 0.14 * n[1] + 0.10 * n[0] + 0.06 * n[2]
    rim = (1 - max(0.0, abs(facing))) ** 3 * 0.10
    strength = (0.10, 0.02, 0.02, 0.08, 0.22, 0.5, 0.0)[kind]
    power = (14.0, 8.0, 8.0, 30.0, 18.0, 60.0, 8.0)[kind]
    shine = strength * half**power * 255
    dim = 0.7 if inner else 1.0
    for k in range(3):
        warm = (1.0, 0.97, 0.92)[k] * 0.62 * key + (0.96, 0.99, 1.04)[k] * ambient
        if kind == SKIN:
            warm += (0.05, 0.0, -0.01)[k] * (1 - key)
        out[y, x, k] = min(255.0, colour[k] * (warm + rim) * dim + shine * (0.3 + 0.7 * key))


@nb.njit(cache=True, fastmath=True)
def shade(triangle, bary, surface, style, shadows, view, out):
    """Colour every sample that sees the person.

    Args:
        triangle: (H, W) int32 as :func:`visibility` wrote it.
        bary: (H, W, 2) float32, likewise.
        surface: The person, a :class:`Surface`.
        style: What they wear, a :class:`~.paint.Style`.
        shadows: (h, w) float32, the main light's depth map.
        view: (3,) the camera, m.
        out: (H, W, 3) float32, sRGB 0-255, written where a triangle is seen.
    """
    p, n, m, q, at = np.zeros(3), np.zeros(3), np.zeros(4), np.zeros(2), np.zeros(3)
    bump, colour, eyeward = np.zeros(3), np.zeros(3), np.zeros(3)
    faces, material, world, normal, paint, cloth, masks, light_at = surface
    for y in range(triangle.shape[0]):
        for x in range(triangle.shape[1]):
            t = triangle[y, x]
            if t < 0:
                continue
            w1, w2 = bary[y, x, 0], bary[y, x, 1]
            shares = (1 - w1 - w2, w1, w2)
            corners = (faces[t, 0], faces[t, 1], faces[t, 2])
            blend(paint, corners, shares, 3, p)
            blend(normal, corners, shares, 3, n)
            blend(light_at, corners, shares, 3, at)
            blend(masks, corners, shares, 4, m)
            blend(cloth, corners, shares, 2, q)
            blend(world, corners, shares, 3, eyeward)
            for k in range(3):
                eyeward[k] = view[k] - eyeward[k]
            kind = material[t]
            albedo(kind, p, q, m, style, colour)
            if kind == TOP or kind == BOTTOM:
                folds(p[0], p[1], p[2], bump)
                depth = 0.20 if kind == TOP else 0.15
                for k in range(3):
                    n[k] += depth * bump[k]
            inner = faces_away(world, corners, eyeward)
            illuminate(kind, colour, n, eyeward, inner, shadows, at, out, y, x)

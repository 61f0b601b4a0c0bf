"""A person in the light of a traced room: as many small lights as it takes, each with its own shadow. By numba."""

from __future__ import annotations

from typing import NamedTuple

import numba as nb
import numpy as np

from ..synthetic import raster
from ..synthetic.paint import folds
from ..synthetic.raster import blend, faces_away
from ..synthetic.textures import Cutout, sample
from . import tracer
from .part import Part

#: Samples along the sides of a light's depth map, and metres that it covers.
MAP, REACH = 288, 2.9
#: Lights in a window along each side; lights all around.
PANES, ROUND = 4, 48
#: What surfaces are like: how far light wraps around in red, green and blue, and shine's strength and sharpness.
KINDS = {"skin": (0.34, 0.17, 0.11, 0.10, 22.0), "cloth": (0.05, 0.05, 0.05, 0.012, 6.0),
         "hair": (0.30, 0.28, 0.26, 0.12, 60.0), "eye": (0.10, 0.10, 0.10, 0.07, 260.0),
         "mouth": (0.10, 0.06, 0.06, 0.25, 60.0), "shoes": (0.0, 0.0, 0.0, 0.07, 24.0),
         "glasses": (0.0, 0.0, 0.0, 0.4, 120.0)}  # fmt: skip


class Lights(NamedTuple):
    """Light from many directions.

    Attributes:
        way: (L, 3) units, towards each.
        colour: (L, 3) what a white surface that faces it gives back.
        side, up: (L, 3) units, the axes of each light's depth map.
        shines: (L,) bool, whether it is small and bright enough to be seen in what shines.
    """

    way: np.ndarray
    colour: np.ndarray
    side: np.ndarray
    up: np.ndarray
    shines: np.ndarray


def lights(solids: tracer.Solids, pictures: np.ndarray, windows: tracer.Windows, at: np.ndarray, seed: int) -> Lights:
    """The light of a room at a place (3,) m: from the windows, pane by pane, and from all that they light."""
    ways, colours = [], []
    for corner, across, up, light in zip(*windows):
        face = np.cross(across, up)
        for a in (np.arange(PANES) + 0.5) / PANES:
            for b in (np.arange(PANES) + 0.5) / PANES:
                way = corner + a * across + b * up - at
                far = np.linalg.norm(way)
                ways.append(way / far)
                colours.append(light * max(0.0, -(way / far) @ face) / PANES**2 / far**2 / np.pi)
    n = np.arange(ROUND) + 0.5
    y, angle = 1 - 2 * n / ROUND, np.pi * (1 + np.sqrt(5)) * n  # a spiral spreads them evenly
    sphere = np.stack([np.cos(angle) * np.sqrt(1 - y * y), y, np.sin(angle) * np.sqrt(1 - y * y)], 1)
    came = tracer.around(solids, pictures, windows, at, sphere, 250, seed)
    way = np.concatenate([ways, sphere])
    side = np.cross([0.0, 1, 0], way)
    side /= np.linalg.norm(side, axis=1, keepdims=True)
    colour = np.concatenate([colours, came * 4 / ROUND])
    return Lights(way, colour, side, np.cross(way, side), np.arange(len(way)) < len(ways))


def depths(lamps: Lights, world: np.ndarray, centre: np.ndarray, part: Part, cutout: Cutout) -> np.ndarray:
    """How far the nearest of a person is from each light, (L, MAP, MAP) float32, m against `centre` (3,)."""
    at, scale = world - centre, MAP / REACH
    out = np.full((len(lamps.way), MAP, MAP), np.inf, np.float32)
    triangle, bary = np.empty((MAP, MAP), np.int32), np.empty((MAP, MAP, 2), np.float32)
    for l, (way, side, up) in enumerate(zip(lamps.way, lamps.side, lamps.up)):
        xy = np.stack([at @ side, at @ up], 1) * scale + MAP / 2
        raster.visibility(xy, -(at @ way) - part.lift, part.faces, out[l], triangle, bary, cutout)
    return out


@nb.njit(cache=True, fastmath=True, inline="always")
def reaches(shadows, lamps, l, at, bias):
    """Whether light l reaches `at` (3,), m against the maps' centre: 0 to 1, between the four nearest samples."""
    x, y, far = 0.0, 0.0, 0.0
    for k in range(3):
        x += at[k] * lamps.side[l, k]
        y += at[k] * lamps.up[l, k]
        far -= at[k] * lamps.way[l, k]
    x, y = x * MAP / REACH + MAP / 2, y * MAP / REACH + MAP / 2
    x0, y0 = int(np.floor(x)), int(np.floor(y))
    if x0 < 0 or y0 < 0 or x0 >= MAP - 1 or y0 >= MAP - 1:
        return 1.0
    fx, fy = x - x0, y - y0
    a = 1.0 if shadows[l, y0, x0] > far - bias else 0.0
    b = 1.0 if shadows[l, y0, x0 + 1] > far - bias else 0.0
    c = 1.0 if shadows[l, y0 + 1, x0] > far - bias else 0.0
    d = 1.0 if shadows[l, y0 + 1, x0 + 1] > far - bias else 0.0
    return (a * (1 - fx) + b * fx) * (1 - fy) + (c * (1 - fx) + d * fx) * fy


@nb.njit(cache=True, fastmath=True)
def shade(triangle, bary, surface, kinds, strands, textures, lamps, shadows, centre, view, linear, out):
    """Colour every sample that sees the person.

    Args:
        triangle, bary: As `raster.visibility` wrote them.
        surface: The person, a `shading.Surface`; its `light_at` is not used.
        kinds: (M, 5), of each picture, see `KINDS`.
        strands: (M,) bool, whether it is of hair.
        textures: Their pictures.
        lamps: A :class:`Lights`.
        shadows: As :func:`depths` gives them.
        centre: (3,) m, the maps' centre.
        view: (3,) m, the camera.
        linear: (256,) what each byte of a picture is in linear light.
        out: (H, W, 3) float32, linear light, written where a triangle is seen.
    """
    n, p, eye, bump, colour = np.zeros(3), np.zeros(3), np.zeros(3), np.zeros(3), np.zeros(3)
    place, uv, strand, shine, falls = np.zeros(3), np.zeros(2), np.zeros(3), np.zeros(3), np.zeros(3)
    faces = surface.faces
    for y in range(triangle.shape[0]):
        for x in range(triangle.shape[1]):
            t = triangle[y, x]
            if t < 0:
                continue
            w1, w2 = bary[y, x, 0], bary[y, x, 1]
            shares, corners = (1 - w1 - w2, w1, w2), (faces[t, 0], faces[t, 1], faces[t, 2])
            m = surface.material[t]
            strength, power = kinds[m, 3], kinds[m, 4]
            depth = surface.surfaces[m, 3]
            blend(surface.normal, corners, shares, 3, n)
            blend(surface.world, corners, shares, 3, place)
            blend(surface.uv, corners, shares, 2, uv)
            for k in range(3):
                eye[k] = view[k] - place[k]
            inner = faces_away(surface.world, corners, eye)
            sample(textures, m, surface.level[t], uv[0], uv[1], linear, colour)
            length = np.sqrt(n[0] ** 2 + n[1] ** 2 + n[2] ** 2) + 1e-12
            for k in range(3):
                n[k] /= length
            if depth > 0:
                blend(surface.folded, corners, shares, 3, p)
                folds(p[0], p[1], p[2], bump)
                for k in range(3):
                    n[k] += depth * surface.crease[t] * bump[k]
            length = np.sqrt(n[0] ** 2 + n[1] ** 2 + n[2] ** 2) + 1e-12
            distance = np.sqrt(eye[0] ** 2 + eye[1] ** 2 + eye[2] ** 2) + 1e-12
            sign, facing = -1.0 if inner else 1.0, 0.0
            for k in range(3):
                n[k] *= sign / length
                eye[k] /= distance
                facing += n[k] * eye[k]
                place[k] += 0.006 * n[k] - centre[k]
                falls[k] = 0.0
                shine[k] = 0.0
            if strands[m]:
                along_strand(surface, corners, strand)
            edge = strength * (1 + 3 * (1 - max(0.0, facing)) ** 5)
            for l in range(len(lamps.way)):
                diffuse = n[0] * lamps.way[l, 0] + n[1] * lamps.way[l, 1] + n[2] * lamps.way[l, 2]
                if diffuse <= -kinds[m, 0]:
                    continue
                open_ = reaches(shadows, lamps, l, place, 0.006 + 0.012 * (1 - max(0.0, diffuse)))
                if open_ == 0:
                    continue
                for k in range(3):
                    wrap = kinds[m, k]
                    falls[k] += open_ * lamps.colour[l, k] * max(0.0, diffuse + wrap) / (1 + wrap) ** 2
                if lamps.shines[l] and (diffuse > 0 or strands[m]):
                    half, length, along = 0.0, 0.0, 0.0
                    for k in range(3):
                        h = lamps.way[l, k] + eye[k]
                        half += n[k] * h
                        along += strand[k] * h
                        length += h * h
                    length = np.sqrt(length) + 1e-9
                    if strands[m]:
                        bright = max(0.0, 1 - (along / length) ** 2) ** (power / 2) * max(0.0, 0.3 + diffuse)
                    else:
                        bright = max(0.0, half / length) ** power * diffuse * (power + 8) / 25
                    for k in range(3):
                        shine[k] += open_ * bright * lamps.colour[l, k]
            dim = 0.6 if inner and not strands[m] else 1.0
            for k in range(3):
                tint = (0.15 + 5 * colour[k]) if strands[m] else 1.0
                out[y, x, k] = dim * (colour[k] * falls[k] + edge * tint * shine[k])


@nb.njit(cache=True, fastmath=True)
def along_strand(surface, corners, out):
    """The direction (3,) in which hair lies on a triangle, where its picture's v grows; written to `out`."""
    a, b, c = corners
    uv, world = surface.uv, surface.world
    u1, u2 = uv[b, 0] - uv[a, 0], uv[c, 0] - uv[a, 0]
    length = 0.0
    for k in range(3):
        out[k] = (world[c, k] - world[a, k]) * u1 - (world[b, k] - world[a, k]) * u2
        length += out[k] * out[k]
    length = np.sqrt(length) + 1e-12
    for k in range(3):
        out[k] /= length


@nb.njit(cache=True, fastmath=True)
def taken(places, normals, lamps, shadows, centre):
    """What share of the light the person takes from the room's surfaces behind them.

    Args:
        places, normals: (H, W, 3), m and units.
        lamps: A :class:`Lights`.
        shadows: As :func:`depths` gives them.
        centre: (3,) m, the maps' centre.

    Returns:
        (H, W) in [0, 1].
    """
    out = np.zeros(places.shape[:2], np.float32)
    at = np.zeros(3)
    for y in range(places.shape[0]):
        for x in range(places.shape[1]):
            whole, lost = 1e-9, 0.0
            for k in range(3):
                at[k] = places[y, x, k] - centre[k]
            for l in range(len(lamps.way)):
                facing = 0.0
                for k in range(3):
                    facing += normals[y, x, k] * lamps.way[l, k]
                if facing > 0:
                    falls = facing * (lamps.colour[l, 0] + lamps.colour[l, 1] + lamps.colour[l, 2])
                    whole += falls
                    lost += falls * (1 - reaches(shadows, lamps, l, at, 0.004))
            out[y, x] = lost / whole
    return out

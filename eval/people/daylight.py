"""A person in the light of a traced room: as many small lights as it takes, each with its own shadow. By numba."""

from __future__ import annotations

from typing import NamedTuple

import numba as nb
import numpy as np

from ..synthetic import raster
from ..synthetic.raster import blend, faces_away
from ..synthetic.textures import Cutout, sample
from . import traced, tracer
from .part import Part
from .shading import bent_normal, unit

#: Samples along the sides of a light's depth map, and metres that it covers.
MAP, REACH = 288, 2.9
#: Lights in a window along each side; lights all around.
PANES, ROUND = 4, 36
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
    """The light of a room at a place (3,) m: from the windows, the brightest pane by pane, and what they light."""
    ways, colours = [], []
    for corner, across, up, light in zip(*windows):
        face = np.cross(across, up)
        panes = PANES if light[1] == windows.radiance[:, 1].max() else PANES // 2
        for a in (np.arange(panes) + 0.5) / panes:
            for b in (np.arange(panes) + 0.5) / panes:
                way = corner + a * across + b * up - at
                far = np.linalg.norm(way)
                ways.append(way / far)
                colours.append(light * max(0.0, -(way / far) @ face) / panes**2 / far**2 / np.pi)
    n = np.arange(ROUND) + 0.5
    y, angle = 1 - 2 * n / ROUND, np.pi * (1 + np.sqrt(5)) * n  # a spiral spreads them evenly
    sphere = np.stack([np.cos(angle) * np.sqrt(1 - y * y), y, np.sin(angle) * np.sqrt(1 - y * y)], 1)
    came = traced.around(solids, pictures, windows, at, sphere, 250, seed)
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
    for n, (way, side, up) in enumerate(zip(lamps.way, lamps.side, lamps.up)):
        xy = np.stack([at @ side, at @ up], 1) * scale + MAP / 2
        raster.visibility(xy, -(at @ way) - part.lift, part.faces, out[n], triangle, bary, cutout)
    return out


@nb.njit(cache=True, fastmath=True, inline="always")
def reaches(shadows, lamps, lamp, at, bias):
    """Whether a light reaches `at` (3,), m against the maps' centre: 0 to 1, between the four nearest samples."""
    x, y, far = 0.0, 0.0, 0.0
    for k in range(3):
        x += at[k] * lamps.side[lamp, k]
        y += at[k] * lamps.up[lamp, k]
        far -= at[k] * lamps.way[lamp, k]
    x, y = x * MAP / REACH + MAP / 2, y * MAP / REACH + MAP / 2
    x0, y0 = int(np.floor(x)), int(np.floor(y))
    if x0 < 0 or y0 < 0 or x0 >= MAP - 1 or y0 >= MAP - 1:
        return 1.0
    fx, fy = x - x0, y - y0
    a = 1.0 if shadows[lamp, y0, x0] > far - bias else 0.0
    b = 1.0 if shadows[lamp, y0, x0 + 1] > far - bias else 0.0
    c = 1.0 if shadows[lamp, y0 + 1, x0] > far - bias else 0.0
    d = 1.0 if shadows[lamp, y0 + 1, x0 + 1] > far - bias else 0.0
    return (a * (1 - fx) + b * fx) * (1 - fy) + (c * (1 - fx) + d * fx) * fy


@nb.njit(cache=True, fastmath=True)
def shade(triangle, bary, surface, kinds, strands, textures, lamps, shadows, centre, view, linear, samples, out):
    """Colour every sample that sees the person; those of one pixel that look alike share one reckoning of the light.

    Args:
        triangle: (H, W) int32 as `raster.visibility` wrote it.
        bary: (H, W, 2) float32, likewise.
        surface: The person, a `shading.Surface`; its `light_at` is not used.
        kinds: (M, 5), of each picture, see `KINDS`.
        strands: (M,) bool, whether it is of hair.
        textures: Their pictures.
        lamps: A :class:`Lights`.
        shadows: As :func:`depths` gives them.
        centre: (3,) m, the maps' centre.
        view: (3,) m, the camera.
        linear: (256,) what each byte of a picture is in linear light.
        samples: A pixel along each axis.
        out: (H, W, 3) float32, linear light, written where a triangle is seen.
    """
    n, p, eye, bump, colour = np.zeros(3), np.zeros(3), np.zeros(3), np.zeros(3), np.zeros(3)
    place, uv, strand, shine, falls, known = (
        np.zeros(3),
        np.zeros(2),
        np.zeros(3),
        np.zeros(3),
        np.zeros(3),
        np.zeros(3),
    )
    faces = surface.faces
    for sample_of in range(triangle.size):
        cell, inside = sample_of // samples**2, sample_of % samples**2
        y = cell // (triangle.shape[1] // samples) * samples + inside // samples
        x = cell % (triangle.shape[1] // samples) * samples + inside % samples
        if inside == 0:
            lit_as, lit_at = -1, 0.0
        t = triangle[y, x]
        if t < 0:
            continue
        w1, w2 = bary[y, x, 0], bary[y, x, 1]
        shares, corners = (1 - w1 - w2, w1, w2), (faces[t, 0], faces[t, 1], faces[t, 2])
        m = surface.material[t]
        bent_normal(surface, t, corners, shares, n, p, bump)
        blend(surface.world, corners, shares, 3, place)
        blend(surface.uv, corners, shares, 2, uv)
        for k in range(3):
            eye[k] = view[k] - place[k]
        inner = faces_away(surface.world, corners, eye)
        sample(textures, m, surface.level[t], uv[0], uv[1], linear, colour)
        distance = unit(eye)
        facing, alike = 0.0, 0.0
        for k in range(3):
            n[k] *= -1.0 if inner else 1.0
            facing += n[k] * eye[k]
            alike += n[k] * known[k]
            place[k] += 0.006 * n[k] - centre[k]
        if lit_as != m or alike < 0.99 or abs(distance - lit_at) > 0.01:
            if strands[m]:
                along_strand(surface, corners, strand)
            light(kinds[m], strands[m], n, eye, strand, place, lamps, shadows, falls, shine)
            lit_as, lit_at = m, distance
            known[:] = n
        edge = kinds[m, 3] * (1 + 3 * (1 - max(0.0, facing)) ** 5)
        dim = 0.6 if inner and not strands[m] else 1.0
        for k in range(3):
            tint = (0.15 + 5 * colour[k]) if strands[m] else 1.0
            out[y, x, k] = dim * (colour[k] * falls[k] + edge * tint * shine[k])


@nb.njit(cache=True, fastmath=True)
def light(kind, hair, n, eye, strand, place, lamps, shadows, falls, shine):
    """What falls on one sample.

    Args:
        kind: (5,), see `KINDS`.
        hair: Whether it shines as strands do (Kajiya and Kay, 1989), else as Blinn's model says.
        n: (3,) its normal, a unit towards the eye.
        eye: (3,) towards the camera, a unit.
        strand: (3,) along the strand, a unit.
        place: (3,) m against the maps' centre.
        lamps: A :class:`Lights`.
        shadows: As :func:`depths` gives them.
        falls: (3,), written: what a white surface gives back.
        shine: (3,), written: what glances off.
    """
    falls[:] = 0
    shine[:] = 0
    for lamp in range(len(lamps.way)):
        diffuse = n[0] * lamps.way[lamp, 0] + n[1] * lamps.way[lamp, 1] + n[2] * lamps.way[lamp, 2]
        if diffuse <= -kind[0]:
            continue
        open_ = reaches(shadows, lamps, lamp, place, 0.006 + 0.012 * (1 - max(0.0, diffuse)))
        if open_ == 0:
            continue
        bright = 0.0
        if lamps.shines[lamp] and (diffuse > 0 or hair):
            half, length, along = 0.0, 0.0, 0.0
            for k in range(3):
                h = lamps.way[lamp, k] + eye[k]
                half += n[k] * h
                along += strand[k] * h
                length += h * h
            length = np.sqrt(length) + 1e-9
            if hair:
                bright = max(0.0, 1 - (along / length) ** 2) ** (kind[4] / 2) * max(0.0, 0.3 + diffuse)
            else:
                bright = max(0.0, half / length) ** kind[4] * diffuse * (kind[4] + 8) / 25
        for k in range(3):
            arrives = open_ * lamps.colour[lamp, k]
            falls[k] += arrives * max(0.0, diffuse + kind[k]) / (1 + kind[k]) ** 2
            shine[k] += arrives * bright


@nb.njit(cache=True, fastmath=True)
def along_strand(surface, corners, out):
    """The direction (3,) in which hair lies on a triangle, where its picture's v grows; written to `out`."""
    a, b, c = corners
    uv, world = surface.uv, surface.world
    u1, u2 = uv[b, 0] - uv[a, 0], uv[c, 0] - uv[a, 0]
    for k in range(3):
        out[k] = (world[c, k] - world[a, k]) * u1 - (world[b, k] - world[a, k]) * u2
    unit(out)


@nb.njit(cache=True, fastmath=True)
def taken(places, normals, lamps, shadows, centre):
    """What share of the light the person takes from the room's surfaces behind them.

    Args:
        places: (H, W, 3) m.
        normals: (H, W, 3) units.
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
            for lamp in range(len(lamps.way)):
                facing = 0.0
                for k in range(3):
                    facing += normals[y, x, k] * lamps.way[lamp, k]
                if facing > 0:
                    falls = facing * (lamps.colour[lamp, 0] + lamps.colour[lamp, 1] + lamps.colour[lamp, 2])
                    whole += falls
                    lost += falls * (1 - reaches(shadows, lamps, lamp, at, 0.004))
            out[y, x] = lost / whole
    return out

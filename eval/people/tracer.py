"""A room of simple solids lit by windows, by path tracing (Kajiya, The Rendering Equation, 1986). By numba."""

from __future__ import annotations

from typing import NamedTuple

import numba as nb
import numpy as np

BOX, BALL, TUBE = range(3)
#: How often light is followed from surface to surface, and the metres by which a ray starts off one.
BOUNCES, OFF = 4, 1e-4


class Solids(NamedTuple):
    """What stands in a room. Each is a unit box, ball or tube (radius or half side 1) that was stretched and turned.

    Attributes:
        kind: (N,) int64, BOX, BALL or TUBE (along y).
        inverse: (N, 3, 4), takes a place in the room (m) to one in the unit solid.
        centre: (N, 3) m, and radius: (N,) m, of a ball around it.
        colour: (N, 3) linear reflectance, times the picture's.
        picture: (N,) int64, which picture is on it, -1 for none.
        tile: (N,) m that a picture covers before it repeats; 0 fits it on the side that looks along z.
    """

    kind: np.ndarray
    inverse: np.ndarray
    centre: np.ndarray
    radius: np.ndarray
    colour: np.ndarray
    picture: np.ndarray
    tile: np.ndarray


class Windows(NamedTuple):
    """Rectangles that shine to one side.

    Attributes:
        corner: (K, 3) m.
        across, up: (K, 3) m, its sides; it shines towards their cross product.
        radiance: (K, 3), linear.
    """

    corner: np.ndarray
    across: np.ndarray
    up: np.ndarray
    radiance: np.ndarray


@nb.njit(cache=True, fastmath=True)
def hit(solids, start, way, farthest, normal):
    """The first solid that a ray meets.

    Args:
        solids: A :class:`Solids`.
        start: (3,) m.
        way: (3,), a unit.
        farthest: m.
        normal: (3,), written: the surface's, towards the ray's start.

    Returns:
        Its number, -1 for none, and the distance, m.
    """
    best, found = farthest, -1
    o, d, n = np.empty(3), np.empty(3), np.zeros(3)
    for s in range(len(solids.kind)):
        if _passed(solids, s, start, way, best):
            continue
        m = solids.inverse[s]
        for k in range(3):
            o[k] = m[k, 0] * start[0] + m[k, 1] * start[1] + m[k, 2] * start[2] + m[k, 3]
            d[k] = m[k, 0] * way[0] + m[k, 1] * way[1] + m[k, 2] * way[2]
        t = _on_ball(o, d, n) if solids.kind[s] == BALL else _on_sides(o, d, solids.kind[s] == TUBE, n)
        if OFF < t < best:
            best, found = t, s
            for k in range(3):
                normal[k] = m[0, k] * n[0] + m[1, k] * n[1] + m[2, k] * n[2]
    if found >= 0:
        _face(normal, way)
    return found, best


@nb.njit(cache=True, fastmath=True)
def _passed(solids, s, start, way, farthest):
    """Whether a ray misses the ball around a solid, or meets it too far away."""
    along, apart = 0.0, 0.0
    for k in range(3):
        c = solids.centre[s, k] - start[k]
        along += c * way[k]
        apart += c * c
    r = solids.radius[s]
    return apart - along * along > r * r or (along < 0 and apart > r * r) or along - r > farthest


@nb.njit(cache=True, fastmath=True)
def _on_ball(o, d, n):
    """Where a ray from `o` along `d` (3,) meets the unit ball, -1 for nowhere; its normal is written to `n` (3,)."""
    a = d[0] * d[0] + d[1] * d[1] + d[2] * d[2]
    b = o[0] * d[0] + o[1] * d[1] + o[2] * d[2]
    near, far = _roots(a, b, o[0] * o[0] + o[1] * o[1] + o[2] * o[2] - 1)
    if near > far:
        return -1.0
    t = far if near < OFF else near
    for k in range(3):
        n[k] = o[k] + t * d[k]
    return t


@nb.njit(cache=True, fastmath=True)
def _on_sides(o, d, tube, n):
    """As :func:`_on_ball`, of the unit box or tube: the ray is in it while it is between all pairs of sides."""
    low, high, side, far_side = -np.inf, np.inf, -1, -1
    for k in range(3):
        if tube and k == 0:  # what is round is one pair
            a, b = d[0] * d[0] + d[2] * d[2], o[0] * d[0] + o[2] * d[2]
            near, far = _roots(a, b, o[0] * o[0] + o[2] * o[2] - 1)
        elif tube and k == 2:
            continue
        elif abs(d[k]) < 1e-12:
            if abs(o[k]) > 1:
                return -1.0
            continue
        else:
            near, far = (-1 - o[k]) / d[k], (1 - o[k]) / d[k]
            near, far = min(near, far), max(near, far)
        if near > low:
            low, side = near, k
        if far < high:
            high, far_side = far, k
    if low > high or high < OFF:
        return -1.0
    if low < OFF:
        low, side = high, far_side
    n[:] = 0
    n[side] = o[side] + low * d[side]
    if tube and side == 0:
        n[2] = o[2] + low * d[2]
    return low


@nb.njit(cache=True, fastmath=True)
def _roots(a, b, c):
    """The solutions of a t² + 2 b t + c = 0, the smaller first; 1 and -1 where there are none."""
    root = b * b - a * c
    if root <= 0 or a < 1e-12:
        return 1.0, -1.0
    root = np.sqrt(root)
    return (-b - root) / a, (-b + root) / a


@nb.njit(cache=True, fastmath=True)
def _face(normal, way):
    """Make a normal (3,) a unit against a ray."""
    length = np.sqrt(normal[0] ** 2 + normal[1] ** 2 + normal[2] ** 2)
    facing = normal[0] * way[0] + normal[1] * way[1] + normal[2] * way[2]
    for k in range(3):
        normal[k] *= (-1.0 if facing > 0 else 1.0) / length


@nb.njit(cache=True, fastmath=True)
def reflectance(solids, pictures, s, at, normal, out):
    """What share (3,) of light the surface of solid `s` gives back at a place in the room; written to `out`."""
    for k in range(3):
        out[k] = solids.colour[s, k]
    which = solids.picture[s]
    if which < 0:
        return
    tile = solids.tile[s]
    if tile > 0:
        u, v = at[0] / tile, -at[1] / tile
        if abs(normal[1]) > 0.7:
            v = at[2] / tile
        elif abs(normal[0]) > 0.7:
            u = at[2] / tile
    else:
        m = solids.inverse[s]
        u = 0.5 + 0.5 * (m[0, 0] * at[0] + m[0, 1] * at[1] + m[0, 2] * at[2] + m[0, 3])
        v = 0.5 - 0.5 * (m[1, 0] * at[0] + m[1, 1] * at[1] + m[1, 2] * at[2] + m[1, 3])
    side = pictures.shape[1]
    x, y = (u % 1.0) * side - 0.5, (v % 1.0) * side - 0.5
    x0, y0 = int(np.floor(x)), int(np.floor(y))
    fx, fy = x - x0, y - y0
    for k in range(3):
        top = pictures[which, y0 % side, x0 % side, k] * (1 - fx) + pictures[which, y0 % side, (x0 + 1) % side, k] * fx
        low = (
            pictures[which, (y0 + 1) % side, x0 % side, k] * (1 - fx)
            + pictures[which, (y0 + 1) % side, (x0 + 1) % side, k] * fx
        )
        out[k] *= top * (1 - fy) + low * fy


@nb.njit(cache=True, fastmath=True)
def from_windows(solids, windows, at, normal, out):
    """Add to `out` (3,) what a white surface gives back of the light that comes straight from the windows."""
    way, unused = np.empty(3), np.empty(3)
    for w in range(len(windows.corner)):
        a, b = np.random.random(), np.random.random()
        squared, facing, leaving, face = 0.0, 0.0, 0.0, np.empty(3)
        for k in range(3):
            i, j = (k + 1) % 3, (k + 2) % 3
            face[k] = windows.across[w, i] * windows.up[w, j] - windows.across[w, j] * windows.up[w, i]
            way[k] = windows.corner[w, k] + a * windows.across[w, k] + b * windows.up[w, k] - at[k]
            squared += way[k] * way[k]
        distance = np.sqrt(squared)
        for k in range(3):
            way[k] /= distance
            facing += way[k] * normal[k]
            leaving -= way[k] * face[k]  # the face is as long as the window is large
        if facing <= 0 or leaving <= 0 or hit(solids, at, way, distance - 0.005, unused)[0] >= 0:
            continue
        for k in range(3):
            out[k] += windows.radiance[w, k] * facing * leaving / (squared * np.pi)


@nb.njit(cache=True, fastmath=True)
def radiance(solids, pictures, windows, start, way, out, first):
    """What comes along a ray.

    Args:
        solids: The room's.
        pictures: (P, S, S, 3) linear, on them.
        windows: The room's.
        start: (3,) m; changed.
        way: (3,), a unit, towards where it comes from; changed.
        out: (3,), written.
        first: (3,), written: the reflectance of what the ray meets first.
    """
    normal, share, through, direct = np.empty(3), np.empty(3), np.ones(3), np.empty(3)
    out[:] = 0
    for bounce in range(BOUNCES + 1):
        s, t = hit(solids, start, way, 1e9, normal)
        if s < 0:
            return
        for k in range(3):
            start[k] += t * way[k] + OFF * normal[k]
        reflectance(solids, pictures, s, start, normal, share)
        direct[:] = 0
        from_windows(solids, windows, start, normal, direct)
        for k in range(3):
            through[k] *= share[k]
            out[k] += through[k] * direct[k]
            if bounce == 0:
                first[k] = share[k]
        scattered(normal, way)


@nb.njit(cache=True, fastmath=True)
def scattered(normal, way):
    """A direction around a normal, likelier the nearer to it (cosine), written to `way` (3,)."""
    length = 0.0
    z, angle = 2 * np.random.random() - 1, 2 * np.pi * np.random.random()
    r = np.sqrt(1 - z * z)
    way[0], way[1], way[2] = normal[0] + r * np.cos(angle), normal[1] + r * np.sin(angle), normal[2] + z
    for k in range(3):
        length += way[k] * way[k]
    for k in range(3):
        way[k] /= np.sqrt(length) + 1e-9

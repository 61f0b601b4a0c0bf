"""Pictures of a traced room, and the light that comes to a place in it. Compiled by numba."""

from __future__ import annotations

import numba as nb
import numpy as np

from .tracer import hit, radiance


@nb.njit(cache=True, fastmath=True)
def photograph(solids, pictures, windows, eye, focal, horizon, size, count, seed):
    """The room through a pinhole that looks along -z.

    Args:
        solids: The room's.
        pictures: (P, S, S, 3) linear, on them.
        windows: The room's.
        eye: (3,) m.
        focal: Pixels.
        horizon: Row of the eye's own height, pixels.
        size: Side of the picture, pixels.
        count: Paths a pixel along each axis.
        seed: Of the paths.

    Returns:
        Light (S, S, 3), reflectance (S, S, 3), places (S, S, 3) m and normals (S, S, 3) of the pixels' middles.
    """
    np.random.seed(seed)
    light, albedo = np.zeros((size, size, 3)), np.zeros((size, size, 3))
    place, normal = np.zeros((size, size, 3)), np.zeros((size, size, 3))
    start, way, out, first = np.empty(3), np.empty(3), np.empty(3), np.empty(3)
    for y in range(size):
        for x in range(size):
            for n in range(count * count + 1):
                dx, dy = 0.5, 0.5
                if n < count * count:
                    dx, dy = (n % count + np.random.random()) / count, (n // count + np.random.random()) / count
                way[0], way[1], way[2] = (x + dx - size / 2) / focal, (horizon - y - dy) / focal, -1.0
                way /= np.sqrt((way * way).sum())
                start[:] = eye
                if n == count * count:
                    t = hit(solids, start, way, 1e9, normal[y, x])[1]
                    place[y, x] = start + t * way
                    continue
                radiance(solids, pictures, windows, start, way, out, first)
                for k in range(3):
                    light[y, x, k] += out[k] / count**2
                    albedo[y, x, k] += first[k] / count**2
    return light, albedo, place, normal


@nb.njit(cache=True, fastmath=True)
def calmed(light, albedo, spots, normal, reach=8):
    """Traced light without its noise: falling light is averaged over the same surface nearby, what is painted stays.

    Args:
        light: (S, S, 3), see :func:`photograph`.
        albedo: (S, S, 3), likewise.
        spots: (S, S, 3) m, likewise.
        normal: (S, S, 3), likewise.
        reach: How far the average goes to each side, pixels.

    Returns:
        (S, S, 3) light.
    """
    out, size = np.zeros_like(light), len(light)
    total = np.zeros(3)
    for y in range(size):
        for x in range(size):
            weights = 0.0
            total[:] = 0
            for j in range(max(0, y - reach), min(size, y + reach + 1)):
                for i in range(max(0, x - reach), min(size, x + reach + 1)):
                    turned, apart, off = 0.0, 0.0, 0.0
                    for k in range(3):
                        step = spots[j, i, k] - spots[y, x, k]
                        turned += normal[j, i, k] * normal[y, x, k]
                        apart += step * step
                        off += step * normal[y, x, k]
                    if turned < 0.9 or abs(off) > 0.01:
                        continue
                    weight = np.exp(-((j - y) ** 2 + (i - x) ** 2) / (0.3 * reach * reach) - apart / 0.01)
                    weights += weight
                    for k in range(3):
                        total[k] += weight * min(4.0, light[j, i, k] / max(albedo[j, i, k], 0.004))
            for k in range(3):
                out[y, x, k] = albedo[y, x, k] * total[k] / weights
    return out


@nb.njit(cache=True, fastmath=True)
def around(solids, pictures, windows, at, ways, count, seed):
    """What comes to a place from all around, the windows themselves left out.

    Args:
        solids: The room's.
        pictures: (P, S, S, 3) linear, on them.
        windows: The room's.
        at: (3,) m.
        ways: (L, 3) units, spread evenly.
        count: Paths a direction.
        seed: Of the paths.

    Returns:
        (L, 3) mean radiance in the part of the sphere that is nearest to each direction.
    """
    np.random.seed(seed)
    total = np.zeros((len(ways), 3))
    start, way, out, first = np.empty(3), np.empty(3), np.empty(3), np.empty(3)
    spread = np.sqrt(4.0 / len(ways))
    for n in range(len(ways)):
        for _ in range(count):
            for k in range(3):
                way[k] = ways[n, k] + spread * (2 * np.random.random() - 1)
            way /= np.sqrt((way * way).sum())
            start[:] = at
            radiance(solids, pictures, windows, start, way, out, first)
            total[n] += out / count
    return total

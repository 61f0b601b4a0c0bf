"""Posing of a dressed mesh: bones, smooth normals, and what hangs. Compiled by numba."""

from __future__ import annotations

import numba as nb
import numpy as np


@nb.njit(cache=True, fastmath=True)
def skin(rest, bones, weights, turned, shift):
    """Linear blend skinning.

    Args:
        rest: (V, 3) float64 m.
        bones: (V, K) int, which bones move a vertex.
        weights: (V, K) their shares.
        turned: (B, 3, 3) the bones' rotations.
        shift: (B, 3) and moves.

    Returns:
        (V, 3) float64 m.
    """
    out = np.zeros_like(rest)
    for v in range(rest.shape[0]):
        for k in range(bones.shape[1]):
            b, w = bones[v, k], weights[v, k]
            if w > 0:
                for i in range(3):
                    p = turned[b, i, 0] * rest[v, 0] + turned[b, i, 1] * rest[v, 1] + turned[b, i, 2] * rest[v, 2]
                    out[v, i] += w * (p + shift[b, i])
    return out


@nb.njit(cache=True, fastmath=True)
def normals(world, faces, welded):
    """Normals (V, 3) of any length, smooth across the seams of pictures.

    Args:
        world: (V, 3) m.
        faces: (F, 3) int32.
        welded: (V,) int32, the same number for vertices that lie on one place.
    """
    total, out = np.zeros_like(world), np.zeros_like(world)
    for f in range(faces.shape[0]):
        a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
        for k in range(3):
            i, j = (k + 1) % 3, (k + 2) % 3
            n = (world[b, i] - world[a, i]) * (world[c, j] - world[a, j]) - (world[b, j] - world[a, j]) * (
                world[c, i] - world[a, i]
            )
            total[welded[a], k] += n
            total[welded[b], k] += n
            total[welded[c], k] += n
    for v in range(world.shape[0]):
        for k in range(3):
            out[v, k] = total[welded[v], k]
    return out


@nb.njit(cache=True, fastmath=True)
def creases(world, rest, faces):
    """How much deeper cloth folds on each triangle, (F,): 1 as at rest, more where the pose has pushed it together.

    Args:
        world: (V, 3) m, posed.
        rest: (V, 3) m.
        faces: (F, 3) int32.
    """
    out = np.ones(len(faces))
    for t in range(len(faces)):
        a, b, c = faces[t, 0], faces[t, 1], faces[t, 2]
        areas = np.zeros(2)
        for n in range(2):
            at = world if n == 0 else rest
            for k in range(3):
                i, j = (k + 1) % 3, (k + 2) % 3
                across = (at[b, i] - at[a, i]) * (at[c, j] - at[a, j]) - (at[b, j] - at[a, j]) * (at[c, i] - at[a, i])
                areas[n] += across * across
        ratio = np.sqrt(areas[0] / max(areas[1], 1e-16))
        out[t] = 1 + 2.5 * min(1.0, max(0.0, 1 - ratio))
    return out


class Sway:
    """Cloth and hair that hang lag behind what carries them, and swing: a damped spring a vertex.

    Args:
        looseness: (V,) 0 where a vertex is carried to 1 where it hangs most freely.
        limit: How far it may be from where it would be carried, m.
        frequency: Of the swing, Hz.
        damping: Share of the critical one.
    """

    def __init__(self, looseness: np.ndarray, limit: float = 0.10, frequency: float = 1.7, damping: float = 0.4):
        self.which = np.nonzero(looseness > 0.01)[0]
        self.share = looseness[self.which, None]
        self.limit, self.omega, self.damping = limit, 2 * np.pi * frequency, damping
        self.place: np.ndarray | None = None

    def start(self) -> None:
        """Forget where everything was: what follows is another run."""
        self.place = None

    def hang(self, world: np.ndarray, seconds: float) -> None:
        """Let what is loose hang, in place.

        Args:
            world: (V, 3) m, where every vertex is carried to.
            seconds: Since the last frame.
        """
        target = world[self.which]
        if self.place is None:
            self.place, self.speed = target.copy(), np.zeros_like(target)
        steps = 4
        for _ in range(steps):
            pull = self.omega**2 * (target - self.place) - 2 * self.damping * self.omega * self.speed
            self.speed += pull * (seconds / steps)
            self.place += self.speed * (seconds / steps)
        lag = self.place - target
        length = np.linalg.norm(lag, axis=1, keepdims=True)
        lag *= np.minimum(1, self.limit / np.maximum(length, 1e-9))
        self.place = target + lag
        world[self.which] += self.share * lag

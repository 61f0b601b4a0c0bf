"""What is behind a person: rooms with furniture, and places that look like photographs of anywhere."""

from __future__ import annotations

import cv2
import numpy as np

from ..synthetic.appearance import random_actor
from ..synthetic.room import Camera, draw_room
from .dye import vivid


def backdrop(camera: Camera, rng: np.random.Generator) -> np.ndarray:
    """An empty place, (size, size, 3) float32 sRGB 0-255; the floor is where the camera has it."""
    if rng.uniform() < 0.35:
        return draw_room(random_actor(int(rng.integers(1 << 30))).room, camera).astype(np.float32)
    size = camera.size * 2
    wall = (_noise, _stripes, _bricks, _foliage, _gradient, _shapes)[rng.integers(6)](size, rng)
    x, z, hit = Camera(size, camera.place, camera.fov, camera.horizon).floor()
    if hit.any() and rng.uniform() < 0.85:
        ground = _floor(x, z, rng)
        wall = np.where(hit[..., None], ground, wall)
        edge = cv2.GaussianBlur(hit.astype(np.float32), (0, 0), size / 60)
        wall = wall * (1 - 0.35 * np.exp(-((edge - 0.5) ** 2) / 0.02))[..., None]
    wall = cv2.GaussianBlur(wall.astype(np.float32), (0, 0), float(rng.choice([0.7, 1.5, 4.0])))
    return np.clip(cv2.resize(wall, (camera.size, camera.size), interpolation=cv2.INTER_AREA), 0, 255)


def clouds(size: int, rng: np.random.Generator, coarse: float = 4, octaves: int = 6) -> np.ndarray:
    """Noise of many sizes in about [-1, 1], (size, size) float32."""
    out = np.zeros((size, size), np.float32)
    for n in range(octaves):
        side = max(2, int(coarse * 2**n))
        grid = rng.standard_normal((side, side)).astype(np.float32)
        out += 0.6**n * cv2.resize(grid, (size, size), interpolation=cv2.INTER_CUBIC)
    return out / 1.8


def _muted(rng: np.random.Generator) -> np.ndarray:
    colour = vivid(rng)
    return 0.5 * colour + 0.5 * colour.mean() + rng.uniform(-20, 30)


def _mix(share: np.ndarray, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return a + (b - a) * np.clip(share, 0, 1)[..., None]


def _noise(size: int, rng: np.random.Generator) -> np.ndarray:
    out = _mix(0.5 + 0.5 * clouds(size, rng, rng.uniform(2, 8)), _muted(rng), _muted(rng))
    return out + 12 * clouds(size, rng, 40, 3)[..., None]


def _gradient(size: int, rng: np.random.Generator) -> np.ndarray:
    y, x = np.mgrid[:size, :size] / size
    angle = rng.uniform(0, 2 * np.pi)
    out = _mix(0.5 + (x - 0.5) * np.cos(angle) + (y - 0.5) * np.sin(angle), _muted(rng), _muted(rng))
    return out + 3 * clouds(size, rng, 6)[..., None]


def _stripes(size: int, rng: np.random.Generator) -> np.ndarray:
    y, x = np.mgrid[:size, :size] / size
    wide = rng.uniform(0.02, 0.2)
    at = x if rng.uniform() < 0.6 else y
    board = np.floor(at / wide)
    shade = np.sin(board * 12.9) * rng.uniform(4, 25)
    gap = np.abs(at / wide - board) < 0.04
    out = _muted(rng) + shade[..., None] + 8 * clouds(size, rng, 10)[..., None]
    return np.where(gap[..., None], out * 0.6, out)


def _bricks(size: int, rng: np.random.Generator) -> np.ndarray:
    y, x = np.mgrid[:size, :size] / size
    high = rng.uniform(0.02, 0.06)
    row = np.floor(y / high)
    u, v = (x / (high * 2.6) + 0.5 * (row % 2)), y / high
    column = np.floor(u)
    tone = np.sin(row * 5.3 + column * 9.7) * 18
    gap = (u - column < 0.05) | (v - row < 0.11)
    out = _muted(rng) + tone[..., None] + 14 * clouds(size, rng, 24, 4)[..., None]
    return np.where(gap[..., None], _muted(rng), out)


def _foliage(size: int, rng: np.random.Generator) -> np.ndarray:
    out = _mix(0.5 + clouds(size, rng, 5), np.array([24.0, 40, 18]), np.array([70.0, 96, 50]))
    for _ in range(1400):
        centre = rng.integers(0, size, 2).tolist()
        axes = (int(rng.uniform(0.004, 0.022) * size), int(rng.uniform(0.002, 0.009) * size) + 1)
        green = np.array([60, 100, 40]) * rng.uniform(0.3, 1.9) + rng.uniform(-25, 25, 3)
        cv2.ellipse(out, centre, axes, float(rng.uniform(0, 180)), 0, 360, green.tolist(), -1, cv2.LINE_AA)
    return out


def _shapes(size: int, rng: np.random.Generator) -> np.ndarray:
    out = _gradient(size, rng)
    for _ in range(int(rng.integers(8, 40))):
        corner = rng.integers(0, size, 2)
        span = (rng.uniform(0.03, 0.3, 2) * size).astype(int)
        low, high = corner.tolist(), (corner + span).tolist()
        colour = _muted(rng).tolist()
        if rng.uniform() < 0.7:
            cv2.rectangle(out, low, high, colour, -1 if rng.uniform() < 0.8 else 3, cv2.LINE_AA)
        else:
            cv2.circle(out, low, int(span[0] / 2), colour, -1, cv2.LINE_AA)
    return out + 5 * clouds(size, rng, 16)[..., None]


def _floor(x: np.ndarray, z: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    period = rng.uniform(0.15, 0.8)
    tiles = ((np.floor(x / period) + np.floor(z / period)) % 2) * rng.uniform(0, 30)
    grid = rng.standard_normal((256, 256)).astype(np.float32)
    at = [np.mod(np.clip(c / 0.04, -1e4, 1e4), 254).astype(np.float32) for c in (x, z)]
    grain = cv2.remap(grid, *at, cv2.INTER_LINEAR) * rng.uniform(2, 14)
    return _muted(rng) + (tiles + grain)[..., None]

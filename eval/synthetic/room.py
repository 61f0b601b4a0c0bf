"""The rooms: a floor, a wall and some things, drawn once for a still camera."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from .appearance import Room
from .furniture import Wall

WALL_Z = -1.7


@dataclass(frozen=True)
class Camera:
    """A still pinhole camera that looks along -z from `place` (m).

    Attributes:
        size: Side of the square picture, pixels.
        fov: Vertical field of view, degrees.
        horizon: Where the camera's own height is in the picture, share from the top.
    """

    size: int
    place: tuple[float, float, float] = (0.0, 1.0, 4.5)
    fov: float = 32.0
    horizon: float = 0.52

    @property
    def focal(self) -> float:
        """Focal length, pixels."""
        return self.size / 2 / np.tan(np.radians(self.fov / 2))

    def project(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Points (N, 3) m to pixels (N, 2), x then y, and distances (N,) m along the view."""
        x, y, z = (np.asarray(points) - self.place).T
        return np.stack([self.size / 2 + self.focal * x / -z, self.size * self.horizon - self.focal * y / -z], 1), -z

    def rays(self) -> tuple[np.ndarray, np.ndarray]:
        """Direction of each pixel as (x, y) for one metre of depth, two arrays (size, size)."""
        y, x = np.mgrid[: self.size, : self.size] + 0.5
        return (x - self.size / 2) / self.focal, (self.size * self.horizon - y) / self.focal

    def floor(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Where each pixel meets the floor: x, z (m), and whether it does before the wall; (size, size) each."""
        dx, dy = self.rays()
        depth = np.where(dy < -1e-6, self.place[1] / np.maximum(-dy, 1e-6), 1e6)
        hit = depth < self.place[2] - WALL_Z
        return self.place[0] + dx * depth, self.place[2] - depth, hit


def noise(x: np.ndarray, y: np.ndarray, rng: np.random.Generator, cell: float) -> np.ndarray:
    """Smooth value noise in [-1, 1] at (x, y) m with features of `cell` m."""
    grid = rng.uniform(-1, 1, (256, 256)).astype(np.float32)
    at = [np.mod(np.clip(c / cell, -1e4, 1e4) + 127, 254).astype(np.float32) for c in (x, y)]
    return cv2.remap(grid, *at, cv2.INTER_CUBIC)


def floor_colour(room: Room, x: np.ndarray, z: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The floor's brightness factor at (x, z) m."""
    grain = noise(x * 1.0, z * 9, rng, 0.12)
    if room.surface == "planks":
        plank = np.floor(x / 0.16)
        shade = 0.10 * np.sin(plank * 12.9 + np.floor(z / 1.3 + 0.37 * plank) * 7.7)
        gap = np.minimum(np.abs(x / 0.16 - np.round(x / 0.16)) * 0.16, np.abs((z / 1.3 + 0.37 * plank) % 1 - 0.5) * 9)
        return 1 + shade + 0.06 * noise(x * 6, z * 0.7, rng, 0.1) + 0.03 * grain - 0.35 * (gap < 0.004)
    if room.surface == "tiles":
        u, v = x / 0.42, z / 0.42
        gap = np.minimum(np.abs(u - np.round(u)), np.abs(v - np.round(v))) * 0.42
        shade = 0.05 * np.sin(np.floor(u + 0.5) * 5.3 + np.floor(v + 0.5) * 9.1)
        return 1 + shade + 0.05 * noise(x, z, rng, 0.09) - 0.28 * (gap < 0.007)
    return 1 + 0.12 * noise(x, z, rng, 0.015) + 0.05 * noise(x, z, rng, 0.3)


def _under_lamps(x: np.ndarray) -> np.ndarray:
    """Places (m) along a wall that is lit anew, mirrored, every 3.6 m: where they are under the lamp in the middle."""
    return np.where(np.abs(x) <= 1.8, x, 1.8 - np.abs((x + 1.8) % 7.2 - 3.6))


def draw_room(room: Room, camera: Camera) -> np.ndarray:
    """The empty room as the camera sees it, (size, size, 3) float32, sRGB 0-255."""
    rng, twice = (
        np.random.default_rng([room.things, 3]),
        Camera(2 * camera.size, camera.place, camera.fov, camera.horizon),
    )
    x, z, on_floor = twice.floor()
    dx, dy = twice.rays()
    depth = camera.place[2] - WALL_Z
    wall_x, wall_y = camera.place[0] + dx * depth, camera.place[1] + dy * depth
    image = np.empty((twice.size, twice.size, 3), np.float32)
    image[:] = room.wall
    image *= (1 + 0.02 * noise(wall_x, wall_y, rng, 0.02) + 0.03 * noise(wall_x, wall_y, rng, 0.5))[..., None]
    Wall(image, wall_x, wall_y, rng).furnish()
    Wall(image, wall_x, wall_y, np.random.default_rng([room.things, 5])).furnish_beyond()
    board = (wall_y < 0.11) & ~on_floor & (np.abs(image - room.wall).max(-1) < 40)
    image[board] = 228
    image[board & (wall_y > 0.1)] = 180
    lamp_x, lamp_y = _under_lamps(wall_x), np.minimum(wall_y, 3.0)
    light = 1.04 - 0.16 * ((lamp_x + 0.5) ** 2 / 4 + (lamp_y - 1.7) ** 2 / 4)
    floor = np.array(room.floor, np.float32) * floor_colour(room, x, z, rng)[..., None]
    near = np.clip(0.80 + 0.16 * (z - WALL_Z) / 2 - 0.03 * (x + 0.4) ** 2, 0.5, 1.06)
    image = np.where(on_floor[..., None], floor * near[..., None], image * light[..., None])
    image *= (1 - 0.25 * np.exp(-np.maximum(np.where(on_floor, z - WALL_Z, wall_y), 0) / 0.12))[..., None]
    return cv2.resize(np.clip(image, 0, 255), (camera.size, camera.size), interpolation=cv2.INTER_AREA)

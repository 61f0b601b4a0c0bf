"""A scene: one synthetic person in their room, rendered frame by frame with everything that is true about it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np

from . import raster
from .appearance import ACTORS, PATTERNS, Appearance
from .bodies import Body
from .mesh import EYE, SHOE, normals
from .paint import Style
from .room import Camera, draw_room

LIGHT_SIZE, LIGHT_REACH = 512, 2.6  # samples and metres of the main light's depth map
FLOOR_SIZE, FLOOR_REACH = 256, 4.0  # samples and metres of the floor's shadow map
HIDDEN = 0.4


@dataclass(frozen=True)
class Rendered:
    """One frame and the truth about it.

    Attributes:
        rgb: (H, W, 3) uint8, the whole picture.
        matte: (H, W) uint8, how much of each pixel is person, 0-255.
        keypoints: (J, 2) float32 pixels, x then y, in the order of `perfclone.pose.KEYPOINTS`; exact where hidden too.
        scores: (J,) float32: 1 seen, `HIDDEN` behind the body, 0 outside the picture.
        shadow: (H, W) uint8, how much light the person takes from the room behind them: 0 none, 255 all.
    """

    rgb: np.ndarray
    matte: np.ndarray
    keypoints: np.ndarray
    scores: np.ndarray
    shadow: np.ndarray


class Scene:
    """One person in their room, before a still camera.

    Args:
        actor: A name from `ACTORS`, or an appearance.
        size: Side of the square picture, pixels.
        noise: Standard deviation of the sensor noise, 8-bit levels; 0 for none.
        samples: Samples a pixel along each axis.

    Attributes:
        plate: (size, size, 3) uint8, the room without the person.
    """

    def __init__(self, actor: str | Appearance = "anna", size: int = 512, noise: float = 0.0, samples: int = 2):
        if isinstance(actor, str) and actor not in ACTORS:
            raise ValueError(f"there is no actor {actor!r}; choose one of {', '.join(ACTORS)}, or pass an Appearance")
        self.look = ACTORS[actor] if isinstance(actor, str) else actor
        self.size, self.noise, self.samples = size, noise, samples
        self.body, self.camera = Body(self.look), Camera(size)
        self._room = draw_room(self.look.room, self.camera)
        self.plate = np.round(self._room).astype(np.uint8)

    @cached_property
    def _style(self) -> Style:
        look, body = self.look, self.body
        dark = tuple(0.35 * v for v in look.hair)
        materials = (look.skin, look.top.colour, look.bottom.colour, look.shoes, look.hair, (236, 234, 230), dark)
        palette = np.array([*materials, look.top.accent, look.bottom.accent, look.lips, look.eyes], np.float64)
        garments = (look.top, look.bottom)
        patterns = np.array([PATTERNS.index(garment.pattern) for garment in garments])
        scales = np.array([garment.scale for garment in garments])
        return Style(body.eye, self._eyes(), body.crown, palette, patterns, scales, look.beard)

    def _eyes(self) -> np.ndarray:
        """Left and right eye at rest, (2, 3) m."""
        used = np.unique(self.body.faces[self.body.material == EYE])
        v = self.body.rest[used]
        return np.stack([v[v[:, 0] > 0].mean(0), v[v[:, 0] < 0].mean(0)])

    @cached_property
    def _floor_map(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        x, z, hit = self.camera.floor()
        scale = FLOOR_SIZE / FLOOR_REACH
        return tuple(np.where(hit, c * scale + FLOOR_SIZE / 2, -9).astype(np.float32) for c in (x, z)) + (hit,)

    def render(self, motion_frame: np.ndarray, index: int = 0) -> Rendered:
        """Render the person in one pose.

        Args:
            motion_frame: (43,) as `motions.motion` gives them.
            index: Number of the frame; it seeds the sensor noise and nothing else.
        """
        world, joints = self.body.pose(np.asarray(motion_frame, np.float64))
        colour, alpha, depth = self._person(world)
        shadow = self._shadow(world)
        behind = self._room * (1 - shadow[..., None])
        picture = colour + behind * (1 - alpha[..., None])
        if self.noise:
            grain = np.random.default_rng([index, 11]).standard_normal(picture.shape, np.float32)
            picture = picture + self.noise * grain
        keypoints, scores = observed(joints, self.camera, depth)
        return Rendered(
            np.clip(np.round(picture), 0, 255).astype(np.uint8),
            np.round(alpha * 255).astype(np.uint8),
            keypoints,
            scores,
            np.round(shadow * 255).astype(np.uint8),
        )

    def _person(self, world: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Premultiplied colour (S, S, 3), alpha (S, S) and the samples' depths (m)."""
        body, fine = self.body, self.size * self.samples
        xy, z = self.camera.project(world)
        depth, triangle, bary = blank(fine)
        raster.visibility(xy * self.samples - 0.5, z, body.faces, depth, triangle, bary)
        light_at = from_light(world)
        shadows, *rest = blank(LIGHT_SIZE)
        raster.visibility(light_at[:, :2].copy(), light_at[:, 2].copy(), body.faces, shadows, *rest)
        colour = np.zeros((fine, fine, 3), np.float32)
        surface = raster.Surface(
            body.faces, body.material, world, normals(world, body.faces), body.paint, body.cloth, body.masks, light_at
        )
        raster.shade(triangle, bary, surface, self._style, shadows, np.array(self.camera.place), colour)
        small = (self.size, self.size)
        alpha = cv2.resize((triangle >= 0).astype(np.float32), small, interpolation=cv2.INTER_AREA)
        return cv2.resize(colour, small, interpolation=cv2.INTER_AREA), alpha, depth

    def _shadow(self, world: np.ndarray) -> np.ndarray:
        """Share of light (S, S) in [0, 1] that the person takes from the floor: the cast and the contact shadow."""
        body, scale = self.body, FLOOR_SIZE / FLOOR_REACH
        cast = world[:, [0, 2]] - world[:, 1:2] * (raster.KEY[[0, 2]] / raster.KEY[1])
        total = np.zeros((FLOOR_SIZE, FLOOR_SIZE), np.float32)
        near = body.faces[(world[body.faces][..., 1].max(1) < 0.16) & (body.material == SHOE)]
        for places, faces, blur, strength in ((cast, body.faces, 2.6, 0.30), (world[:, [0, 2]], near, 1.7, 0.55)):
            depth, triangle, bary = blank(FLOOR_SIZE)
            raster.visibility(places * scale + FLOOR_SIZE / 2, world[:, 1].copy(), faces, depth, triangle, bary)
            soft = cv2.GaussianBlur((triangle >= 0).astype(np.float32), (0, 0), blur)
            total = 1 - (1 - total) * (1 - strength * soft)
        x, z, hit = self._floor_map
        return cv2.remap(total, x, z, cv2.INTER_LINEAR) * hit


def observed(joints: dict[str, np.ndarray], camera: Camera, depth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Keypoints (J, 2) px and scores (J,) of joints (name -> (3,) m): one is seen when nothing is much nearer.

    Args:
        joints: The common skeleton's.
        camera: Who looks.
        depth: (S, S) m, of the samples, as :func:`raster.visibility` wrote them.
    """
    points, z = camera.project(np.array(list(joints.values())))
    at = np.floor(points * (len(depth) / camera.size)).astype(int)
    inside = ((at >= 0) & (at < depth.shape[0])).all(1)
    column, row = np.clip(at, 0, depth.shape[0] - 1).T
    slack = np.array([0.16 if "hip" in n or "shoulder" in n or n == "neck" else 0.09 for n in joints])
    slack[[i for i, n in enumerate(joints) if n in ("nose", "left_eye", "right_eye", "left_ear", "right_ear")]] = 0.04
    scores = np.where(depth[row, column] > z - slack, 1.0, HIDDEN) * inside
    return points.astype(np.float32), scores.astype(np.float32)


def blank(size: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Empty depth, triangle and share maps for :func:`raster.visibility`."""
    shape = (size, size)
    return np.full(shape, np.inf, np.float32), np.full(shape, -1, np.int32), np.zeros((*shape, 2), np.float32)


def from_light(world: np.ndarray, key: np.ndarray = raster.KEY) -> np.ndarray:
    """Column, row and distance (V, 3) of each vertex as the main light, towards `key`, sees it from far away."""
    side = np.cross([0, 1, 0], key)
    side /= np.linalg.norm(side)
    up, scale = np.cross(key, side), LIGHT_SIZE / LIGHT_REACH
    centred = world - world.mean(0)
    return np.stack(
        [centred @ side * scale + LIGHT_SIZE / 2, centred @ up * scale + LIGHT_SIZE / 2, -centred @ key], 1
    )

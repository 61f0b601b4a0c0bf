"""Where a person is filmed: camera, light, place, and a frame of it with everything that is true about it."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ..synthetic import raster
from ..synthetic.render import FLOOR_REACH, FLOOR_SIZE, LIGHT_SIZE, blank, from_light, observed
from ..synthetic.room import Camera
from ..synthetic.textures import Cutout, levels
from .backdrop import backdrop
from .figure import Figure, Posed, between
from .mesh import creases
from .shading import LINEAR, Light, Surface, shade

SAMPLES = 2
#: Moments that are seen while the shutter is open.
_MOMENTS = 3
#: Nearest that a camera comes, m.
NEAREST = 1.6


@dataclass(frozen=True)
class Shot:
    """One frame and the truth about it.

    Attributes:
        rgb: (H, W, 3) uint8, what the camera filmed.
        matte: (H, W) uint8, how much of each pixel is person.
        keypoints: (J, 2) float32 pixels, x then y, in the order of `perfclone.pose.KEYPOINTS`; exact where hidden too.
        scores: (J,) float32: 1 seen, less behind the body, 0 outside the picture.
        hands: (2, 21, 2) float32 pixels, left and right.
    """

    rgb: np.ndarray
    matte: np.ndarray
    keypoints: np.ndarray
    scores: np.ndarray
    hands: np.ndarray


def draw_camera(rng: np.random.Generator, size: int, height: float) -> Camera:
    """A camera that sees all of somebody of that height (m), or, three times in ten, about half of them."""
    focal = 0.5 / np.tan(np.radians(rng.uniform(18, 50) / 2))
    half = rng.uniform() < 0.3
    share = rng.uniform(1.15, 2.3) if half else rng.uniform(0.42, 0.92)
    distance = max(height * focal / share, NEAREST)
    focal = distance * share / height
    fov = float(np.degrees(2 * np.arctan(0.5 / focal)))
    eye = float(rng.uniform(0.5, 1.7))
    looked_at = height * (1 - rng.uniform(0.36, 0.45) / share if half else 0.5)
    spare = max(0.0, 1 - share) / 2
    middle = 0.5 + rng.uniform(-1, 1) * spare * 0.6 + (0 if half else 0.02)
    horizon = middle + focal * (looked_at - eye) / distance
    return Camera(size, (float(rng.uniform(-0.25, 0.25)), eye, float(distance)), fov, float(horizon))


def draw_light(rng: np.random.Generator) -> Light:
    """Lamps and windows somewhere, warm or cool, hard or soft."""
    around, up = np.radians(rng.uniform(-110, 110)), np.radians(rng.uniform(20, 75))
    key = np.array([np.sin(around) * np.cos(up), np.sin(up), np.cos(around) * np.cos(up)])
    warm = rng.uniform(-0.12, 0.16)
    tint = np.array([1 + warm, 1.0, 1 - warm])
    hard = rng.uniform(0.15, 0.75)
    ambient = 1.05 - hard
    cool = np.array([1 - warm / 2, 1.0, 1 + warm / 2])
    return Light(
        key, tint * hard * 1.25, cool * ambient * rng.uniform(0.65, 0.95), tint * ambient * rng.uniform(0.25, 0.6),
        tint * rng.uniform(0, 0.25),
    )  # fmt: skip


class Stage:
    """One person in one place, before a still camera.

    Args:
        figure: The person.
        size: Side of the picture, pixels.
        seed: Draws camera, light, place and sensor.

    Attributes:
        half: Whether the camera sees only half of who stands there.
        shutter: Share of the time from frame to frame in which it is open.
        plate: (size, size, 3) uint8, the place without the person, as the camera films it, without its noise.
    """

    def __init__(self, figure: Figure, size: int, seed: int):
        rng = np.random.default_rng([seed, 31])
        self.figure, self.size, self.seed = figure, size, seed
        self.camera, self.light = draw_camera(rng, size, figure.height), draw_light(rng)
        self.half = bool(self.camera.project(np.zeros((1, 3)))[0][0, 1] > 1.1 * size)
        self.blur, self.noise = float(rng.uniform(0, 0.75)), float(rng.uniform(0.5, 5))
        self.shutter = float(rng.uniform(0.2, 0.6)) if rng.uniform() < 0.4 else 0.0
        self.exposure = float(rng.uniform(0.8, 1.2))
        self.shadows = float(rng.uniform(0.15, 0.65))
        self._place = LINEAR[np.round(backdrop(self.camera, rng)).astype(np.uint8)].astype(np.float32)
        scale = FLOOR_SIZE / FLOOR_REACH
        x, z, self._hit = self.camera.floor()
        self._floor = [(c * scale + FLOOR_SIZE / 2).astype(np.float32) for c in (x, z)]
        self.plate = _bytes(self._filmed(self._place))

    def shoot(self, posed: Posed, index: int, before: Posed | None = None) -> Shot:
        """Film the person in one pose.

        Args:
            posed: The pose.
            index: Number of the frame; it seeds the noise.
            before: The pose a frame earlier, from which they come while the shutter is open; None for a still.
        """
        if before is not None and self.shutter:
            way = [between(before, posed, self.shutter * (n + 0.5) / _MOMENTS) for n in range(_MOMENTS)]
            posed = way[_MOMENTS // 2]
            colours, alphas, depths = zip(*map(self._person, way))
            colour, alpha, depth = np.mean(colours, 0), np.mean(alphas, 0), depths[_MOMENTS // 2]
        else:
            colour, alpha, depth = self._person(posed)
        behind = self._place * (1 - self._shadow(posed))[..., None]
        picture = self._filmed(colour + behind * (1 - alpha[..., None]))
        grain = np.random.default_rng([self.seed, index]).standard_normal(picture.shape, np.float32)
        keypoints, scores = observed(posed.joints, self.camera, depth)
        hands = self.camera.project(posed.hands.reshape(-1, 3))[0].reshape(2, 21, 2)
        if self.blur > 0.2:
            alpha = cv2.GaussianBlur(alpha, (0, 0), self.blur)
        return Shot(
            _bytes(picture + self.noise * grain), np.round(alpha * 255).astype(np.uint8), keypoints, scores,
            hands.astype(np.float32),
        )  # fmt: skip

    def _filmed(self, linear: np.ndarray) -> np.ndarray:
        """Linear light as the camera's picture, float32 sRGB 0-255."""
        if self.blur > 0.2:
            linear = cv2.GaussianBlur(linear, (0, 0), self.blur)
        return filmed(linear * self.exposure)

    def _person(self, posed: Posed) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Premultiplied linear colour (S, S, 3), alpha (S, S) and the samples' depths (m)."""
        part, fine = self.figure.part, self.size * SAMPLES
        xy, z = self.camera.project(posed.world)
        xy = xy * SAMPLES - 0.5
        level = levels(part.textures, part.material, part.uv, part.faces, xy)
        cutout = Cutout(part.textures, part.material, level, part.uv, part.pierced)
        depth, triangle, bary = blank(fine)
        raster.visibility(xy, z - part.lift, part.faces, depth, triangle, bary, cutout)
        light_at = from_light(posed.world, self.light.key)
        shadows, *rest = blank(LIGHT_SIZE)
        raster.visibility(light_at[:, :2].copy(), light_at[:, 2].copy(), part.faces, shadows, *rest, cutout)
        crease = creases(posed.world, part.rest, part.faces)
        surface = Surface(part.faces, part.material, level, part.uv, part.rest + posed.folds, crease, posed.world,
                          posed.normal, light_at, part.surfaces)  # fmt: skip
        colour = np.zeros((fine, fine, 3), np.float32)
        shade(triangle, bary, surface, part.textures, self.light, shadows, np.array(self.camera.place), LINEAR, colour)
        small = (self.size, self.size)
        alpha = cv2.resize((triangle >= 0).astype(np.float32), small, interpolation=cv2.INTER_AREA)
        return cv2.resize(colour, small, interpolation=cv2.INTER_AREA), alpha, depth

    def _shadow(self, posed: Posed) -> np.ndarray:
        """Share of light (S, S) that the person takes from the floor: the cast and the contact shadow."""
        part, key, world, scale = self.figure.part, self.light.key, posed.world, FLOOR_SIZE / FLOOR_REACH
        cast = world[:, [0, 2]] - world[:, 1:2] * (key[[0, 2]] / key[1])
        total = np.zeros((FLOOR_SIZE, FLOOR_SIZE), np.float32)
        near = part.faces[world[part.faces, 1].max(1) < 0.12]
        for places, faces, blur, strength in (
            (cast, part.faces, 2.5, self.shadows),
            (world[:, [0, 2]], near, 1.6, 0.55),
        ):
            depth, triangle, bary = blank(FLOOR_SIZE)
            raster.visibility(places * scale + FLOOR_SIZE / 2, world[:, 1].copy(), faces, depth, triangle, bary)
            soft = cv2.GaussianBlur((triangle >= 0).astype(np.float32), (0, 0), blur)
            total = 1 - (1 - total) * (1 - strength * soft)
        return self._hit * cv2.remap(total, *self._floor, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


#: sRGB 0-255 of linear light from 0 to 1.
_STEPS = np.linspace(0, 1, 4096)
_CURVE = (255 * np.where(_STEPS <= 0.0031308, 12.92 * _STEPS, 1.055 * _STEPS ** (1 / 2.4) - 0.055)).astype(np.float32)


def filmed(linear: np.ndarray) -> np.ndarray:
    """Linear light, 1 white, as a picture, float32 sRGB 0-255; what is brighter than 0.8 is held back softly."""
    exposed = np.clip(linear, 0, None)
    exposed = np.where(exposed > 0.8, 0.8 + 0.2 * np.tanh((exposed - 0.8) / 0.2), exposed)
    at = np.round(exposed * (len(_CURVE) - 1)).astype(np.int32)
    return _CURVE[np.minimum(at, len(_CURVE) - 1)]


def _bytes(picture: np.ndarray) -> np.ndarray:
    return np.clip(np.round(picture), 0, 255).astype(np.uint8)

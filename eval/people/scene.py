"""The people of the examples, each in their room, rendered frame by frame with all that is true about it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from ..synthetic import raster
from ..synthetic.render import Rendered, blank, observed
from ..synthetic.room import Camera
from ..synthetic.textures import Cutout, levels
from . import acting, assets, daylight, room, rooms, surfaces, traced, tracer
from .cast import CAST, Role
from .figure import Figure, Posed
from .mesh import creases
from .shading import LINEAR, Surface
from .stage import filmed

SAMPLES = 3
#: Paths a pixel along each axis by which rooms are traced.
PATHS = 4
#: Where the camera is that sees a whole person: its place (m), its field of view (degrees) and its horizon.
WHOLE = ((0.0, 1.05, 4.5), 32.2, 0.505)


@dataclass(frozen=True)
class Place:
    """An empty room before a camera.

    Attributes:
        light: (S, S, 3) linear, as the camera sees it.
        spots: (S, S, 3) m, which place each pixel shows; normal: (S, S, 3), that surface's.
        lamps: The light where the person stands.
    """

    light: np.ndarray
    spots: np.ndarray
    normal: np.ndarray
    lamps: daylight.Lights


def place(name: str, camera: Camera, folder: Path, paths: int = PATHS) -> Place:
    """Trace a room, or open what was traced before.

    Args:
        name: From `rooms.ROOMS`.
        camera: Who looks.
        folder: Where what was traced is kept.
        paths: A pixel along each axis.
    """
    code = b"".join(Path(module.__file__).read_bytes() for module in (room, rooms, surfaces, tracer, traced))
    digest = hashlib.sha256(code + repr((camera, paths)).encode()).hexdigest()[:12]
    kept = folder / f"room_{name.replace(' ', '_')}_{digest}.npz"
    if not kept.exists():
        built, eye = rooms.ROOMS[name]().built(), np.array(camera.place)
        seen = traced.photograph(*built, eye, camera.focal, camera.size * camera.horizon, camera.size, paths, 1)
        arrays = dict(zip(("light", "albedo", "spots", "normal"), (array.astype(np.float32) for array in seen)))
        np.savez_compressed(kept, **arrays)
    with np.load(kept, allow_pickle=False) as file:
        light, albedo, spots, normal = (file[name] for name in ("light", "albedo", "spots", "normal"))
    lamps = daylight.lights(*rooms.ROOMS[name]().built(), np.array([0.0, 1, 0]), 2)
    return Place(traced.calmed(light, albedo, spots, normal), spots, normal, lamps)


class Scene:
    """One of the people in their room, before a still camera.

    What hangs swings on from frame to frame: render a performance in its order.

    Args:
        actor: A name from `cast.CAST`, or a role.
        size: Side of the square picture, pixels.
        noise: Standard deviation of the sensor noise, 8-bit levels; 0 for none.
        folder: What `assets.fetch` filled; rooms that were traced are kept there, too.
        view: The camera's place (m), field of view (degrees) and horizon, see `Camera`.

    Attributes:
        plate: (size, size, 3) uint8, the room without the person.
    """

    def __init__(
        self,
        actor: str | Role = "anna",
        size: int = 512,
        noise: float = 0.0,
        folder: Path | None = None,
        view: tuple[tuple[float, float, float], float, float] = WHOLE,
    ):
        if isinstance(actor, str) and actor not in CAST:
            raise ValueError(f"there is no actor {actor!r}; choose one of {', '.join(CAST)}, or pass a Role")
        self.role = CAST[actor] if isinstance(actor, str) else actor
        self.size, self.noise, folder = size, noise, folder or assets.folder()
        self.figure = Figure(self.role.look, folder)
        self.camera = Camera(size, *view)
        self.place = place(self.role.room, self.camera, folder)
        self.gain = _gain(self.place.light)
        self.plate = _bytes(filmed(self.place.light * self.gain))
        self.kinds = np.array([daylight.KINDS[name] for name in self.figure.part.names])
        self.strands = np.array([name == "hair" for name in self.figure.part.names])

    def render(
        self,
        motion_frame: np.ndarray,
        index: int = 0,
        fps: float = 30,
        acted: tuple[np.ndarray, np.ndarray] | None = None,
    ) -> Rendered:
        """Render the person in one pose.

        Args:
            motion_frame: (43,) as `eval.synthetic.motion` gives them.
            index: Number of the frame: it seeds the sensor noise.
            fps: Frames a second.
            acted: Grips and actions of hands and face, as `acting.moment` gives them; None for what they do there at
                that time.
        """
        if index == 0:
            self.figure.start()
        grips, actions = acted or acting.moment(index / fps, self.figure.actions)
        posed = self.figure.pose(np.asarray(motion_frame, np.float64), grips, actions, 1 / fps)
        colour, alpha, depth, shadow = self._seen(posed)
        behind = self.place.light * (1 - shadow[..., None])
        picture = filmed((colour + behind * (1 - alpha[..., None])) * self.gain)
        if self.noise:
            grain = np.random.default_rng([index, 11]).standard_normal(picture.shape, np.float32)
            picture = picture + self.noise * grain
        keypoints, scores = observed(posed.joints, self.camera, depth)
        matte, shadow = (np.round(255 * share).astype(np.uint8) for share in (alpha, shadow))
        return Rendered(_bytes(picture), matte, keypoints, scores, shadow)

    def _seen(self, posed: Posed) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Premultiplied linear colour (S, S, 3), alpha (S, S), the samples' depths (m), and shadow (S, S)."""
        part, fine, world = self.figure.part, self.size * SAMPLES, posed.world
        xy, z = self.camera.project(world)
        xy = xy * SAMPLES - 0.5
        level = levels(part.textures, part.material, part.uv, part.faces, xy)
        cutout = Cutout(part.textures, part.material, level, part.uv, part.pierced)
        depth, triangle, bary = blank(fine)
        raster.visibility(xy, z - part.lift, part.faces, depth, triangle, bary, cutout)
        centre, lamps = world.mean(0), self.place.lamps
        shadows = daylight.depths(lamps, world, centre, part, cutout)
        crease = creases(world, part.rest, part.faces)
        surface = Surface(part.faces, part.material, level, part.uv, part.rest + posed.folds, crease, world,
                          posed.normal, world, part.surfaces)  # fmt: skip
        colour = np.zeros((fine, fine, 3), np.float32)
        daylight.shade(triangle, bary, surface, self.kinds, self.strands, part.textures, lamps, shadows, centre,
                       np.array(self.camera.place), LINEAR, SAMPLES, colour)  # fmt: skip
        small, half = (self.size, self.size), (slice(None, None, 2),) * 2
        shadow = daylight.taken(self.place.spots[half], self.place.normal[half], lamps, shadows, centre)
        shadow = cv2.GaussianBlur(cv2.resize(shadow, small), (0, 0), self.size / 500)
        alpha = cv2.resize((triangle >= 0).astype(np.float32), small, interpolation=cv2.INTER_AREA)
        colour = cv2.resize(colour, small, interpolation=cv2.INTER_AREA)
        return colour, alpha, depth, shadow


def _gain(light: np.ndarray) -> np.ndarray:
    """By how much (3,) a camera would brighten a picture in linear light, and take its tint away by half."""
    grey = light.mean((0, 1))
    return 0.40 / np.median(light.mean(-1)) * np.sqrt(grey.mean() / grey)


def _bytes(picture: np.ndarray) -> np.ndarray:
    return np.clip(np.round(picture), 0, 255).astype(np.uint8)

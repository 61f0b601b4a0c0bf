"""Places: a still picture larger than any frame, what goes on in it, and the person before it."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import cycle

import cv2
import numpy as np

from ..synthetic import Scene
from ..synthetic.appearance import Room
from ..synthetic.render import Rendered
from ..synthetic.room import WALL_Z, Camera, draw_room
from .recipes import Place, Trouble

#: Where a person of ordinary size stands in the square picture of a `Scene`: crown and soles, shares of its side.
CROWN, SOLES = 0.27, 0.9075
HORIZON = Camera.horizon
#: A second person stands so much smaller, with room before the wall, and so far to the side, shares of the scene.
SMALLER, ASIDE = 0.76, 0.42
#: Depths of the posts that a tracking camera passes, metres.
POSTS = (5.9, 5.1, 5.5)


def draw_place(place: Place, room: Room, side: int, scene: int) -> np.ndarray:
    """Draw a place, empty.

    Args:
        place: What it is.
        room: Colours and furniture.
        side: Of the square picture, pixels; even if `scene` is.
        scene: Side of the square in its middle that a `Scene` of that room shows, pixels.

    Returns:
        (side, side, 3) uint8 RGB.
    """
    if place == "room":
        reach = side / scene
        fov = np.degrees(2 * np.arctan(reach * np.tan(np.radians(Camera.fov / 2))))
        camera = Camera(side, fov=fov, horizon=(HORIZON + (reach - 1) / 2) / reach)
        return _levels(draw_room(room, camera))
    y, x = (np.mgrid[:side, :side] + 0.5 - side / 2) / scene
    down = np.clip((y - 0.25) / (0.12 if place == "wall" else 0.3), 0, 1)[..., None]  # from wall to floor
    wall, floor = {"wall": ((203, 196, 186), (158, 150, 140)), "studio": ((246, 246, 246), (232, 232, 233))}[place]
    light = 1 - 0.06 * (x**2 + (y + 0.3) ** 2)[..., None]
    return _levels((np.array(wall) * (1 - down) + np.array(floor) * down) * np.maximum(light, 0.8))


@dataclass(frozen=True)
class Shown:
    """What is to be seen in a place at one moment, in its pixels.

    Attributes:
        picture: (side, side, 3) uint8 RGB.
        matte: (side, side) uint8, how much of each pixel is the performer, 0-255.
        keypoints: (J, 2) float32, x then y, pixel centres at .5.
        scores: (J,) float32, as :class:`~eval.synthetic.Scene` gives them.
    """

    picture: np.ndarray
    matte: np.ndarray
    keypoints: np.ndarray
    scores: np.ndarray


class Stage:
    """A place with somebody in it.

    Args:
        trouble: What goes on there.
        scene: Side of the square in which the person moves, pixels; even.
        side: Of the whole place, pixels; even.
        room: Colours and furniture.

    Attributes:
        plate: (side, side, 3) uint8, the place when nobody is there.
        corner: Where the scene's square begins in it, pixels, along both axes.
    """

    def __init__(self, trouble: Trouble, scene: int, side: int, room: Room):
        self.trouble, self.corner = trouble, (side - scene) // 2
        self._performer = Scene("anna", scene)
        self.plate = draw_place(trouble.place, room, side, scene)
        self._other = None if trouble.company == "nobody" else Scene("dan", round(SMALLER * scene))

    def show(self, performed: np.ndarray, beside: np.ndarray, time: float, done: float) -> Shown:
        """What is to be seen at one moment.

        Args:
            performed: (43,) one frame of the performer's motion.
            beside: (43,) one of the second person's, if there is one.
            time: Seconds from the start.
            done: Share of the clip that is over, [0, 1].
        """
        picture, size = self._background(time, done), self._performer.size
        if self._other:
            across = ASIDE if self.trouble.company == "standing" else 1.4 * (done - 0.5)
            middle, horizon = self.corner + size * (0.5 + across), self.corner + size * HORIZON
            at = (round(middle - self._other.size / 2), round(horizon - self._other.size * HORIZON))
            _lay(picture, self._other, self._other.render(beside), at)
        seen = self._performer.render(performed)
        _lay(picture, self._performer, seen, (self.corner, self.corner))
        if self.trouble.lamp:
            picture *= 1 + self.trouble.lamp * _flicker(time) * self._spot(0.15, 0.1, 0.5)
        matte, part = np.zeros(picture.shape[:2], np.uint8), slice(self.corner, self.corner + size)
        matte[part, part] = seen.matte
        return Shown(_levels(picture), matte, seen.keypoints + np.float32(self.corner), seen.scores)

    def _background(self, time: float, done: float) -> np.ndarray:
        """The place without anybody, with what moves in it, float32."""
        picture = self.plate.astype(np.float32)
        if self.trouble.tracking:
            picture = self._passing(self.trouble.tracking * done)
        if self.trouble.shadow:
            picture *= 1 - self.trouble.shadow * self._spot(0.2 + 0.6 * done, 0.35, 0.15)
        if self.trouble.screen:
            x, y = (self.corner + round(share * self._performer.size) for share in (0.62, 0.3))
            width, height = (round(share * self._performer.size) for share in (0.26, 0.16))
            picture[y : y + height, x : x + width] = _programme(time, (width, height))
        return picture

    def _spot(self, x: float, y: float, reach: float) -> np.ndarray:
        """A soft round spot (side, side, 1) in [0, 1]; middle and reach in shares of the scene."""
        size = self._performer.size
        rows, columns = np.ogrid[: len(self.plate), : len(self.plate)]
        away = ((columns - self.corner) / size - x) ** 2 + ((rows - self.corner) / size - y) ** 2
        return np.exp(-away / reach**2)[..., None].astype(np.float32)

    def _passing(self, metres: float) -> np.ndarray:
        """The place from so far to the right, float32: what is nearer passes faster, and posts stand in it."""
        camera, rows = Camera(self._performer.size), np.arange(len(self.plate), dtype=np.float32)
        below = (rows + 0.5 - self.corner) / camera.size - HORIZON
        floor = camera.place[1] * camera.focal / np.maximum(below * camera.size, 1e-6)
        depth = np.minimum(floor, camera.place[2] - WALL_Z)
        at = np.float32(rows[None] + (camera.focal * metres / depth)[:, None])
        picture = cv2.remap(
            self.plate, at, np.repeat(rows[:, None], len(rows), 1), cv2.INTER_CUBIC, None, cv2.BORDER_REFLECT
        )
        picture = picture.astype(np.float32)
        for place, away in zip(np.arange(-2.0, 8.0, 0.7), cycle(POSTS)):
            middle = len(self.plate) / 2 + camera.focal * (place - metres) / away
            half, foot = 0.05 * camera.focal / away, self.corner + HORIZON * camera.size + camera.focal / away
            left, right = (int(np.clip(round(middle + d), 0, len(self.plate))) for d in (-half, half))
            picture[: round(foot), left:right] = (96, 84, 78)
        return picture


def _flicker(time: float) -> float:
    """A bad lamp, in [-1, 1]: two beats that never meet."""
    return float(0.5 * np.sin(2 * np.pi * 6.3 * time) + 0.5 * np.sin(2 * np.pi * 2.9 * time))


def _programme(time: float, size: tuple[int, int]) -> np.ndarray:
    """What runs on a screen: a coloured pattern that moves, and changes each second."""
    x, y = np.meshgrid(np.linspace(0, 1, size[0]), np.linspace(0, 1, size[1]))
    rng = np.random.default_rng([int(time), 41])
    waves = [np.sin(2 * np.pi * (rng.uniform(1, 4) * x + rng.uniform(-3, 3) * y + time * f)) for f in (0.6, 0.9, 1.3)]
    return np.stack([128 + 100 * wave for wave in waves], -1)


def _lay(picture: np.ndarray, scene: Scene, seen: Rendered, at: tuple[int, int]) -> None:
    """Lay a person, with the shadow at their feet, over a picture (side, side, 3) float32, in place.

    A scene is person + (1 - matte) (1 - shadow) room; the room is exchanged for what the picture shows there.
    """
    (x, y), size, side = at, scene.size, len(picture)
    left, top, right, bottom = max(0, x), max(0, y), min(side, x + size), min(side, y + size)
    inner = (slice(top - y, bottom - y), slice(left - x, right - x))
    behind = (1 - seen.matte[inner] / np.float32(255)) * (1 - seen.shadow[inner] / np.float32(255))
    part = picture[top:bottom, left:right]
    part[:] = seen.rgb[inner] + (part - scene.plate[inner]) * behind[..., None]


def _levels(picture: np.ndarray) -> np.ndarray:
    return np.clip(np.round(picture), 0, 255).astype(np.uint8)

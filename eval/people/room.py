"""A room while it is furnished."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from scipy.spatial.transform import Rotation

from .shading import LINEAR
from .tracer import BALL, BOX, TUBE, Solids, Windows

#: Where the walls are, m: left and right, behind the person and behind the camera; and how high the ceiling is.
HALF, BACK, FRONT, HIGH = 2.7, -1.9, 5.4, 2.7
WHITE = (226, 222, 214)


@dataclass
class Room:
    """A room while it is furnished. Lengths in m; colours sRGB 0-255, of the surface or, with a picture, its tint.

    Attributes:
        rng: Draws what is not said.
        solids: What stands there, rows of a `Solids`.
        pictures: Linear, (SIDE, SIDE, 3) float32 each.
        windows: Rows of a `Windows`.
    """

    rng: np.random.Generator
    solids: list[tuple] = field(default_factory=list)
    pictures: list[np.ndarray] = field(default_factory=list)
    windows: list[tuple] = field(default_factory=list)

    def paint(self, picture: np.ndarray) -> int:
        """Keep a picture (SIDE, SIDE, 3), sRGB 0-255; its number."""
        self.pictures.append(LINEAR[np.clip(picture, 0, 255).astype(np.uint8)].astype(np.float32))
        return len(self.pictures) - 1

    def put(self, kind: int, middle: tuple, half: tuple, colour: tuple = (255, 255, 255), picture: int = -1,
            tile: float = 0.0, turn: tuple = (0, 0, 0)) -> None:  # fmt: skip
        """Put a solid: its middle, half its sides, and by how much it is turned about x, y and z (degrees)."""
        forward = Rotation.from_euler("xyz", turn, degrees=True).as_matrix() * np.array(half, float)
        inverse = np.linalg.inv(forward)
        reach = {BOX: np.linalg.norm(half), BALL: max(half), TUBE: np.hypot(max(half[0], half[2]), half[1])}[kind]
        own = np.hstack([inverse, -inverse @ np.array(middle, float)[:, None]])
        self.solids.append((kind, own, middle, reach, LINEAR[np.array(colour, int)], picture, tile))

    def box(self, low: tuple, high: tuple, colour: tuple = (255, 255, 255), picture: int = -1,
            tile: float = 0.0) -> None:  # fmt: skip
        """Put a box from one corner to the opposite one."""
        low, high = np.array(low, float), np.array(high, float)
        self.put(BOX, tuple((low + high) / 2), tuple((high - low) / 2), colour, picture, tile)

    def shell(self, wall: tuple, wall_picture: int, floor: int, tile: float) -> None:
        """Floor, ceiling and four walls with a skirting board."""
        a, b, c, d, t = HALF, BACK, FRONT, HIGH, 0.1
        self.box((-a, -t, b), (a, 0, c), picture=floor, tile=tile)
        self.box((-a, d, b), (a, d + t, c), (240, 238, 234))
        self.box((-a - t, 0, b), (-a, d, c), wall)
        self.box((a, 0, b), (a + t, d, c), wall)
        self.box((-a, 0, b - t), (a, d, b), wall, wall_picture, 2.4)
        self.box((-a, 0, c), (a, d, c + t), wall)
        self.box((-a, 0, b), (a, 0.10, b + 0.018), WHITE)
        self.box((-a, 0.10, b), (a, 0.112, b + 0.010), WHITE)

    def window(self, corner: tuple, across: tuple, up: tuple, radiance: tuple) -> None:
        """Let light in through a rectangle, towards `across` x `up`."""
        self.windows.append((corner, across, up, radiance))

    def frame(self, middle: tuple[float, float], half: tuple[float, float], picture: int, wood: tuple,
              mount: float = 0.05) -> None:  # fmt: skip
        """Hang a picture with a frame and a white mount on the wall behind."""
        (x, y), (w, h), z = middle, half, BACK
        for low, high in (((-w, -h), (w, -h + 0.025)), ((-w, h - 0.025), (w, h)), ((-w, -h), (-w + 0.025, h)),
                          ((w - 0.025, -h), (w, h))):  # fmt: skip
            self.box((x + low[0], y + low[1], z), (x + high[0], y + high[1], z + 0.035), wood)
        self.box((x - w + 0.02, y - h + 0.02, z), (x + w - 0.02, y + h - 0.02, z + 0.012), (238, 235, 228))
        self.box((x - w + mount, y - h + mount, z), (x + w - mount, y + h - mount, z + 0.014), picture=picture)

    def plant(self, place: tuple[float, float], high: float, pot: tuple, leaves: int) -> None:
        """Stand a plant with broad leaves in a round pot."""
        x, z = place
        self.put(TUBE, (x, 0.17, z), (0.15, 0.17, 0.15), pot)
        self.put(TUBE, (x, 0.342, z), (0.135, 0.003, 0.135), (46, 34, 26))
        for _ in range(leaves):
            around, share = self.rng.uniform(0, 2 * np.pi), self.rng.uniform(0.25, 1)
            out = 0.1 + 0.30 * (1 - share) ** 0.5 * self.rng.uniform(0.5, 1.1)
            at = np.array([x + out * np.cos(around), 0.36 + share * (high - 0.36), z + 0.8 * out * np.sin(around)])
            green = np.array([62, 98, 56]) * self.rng.uniform(0.65, 1.25) + self.rng.uniform(-8, 8, 3)
            turn = (self.rng.uniform(-25, 25), -np.degrees(around), self.rng.uniform(-65, 10))
            self.put(BALL, tuple(at), (0.13, 0.006, 0.055), tuple(green), turn=turn)
            root = np.array([x, 0.33, z])
            self.stick(root, at, 0.005, (70, 92, 52))

    def stick(self, start: np.ndarray, end: np.ndarray, thick: float, colour: tuple) -> None:
        """Put a thin tube between two places."""
        way = np.array(end) - start
        length = np.linalg.norm(way)
        turn = Rotation.align_vectors([way / length], [[0, 1, 0]])[0].as_euler("xyz", degrees=True)
        self.put(TUBE, tuple((start + end) / 2), (thick, length / 2, thick), colour, turn=tuple(turn))

    def books(self, left: float, right: float, floor: float, tall: float, z: float, lean: float = 0.25) -> None:
        """Stand a row of books on a board, backs to the camera at depth z; some room may be left at its end."""
        x, muted = left, ((120, 56, 48), (58, 78, 96), (196, 178, 140), (72, 88, 70), (150, 112, 70), (214, 206, 190),
                          (66, 58, 66), (164, 84, 54), (92, 110, 116))  # fmt: skip
        while x < right - lean * self.rng.uniform(0, 1) * (right - left):
            thick, high = self.rng.uniform(0.018, 0.045), tall * self.rng.uniform(0.68, 0.95)
            colour = np.array(muted[self.rng.integers(len(muted))]) * self.rng.uniform(0.85, 1.15)
            deep = self.rng.uniform(0.0, 0.02)
            self.box((x, floor, z - 0.18), (x + thick - 0.002, floor + high, z - deep), tuple(colour))
            if self.rng.uniform() < 0.6:
                band = floor + high * self.rng.uniform(0.6, 0.8)
                self.box((x, band, z - 0.1), (x + thick - 0.002, band + 0.02, z - deep + 0.001), (206, 186, 130))
            x += thick

    def built(self) -> tuple[Solids, np.ndarray, Windows]:
        """The room as `tracer` takes it: solids, pictures (P, SIDE, SIDE, 3) and windows."""
        columns = [np.ascontiguousarray(np.array(c, float)) for c in zip(*self.solids)]
        columns[0], columns[5] = columns[0].astype(np.int64), columns[5].astype(np.int64)
        return Solids(*columns), np.stack(self.pictures), Windows(*(np.array(c, float) for c in zip(*self.windows)))

"""Two furnished rooms with large windows."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from scipy.spatial.transform import Rotation

from .shading import LINEAR
from .surfaces import abstract, landscape, planks, plaster, weave
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


def living_room() -> Room:
    """Anna's: warm wood, a sideboard with a lamp, pictures, a plant, a carpet; daylight from the left."""
    rng = np.random.default_rng(12)
    room = Room(rng)
    oak, wall = room.paint(planks(rng, (178, 138, 98), 9, 1)), room.paint(plaster(rng))
    walnut = room.paint(np.rot90(planks(rng, (122, 82, 54), 3, 1)))
    room.shell((222, 214, 198), wall, oak, 1.35)
    room.box((-1.25, 0.0, -1.25), (1.25, 0.008, 0.75), picture=room.paint(
        weave(rng, (196, 186, 168), (150, 108, 86), False)), tile=0.8)  # fmt: skip
    z = BACK
    for left, right in ((-2.45, -1.02),):  # a sideboard
        room.box((left, 0.16, z + 0.02), (right, 0.74, z + 0.44), picture=walnut, tile=0.9)
        room.box((left - 0.015, 0.74, z + 0.01), (right + 0.015, 0.765, z + 0.46), picture=walnut, tile=0.7)
        for n in range(3):
            a = left + 0.015 + n * (right - left - 0.02) / 3
            b = left + n * (right - left - 0.02) / 3 + (right - left) / 3 - 0.01
            room.box((a, 0.18, z + 0.44), (b, 0.72, z + 0.452), picture=walnut, tile=0.8)
            room.put(TUBE, ((a + b) / 2, 0.64, z + 0.462), (0.035, 0.008, 0.008), (196, 166, 104))
        for x in (left + 0.08, right - 0.08):
            room.put(TUBE, (x, 0.08, z + 0.38), (0.018, 0.08, 0.018), (60, 44, 34))
    room.put(TUBE, (-1.28, 0.775, z + 0.22), (0.075, 0.01, 0.075), (188, 158, 98))  # a lamp
    room.put(TUBE, (-1.28, 0.90, z + 0.22), (0.012, 0.13, 0.012), (188, 158, 98))
    room.put(TUBE, (-1.28, 1.14, z + 0.22), (0.14, 0.12, 0.14), (240, 228, 204))
    for n, (wide, colour) in enumerate(((0.13, (86, 98, 108)), (0.12, (196, 182, 150)), (0.11, (142, 74, 58)))):
        room.put(BOX, (-1.62, 0.78 + 0.03 * n, z + 0.24), (wide, 0.014, 0.09), colour, turn=(0, 6 * n - 5, 0))
    room.put(BALL, (-1.62, 0.905, z + 0.24), (0.055, 0.055, 0.055), (206, 198, 186))
    room.frame((-1.45, 1.66), (0.27, 0.21), room.paint(landscape(rng, (206, 198, 186), (74, 88, 92))), (84, 62, 46))
    room.frame((1.02, 1.70), (0.20, 0.26), room.paint(abstract(rng, (232, 224, 210), ((186, 108, 82), (92, 108, 104),
                                                                                      (214, 172, 108)))),
               (168, 136, 98))  # fmt: skip
    room.plant((1.34, z + 0.42), 1.35, (222, 214, 202), 46)
    for n in range(7):  # a curtain's edge
        room.put(TUBE, (-2.55 + 0.05 * n, 1.3, z + 0.10 + 0.015 * (n % 2)), (0.04, 1.3, 0.035), (226, 218, 204))
    room.window((-HALF + 0.02, 0.55, 2.6), (0, 0, -2.9), (0, 1.8, 0), (9.5, 9.9, 10.6))
    room.window((1.6, 0.9, FRONT - 0.02), (-2.6, 0, 0), (0, 1.3, 0), (3.2, 3.1, 2.9))
    return room


def study() -> Room:
    """Ben's: a blue-grey wall with panelling, a bookcase, an armchair, a picture; daylight from the right."""
    rng = np.random.default_rng(21)
    room = Room(rng)
    ash, wall = room.paint(planks(rng, (150, 126, 104), 7, 1)), room.paint(plaster(rng))
    pine, z = room.paint(planks(rng, (196, 164, 122), 3, 1)), BACK
    room.shell((166, 180, 190), wall, ash, 1.4)
    room.box((-HALF, 0.92, z), (HALF, 0.955, z + 0.025), (214, 216, 214))
    for n in range(9):
        a = -HALF + 0.08 + 0.62 * n
        for low, high in (((0, 0.18), (0.5, 0.19)), ((0, 0.85), (0.5, 0.86)), ((0, 0.18), (0.01, 0.86)),
                          ((0.49, 0.18), (0.5, 0.86))):  # fmt: skip
            room.box((a + low[0], low[1], z), (a + high[0], high[1], z + 0.014), (172, 186, 196))
    left, right = 1.0, 2.05  # a bookcase
    room.box((left, 0.0, z + 0.005), (right, 2.05, z + 0.02), (150, 122, 88))
    for x in (left, right - 0.025):
        room.box((x, 0, z), (x + 0.025, 2.05, z + 0.30), picture=pine, tile=0.7)
    for n in range(6):
        y = 0.06 + n * 0.392
        room.box((left, y, z), (right, y + 0.025, z + 0.30), picture=pine, tile=0.7)
        if n < 5:
            room.books(left + 0.03, right - 0.03, y + 0.025, 0.33, z + 0.27, (0.1, 0.45, 0.3, 0.5, 0.2)[n])
    room.put(BALL, (1.9, 1.345, z + 0.17), (0.06, 0.09, 0.06), (182, 104, 76))
    chair, cloth = (-1.5, z + 0.55), (96, 108, 92)
    x, d = chair
    room.put(BOX, (x, 0.34, d), (0.33, 0.09, 0.32), cloth)
    room.put(BALL, (x, 0.43, d + 0.02), (0.35, 0.075, 0.34), cloth)
    room.put(BOX, (x, 0.66, d - 0.30), (0.30, 0.30, 0.06), cloth, turn=(-10, 0, 0))
    room.put(BALL, (x, 0.70, d - 0.27), (0.33, 0.32, 0.10), cloth, turn=(-10, 0, 0))
    for side in (-1, 1):
        room.put(BOX, (x + side * 0.36, 0.46, d), (0.05, 0.12, 0.32), cloth)
        room.put(TUBE, (x + side * 0.36, 0.58, d), (0.06, 0.32, 0.06), cloth, turn=(90, 0, 0))
        for back in (-0.26, 0.26):
            room.put(TUBE, (x + side * 0.3, 0.12, d + back), (0.02, 0.13, 0.02), (112, 82, 54))
    room.put(BALL, (x + 0.06, 0.62, d - 0.12), (0.19, 0.17, 0.07), (204, 156, 84), turn=(-18, 8, 6))
    room.put(TUBE, (-0.93, 0.012, z + 0.25), (0.13, 0.012, 0.13), (52, 52, 54))  # a lamp on the floor
    room.put(TUBE, (-0.93, 0.75, z + 0.25), (0.011, 0.75, 0.011), (52, 52, 54))
    room.put(TUBE, (-0.93, 1.56, z + 0.25), (0.15, 0.13, 0.15), (236, 226, 206))
    room.frame((-1.55, 1.62), (0.24, 0.30), room.paint(landscape(rng, (214, 196, 172), (58, 84, 96))), (52, 50, 48))
    room.frame((0.46, 1.66), (0.19, 0.15), room.paint(abstract(rng, (226, 222, 212), ((70, 92, 112), (198, 150, 84),
                                                                                       (120, 128, 116)))),
               (196, 164, 122), 0.04)  # fmt: skip
    room.window((HALF - 0.02, 0.6, -0.2), (0, 0, 2.7), (0, 1.8, 0), (10.4, 10.2, 9.8))
    room.window((1.8, 0.9, FRONT - 0.02), (-2.6, 0, 0), (0, 1.3, 0), (3.0, 3.1, 3.3))
    return room


ROOMS = {"living room": living_room, "study": study}

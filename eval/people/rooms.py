"""Furnished rooms with large windows."""

from __future__ import annotations

import numpy as np

from .room import BACK, FRONT, HALF, Room
from .surfaces import abstract, bricks, landscape, planks, plaster, weave
from .tracer import BALL, BOX, TUBE


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


def kitchen() -> Room:
    """White cupboards, tiles above the worktop, a shelf with jars, a window over the sink; daylight from the left."""
    rng = np.random.default_rng(33)
    room = Room(rng)
    oak, wall, z = room.paint(planks(rng, (160, 120, 84), 8, 1)), room.paint(plaster(rng)), BACK
    room.shell((204, 214, 200), wall, room.paint(planks(rng, (196, 178, 150), 8, 1)), 1.5)
    room.box((-HALF, 0.1, z), (HALF, 0.88, z + 0.56), (232, 232, 226))
    room.box((-HALF, 0.88, z), (HALF, 0.92, z + 0.60), picture=oak, tile=0.9)
    for n in range(9):
        a = -HALF + 0.02 + 0.6 * n
        room.box((a, 0.14, z + 0.56), (a + 0.57, 0.84, z + 0.574), (236, 236, 230))
        room.box((a + 0.2, 0.77, z + 0.574), (a + 0.37, 0.783, z + 0.6), (150, 150, 150))
    for row in range(5):
        for n in range(37):
            a, shade = -HALF + 0.15 * n - 0.075 * (row % 2), rng.uniform(0.93, 1.03)
            room.box((a, 0.925 + 0.082 * row, z), (a + 0.146, 1.003 + 0.082 * row, z + 0.012),
                     tuple(np.array([222, 230, 226]) * shade))  # fmt: skip
    room.box((-1.9, 1.56, z), (1.9, 1.59, z + 0.22), picture=oak, tile=0.8)
    x = -1.8
    while x < 1.75:
        wide, high = rng.uniform(0.035, 0.06), rng.uniform(0.06, 0.12)
        colours = ((196, 112, 72), (226, 206, 166), (104, 126, 98), (88, 104, 124), (214, 214, 208))
        room.put(TUBE, (x, 1.59 + high, z + 0.11), (wide, high, wide), colours[rng.integers(5)])
        room.put(TUBE, (x, 1.60 + 2 * high, z + 0.11), (0.9 * wide, 0.012, 0.9 * wide), (120, 90, 62))
        x += 2.2 * wide + rng.uniform(0.02, 0.16)
    room.put(BALL, (1.05, 0.985, z + 0.3), (0.14, 0.07, 0.14), (186, 92, 62))
    for n in range(5):
        room.put(BALL, (0.99 + 0.05 * (n % 3), 1.06 + 0.02 * (n // 3), z + 0.28 + 0.03 * (n % 2)), (0.036,) * 3,
                 ((206, 150, 50), (178, 60, 44), (150, 170, 70))[n % 3])  # fmt: skip
    room.window((-HALF + 0.02, 0.8, 3.0), (0, 0, -2.6), (0, 1.5, 0), (10.6, 10.4, 9.8))
    room.window((1.4, 0.9, FRONT - 0.02), (-2.4, 0, 0), (0, 1.3, 0), (3.4, 3.4, 3.4))
    return room


def classroom() -> Room:
    """A green board in a wooden frame, a desk with books, a globe; daylight from the right."""
    rng = np.random.default_rng(47)
    room = Room(rng)
    beech, wall, z = room.paint(planks(rng, (202, 164, 116), 3, 1)), room.paint(plaster(rng)), BACK
    room.shell((232, 218, 178), wall, room.paint(planks(rng, (128, 104, 84), 8, 1)), 1.4)
    room.box((-1.35, 1.02, z), (1.25, 2.22, z + 0.03), picture=beech, tile=0.6)
    room.box((-1.30, 1.07, z), (1.20, 2.17, z + 0.036), (58, 92, 76))
    room.box((-1.30, 1.03, z), (1.20, 1.05, z + 0.11), picture=beech, tile=0.6)
    for n, (wide, colour) in enumerate(((0.05, (240, 240, 236)), (0.04, (226, 196, 92)), (0.09, (96, 84, 76)))):
        room.box((0.3 + 0.2 * n, 1.05, z + 0.06), (0.3 + 0.2 * n + wide, 1.068, z + 0.085), colour)
    room.box((-2.3, 0.70, z + 0.25), (-1.0, 0.74, z + 0.95), picture=beech, tile=0.7)
    for x in (-2.22, -1.08):
        for d in (0.32, 0.88):
            room.put(TUBE, (x, 0.35, z + d), (0.022, 0.35, 0.022), (92, 96, 100))
    room.books(-2.2, -1.75, 0.74, 0.26, z + 0.62, 0.2)
    room.put(TUBE, (-1.3, 0.755, z + 0.55), (0.09, 0.015, 0.09), (70, 56, 46))
    room.put(TUBE, (-1.3, 0.80, z + 0.55), (0.012, 0.05, 0.012), (150, 130, 90))
    room.put(BALL, (-1.3, 0.97, z + 0.55), (0.14, 0.14, 0.14), (76, 122, 156))
    room.frame((1.9, 1.62), (0.34, 0.24), room.paint(landscape(rng, (210, 214, 206), (96, 120, 88))), (112, 84, 58))
    room.plant((1.75, z + 0.5), 1.15, (150, 92, 70), 34)
    room.window((HALF - 0.02, 0.7, 0.2), (0, 0, 2.9), (0, 1.7, 0), (11.2, 10.6, 9.4))
    room.window((1.8, 0.9, FRONT - 0.02), (-2.6, 0, 0), (0, 1.3, 0), (3.0, 3.1, 3.3))
    return room


def loft() -> Room:
    """A brick wall, a mat on grey boards, a bench and a ball; daylight from both sides."""
    rng = np.random.default_rng(58)
    room = Room(rng)
    wall, z = room.paint(bricks(rng, (214, 190, 172), (226, 220, 212))), BACK
    room.shell((228, 222, 214), wall, room.paint(planks(rng, (150, 146, 140), 8, 1)), 1.4)
    room.box((-0.95, 0.0, -0.75), (0.95, 0.012, 0.75), picture=room.paint(
        weave(rng, (74, 104, 122), (66, 94, 112), False)), tile=0.5)  # fmt: skip
    pine = room.paint(planks(rng, (206, 172, 126), 3, 1))
    room.box((-2.4, 0.40, z + 0.15), (-1.1, 0.45, z + 0.5), picture=pine, tile=0.8)
    for x in (-2.3, -1.2):
        room.box((x - 0.03, 0, z + 0.17), (x + 0.03, 0.40, z + 0.48), (60, 60, 62))
    room.put(BOX, (-1.7, 0.475, z + 0.32), (0.2, 0.025, 0.13), (206, 116, 84))
    room.put(BALL, (1.5, 0.32, z + 0.6), (0.32, 0.32, 0.32), (222, 190, 92))
    for n in range(3):
        room.put(TUBE, (1.05 - 0.02 * n, 0.07, z + 0.3 + 0.2 * n), (0.07, 0.09, 0.07), (66, 70, 78), turn=(0, 0, 90))
    room.plant((2.2, z + 0.45), 1.5, (92, 96, 100), 40)
    room.window((-HALF + 0.02, 0.5, 2.2), (0, 0, -2.2), (0, 1.9, 0), (8.6, 9.0, 9.4))
    room.window((HALF - 0.02, 0.7, 1.0), (0, 0, 2.2), (0, 1.7, 0), (4.2, 4.0, 3.8))
    room.window((1.6, 0.9, FRONT - 0.02), (-2.6, 0, 0), (0, 1.3, 0), (3.2, 3.1, 2.9))
    return room


ROOMS = {
    "living room": living_room, "study": study, "kitchen": kitchen, "classroom": classroom, "loft": loft,
}  # fmt: skip

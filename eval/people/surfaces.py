"""What is on the surfaces of a room: wood, plaster, carpets and the pictures on its walls, all drawn here."""

from __future__ import annotations

import cv2
import numpy as np
from scipy.ndimage import gaussian_filter

from .backdrop import clouds

#: Of each picture, pixels.
SIDE = 1024


def planks(rng: np.random.Generator, colour: tuple, across: int, along: int) -> np.ndarray:
    """Boards that run down a picture, (SIDE, SIDE, 3), repeating: each of its own tone, with grain and gaps."""
    y, x = np.mgrid[:SIDE, :SIDE]
    column = x * across // SIDE
    start = rng.integers(0, SIDE, across)[column]
    row = (y + start) % SIDE * along // SIDE
    tone = rng.normal(1, 0.075, (across, along))[column, row]
    warm = rng.normal(0, 0.025, (across, along))[column, row]
    grain, flame = (
        gaussian_filter(rng.standard_normal((SIDE, SIDE)), sigma, mode="wrap") for sigma in ((38, 1), (90, 5))
    )
    out = tone * (1 + 0.6 * grain + 1.4 * flame)
    gap = np.minimum(x * across % SIDE, SIDE - x * across % SIDE) / across
    end = ((y + start) * along % SIDE) / along
    out *= 1 - 0.55 * np.exp(-((gap / 0.9) ** 2)) - 0.4 * (end < 1.5)
    return out[..., None] * colour * (1 + warm[..., None] * [1, 0, -1.2])


def plaster(rng: np.random.Generator) -> np.ndarray:
    """A painted wall that is not quite even, near white, (SIDE, SIDE, 3)."""
    even = 1 + 0.012 * clouds(SIDE, rng, 4) + 0.010 * rng.standard_normal((SIDE, SIDE))
    return np.repeat(246 * even[..., None], 3, 2)


def bricks(rng: np.random.Generator, colour: tuple, mortar: tuple) -> np.ndarray:
    """A wall of bricks, ten across and thirty down, (SIDE, SIDE, 3), repeating: each of its own tone."""
    y, x = np.mgrid[:SIDE, :SIDE] / SIDE
    row = (y * 30).astype(int)
    along = x * 10 + 0.5 * (row % 2)
    tone = rng.normal(1, 0.09, (30, 10))[row, along.astype(int) % 10]
    rough = 1 + 0.05 * clouds(SIDE, rng, 40, 4) + 0.03 * rng.standard_normal((SIDE, SIDE))
    from_edge = np.minimum(np.abs(along % 1 - 0.5) * -0.24 + 0.12, (np.abs(y * 30 % 1 - 0.5) * -0.08 + 0.04))  # m
    laid = np.clip((from_edge - 0.005) / 0.003, 0, 1)[..., None]
    return rough[..., None] * (laid * tone[..., None] * colour + (1 - laid) * mortar)


def weave(rng: np.random.Generator, colour: tuple, stripe: tuple, border: bool) -> np.ndarray:
    """A carpet or rough cloth, (SIDE, SIDE, 3)."""
    y, x = np.mgrid[:SIDE, :SIDE] / SIDE
    out = np.broadcast_to(np.array(colour, float), (SIDE, SIDE, 3)).copy()
    edge = np.minimum(np.minimum(x, 1 - x), np.minimum(y, 1 - y))
    if border:
        for low, high in ((0.03, 0.045), (0.055, 0.10)):
            out[(edge > low) & (edge < high)] = stripe
        lozenge = np.abs((x * 8) % 1 - 0.5) + np.abs((y * 6) % 1 - 0.5)
        out[(lozenge < 0.16) & (edge > 0.13)] = stripe
    fibres = 1 + 0.10 * rng.standard_normal((SIDE, SIDE)) + 0.03 * clouds(SIDE, rng, 12, 4)
    return out * fibres[..., None]


def landscape(rng: np.random.Generator, sky: tuple, land: tuple) -> np.ndarray:
    """Hills behind hills in the haze, (SIDE, SIDE, 3)."""
    y, x = np.mgrid[:SIDE, :SIDE] / SIDE
    sky, land = np.array(sky, float), np.array(land, float)
    out = sky + (y[..., None] - 0.5) * [60, 30, 0] + 10 * clouds(SIDE, rng, 3, 5)[..., None]
    for n in range(6):
        ridge = 0.42 + 0.09 * n + 0.05 * np.interp(x, np.linspace(0, 1, 9 + 4 * n), rng.normal(0, 1, 9 + 4 * n))
        ridge += 0.006 * np.interp(x, np.linspace(0, 1, 120), rng.normal(0, 1, 120))
        near = (n + 1) / 6
        out[y > ridge] = (sky * (1 - near) + land * near)[None] * (1 + 0.04 * rng.standard_normal())
    return out + 3 * rng.standard_normal((SIDE, SIDE, 1))


def abstract(rng: np.random.Generator, ground: tuple, inks: tuple) -> np.ndarray:
    """A few large calm shapes on paper, (SIDE, SIDE, 3)."""
    out = np.full((SIDE, SIDE, 3), ground, np.uint8)
    for ink in inks:
        centre = (rng.uniform(0.25, 0.75, 2) * SIDE).astype(int).tolist()
        axes = (rng.uniform(0.12, 0.34, 2) * SIDE).astype(int).tolist()
        cv2.ellipse(out, centre, axes, float(rng.uniform(0, 180)), 0, float(rng.choice([180, 360])), ink, -1,
                    cv2.LINE_AA)  # fmt: skip
    return out + 4 * clouds(SIDE, rng, 60, 3)[..., None]

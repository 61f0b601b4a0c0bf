"""Hair, beards, skin and eyes in colours of their own: pictures in, pictures out."""

from __future__ import annotations

import cv2
import numpy as np

from .dye import vivid
from .hanging import step

#: sRGB of hair.
HAIRS = ((22, 18, 16), (40, 28, 22), (70, 46, 30), (110, 72, 44), (156, 112, 66), (196, 160, 104), (140, 62, 30),
         (120, 116, 112), (168, 164, 158))  # fmt: skip
IRISES = np.array([(62, 40, 24), (84, 56, 30), (104, 92, 56), (70, 106, 138), (86, 118, 92), (112, 122, 128)])


def hair_colour(rng: np.random.Generator, age: float) -> np.ndarray:
    """The colour of somebody's hair, (3,) sRGB: grey only in age, dyed one time in twelve."""
    if rng.uniform() < 0.08:
        return vivid(rng)
    grey = age > 0.85 and rng.uniform() < 0.8
    choice = rng.integers(7, 9) if grey else rng.integers(7)
    return np.array(HAIRS[choice]) * rng.uniform(0.85, 1.15)


def hair(picture: np.ndarray, colour: np.ndarray) -> np.ndarray:
    """Hair (H, W, 4) uint8 in another colour (3,), its strands kept."""
    grey = picture[..., :3].astype(np.float32).mean(-1)
    solid = picture[..., 3] > 128
    relief = (grey + 12) / (np.median(grey[solid] if solid.any() else grey) + 12)
    most = min(2.2, 1.2 + 60 / float(np.mean(colour)))
    rgb = np.clip(np.clip(relief, 0.25, most)[..., None] * colour, 0, 255).astype(np.uint8)
    solid = np.clip(picture[..., 3] * 1.8, 0, 255).astype(np.uint8)  # or thin hair shows what is behind it
    return np.dstack([rgb, solid])


def skin(picture: np.ndarray, rng: np.random.Generator, lighter: float | None = None) -> np.ndarray:
    """Skin (H, W, 4) uint8, lighter by a factor; without one a little lighter or darker, warmer or cooler."""
    tint = rng.uniform(0.85, 1.12) * np.array([1.0, rng.uniform(0.95, 1.03), rng.uniform(0.9, 1.06), 1 / 1.0])
    tint = np.full(4, lighter) if lighter else tint
    tint[3] = 1
    return np.clip(picture * tint, 0, 255).astype(np.uint8)


def beard(skin: np.ndarray, places: np.ndarray, eyes: np.ndarray, crown: float, colour: np.ndarray,
          rng: np.random.Generator) -> np.ndarray:  # fmt: skip
    """Skin (H, W, 4) uint8 with stubble or a short beard.

    Args:
        skin: The picture.
        places: (H, W, 3) m, what place on the resting body each pixel is; nan where none is.
        eyes: (3,) m, the middle between the eyes.
        crown: How high the skull is above them, m.
        colour: (3,) sRGB, of the beard.
        rng: Draws how thick it is, and its hairs.
    """
    up, back = (places[..., 1] - eyes[1]) / crown, (eyes[2] - places[..., 2]) / crown
    cheeks = step(0.34, 0.52, -up) * step(-1.0, -0.8, -back) * step(-1.4, -1.15, up)
    sideburns = step(-0.95, -0.85, -back) * step(0.55, 0.7, back) * step(-0.1, 0.1, -up) * step(-1.4, -1.15, up)
    lips = step(0.012, 0.02, 0.2 * np.abs(up + 0.62) + 0.5 * np.maximum(np.abs(places[..., 0]) - 0.01, 0))
    hairs = np.clip(0.75 + 0.3 * rng.standard_normal(up.shape), 0, 1)
    share = rng.choice([rng.uniform(0.15, 0.4), rng.uniform(0.6, 0.95)]) * np.maximum(cheeks, sideburns) * lips * hairs
    share = cv2.GaussianBlur(np.nan_to_num(share), (0, 0), 0.7)[..., None]
    rgb = skin[..., :3] * (1 - share) + 0.8 * colour * share
    return np.dstack([np.clip(rgb, 0, 255).astype(np.uint8), skin[..., 3]])


def eye(rng: np.random.Generator, iris: tuple[int, int, int] | None = None, side: int = 128) -> np.ndarray:
    """The front of an eyeball, (side, side, 4) uint8: white, iris with its fibres, pupil; sRGB of the iris."""
    y, x = (np.mgrid[:side, :side] + 0.5) / side * 2 - 1
    radius, angle = np.hypot(x, y), np.arctan2(y, x)
    colour = IRISES[rng.integers(len(IRISES))] * rng.uniform(0.8, 1.2)
    colour = colour if iris is None else np.array(iris, float)
    fibres = 1 + 0.25 * np.sin(angle * 31 + 3 * np.sin(angle * 7))
    out = np.full((side, side, 3), (206, 200, 196), float)
    out *= (1 - 0.12 * np.clip(radius - 0.6, 0, 1))[..., None]
    for limit, paint in ((0.50, 0.35), (0.46, 1.0)):
        inside = np.clip((limit - radius) / 0.04, 0, 1)[..., None]
        out = out * (1 - inside) + colour * paint * fibres[..., None] * inside
    pupil = np.clip((0.2 - radius) / 0.03, 0, 1)[..., None]
    glint = np.clip((0.09 - np.hypot(x + 0.14, y + 0.18)) / 0.04, 0, 1)[..., None]
    out = out * (1 - pupil) + 8 * pupil
    out = out * (1 - glint) + 250 * glint
    return np.dstack([np.clip(out, 0, 255).astype(np.uint8), np.full((side, side), 255, np.uint8)])

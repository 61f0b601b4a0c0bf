"""Checks while one films: more light, nearer, what to show next; from a picture a second, without any model."""

from __future__ import annotations

import time
from typing import NamedTuple

import cv2
import numpy as np

#: Mean brightness of a picture that will do, of 255.
_DARK, _BRIGHT = 60, 200
#: Grey levels by which a pixel changes where something moves, and the share of them from which the camera does.
_CHANGE, _ALL = 14, 0.6
#: Share of the height that whoever moves should fill at least.
_SMALL = 0.4
_SIDE = 160
#: What to do next, and from which second on.
STEPS = (
    (0, "front"), (6, "turn"), (18, "arms"), (28, "sides"), (36, "legs"), (44, "walk"), (52, "out"), (58, "enough"),
)  # fmt: skip


class Film(NamedTuple):
    """What was seen so far: the last picture, small and grey, and when the first one came."""

    before: np.ndarray
    began: float


def advise(pixels: np.ndarray, film: Film | None, now: float | None = None) -> tuple[Film, list[str]]:
    """Look at the next picture of somebody who films themselves.

    Args:
        pixels: (H, W, 3) uint8 RGB.
        film: What was seen so far; None at the beginning.
        now: Seconds.

    Returns:
        What was seen so far, and phrases' keys: what to mend first, what to do next last.
    """
    now = time.monotonic() if now is None else now
    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    grey = cv2.resize(grey, (_SIDE, round(_SIDE * grey.shape[0] / grey.shape[1])), interpolation=cv2.INTER_AREA)
    film = film if film and film.before.shape == grey.shape else Film(grey, now)
    mend = [*_light(grey), *_place(grey, film.before)]
    step = [name for since, name in STEPS if now - film.began >= since][-1]
    return Film(grey, film.began), [f"train_live_{each}" for each in (*mend, step)]


def _light(grey: np.ndarray) -> list[str]:
    bright = grey.mean()
    return ["dark"] if bright < _DARK else ["bright"] if bright > _BRIGHT else []


def _place(grey: np.ndarray, before: np.ndarray) -> list[str]:
    """Whether the camera is still, and whoever moves before it large enough and inside the picture."""
    moved = cv2.medianBlur((cv2.absdiff(grey, before) > _CHANGE).astype(np.uint8), 3)
    if moved.mean() > _ALL:
        return ["shakes"]
    rows = np.flatnonzero(moved.any(1))
    if not len(rows):
        return []
    edge = len(moved) * 0.02
    if rows[0] <= edge and rows[-1] >= len(moved) - 1 - edge:
        return ["back"]
    return ["nearer"] if rows[-1] - rows[0] < _SMALL * len(moved) else []

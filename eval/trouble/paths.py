"""What a camera does: for each moment where it looks, as matrices from pixels of the frame to pixels of the place.

Matrices take pixels as OpenCV counts them: the middle of the first pixel is (0, 0). Those of joints are at (0.5, 0.5).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .recipes import Path

#: Frequencies (Hz), and shares of the movement, of a hand: slow sway, and tremble.
SWAY, TREMBLE = (0.23, 0.41, 0.67), (4.3, 6.1, 8.7)


@dataclass(frozen=True)
class Look:
    """Where a camera looks at one moment, against where it looks first.

    Attributes:
        x: Shift to the right, in heights of the picture.
        y: Shift down.
        turn: Roll, radians.
        zoom: How much larger everything is, a factor.
    """

    x: float = 0.0
    y: float = 0.0
    turn: float = 0.0
    zoom: float = 1.0


def looks(path: Path, times: np.ndarray, seed: int) -> list[Look]:
    """Where the camera looks at each of the times (T,), seconds; the path begins at the first and ends at the last."""
    done = (times - times[0]) / max(times[-1] - times[0], 1e-9)
    ease = done * done * (3 - 2 * done)
    still = np.zeros(len(times))
    x, y, turn, zoom = {
        "still": lambda: (still, still, still, still),
        "shake": lambda: _hand(times, seed),
        "drift": lambda: (0.10 * ease, 0.03 * ease, 0.01 * ease, still),
        "zoom": lambda: (still, still, still, 0.25 * ease),
        "pan": lambda: (0.25 * np.sin(np.pi * ease), still, still, still),
        "bump": lambda: (still, 0.04 * _ring(times, 0.4), 0.02 * _ring(times, 0.4), still),
    }[path]()
    return [Look(*map(float, each)) for each in zip(x, y, turn, np.exp(zoom))]


def _hand(times: np.ndarray, seed: int) -> tuple[np.ndarray, ...]:
    """A camera in a hand: smooth sway of a few hundredths of the picture, and a tremble of about a thousandth."""
    rng = np.random.default_rng([seed, 31])

    def wave(sway: float, tremble: float) -> np.ndarray:
        parts = [(f, sway) for f in SWAY] + [(f, tremble) for f in TREMBLE]
        return sum(a / 3 * np.sin(2 * np.pi * (f * times + rng.uniform())) for f, a in parts)

    return wave(0.04, 0.0015), wave(0.03, 0.0015), wave(0.012, 0.0008), wave(0.01, 0)


def _ring(times: np.ndarray, at: float) -> np.ndarray:
    """A knock at that share of the time, which rings off within about half a second: (T,) in [-1, 1]."""
    since = times - (times[0] + at * (times[-1] - times[0]))
    return np.where(since > 0, np.exp(-since / 0.15) * np.sin(2 * np.pi * 5 * np.maximum(since, 0)), 0)


def matrix(look: Look, size: tuple[int, int], middle: tuple[float, float], scale: float) -> np.ndarray:
    """The similarity (3, 3) from pixels of the frame to pixels of the place.

    Args:
        look: Where the camera looks.
        size: (width, height) of the frame, pixels.
        middle: (x, y) of the place that is in the middle of the picture at first, pixels.
        scale: Pixels of the place to one of the frame, at first.
    """
    width, height = size
    s, c, n = scale / look.zoom, np.cos(look.turn), np.sin(look.turn)
    turned = s * np.array([[c, -n], [n, c]])
    target = np.array(middle) + scale * height * np.array([look.x, look.y])
    shift = target - turned @ [(width - 1) / 2, (height - 1) / 2]
    return np.vstack([np.column_stack([turned, shift]), [0, 0, 1]])

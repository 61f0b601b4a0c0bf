"""Performances from a score: where hands, feet, trunk and head are at a few moments, and what a body adds to that.

Between its keys a body eases; it breathes, sways and never holds anything quite still, its two hands are never quite
together, and where speech is stressed hands beat and the head nods.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy.interpolate import PchipInterpolator
from scipy.ndimage import gaussian_filter1d

from . import acting
from .figure import Figure
from .limbs import Limbs
from .motion import Performance, wander

#: What a hand does: curls of thumb, index, middle, ring and little finger, and spread.
SHAPES = {
    "loose": (0.15, 0.18, 0.24, 0.29, 0.33, 0.0), "open": (0.05, 0.04, 0.06, 0.08, 0.10, 0.6),
    "flat": (0.12, 0.02, 0.02, 0.03, 0.05, -0.1), "pinch": (0.50, 0.52, 0.34, 0.24, 0.18, 0.2),
    "fist": (0.75, 0.90, 0.92, 0.92, 0.92, 0.0), "one": (0.70, 0.0, 0.90, 0.92, 0.92, 0.0),
    "two": (0.75, 0.0, 0.0, 0.90, 0.92, 0.7), "three": (0.75, 0.0, 0.0, 0.02, 0.92, 0.6),
}  # fmt: skip
#: How each track of a score begins, and how far (of its values' units) it wanders, and how slowly (s).
_TRACKS = {
    "pelvis": ((0, 0, 0.012), (0.006, 0.010, 0.003), 1.6), "hips": ((0, 0, 0), (1.5, 0.8, 0.8), 1.7),
    "chest": ((0, 0, 0), (1.8, 1.2, 1.0), 1.3), "head": ((0, 0, 0), (3.5, 2.2, 2.0), 0.8),
    "foot_r": ((0, 0.12, 0, 9), (0, 0, 0, 0), 1), "foot_l": ((0.02, 0.12, 0, 12), (0, 0, 0, 0), 1),
}  # fmt: skip
_HAND = (0.012, 0.014, 0.012, 0.05, 0.03)  # what a hand wanders, in the units of `Hand`
_LATE = 0.05  # seconds by which the left hand follows


@dataclass(frozen=True)
class Hand:
    """Where a hand is and what it does.

    Attributes:
        at: Seconds since the performance began.
        place: The wrist from its shoulder, in the chest's axes: forward, up, outward, in lengths of the arm.
        shape: A name from `SHAPES`.
        palm: 1 up, 0 inward with the thumb up, -1 down.
        bent: By how much the wrist is bent towards the palm, -1 to 1.
    """

    at: float
    place: tuple[float, float, float]
    shape: str = "loose"
    palm: float = 0.0
    bent: float = 0.0

    @property
    def values(self) -> tuple[float, ...]:
        """All of it as numbers, (11,): place, palm, bent, and the fingers."""
        return (*self.place, self.palm, self.bent, *SHAPES[self.shape])


@dataclass(frozen=True)
class Score:
    """A performance, as far as it is planned.

    Attributes:
        seconds: How long it is.
        right, left: What the hands do.
        tracks: Name of a track of `Limbs.frames` but the hands' -> keys of (seconds, its values).
        beats: Seconds at which speech is stressed, and how much.
        face: When it talks, smiles and looks up.
        seed: Draws what is not planned.
    """

    seconds: float
    right: Sequence[Hand]
    left: Sequence[Hand]
    tracks: Mapping[str, Sequence[tuple[float, tuple[float, ...]]]] = field(default_factory=dict)
    beats: Sequence[tuple[float, float]] = ()
    face: acting.Script = acting.USUAL
    seed: int = 0


def perform(score: Score, figure: Figure, fps: float) -> Performance:
    """What a figure does who performs a score, frame by frame."""
    rng, at = np.random.default_rng([score.seed, 61]), np.arange(round(score.seconds * fps)) / fps
    stress = np.sum([[0 * at], *([strength * _beat(at - when)] for when, strength in score.beats)], 0)[0]
    tracks, grips = {}, np.zeros((len(at), 2, 9))
    for name, (begin, far, slow) in _TRACKS.items():
        keys = score.tracks.get(name, [(0, begin)])
        tracks[name] = _eased(at, *zip(*keys)) + far * wander(rng, len(at), fps, len(far), slow)
    for n, (side, keys) in enumerate((("l", score.left), ("r", score.right))):
        late = _LATE if side == "l" else 0.0
        hand = _eased(at - late, [key.at for key in keys], [key.values for key in keys])
        hand[:, :5] += _HAND * wander(rng, len(at), fps, 5, 0.7)
        hand[:, 5:] += 0.04 * wander(rng, len(at), fps, 6, 0.8)
        up = np.clip((hand[:, 1] + 0.75) / 0.25, 0, 1)  # a hand that hangs does not beat
        hand[:, 1] -= 0.10 * up * stress
        tracks[f"hand_{side}"] = hand[:, :3]
        grips[:, n, :6], grips[:, n, 6] = hand[:, 5:], hand[:, 4] + 0.25 * up * stress
        grips[:, n, 8] = hand[:, 3] * (1.3 if side == "r" else -1.3)
    tracks["head"][:, 2] += 5 * _late(stress, fps)
    tracks["chest"][:, 2] += 1.2 * stress + 0.8 * np.sin(2 * np.pi * at / 3.4)
    frames = Limbs(figure.rig).frames(tracks)
    actions = np.stack([acting.moment(t, figure.actions, score.face)[1] for t in at])
    return Performance(frames, grips, actions, np.zeros(1, int))


def _eased(at: np.ndarray, times: Sequence[float], values: Sequence[Sequence[float]]) -> np.ndarray:
    """Keys as a curve (T, D) that goes on as it is before the first and after the last, without a corner."""
    values = np.array(values, float)
    if len(times) == 1:
        return np.repeat(values, len(at), 0)
    curve = PchipInterpolator(times, values)(np.clip(at, times[0], times[-1]))
    return gaussian_filter1d(curve, 0.04 / (at[1] - at[0]), axis=0, mode="nearest")


def _beat(since: np.ndarray) -> np.ndarray:
    """A stroke: down within 0.15 s, more slowly back; 1 at its lowest."""
    t = np.clip(since + 0.15, 0, None) / 0.15
    return t**2 * np.exp(2 * (1 - t))


def _late(curve: np.ndarray, fps: float) -> np.ndarray:
    """The same two frames of a film later, for what is heavier than a hand."""
    n = round(fps / 12)
    return np.concatenate([np.repeat(curve[:1], n), curve[:-n]])

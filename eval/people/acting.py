"""What hands and faces do in the examples, moment by moment: they talk, blink, smile at times, and are never still."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from scipy.interpolate import PchipInterpolator

from .motion import SPEECH, wander

#: Steps a second in which all is planned, and seconds until it begins anew.
RATE, LONG = 60, 60
#: What a relaxed hand does: curls of thumb, index, middle, ring and little finger, and spread; then what it may do.
_HANDS = np.array([
    (0.15, 0.16, 0.22, 0.27, 0.30, 0.0), (0.15, 0.16, 0.22, 0.27, 0.30, 0.0), (0.05, 0.05, 0.06, 0.08, 0.10, 0.5),
    (0.25, 0.30, 0.36, 0.40, 0.44, -0.1), (0.5, 0.1, 0.6, 0.7, 0.75, 0.0), (0.75, 0.85, 0.9, 0.9, 0.9, 0.0),
])  # fmt: skip
_LIKELY = np.array([0.3, 0.2, 0.2, 0.15, 0.05, 0.1])

Spans = tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Script:
    """When a face does what: begin and end (s) in every `every` seconds.

    Attributes:
        talks, smiles, wonders: The spans; a face may do several at once.
        every: Seconds after which they come again.
    """

    talks: Spans = ((0.4, 2.6), (6.2, 8.4))
    smiles: Spans = ((2.7, 4.6), (9.2, 11.0))
    wonders: Spans = ((5.0, 6.0),)
    every: float = 12


#: The driving dance and the references begin with it.
USUAL = Script()


@cache
def _plan(actions: tuple[str, ...], script: Script) -> tuple[np.ndarray, np.ndarray]:
    """Grips (T, 2, 9) and actions (T, 52) at `RATE`."""
    rng, count = np.random.default_rng(7), LONG * RATE
    at, column = np.arange(count) / RATE, {name: n for n, name in enumerate(actions)}
    grips, face = np.zeros((count, 2, 9)), np.zeros((count, len(actions)))
    for hand in range(2):
        knots = LONG + 4
        kept = _HANDS[rng.choice(len(_HANDS), knots, p=_LIKELY)] + rng.normal(0, 0.04, (knots, 6))
        grips[:, hand, :6] = np.clip(PchipInterpolator(np.arange(knots), kept)(at), -0.1, 1)
    grips[:, :, 6:] = 0.4 * wander(rng, count, RATE, 6, 1.0).reshape(count, 2, 3)

    def raise_to(curve: np.ndarray, *names: str) -> None:
        for name in names:
            face[:, column[name]] = np.maximum(face[:, column[name]], curve)

    talks, smiles, wonders = (
        _during(at % script.every, spans) for spans in (script.talks, script.smiles, script.wonders)
    )
    speech = np.clip(wander(rng, count, RATE, len(SPEECH), 0.13) * 0.9, 0, 1) * talks[:, None]
    for name, curve in zip(SPEECH, speech.T):
        raise_to(curve * (0.55 if name == "jawOpen" else 0.4), name)
    raise_to(0.12 * talks * (1 + wander(rng, count, RATE, 1, 0.13)[:, 0]), "jawOpen")
    raise_to(0.75 * smiles + 0.12, "mouthSmileLeft", "mouthSmileRight")
    raise_to(0.40 * smiles, "cheekSquintLeft", "cheekSquintRight", "eyeSquintLeft", "eyeSquintRight")
    raise_to(0.10 * smiles, "jawOpen")
    raise_to(0.25 * smiles, "mouthUpperUpLeft", "mouthUpperUpRight")
    raise_to(0.55 * wonders, "browInnerUp", "browOuterUpLeft", "browOuterUpRight")
    brows = np.clip(wander(rng, count, RATE, 1, 0.5)[:, 0], 0, 1) * talks
    raise_to(0.4 * brows, "browInnerUp", "browOuterUpLeft", "browOuterUpRight")
    side, up = (0.35 * wander(rng, count, RATE, 2, 0.9)).T
    for curve, names in ((side, ("eyeLookOutLeft", "eyeLookInRight")), (-side, ("eyeLookInLeft", "eyeLookOutRight")),
                         (up, ("eyeLookUpLeft", "eyeLookUpRight")),
                         (-up, ("eyeLookDownLeft", "eyeLookDownRight"))):  # fmt: skip
        raise_to(np.clip(curve, 0, 1), *names)
    for blink in np.cumsum(rng.uniform(1.6, 4.2, LONG)):
        raise_to(np.clip(1.5 - np.abs(at - blink) / 0.075, 0, 1), "eyeBlinkLeft", "eyeBlinkRight")
    return grips, np.clip(face, 0, 1)


def _during(at: np.ndarray, spans: Spans) -> np.ndarray:
    """1 within the spans (s), 0 outside, softly."""
    return np.max([0 * at, *(np.clip(np.minimum(at - a, b - at) / 0.25, 0, 1) for a, b in spans)], 0)


def moment(seconds: float, actions: tuple[str, ...], script: Script = USUAL) -> tuple[np.ndarray, np.ndarray]:
    """What hands and face do at a time.

    Args:
        seconds: Since the performance began.
        actions: Names of the face's actions, in their order.
        script: When the face talks, smiles and looks up.

    Returns:
        Grips (2, 9), see `hands.turn`, and actions (52,) in [0, 1].
    """
    grips, face = _plan(actions, script)
    n = int(round(seconds * RATE)) % len(grips)
    return grips[n], face[n]

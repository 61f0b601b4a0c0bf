"""What colour things are before light falls on them: cloth, skin and faces, hair, eyes, shoes. Compiled by numba."""

from __future__ import annotations

from typing import NamedTuple

import numba as nb
import numpy as np

from .mesh import BOTTOM, EYE, HAIR, SHOE, SKIN, TOP

#: Rows of the palette after the materials' own colours.
TOP_ACCENT, BOTTOM_ACCENT, LIPS, IRIS = 7, 8, 9, 10
PLAIN, STRIPES, CHECKS, DOTS, BLOCK = range(5)


class Style(NamedTuple):
    """What colours a person has, and where their face is.

    Attributes:
        eye: (3,) m, the middle between the eyes at rest.
        eyes: (2, 3) m, left and right eye at rest.
        crown: Height of the skull above the eyes, m.
        palette: (11, 3) sRGB 0-255: the materials' own colours, accents of top and bottom, lips, irises.
        patterns: (2,) kinds of pattern of top and bottom.
        scales: (2,) their sizes.
        beard: 0 to 1.
    """

    eye: np.ndarray
    eyes: np.ndarray
    crown: float
    palette: np.ndarray
    patterns: np.ndarray
    scales: np.ndarray
    beard: float


@nb.njit(cache=True, fastmath=True)
def smooth(low, high, x):
    """0 below `low`, 1 above `high`, a soft step between."""
    u = min(1.0, max(0.0, (x - low) / (high - low)))
    return u * u * (3 - 2 * u)


@nb.njit(cache=True, fastmath=True)
def pattern(kind, u, v, scale):
    """How much of the accent colour a place on the cloth has; u around it, v down it, metres."""
    s = 0.05 * scale
    edge = 0.0025
    if kind == STRIPES:
        r = abs((v / s) % 1.0 - 0.5) * s
        return smooth(-edge, edge, s * 0.16 - r)
    if kind == CHECKS:
        r, q = abs((v / s) % 1.0 - 0.5) * s, abs((u / s) % 1.0 - 0.5) * s
        return 0.5 * smooth(-edge, edge, s * 0.24 - r) + 0.5 * smooth(-edge, edge, s * 0.24 - q)
    if kind == DOTS:
        row = np.floor(v / s)
        r, q = ((v / s) % 1.0 - 0.5) * s, ((u / s + 0.5 * (row % 2)) % 1.0 - 0.5) * s
        return smooth(-edge, edge, s * 0.27 - np.sqrt(r * r + q * q))
    if kind == BLOCK:
        return smooth(-edge, edge, 0.035 * scale - abs(v - 0.16)) + smooth(
            -edge, edge, 0.006 - abs(v - 0.16 - 0.05 * scale)
        )
    return 0.0


@nb.njit(cache=True, fastmath=True)
def folds(x, y, z, out):
    """A soft, irregular bump of cloth: the gradient of a few warped waves, written to `out` (3,)."""
    a = 23 * y + 9 * x + 2.2 * np.sin(11 * x + 7 * z) + 1.5 * np.sin(17 * y - 5 * z)
    b = 41 * y - 31 * x + 18 * z + 2.0 * np.sin(13 * y + 9 * x)
    c = 67 * x + 29 * z + 37 * y + 1.7 * np.sin(19 * y)
    ca, cb, cc = np.cos(a) * 0.55, np.cos(b) * 0.3, np.cos(c) * 0.2
    out[0] = 0.4 * ca - 0.6 * cb + 0.7 * cc
    out[1] = 0.9 * ca + 0.7 * cb + 0.4 * cc
    out[2] = 0.4 * cb + 0.4 * cc


@nb.njit(cache=True, fastmath=True)
def paint_skin(p, mask, style, colour):
    """Skin with brows, lids, lips, cheeks and beard; `p` (3,) at rest, `mask` (4,), into `colour` (3,)."""
    eye, eyes, crown, palette = style.eye, style.eyes, style.crown, style.palette
    u, back = (p[1] - eye[1]) / crown, (eye[2] - p[2]) / crown
    blush = mask[3] * 0.10 * np.exp(-((u + 0.38) ** 2) / 0.03 - (abs(p[0]) / crown - 0.38) ** 2 / 0.03)
    lips, lid, brow = 0.85 * mask[0], 0.0, 0.0
    side = 0 if p[0] > 0 else 1
    dx, dy = abs(p[0]) - abs(eyes[side, 0]), p[1] - eyes[side, 1]
    if back < 0.35:
        arch = 0.017 + 0.005 * np.cos((dx - 0.002) * 60) - 0.0012
        brow = smooth(0.0042, 0.0018, abs(dy - arch * crown / 0.11)) * smooth(0.029, 0.021, abs(dx - 0.003))
        lid = 0.35 * mask[1] + 0.25 * smooth(0.024, 0.008, np.sqrt(dx * dx + 2.2 * dy * dy))
    stubble = 0.0
    if style.beard > 0:
        jaw = smooth(-0.34, -0.52, u) * smooth(1.0, 0.8, back) * smooth(-1.5, -1.25, u)
        jaw = max(
            jaw, smooth(0.95, 0.85, back) * smooth(0.55, 0.7, back) * smooth(0.1, -0.1, u) * smooth(-1.5, -1.25, u)
        )
        stubble = (
            style.beard * jaw * (1 - mask[0]) * smooth(0.015, 0.045, abs(u + 0.62) * 0.2 + abs(p[0]) * 0.6 + 0.02)
        )
    hair = min(1.0, 0.85 * brow + stubble * 0.85)
    for k in range(3):
        base = palette[SKIN, k] * (1 - (0.25, 0.36, 0.36)[k] * lid) * (1 + (0.3, -0.6, -0.5)[k] * blush)
        base = base + (palette[LIPS, k] - base) * lips
        colour[k] = base + (palette[HAIR, k] * 0.9 - base) * hair


@nb.njit(cache=True, fastmath=True)
def albedo(kind, p, cloth, mask, style, colour):
    """The unlit colour of one sample.

    Args:
        kind: SKIN to LASH.
        p: (3,) its place at rest, m.
        cloth: (2,) its place on the cloth, m.
        mask: (4,) lips, lids, ears, face in [0, 1].
        style: The person's.
        colour: (3,) sRGB 0-255; written.
    """
    eye, eyes, palette = style.eye, style.eyes, style.palette
    for k in range(3):
        colour[k] = palette[kind, k]
    if kind == SKIN:
        paint_skin(p, mask, style, colour)
    elif kind == TOP or kind == BOTTOM:
        accent = TOP_ACCENT if kind == TOP else BOTTOM_ACCENT
        share = pattern(style.patterns[kind - TOP], cloth[0], cloth[1], style.scales[kind - TOP])
        if kind == BOTTOM:  # side seams and pockets
            share = max(share, 0.7 * smooth(0.004, 0.002, abs(p[2] - 0.018)))
        weave = 1 + 0.035 * np.sin(cloth[0] * 900) * np.sin(cloth[1] * 900)
        for k in range(3):
            colour[k] = (colour[k] + (palette[accent, k] - colour[k]) * min(1.0, share)) * weave
    elif kind == SHOE:
        sole = smooth(0.026, 0.022, p[1])
        lace = (
            0.35
            * smooth(0.3, 0.6, np.sin(p[2] * 240))
            * smooth(0.02, 0.016, abs(abs(p[0]) - 0.14 - 0.3 * (p[2] - 0.06)))
        )
        lace *= smooth(0.05, 0.07, p[1])
        for k in range(3):
            light = 232.0 if palette[SHOE, k] < 170 else 96.0
            colour[k] += (light - colour[k]) * max(sole, lace)
    elif kind == HAIR:
        around = np.arctan2(p[0], eye[2] - 0.1 - p[2])
        strand = np.sin(around * 61 + 9 * np.sin(p[1] * 23)) + 0.7 * np.sin(
            around * 143 + 31 * p[1] + 3 * np.sin(p[1] * 57)
        )
        for k in range(3):
            colour[k] *= 1 + 0.13 * strand
    elif kind == EYE:
        side = 0 if p[0] > 0 else 1
        r = np.sqrt((p[0] - eyes[side, 0]) ** 2 + (p[1] - eyes[side, 1]) ** 2)
        iris, pupil = smooth(0.0068, 0.0056, r), smooth(0.0032, 0.0024, r)
        glint = smooth(0.0022, 0.001, np.hypot(p[0] - eyes[side, 0] + 0.002, p[1] - eyes[side, 1] - 0.0025))
        for k in range(3):
            colour[k] = (colour[k] + (palette[IRIS, k] - colour[k]) * iris) * (1 - pupil) + 12 * pupil
            colour[k] += (255 - colour[k]) * glint

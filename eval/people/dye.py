"""Cloth in colours and patterns of its own: pictures in, pictures out."""

from __future__ import annotations

import cv2
import numpy as np

#: Of the pictures, pixels.
SIDE = 1024


def vivid(rng: np.random.Generator) -> np.ndarray:
    """A colour that cloth has, (3,) float32 sRGB 0-255: often dark, white or grey, sometimes loud."""
    hue, kind = rng.uniform(0, 180), rng.uniform()
    saturation = rng.uniform(0, 40) if kind < 0.3 else rng.uniform(60, 230)
    value = rng.choice([rng.uniform(18, 70), rng.uniform(70, 200), rng.uniform(200, 250)], p=[0.35, 0.4, 0.25])
    return cv2.cvtColor(np.uint8([[[hue, saturation, value]]]), cv2.COLOR_HSV2RGB)[0, 0].astype(np.float32)


def _waves(x: np.ndarray, y: np.ndarray, rng: np.random.Generator, period: float) -> np.ndarray:
    """Smooth noise in about [-1, 1] with blobs of `period` pixels."""
    side = max(2, int(SIDE / period))
    grid = rng.standard_normal((side + 3, side + 3)).astype(np.float32)
    at = [(c / period + 1).astype(np.float32) for c in (x, y)]
    return np.clip(cv2.remap(grid, *at, cv2.INTER_CUBIC, borderMode=cv2.BORDER_WRAP), -1.5, 1.5)


def pattern(rng: np.random.Generator, period: float, side: int = SIDE) -> np.ndarray:
    """What is woven or printed all over a cloth, shares (side, side, 2) of a second and a third colour."""
    y, x = np.mgrid[:side, :side].astype(np.float32)
    kind = rng.integers(9)
    u, v = x / period, y / period
    if rng.uniform() < 0.3:
        u, v = v, u
    second, third = np.zeros_like(u), np.zeros_like(u)
    if kind == 0:
        second = (v % 1 < rng.uniform(0.2, 0.5)) * 1.0
        third = (v % 1 > 0.8) * float(rng.integers(2))
    elif kind == 1:
        second = ((u % 1 < 0.5) * 0.5 + (v % 1 < 0.5) * 0.5) * 0.9
        third = ((u % 1 - 0.25) ** 2 < 0.002) * 1.0
    elif kind == 2:
        u = u + 0.5 * (np.floor(v) % 2)
        second = np.hypot(u % 1 - 0.5, v % 1 - 0.5) < rng.uniform(0.18, 0.36)
    elif kind == 3:
        flowers = _waves(x, y, rng, period * 0.7)
        second, third = flowers > 0.55, _waves(x, y, rng, period * 0.35) > 0.9
    elif kind == 4:
        second, third = _waves(x, y, rng, period) > 0.2, _waves(x, y, rng, period * 0.8) > 0.5
    elif kind == 5:
        second = np.abs((v + 0.35 * np.abs(2 * (u % 1) - 1)) % 1 - 0.5) < 0.18
    elif kind == 6:
        second = _letters(rng, period, side)
    elif kind == 7:
        second = (np.floor(u * 2) + np.floor(v * 2)) % 2
    else:
        angle = np.arctan2(v % 1 - 0.5, u % 1 - 0.5)
        radius = np.hypot(u % 1 - 0.5, v % 1 - 0.5)
        petals = rng.integers(4, 9)
        second, third = radius < 0.26 + 0.14 * np.cos(petals * angle), radius < 0.1
    return np.stack([second, third], -1).astype(np.float32)


def _letters(rng: np.random.Generator, period: float, side: int) -> np.ndarray:
    """Rows of letters and other marks that mean nothing."""
    out = np.zeros((side, side), np.uint8)
    step = max(12, int(period))
    for row in range(step, side + step, step):
        for column in range(int(rng.integers(step)), side, 6 * step):
            word = "".join(rng.choice(list("ABCDEFGHKLMNOPRSTUVXYZ0123456789*+#"), int(rng.integers(3, 7))))
            cv2.putText(out, word, (column, row), int(rng.integers(0, 8)), step / 30, 255, max(1, step // 14))
    return out.astype(np.float32) / 255


def prints(picture: np.ndarray, where: np.ndarray, rng: np.random.Generator) -> None:
    """A few large prints - shapes, discs, words - put on the cloth (H, W, 3) where `where` is true, in place."""
    rows, columns = np.nonzero(where)
    side = len(picture)
    for _ in range(int(rng.integers(1, 4))):
        n = rng.integers(len(rows))
        centre, size = (int(columns[n]), int(rows[n])), int(side * rng.uniform(0.03, 0.1))
        layer, colour = np.clip(picture, 0, 255).astype(np.uint8), vivid(rng).tolist()
        kind = rng.integers(4)
        if kind == 0:
            cv2.circle(layer, centre, size, colour, -1, cv2.LINE_AA)
            cv2.circle(layer, centre, int(size * 0.6), vivid(rng).tolist(), int(size * 0.2) + 1, cv2.LINE_AA)
        elif kind == 1:
            word = "".join(rng.choice(list("AEIOURSTLNKM23589"), int(rng.integers(2, 6))))
            at = (centre[0] - size, centre[1])
            cv2.putText(layer, word, at, int(rng.integers(0, 5)), size / 34, colour, max(2, size // 9), cv2.LINE_AA)
        elif kind == 2:
            angles = np.sort(rng.uniform(0, 2 * np.pi, int(rng.integers(5, 12))))
            radii = size * rng.uniform(0.4, 1.2, len(angles))
            corners = np.stack([centre[0] + radii * np.cos(angles), centre[1] + radii * np.sin(angles)], 1)
            cv2.fillPoly(layer, [corners.astype(np.int32)], colour, cv2.LINE_AA)
        else:
            cv2.line(layer, (centre[0], 0), (centre[0], side), colour, max(3, size // 3), cv2.LINE_AA)
        picture[where] = layer[where].astype(np.float32)


def bolt(rng: np.random.Generator, period: float) -> np.ndarray:
    """New cloth by the metre, (SIDE, SIDE, 4) uint8; `period` as for :func:`cloth`."""
    plain = np.full((SIDE, SIDE, 3), 128, np.float32)
    everywhere = np.ones((SIDE, SIDE), bool)
    out = _woven(plain, everywhere, rng, period)
    if rng.uniform() < 0.3:
        prints(out, everywhere, rng)
    return np.dstack([np.clip(out, 0, 255).astype(np.uint8), np.full((SIDE, SIDE), 255, np.uint8)])


def cloth(
    picture: np.ndarray, region: np.ndarray, rng: np.random.Generator, period: float, calm: bool = False
) -> np.ndarray:
    """A piece of clothing in other colours.

    Args:
        picture: (H, W, 4) uint8 RGBA, as its author painted it.
        region: (SIDE, SIDE) int32, kinds of cloth as from `baking.regions`.
        rng: Draws the colours.
        period: Pixels of `SIDE` on about 5 cm of cloth.
        calm: Whether to keep to its author's pattern, as on shoes.

    Returns:
        (SIDE, SIDE, 4) uint8.
    """
    picture = cv2.resize(picture, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)
    out = picture[..., :3].astype(np.float32)
    for kind in range(int(region.max()) + 1):
        where = region == kind
        if not where.any():
            continue
        if rng.uniform() < (0.85 if calm else 0.35):
            out[where] = _turned(out[where], rng)
        else:
            out[where] = _woven(out, where, rng, period)[where]
        if not calm and rng.uniform() < 0.3:
            prints(out, where, rng)
    solid = np.where(picture[..., 3] > 60, 255, 0).astype(np.uint8)  # lace is lace, but nothing is see-through
    return np.dstack([np.clip(out, 0, 255).astype(np.uint8), solid])


def plain(picture: np.ndarray, colour: tuple[int, int, int] | None) -> np.ndarray:
    """A piece of clothing (H, W, 4) uint8 in one colour, or as its author painted it; nothing is see-through."""
    solid = np.where(picture[..., 3] > 60, 255, 0).astype(np.uint8)
    out = picture[..., :3].astype(np.float32)
    if colour is not None:
        grey = out.mean(-1)
        relief = (grey + 25) / (np.median(grey[solid > 0]) + 25)
        out = np.clip(relief, 0.3, 1.6)[..., None] * np.array(colour, np.float32)
    return np.dstack([np.clip(out, 0, 255).astype(np.uint8), solid])


def _turned(pixels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Pixels (N, 3) in another hue, paler or stronger, darker or lighter."""
    hsv = cv2.cvtColor(pixels[None] / 255, cv2.COLOR_RGB2HSV)[0]
    hsv[:, 0] = (hsv[:, 0] + rng.uniform(0, 360)) % 360
    hsv[:, 1] = np.clip(hsv[:, 1] * rng.uniform(0.3, 1.4), 0, 1)
    hsv[:, 2] = np.clip(hsv[:, 2] ** rng.uniform(0.6, 1.3), 0, 1)
    return cv2.cvtColor(hsv[None], cv2.COLOR_HSV2RGB)[0] * 255


def _woven(out: np.ndarray, where: np.ndarray, rng: np.random.Generator, period: float) -> np.ndarray:
    """New cloth whose folds and seams are the old one's light and dark."""
    grey = out.mean(-1)
    relief = (grey + 25) / (np.median(grey[where]) + 25)
    colour = np.broadcast_to(vivid(rng), out.shape)
    if rng.uniform() < 0.6:
        shares = pattern(rng, period * rng.uniform(0.4, 2.2))
        for k in range(2):
            share = shares[..., k : k + 1]
            colour = colour * (1 - share) + vivid(rng) * share
    weave = 1 + 0.06 * rng.standard_normal(grey.shape).astype(np.float32)
    return colour * (np.clip(relief, 0.3, 1.6) * weave)[..., None]

"""Painting in what nobody ever saw, with patches of what is around it."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from perfclone.background.margin import size_within

_PATCH = 7  # pixels a side
_SIDES = (40, 64, 104, 160)  # of the pictures in which patches are sought, one after the other
_ROUNDS = 4  # searches in each of them
_FEWEST = 40  # patches to choose from
_LEVEL = 12.0  # grey levels that a patch may differ by rather than be moved up or down by a tenth of the picture
_ACROSS = 0.3  # what moving it sideways costs beside that: walls and floors go on to the sides
_UPRIGHT = 0.05  # how much less than to the sides the first guess goes on up and down, for the same reason
_MOST = 16  # grey levels by which light may be mended where a hole ends
_SHOWN = 0.25  # share of a small picture's pixel that must have been seen for its colour to be kept


def paint_in(image: np.ndarray, holes: np.ndarray) -> np.ndarray:
    """Fill holes from around them, texture and noise with it.

    In small pictures of growing size, the smallest filled from side to side, every patch that touches a hole is
    replaced by the most alike of those that do not, and every pixel by the mean that its patches vote for, until they
    agree (Wexler, Shechtman and Irani, "Space-Time Completion of Video", 2007). The picture itself is then copied from
    where the patches came from, and takes its light from the small one.

    Args:
        image: (H, W, 3) uint8 RGB.
        holes: (H, W) bool.

    Returns:
        (H, W, 3) uint8; the image itself where there is no hole, or nothing else.
    """
    if not holes.any() or holes.all():
        return image
    out = image.copy()
    for rows, columns, hole in _windows(holes):
        out[rows, columns][hole] = _fill(image[rows, columns], holes[rows, columns])[hole]
    return out


def _windows(holes: np.ndarray) -> Iterator[tuple[slice, slice, np.ndarray]]:
    """Around each hole the rows and columns that it is filled from, and the hole itself within, bool."""
    height, width = holes.shape
    near = max(3, round(0.01 * min(height, width)))
    joined = cv2.dilate(holes.astype(np.uint8), np.ones((near, near), np.uint8))
    _, labels, boxes, _ = cv2.connectedComponentsWithStats(joined)
    for label, (x, y, w, h, _) in enumerate(boxes[1:], 1):
        beyond = max(w, h) + 4 * _PATCH
        rows = slice(max(0, y - beyond // 2), min(height, y + h + beyond // 2))
        columns = slice(max(0, x - beyond), min(width, x + w + beyond))
        yield rows, columns, holes[rows, columns] & (labels[rows, columns] == label)


def _fill(picture: np.ndarray, holes: np.ndarray) -> np.ndarray:
    """The picture (h, w, 3) uint8 with its holes filled; smoothly where there is too little around them."""
    height, width = holes.shape
    small = origin = None
    for side in _SIDES:
        base, shown = _shrunken(picture, holes, side)
        hole = shown < min(0.99, shown.max())
        small = _spread(base, hole, _UPRIGHT) if small is None else cv2.resize(small, hole.shape[::-1])
        small[~hole] = base[~hole]
        whole = _whole(hole)
        for _ in range(_ROUNDS if hole.any() and whole.sum() >= _FEWEST else 0):
            small, origin = _search(small, hole, whole)
    if origin is None:
        return cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC).clip(0, 255).astype(np.uint8)
    light = _spread((base - small).clip(-_MOST, _MOST), shown < min(_SHOWN, shown.max()))
    return _copied(picture, holes, small + light, origin)


def _spread(picture: np.ndarray, hole: np.ndarray, upright: float = 1.0) -> np.ndarray:
    """A picture (h, w, 3) float32 with a membrane over its hole, which pulls so many times as hard up and down."""
    from scipy.sparse import coo_array, csgraph
    from scipy.sparse.linalg import splu

    if not hole.any():
        return picture
    place, inside = np.arange(hole.size).reshape(hole.shape), hole.ravel()
    first = np.r_[place[:, :-1].ravel(), place[:-1].ravel()]
    second = np.r_[place[:, 1:].ravel(), place[1:].ravel()]
    pull = np.where(second - first == 1, 1.0, upright)
    springs = coo_array((np.r_[pull, pull], (np.r_[first, second], np.r_[second, first])), (hole.size, hole.size))
    rows = csgraph.laplacian(springs).tocsc()[inside]
    out = picture.reshape(-1, 3).copy()
    out[inside] = splu(rows[:, inside].tocsc()).solve(-(rows[:, ~inside] @ out[~inside].astype(np.float64)))
    return out.reshape(picture.shape)


def _shrunken(picture: np.ndarray, holes: np.ndarray, side: int) -> tuple[np.ndarray, np.ndarray]:
    """A small picture, float32, of what is not a hole, and the share of each of its pixels that is not."""
    size = size_within(side, holes)
    weight = cv2.resize((~holes).astype(np.float32), size, interpolation=cv2.INTER_AREA)
    sums = cv2.resize(picture * (~holes[..., None]).astype(np.float32), size, interpolation=cv2.INTER_AREA)
    return sums / np.maximum(weight, 1e-3)[..., None], weight


def _whole(hole: np.ndarray) -> np.ndarray:
    """Centres of the patches that lie in the picture and touch no hole, (h, w) bool."""
    framed = np.pad(hole, 1, constant_values=True).astype(np.uint8)
    return cv2.dilate(framed, np.ones((_PATCH, _PATCH), np.uint8))[1:-1, 1:-1] == 0


def _search(small: np.ndarray, hole: np.ndarray, whole: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """One round: the picture (h, w, 3) that the patches found vote for, and where each pixel's patch came from.

    Returns:
        The picture, and (h, w, 2) int, row and column.
    """
    half = _PATCH // 2
    touched = cv2.dilate(hole.astype(np.uint8), np.ones((_PATCH, _PATCH), np.uint8)) > 0
    wanted, given = np.argwhere(touched), np.argwhere(whole)
    padded = np.pad(small, ((half, half), (half, half), (0, 0)), mode="edge")
    patches = sliding_window_view(padded, (_PATCH, _PATCH), axis=(0, 1)).reshape(*hole.shape, -1)
    place = np.array([1, _ACROSS]) * _LEVEL * np.sqrt(patches.shape[-1]) * 10 / max(hole.shape)
    nearest, distance = _nearest(
        np.hstack([patches[touched], wanted * place]).astype(np.float32),
        np.hstack([patches[whole], given * place]).astype(np.float32),
    )
    source = given[nearest]
    weight = np.exp(-distance / (2 * np.percentile(distance, 75) + 1e-3))[:, None]
    sums, weights = np.zeros_like(padded), np.zeros((*padded.shape[:2], 1), np.float32)
    for dy in range(_PATCH):
        for dx in range(_PATCH):
            to = (wanted[:, 0] + dy, wanted[:, 1] + dx)
            sums[to] += weight * padded[source[:, 0] + dy, source[:, 1] + dx]
            weights[to] += weight
    voted = (sums / np.maximum(weights, 1e-9))[half:-half, half:-half]
    origin = np.stack(np.indices(hole.shape), -1)
    origin[touched] = source
    return np.where(hole[..., None], voted, small), origin


def _nearest(wanted: np.ndarray, given: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For each of wanted (n, d) the index of the nearest of given (m, d), and the squared distance, (n,) each."""
    square, index, distance = (given**2).sum(1), [], []
    for part in np.array_split(wanted, max(1, len(wanted) // 256)):
        apart = square - 2 * part @ given.T
        index.append(apart.argmin(1))
        distance.append(apart.min(1) + (part**2).sum(1))
    return np.concatenate(index), np.maximum(np.concatenate(distance), 0)


def _copied(picture: np.ndarray, holes: np.ndarray, small: np.ndarray, origin: np.ndarray) -> np.ndarray:
    """The picture (h, w, 3) uint8, its holes copied from where the small one's came from, without seams."""
    height, width = holes.shape
    rows, columns = np.nonzero(holes)
    scale = np.array([height, width]) / small.shape[:2]
    moved = _coherent(origin - np.stack(np.indices(origin.shape[:2]), -1))
    place = (np.stack([rows, columns], -1) + 0.5) / scale - 0.5
    cell, part = np.floor(place).astype(int), place - np.floor(place)
    shares = np.full((len(rows), 1), 1e-6, np.float32)
    blend = shares * cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR)[holes]
    for by in np.ndindex(2, 2):  # whole pieces pass over into one another within a cell
        y, x = (cell + by).clip(0, np.array(small.shape[:2]) - 1).T
        source = np.stack([rows, columns], -1) + (moved[y, x] * scale).round().astype(int)
        source = tuple(source.clip(0, (height - 1, width - 1)).T)
        share = (np.where(by, part, 1 - part).prod(1) * ~holes[source])[:, None]
        blend, shares = blend + share * picture[source], shares + share
    out = picture.copy()
    out[rows, columns] = (blend / shares).round()
    wrong = small - cv2.resize(out, small.shape[1::-1], interpolation=cv2.INTER_AREA)
    wrong = cv2.resize(wrong, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.where(holes[..., None], (out + wrong).round().clip(0, 255), picture).astype(np.uint8)


def _coherent(moved: np.ndarray) -> np.ndarray:
    """Shifts (h, w, 2) int that go with most of their neighbours', so that whole pieces are copied."""
    code = moved[..., 0] * 4096 + moved[..., 1]
    around = sliding_window_view(np.pad(code, _PATCH // 2, mode="edge"), (_PATCH, _PATCH)).reshape(*code.shape, -1)
    best, most = code.copy(), np.zeros(code.shape, int)
    for n in range(around.shape[-1]):
        votes = (around == around[..., n : n + 1]).sum(-1)
        better = (votes > most) & (code != 0) & (around[..., n] != 0)
        best[better], most[better] = around[..., n][better], votes[better]
    down = np.round(best / 4096).astype(int)
    return np.stack([down, best - down * 4096], -1)

"""Laying one picture of a place over another, by their grey values, to a fraction of a pixel."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from perfclone.background.margin import widen

_LEVELS = 4  # of the pyramid, each half as large as the one before
_POINTS = 40  # compared in each block, on each level
_TEXTURE = 2.5  # grey levels a pixel: from this gradient on a place tells where it is
_FEWEST = 40  # points that an alignment must rest on
_CERTAIN = 3e-3  # share of the clearest direction of movement below which the others are not solved for
_EVEN = 25.0  # variance, grey levels squared, of a picture so even that its gain is doubtful and taken for 1
_ROUNDS = 12  # of a fit on each level
_LOOKED_AT = 200  # pixels, the longer side of the level on which patterns are compared, or somewhat more
_WINDOW = 9  # pixels there, the side of a pattern
_PATTERN = 25.0  # variance, grey levels squared, from which such a window has a pattern
_ALIKE = 0.6  # correlation from which two patterns are the same
_AS_BRIGHT = 20.0  # grey levels by which two windows without one may differ
_FLAT = 0.1  # how much such a window tells against one with a pattern
_BLOCKS = 8  # along the longer side of the picture; each has a vote
_BETTER = 0.85  # a block votes for an alignment that brings its error below this share
_VOTERS = 10  # blocks with texture that an alignment must be judged by
_CLEARLY = 0.3  # grey levels by which it must do so

# How a small movement displaces a point, as 3x3 matrices: turn and size and shift, then what makes a homography.
_GENERATORS = np.zeros((8, 3, 3))
_GENERATORS[0, 0, 2] = _GENERATORS[1, 1, 2] = 1
_GENERATORS[2, 0, 0] = _GENERATORS[2, 1, 1] = 1
_GENERATORS[3, 1, 0], _GENERATORS[3, 0, 1] = 1, -1
_GENERATORS[4, 0, 0], _GENERATORS[4, 1, 1] = 1, -1
_GENERATORS[5, 0, 1] = _GENERATORS[5, 1, 0] = 1
_GENERATORS[6, 2, 0] = _GENERATORS[7, 2, 1] = 1
SIMILARITY, HOMOGRAPHY = 4, 8


class Picture:
    """A grey picture and where it shows background, on each level of a pyramid.

    Args:
        grey: (h, w) uint8.
        clear: (h, w) bool, True where it shows background.
    """

    def __init__(self, grey: np.ndarray, clear: np.ndarray):
        self.grey = grey
        self.levels = [cv2.GaussianBlur(grey, (5, 5), 1.0)]
        self.clear = [clear.astype(np.uint8)]
        for _ in range(_LEVELS - 1):
            self.levels.append(cv2.pyrDown(self.levels[-1]))
            height, width = self.levels[-1].shape
            self.clear.append(cv2.resize(self.clear[-1], (width, height), interpolation=cv2.INTER_NEAREST))

    @classmethod
    def of(cls, pixels: np.ndarray, matte: np.ndarray, size: tuple[int, int], inside: np.ndarray) -> Picture:
        """A frame made small.

        Args:
            pixels: (H, W, 3) uint8 RGB.
            matte: (H, W) uint8, 255 where anybody is.
            size: (w, h) to bring it to.
            inside: (h, w) bool, False on bars at the border.
        """
        grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
        person = widen(cv2.resize(matte, size, interpolation=cv2.INTER_LINEAR))
        return cls(cv2.resize(grey, size, interpolation=cv2.INTER_AREA), ~person & inside)


@dataclass(frozen=True)
class Fit:
    """How a picture lies on a template.

    Attributes:
        matrix: (3, 3) float64, template pixels -> picture pixels.
        explained: Share of the patterned background that looks the same there, in [0, 1].
    """

    matrix: np.ndarray
    explained: float


@dataclass(frozen=True)
class _Points:
    """The points of a level that are compared: where, how bright, and what a small movement does to them."""

    at: np.ndarray  # (n, 3) homogeneous pixels
    value: np.ndarray  # (n,)
    system: np.ndarray  # (n, 10): eight movements, gain, offset
    block: np.ndarray  # (n,) int


class Template:
    """A picture over which others are laid, by inverse compositional Lucas-Kanade with robust weights.

    Gain and offset of the brightness are solved for with the movement, and points that do not fit (people, shadows,
    captions, screens) lose their weight (Tukey's biweight).

    S. Baker and I. Matthews, "Lucas-Kanade 20 Years On: A Unifying Framework", IJCV 56(3), 2004; with gain and bias as
    in A. Bartoli, "Groupwise Geometric and Photometric Direct Image Registration", PAMI 30(12), 2008.

    Args:
        picture: What the others are laid over.
    """

    def __init__(self, picture: Picture):
        self.picture = picture
        height, width = picture.levels[0].shape
        self._points = []
        for level, (grey, clear) in enumerate(zip(picture.levels, picture.clear)):
            to_unit = _unit(width / 2**level, height / 2**level)
            self._points.append(_points(grey, clear, to_unit, max(width, height) / 2**level / _BLOCKS))
        self._units = [_unit(width / 2**level, height / 2**level) for level in range(_LEVELS)]

    @property
    def blank(self) -> bool:
        """Whether there is too little texture to tell where one is."""
        return len(self._points[0].value) < _FEWEST

    def fit(self, picture: Picture, start: np.ndarray, coarsest: int = _LEVELS - 1, freedom: int = SIMILARITY) -> Fit:
        """Lay a picture over the template.

        Args:
            picture: The picture.
            start: (3, 3) template -> picture, roughly.
            coarsest: Level of the pyramid to begin on.
            freedom: SIMILARITY or HOMOGRAPHY.
        """
        matrix = start
        for level in range(coarsest, -1, -1):
            scale = _halved(level)
            inner = self._fit_level(picture, scale @ matrix @ np.linalg.inv(scale), level, freedom)
            matrix = np.linalg.inv(scale) @ inner @ scale
        return Fit(matrix / matrix[2, 2], self.explained(picture, matrix))

    def _fit_level(self, picture, matrix, level, freedom) -> np.ndarray:
        points, unit = self._points[level], self._units[level]
        if len(points.value) < _FEWEST:
            return matrix
        for _ in range(_ROUNDS):
            seen, value = _look(picture.levels[level], picture.clear[level], points.at @ matrix.T)
            if len(seen) < _FEWEST:
                return matrix
            system = points.system[seen]
            gain, offset, weights = _exposure(points.value[seen], value)
            columns = np.r_[:freedom, 8, 9]
            weighted = system[:, columns] * weights[:, None]
            rest = value - gain * points.value[seen] - offset
            step = _certain_part(weighted.T @ system[:, columns], weighted.T @ rest, freedom) / gain
            move = np.eye(3) + np.tensordot(step, _GENERATORS[:freedom], 1)
            matrix = matrix @ np.linalg.inv(unit) @ np.linalg.inv(move) @ unit
            matrix = matrix / matrix[2, 2]
            if np.abs(step[:2]).max() * 0.5 / unit[0, 0] < 0.01 and np.abs(step).max() < 1e-3:
                break
        return matrix

    def explained(self, picture: Picture, matrix: np.ndarray) -> float:
        """Share of the patterned background, of either, that correlates under a matrix (3, 3) template -> picture."""
        level = int(np.clip(np.log2(max(picture.grey.shape) / _LOOKED_AT), 0, _LEVELS - 1))
        scale = _halved(level)
        grey, clear = picture.levels[level], picture.clear[level]
        size = grey.shape[::-1]
        inner = scale @ matrix @ np.linalg.inv(scale)
        laid = cv2.warpPerspective(self.picture.levels[level], inner, size, flags=cv2.INTER_LINEAR)
        both = cv2.warpPerspective(self.picture.clear[level], inner, size, flags=cv2.INTER_NEAREST) & clear
        if not both.any():
            return 0.0
        return _alike(grey.astype(np.float32), laid.astype(np.float32), both.astype(np.float32))

    def prefers(self, picture: Picture, matrix: np.ndarray, to: np.ndarray) -> bool:
        """Whether most of the picture fits clearly better under one matrix (3, 3) than under another.

        Every block of the picture has a vote, so that what moves in one place, however bright, decides nothing.
        """
        points = self._points[0]
        errors = []
        seen_both = np.ones(len(points.value), bool)
        for each in (matrix, to):
            error = np.zeros(len(points.value), np.float32)
            seen, value = _look(picture.levels[0], picture.clear[0], points.at @ each.T)
            if len(seen) < _FEWEST:
                return False
            gain, offset, _ = _exposure(points.value[seen], value)
            error[seen] = np.abs(value - gain * points.value[seen] - offset)
            visible = np.zeros(len(points.value), bool)
            visible[seen] = True
            seen_both &= visible
            errors.append(error)
        count = np.bincount(points.block[seen_both], minlength=points.block.max() + 1)
        by, by_other = (np.bincount(points.block[seen_both], e[seen_both], minlength=len(count)) for e in errors)
        voters = count >= 5
        if voters.sum() < _VOTERS:
            return False
        better = (by < np.minimum(_BETTER * by_other, by_other - _CLEARLY * count))[voters]
        return bool(better.mean() > 0.6)


def _unit(width: float, height: float) -> np.ndarray:
    """(3, 3) pixels -> coordinates of about -1 to 1."""
    scale = 2 / max(width, height)
    return np.array([[scale, 0, -scale * width / 2], [0, scale, -scale * height / 2], [0, 0, 1]])


def _halved(level: int) -> np.ndarray:
    """(3, 3) pixels -> those of a level of the pyramid, as cv2.pyrDown has them: even pixels stay."""
    return np.diag([0.5**level, 0.5**level, 1.0])


def _points(grey: np.ndarray, clear: np.ndarray, unit: np.ndarray, block: float) -> _Points:
    """The strongest gradients, at most one in each small cell, so that they are spread over the picture."""
    dx = cv2.Sobel(grey, cv2.CV_32F, 1, 0, scale=1 / 8)
    dy = cv2.Sobel(grey, cv2.CV_32F, 0, 1, scale=1 / 8)
    strength = np.hypot(dx, dy)
    sure = cv2.erode(clear, np.ones((5, 5), np.uint8), borderType=cv2.BORDER_CONSTANT, borderValue=0)
    strength[sure == 0] = 0
    cell = 6 if min(grey.shape) > 200 else 3
    rows, columns = grey.shape[0] // cell, grey.shape[1] // cell
    cells = strength[: rows * cell, : columns * cell].reshape(rows, cell, columns, cell).transpose(0, 2, 1, 3)
    cells = cells.reshape(rows, columns, cell * cell)
    best = cells.argmax(2)
    value = np.take_along_axis(cells, best[..., None], 2)[..., 0]
    row, column = np.nonzero(value > _TEXTURE)
    order = np.argsort(-value[row, column], kind="stable")
    row, column = row[order], column[order]
    fair = _first_of_each((row * cell / block).astype(int) * 1024 + (column * cell / block).astype(int), _POINTS)
    row, column = row[fair], column[fair]
    inner_y, inner_x = np.divmod(best[row, column], cell)
    y, x = row * cell + inner_y, column * cell + inner_x
    at = np.stack([x, y, np.ones_like(x)], 1).astype(np.float64)
    on = at @ unit.T
    moved = np.einsum("kij,nj->nki", _GENERATORS, on)  # (n, 8, 3)
    flow = moved[:, :, :2] - on[:, None, :2] * moved[:, :, 2:]
    slope = np.stack([dx[y, x], dy[y, x]], 1) / unit[0, 0]
    values = grey[y, x].astype(np.float64)
    system = np.concatenate([np.einsum("nki,ni->nk", flow, slope), values[:, None], np.ones((len(x), 1))], 1)
    blocks = np.unique((y / block).astype(int) * 1024 + (x / block).astype(int), return_inverse=True)[1]
    return _Points(at, values, system, blocks)


def _first_of_each(group: np.ndarray, most: int) -> np.ndarray:
    """Which entries are among the first `most` of their group, (n,) bool."""
    order = np.argsort(group, kind="stable")
    begins = np.r_[0, np.flatnonzero(np.diff(group[order])) + 1]
    rank = np.arange(len(group)) - np.repeat(begins, np.diff(np.r_[begins, len(group)]))
    first = np.empty(len(group), bool)
    first[order] = rank < most
    return first


def _certain_part(normal: np.ndarray, right: np.ndarray, freedom: int) -> np.ndarray:
    """The movement (freedom,) that solves normal equations, without its parts of which the picture tells nothing.

    Gain and offset, the last two unknowns, are eliminated first. A single edge does not tell of shifts along it.
    """
    cross, last = normal[:freedom, freedom:], normal[freedom:, freedom:] + np.eye(2) * 1e-6
    inner = cross @ np.linalg.inv(last)
    strength, axes = np.linalg.eigh(normal[:freedom, :freedom] - inner @ cross.T)
    along = axes.T @ (right[:freedom] - inner @ right[freedom:])
    certain = strength > _CERTAIN * strength[-1]
    return axes[:, certain] @ (along[certain] / strength[certain])


def _look(grey: np.ndarray, clear: np.ndarray, at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Which of the points (n, 3) fall on the background of a picture, and its values there."""
    x, y = (at[:, :2] / at[:, 2:]).T
    height, width = grey.shape
    seen = np.flatnonzero((x >= 1) & (y >= 1) & (x < width - 2) & (y < height - 2) & (at[:, 2] > 0.2))
    x, y = x[seen], y[seen]
    is_clear = clear[(y + 0.5).astype(int), (x + 0.5).astype(int)] > 0
    seen, x, y = seen[is_clear], x[is_clear].astype(np.float32), y[is_clear].astype(np.float32)
    if not len(seen):
        return seen, np.zeros(0)
    left, top = x.astype(int), y.astype(int)
    u, v = x - left, y - top
    value = (1 - v) * ((1 - u) * grey[top, left] + u * grey[top, left + 1])
    value += v * ((1 - u) * grey[top + 1, left] + u * grey[top + 1, left + 1])
    return seen, value.astype(np.float64)


def _exposure(template: np.ndarray, value: np.ndarray) -> tuple[float, float, np.ndarray]:
    """Gain and offset that bring the template's values to the picture's, and robust weights (n,)."""
    gain, offset = 1.0, float(np.median(value - template))
    for _ in range(3):
        error = value - gain * template - offset
        scale = 4.685 * max(1.0, 1.4826 * float(np.median(np.abs(error))))
        weights = np.square(np.clip(1 - np.square(error / scale), 0, None))
        total = weights.sum()
        mean_t, mean_v = weights @ template / total, weights @ value / total
        spread = weights @ np.square(template - mean_t)
        common = weights @ ((template - mean_t) * (value - mean_v))
        gain = float(np.clip((common + total * _EVEN) / (spread + total * _EVEN), 0.5, 2.0))
        offset = float(mean_v - gain * mean_t)
    return gain, offset, weights


def _alike(a: np.ndarray, b: np.ndarray, clear: np.ndarray) -> float:
    """Share of the windows that look the same in two pictures; those without a pattern in either tell less."""

    def mean(values):
        return cv2.boxFilter(values, -1, (_WINDOW, _WINDOW), borderType=cv2.BORDER_CONSTANT)

    weight = mean(clear)
    some = np.maximum(weight, 1e-3)
    mean_a, mean_b = mean(a * clear) / some, mean(b * clear) / some
    var_a, var_b = mean(a * a * clear) / some - mean_a**2, mean(b * b * clear) / some - mean_b**2
    covariance = mean(a * b * clear) / some - mean_a * mean_b
    seen = weight > 0.6
    if not seen.any():
        return 0.0
    patterned = np.maximum(var_a, var_b) > _PATTERN
    brighter = mean_b - mean_a
    as_bright = np.abs(brighter - np.median(brighter[seen])) < _AS_BRIGHT
    alike = np.where(patterned, covariance > _ALIKE * np.sqrt(np.maximum(var_a * var_b, 1e-6)), as_bright)
    tells = np.where(patterned, 1.0, _FLAT) * seen
    return float((tells * alike).sum() / tells.sum())

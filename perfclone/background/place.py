"""A place: what the frames of one camera show together, and the frames that show it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np

from perfclone.background.align import HOMOGRAPHY, SIMILARITY, Fit, Picture, Template

_EXPLAINED = 0.5  # share of the background from which a picture is believed to show the place
_EXPLAINED_MOVED = 0.6  # the same where it was moved to fit: the best of many movements fits another place better
_SURE = 0.85  # share below which features are asked too
_EXPLAINED_TOGETHER = 0.8  # the same, for three quarters of the pictures of a moving camera
_SEEDS = 6  # pictures from which a place is grown, at most
_FEW = 3  # pictures that are too few for a place
_MOVED = 1.5  # pixels at 720p: a picture that lies less far off was taken by a camera that stood still
_MOVED_FRAMES = 0.02  # share of the pictures, and at least two, that must lie farther off than that
_MOST_ZOOM = 6.0  # times the area
_BENT = 0.1  # share of the pictures that only a homography lays over the others, from which all are laid so
_SAMPLE = 40  # pictures whose median the place is, at most
_REACH = 3.0  # the place is at most this many times as wide and tall as a picture
_BAR = 24  # grey level that no picture exceeds on a black bar


class Place:
    """A place, as one picture laid together from many.

    Attributes:
        template: The picture of the place, in the pixels of the steady view, moved by `origin`.
        size: (w, h) of the frames laid over it.
        freedom: SIMILARITY or HOMOGRAPHY.
    """

    def __init__(self, pictures: Sequence[Picture], fits: Sequence[Fit | None], size, inside, freedom: int):
        self.size, self.freedom, self._inside = size, freedom, inside
        self._views = [(_thumbnail(picture), fit.matrix) for picture, fit in zip(pictures, fits) if fit]
        self.template = _Mosaic(pictures, fits, size)

    def picture(self, pixels: np.ndarray, matte: np.ndarray) -> Picture:
        """A frame, made as small as those that the place was found in."""
        return Picture.of(pixels, matte, self.size, self._inside)

    def improved(self, picture: Picture, fit: Fit) -> Fit:
        """How a picture lies on the place, from a fit that is nearly right."""
        return self.template.fit(picture, fit.matrix, coarsest=1, freedom=self.freedom)

    def search(self, picture: Picture) -> list[Fit]:
        """How a picture lies on the place, from the views of the three pictures that look most like it."""
        thumbnail = _thumbnail(picture)
        likeness = [_likeness(thumbnail, other) for other, _ in self._views]
        starts = [self._views[index][1] for index in np.argsort(likeness)[::-1][:3]]
        fits = [self.template.fit(picture, start, freedom=self.freedom) for start in starts]
        return [fit for fit in fits if _possible(fit.matrix)]


class _Mosaic:
    """Pictures laid over one another: a template in the pixels of the steady view, which may reach beyond it."""

    def __init__(self, pictures: Sequence[Picture], fits: Sequence[Fit | None], size: tuple[int, int]):
        kept = [(picture, fit) for picture, fit in zip(pictures, fits) if fit]
        spread = np.concatenate([_project(np.linalg.inv(fit.matrix), _corners(size)) for _, fit in kept])
        room = (np.array(size) * (_REACH - 1) / 2).round()
        low = np.floor(spread.min(0)).clip(-room, 0)
        high = np.ceil(spread.max(0)).clip(size, size + room)
        shape = tuple((high - low).astype(int).tolist())
        self._origin = np.array([[1, 0, low[0]], [0, 1, low[1]], [0, 0, 1]])
        step = max(1, -(-len(kept) // _SAMPLE))
        stack, count = [], np.zeros(shape[::-1], np.int32)
        for picture, fit in kept[::step]:
            matrix = fit.matrix @ self._origin
            flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
            laid = cv2.warpPerspective(picture.grey, matrix, shape, flags=flags)
            clear = cv2.warpPerspective(
                picture.clear[0], matrix, shape, flags=cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP
            )
            laid[clear == 0] = 255
            stack.append(laid)
            count += clear
        ordered = np.sort(np.stack(stack), axis=0)
        middle = np.take_along_axis(ordered, ((np.maximum(count, 1) - 1) // 2)[None], 0)[0]
        self._template = Template(Picture(middle, count > 0))

    def fit(self, picture: Picture, start: np.ndarray, **options) -> Fit:
        """As :meth:`Template.fit`, from pixels of the steady view."""
        fit = self._template.fit(picture, start @ self._origin, **options)
        return Fit(_normed(fit.matrix @ np.linalg.inv(self._origin)), fit.explained)

    def explained(self, picture: Picture, matrix: np.ndarray) -> float:
        """As :meth:`Template.explained`."""
        return self._template.explained(picture, matrix @ self._origin)


def find_place(pictures: Sequence[Picture], size, inside) -> tuple[Place, list[Fit | None], float]:
    """The place that most of the pictures show, how each lies on it, and the share of pictures that show no place.

    The steady view is that of the picture in the middle of all views.
    """
    rest, best, lost, likeness = list(range(len(pictures))), {}, 0, _likenesses(pictures)
    for _ in range(_SEEDS):
        seed = rest[int(likeness[np.ix_(rest, rest)].sum(1).argmax())]
        grown = _grow(pictures, rest, seed)
        lost += len(grown) if len(grown) <= _FEW else 0
        best = grown if len(grown) > len(best) else best
        rest = [index for index in rest if index not in grown]
        if len(rest) <= len(best):
            break
    if len(best) <= _FEW < len(pictures):
        lost = len(pictures)
    fits = [best.get(index) for index in range(len(pictures))]
    far = {index: shift_of(fit.matrix, size[::-1]) >= _MOVED for index, fit in best.items()}
    if sum(far.values()) < max(2, _MOVED_FRAMES * len(far)):
        fits = [None if fit is None or far[n] else replace(fit, matrix=np.eye(3)) for n, fit in enumerate(fits)]
        return Place(pictures, fits, size, inside, SIMILARITY), fits, lost / len(pictures)
    bent = np.mean([np.abs(fit.matrix[2, :2]).max() > 0 for fit in best.values()])
    freedom = HOMOGRAPHY if bent > _BENT else SIMILARITY
    middle = _middle(fits, size)
    fits = _seen_from(fits, middle)
    for _ in range(2):
        place = Place(pictures, fits, size, inside, freedom)
        fits = _seen_from([fit and place.improved(picture, fit) for picture, fit in zip(pictures, fits)], middle)
    if np.percentile([fit.explained for fit in fits if fit], 25) < _EXPLAINED_TOGETHER:
        lost = len(pictures)
    return Place(pictures, fits, size, inside, freedom), fits, lost / len(pictures)


def _grow(pictures, rest: list[int], seed: int) -> dict[int, Fit]:
    """Those of the pictures that show the place which the seed shows, and how they lie over the seed's."""
    found = {seed: Fit(np.eye(3), 1.0)}
    templates = {seed: Template(pictures[seed])}
    for index in sorted(rest, key=lambda each: abs(each - seed)):
        if index == seed:
            continue
        near = min(found, key=lambda each: abs(each - index))
        for base in dict.fromkeys((seed, near)):
            if base not in templates:
                templates[base] = Template(pictures[base])
            fit = _lay(templates[base], pictures[index], found[near].matrix @ np.linalg.inv(found[base].matrix))
            moved = not np.array_equal(fit.matrix, np.eye(3))
            if fit.explained >= (_EXPLAINED_MOVED if moved else _EXPLAINED):
                found[index] = Fit(_normed(fit.matrix @ found[base].matrix), fit.explained)
                break
    return found


def _lay(template: Template, picture: Picture, start: np.ndarray) -> Fit:
    """Lay a picture over another; they lie as they are unless most of the picture fits clearly better otherwise."""
    same = Fit(np.eye(3), template.explained(picture, np.eye(3)))
    if template.blank:
        return same
    fits = [template.fit(picture, start)]
    if fits[0].explained < _SURE and (rough := _matched(template.picture, picture)) is not None:
        fits.append(template.fit(picture, rough))
    fit = max(fits, key=lambda each: each.explained)
    if not _possible(fit.matrix) or fit.explained < same.explained:
        return same
    bent = template.fit(picture, fit.matrix, coarsest=1, freedom=HOMOGRAPHY)
    fit = bent if template.prefers(picture, bent.matrix, fit.matrix) else fit
    return fit if same.explained < _EXPLAINED or template.prefers(picture, fit.matrix, np.eye(3)) else same


def _possible(matrix: np.ndarray) -> bool:
    """Whether a camera could have done this: neither mirrored nor much larger or smaller."""
    return bool(1 / _MOST_ZOOM < np.linalg.det(matrix[:2, :2]) < _MOST_ZOOM)


def _matched(one: Picture, other: Picture) -> np.ndarray | None:
    """A rough similarity (3, 3) from one picture to another by ORB features; None where they do not match."""
    orb = cv2.ORB_create(800)
    (at, what), (to, that) = (orb.detectAndCompute(each.levels[0], each.clear[0] * 255) for each in (one, other))
    if what is None or that is None or len(what) < 8 or len(that) < 8:
        return None
    pairs = cv2.BFMatcher(cv2.NORM_HAMMING, crossCheck=True).match(what, that)
    if len(pairs) < 8:
        return None
    start, end = np.array([at[p.queryIdx].pt for p in pairs]), np.array([to[p.trainIdx].pt for p in pairs])
    rough, agree = cv2.estimateAffinePartial2D(start, end, method=cv2.RANSAC, ransacReprojThreshold=4.0)
    return None if rough is None or agree.sum() < 12 else np.vstack([rough, [0, 0, 1]])


def _middle(fits: list[Fit | None], size) -> int:
    """Which of the fits is in the middle of all, the medoid by the largest distance of a corner."""
    kept = [index for index, fit in enumerate(fits) if fit]
    spread = np.array([_project(np.linalg.inv(fits[index].matrix), _corners(size)) for index in kept])
    distance = np.linalg.norm(spread[:, None] - spread[None], axis=3).max(2)
    return kept[int(np.median(distance, axis=1).argmin())]


def _seen_from(fits: list[Fit | None], base: int) -> list[Fit | None]:
    """The same fits with one of the pictures as the steady view."""
    back = np.linalg.inv(fits[base].matrix)
    moved = [fit and replace(fit, matrix=_normed(fit.matrix @ back)) for fit in fits]
    moved[base] = replace(fits[base], matrix=np.eye(3))
    return moved


def _corners(size: tuple[int, int]) -> np.ndarray:
    return np.array([[0, 0, 1], [size[0], 0, 1], [0, size[1], 1], [*size, 1]], np.float64)


def shift_of(matrix: np.ndarray, size: tuple[int, int]) -> float:
    """Largest shift of a corner of a picture of `size` (height, width), in pixels of one whose short side is 720."""
    height, width = size
    corners = _corners((width, height))
    return float(np.linalg.norm(_project(matrix, corners) - corners[:, :2], axis=1).max() * 720 / min(height, width))


def _project(matrix: np.ndarray, points: np.ndarray) -> np.ndarray:
    moved = points @ matrix.T
    return moved[:, :2] / moved[:, 2:]


def _normed(matrix: np.ndarray) -> np.ndarray:
    return matrix / matrix[2, 2]


def _thumbnail(picture: Picture) -> tuple[np.ndarray, np.ndarray]:
    """Grey values and where they show background, (n,) each, some 40 pixels wide."""
    grey, clear = picture.levels[-1], picture.clear[-1].astype(np.float32)
    size = (max(1, grey.shape[1] // 3), max(1, grey.shape[0] // 3))
    shrunk = [cv2.resize(each, size, interpolation=cv2.INTER_AREA) for each in (grey.astype(np.float32), clear)]
    return shrunk[0].ravel(), (shrunk[1] > 0.9).ravel()


def _likeness(one, other) -> float:
    """Correlation of two thumbnails where both show background."""
    both = one[1] & other[1]
    if both.sum() < 10:
        return 0.0
    a, b = (each[0][both] - each[0][both].mean() for each in (one, other))
    return float(a @ b / max(np.linalg.norm(a) * np.linalg.norm(b), 1.0))


def _likenesses(pictures: Sequence[Picture]) -> np.ndarray:
    """(n, n) how much each picture looks like each other, in [0, 1]; 0 where no more than by chance."""
    thumbnails = [_thumbnail(picture) for picture in pictures]
    likeness = np.array([[_likeness(one, other) for other in thumbnails] for one in thumbnails])
    return (2 * likeness - 1).clip(0)


def content(frames: Sequence[np.ndarray], size: tuple[int, int]) -> np.ndarray:
    """Where pictures show something: (h, w) bool for a (w, h), False on black bars along the borders."""
    brightest = np.max([frame.max(2) for frame in frames], axis=0)
    rows, columns = (np.flatnonzero((brightest > _BAR).mean(axis) > 0.02) for axis in (1, 0))
    inside = np.zeros(brightest.shape, np.uint8)
    if len(rows) and len(columns):
        inside[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] = 1
    return cv2.resize(inside, size, interpolation=cv2.INTER_NEAREST) > 0

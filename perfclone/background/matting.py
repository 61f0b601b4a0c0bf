"""Mattes refined against the plate: near the person, what differs from the empty background is the person."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from perfclone.pose.skeleton import HIPS, NECK, joints

_REACH = 0.35  # how far the person may reach beyond what the network saw of them, of the person's size
_FEWEST = 200  # pixels of empty background that a comparison must rest on
_MOST = 3.0  # what the colours of a pixel may say for the person or against, nats
_BONE = 0.45  # how sure a bone is of being the person where the network does not see it: colours must agree
_SURE = 0.5  # score that the joints at both ends of a bone need
_SHADE = 0.4  # share of the light that the darkest shadow leaves
_DIM = 0.6  # how much of the light that a shadow takes counts as a difference all the same
_TINT = 4.0  # weight of a difference in chroma, squared, against one in luma
_HALF = 0.35  # share of the person's usual difference from the plate above which a pixel counts as different
_LEAST, _ENOUGH = 4.0, 28.0  # the same threshold lies between these, times the noise
_CLEAR = 8.0  # a person who differs less from the plate than this, times the noise, is left to the network
_CRUMB, _PINHOLE = 0.01, 0.0005  # smaller parts of the person are dropped, smaller holes closed
_ON = 0.3  # share of a part that must lie where the person is thought to be
_LUMA_FIRST = np.float32([1, 0.5, 0.5])  # colours have half the resolution in most files: the outline is luma's
_SMOOTH = 1e-3  # variance of the luma, 0-1, from which an edge stops the smoothing
_STEEP = 1.3  # by which the outline is made steeper again, smeared as it is by the codec and its halved colours
_LIMBS = [
    joints(*(f"{side}_{joint}" for joint in bone))
    for side in ("right", "left")
    for bone in (
        ("shoulder", "elbow"), ("elbow", "wrist"), ("wrist", "index"),
        ("hip", "knee"), ("knee", "ankle"), ("heel", "toe"),
    )
]  # fmt: skip


def refine(
    matte: np.ndarray,
    pixels: np.ndarray,
    plate: np.ndarray,
    known: np.ndarray,
    keypoints: np.ndarray | None = None,
    scores: np.ndarray | None = None,
    others: np.ndarray | None = None,
) -> np.ndarray:
    """Refine a network's matte of a person by what the picture has in front of the plate.

    Each pixel weighs the network's opinion against its difference to the plate, measured in the noise that the
    picture shows around there where nobody is. What keeps the plate's chromaticity and only takes light from it may
    be a shadow (Horprasert, Harwood and Davis, ICCV Frame-Rate Workshop 1999) and is left to the network. Opinions
    are joined along the picture's edges (guided filter: He, Sun and Tang, PAMI 2013); at the outline the person's
    share of each pixel is solved for from the colours on both sides.

    Args:
        matte: (h, w) uint8, the network's, 255 where the person is.
        pixels: (h, w, 3) uint8 RGB, the frame or a crop of it.
        plate: (h, w, 3) uint8 RGB, the empty background in the same view; a pixel of misalignment and another
            exposure do no harm.
        known: (h, w) bool, where the plate was really seen.
        keypoints: (J, 2) pixels of this picture, x then y: limbs that the network overlooks are found by them.
        scores: (J,) in [0, 1], 0 where a joint was not seen; goes with `keypoints`.
        others: (h, w) uint8, 255 where somebody else is.

    Returns:
        (h, w) uint8, 255 where the person is; the network's own matte where the plate cannot help.

    Raises:
        ValueError: The arrays are not of one size.
    """
    size, *sizes = (each.shape[:2] for each in (matte, pixels, plate, known))
    if any(other != size for other in sizes):
        raise ValueError(f"matte, pixels, plate and known must be of one size, got {[size, *sizes]}")
    support = _support(matte, keypoints, scores)
    window = _Window.around(support)
    if window is None:
        return matte
    cut = window.cut
    alien = np.zeros(size, bool) if others is None else (others > 64) & (others >= matte)
    found = _compare(cut(pixels), cut(plate), cut(known & ~alien), cut(support), window.person)
    if found is None:
        return matte
    opinion = _prior(cut(matte), cut(support), window.person)
    evidence, trust = found.evidence(opinion, window.person)
    opinion += evidence
    opinion[cut(alien)] = -8
    share = 1 / (1 + np.exp(-opinion.clip(-8, 8)))
    share = _guided(found.picture[..., 0] / np.float32(255), share, max(1, round(0.014 * window.person)))
    person = _connected(share > 0.5, cut(support))
    solved = 255 * _outline(person, found, max(1, round(0.014 * window.person)))
    refined = np.zeros_like(matte)
    within = _closed(person, round(0.1 * window.person))  # the network keeps its word in holes the plate cannot judge
    solved = np.maximum(solved, within * (1 - trust) * cut(matte))
    cut(refined)[:] = np.where(cut(alien), 0, solved).round()
    return refined


@dataclass(frozen=True)
class _Window:
    """The part of a picture in which the person can be.

    Attributes:
        rows: Of the picture.
        columns: Of the picture.
        person: The person's size, pixels: about the length of head and torso.
    """

    rows: slice
    columns: slice
    person: float

    @classmethod
    def around(cls, support: np.ndarray) -> _Window | None:
        """The window of a person seen at `support` (h, w) uint8, or None where nobody is."""
        x, y, width, height = cv2.boundingRect(support)
        if not width:
            return None
        person = 0.35 * max(width, height)
        reach = int(_REACH * person) + 3
        return cls(slice(max(y - reach, 0), y + height + reach), slice(max(x - reach, 0), x + width + reach), person)

    def cut(self, image: np.ndarray) -> np.ndarray:
        """The window's part of an image (h, w[, C])."""
        return image[self.rows, self.columns]


def _support(matte: np.ndarray, keypoints: np.ndarray | None, scores: np.ndarray | None) -> np.ndarray:
    """Where the person is thought to be: the network's matte and the bones of the limbs, (h, w) uint8, 0 or 255."""
    support = np.where(matte > 127, np.uint8(255), np.uint8(0))
    if keypoints is not None:
        torso = np.linalg.norm(keypoints[NECK] - keypoints[HIPS].mean(0))
        for bone in _LIMBS:
            if scores[bone].min() > _SURE:
                a, b = keypoints[bone].astype(int).tolist()
                cv2.line(support, a, b, 255, max(1, round(0.06 * torso)))
    return support


def _prior(matte: np.ndarray, support: np.ndarray, person: float) -> np.ndarray:
    """The network's opinion, (h, w) float32 nats, ever less for the person further away from where it saw anything."""
    share = (matte.astype(np.float32) / 255).clip(0.08, 0.98)
    share[(support > 0) & (matte < 128)] = _BONE
    away = cv2.distanceTransform(255 - support, cv2.DIST_L2, 3)
    return np.log(share / (1 - share)) - 8 * (away / (_REACH * person)) ** 2


@dataclass(frozen=True)
class _Comparison:
    """A picture and the plate behind it.

    Attributes:
        picture: (h, w, 3) uint8: Y, Cr, Cb.
        plate: (h, w, 3) uint8, the same, in the picture's exposure.
        away: (h, w) float32, how far the picture is from the plate, levels.
        shaded: (h, w) float32, how far at least, were the plate in a shadow.
        noise: (h, w) float32, how far the picture is from the plate around there where nobody is.
        seen: (h, w) bool, where the plate is known.
    """

    picture: np.ndarray
    plate: np.ndarray
    away: np.ndarray
    shaded: np.ndarray
    noise: np.ndarray
    seen: np.ndarray

    def evidence(self, prior: np.ndarray, person: float) -> tuple[np.ndarray, np.ndarray]:
        """What the colours say for the person, nats, below 0 for the background, and its trust in [0, 1]; (h, w) both.

        The codec smears the person a pixel or two over the background, so that a pixel counts as different only
        against how different the person is around there. What may be a shadow speaks neither for nor against.
        """
        inside = ((prior > 1) & self.seen).astype(np.float32)
        usual = _local_mean(self.shaded, inside, 0.13 * person)
        threshold = np.clip(_HALF * usual, _LEAST * self.noise, _ENOUGH * self.noise)
        nats = sum((each / threshold - 1).clip(-1, 1) for each in (self.away, self.shaded)) / 2
        trust = np.minimum(usual / (_CLEAR * self.noise), 1) ** 2 * self.seen
        return _MOST * nats * trust, trust


def _compare(
    pixels: np.ndarray, plate: np.ndarray, seen: np.ndarray, support: np.ndarray, person: float
) -> _Comparison | None:
    """Compare a picture to the plate; None where too little of the plate is known for that."""
    empty = seen & (cv2.dilate(support, _disc(max(3, round(0.1 * person)))) == 0)
    if empty.sum() < _FEWEST:
        return None
    pixels, plate = (cv2.cvtColor(each, cv2.COLOR_RGB2YCrCb) for each in (pixels, _exposed(plate, pixels, empty)))
    away, shaded = _distances(pixels, np.clip(pixels, cv2.erode(plate, _disc(1)), cv2.dilate(plate, _disc(1))))
    noise = np.sqrt(_local_mean(shaded**2, empty.astype(np.float32), 0.24 * person)).clip(1)
    return _Comparison(pixels, plate, away, shaded, noise, seen)


def _exposed(plate: np.ndarray, pixels: np.ndarray, empty: np.ndarray) -> np.ndarray:
    """The plate (h, w, 3) uint8 in the exposure of a picture of which `empty` (h, w) bool shows nobody."""
    ratio = (pixels[empty][::7] + np.float32(4)) / (plate[empty][::7] + np.float32(4))
    table = np.arange(256)[:, None] * np.median(ratio, axis=0).clip(0.7, 1.4)
    return cv2.LUT(plate, table.round().clip(0, 255).astype(np.uint8)[None])


def _distances(pixels: np.ndarray, plate: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How far a picture is from the plate, lit and in whatever shadow suits best, (h, w) float32; YCrCb uint8 both."""
    y, *chroma = (each.astype(np.float32) for each in cv2.split(pixels))
    bright, *tint = (each.astype(np.float32) for each in cv2.split(plate))
    light = ((y + 8) / (bright + 8)).clip(_SHADE, 1)
    rest = np.abs(y - light * (bright + 8) + 8) + _DIM * (1 - light) * bright
    away = (y - bright) ** 2 + _TINT * sum((a - b) ** 2 for a, b in zip(chroma, tint))
    shaded = rest**2 + _TINT * sum((a - 128 - light * (b - 128)) ** 2 for a, b in zip(chroma, tint))
    return tuple(cv2.GaussianBlur(np.sqrt(each), (3, 3), 0.8) for each in (away, np.minimum(away, shaded)))


def _connected(person: np.ndarray, support: np.ndarray) -> np.ndarray:
    """A mask (h, w) bool without pinholes and without parts that are crumbs or hardly on the support."""
    labels, area = _parts(~person)
    person = person | (area < _PINHOLE * person.sum())[labels]
    labels, area = _parts(person)
    supported = np.bincount(labels[support > 0], minlength=len(area))
    return person & ((area > _CRUMB * area[1:].max(initial=0)) & (supported > _ON * area))[labels]


def _closed(mask: np.ndarray, radius: int) -> np.ndarray:
    """A mask (h, w) bool with its narrow gaps and holes filled."""
    square = np.ones((2 * radius + 1, 2 * radius + 1), np.uint8)
    return cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_CLOSE, square) > 0


def _parts(mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The connected parts of a mask (h, w) bool: each pixel's number, 0 outside, and the parts' areas (n,)."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=4)
    return labels, stats[:, cv2.CC_STAT_AREA]


def _outline(person: np.ndarray, found: _Comparison, width: int) -> np.ndarray:
    """The share (h, w) in [0, 1] that a person's mask (h, w) bool has in each pixel, solved near its outline.

    With F the colour of the nearest pixel surely inside, B the plate, lit as at the nearest pixel surely outside, and
    a' the share in the blurred mask, the share a of a pixel I minimises |I - B - a (F - B)|^2 + v (a - a')^2. The
    variance v is that of the noise and of what no mixture of F and B explains.
    """
    mask = person.astype(np.uint8)
    inside, outside = cv2.erode(mask, _disc(width)), cv2.dilate(mask, _disc(width))
    share = cv2.GaussianBlur(mask.astype(np.float32), (3, 3), 0.35)
    band = (inside == 0) & (outside > 0) & found.seen
    if not inside.any() or outside.all():
        return share
    colours = (found.picture, found.plate)
    picture, plate = (each[band].astype(np.float32) for each in colours)
    smooth, bare = (cv2.GaussianBlur(each, (3, 3), 0.8).reshape(-1, 3) for each in colours)
    front, back = _nearest(inside > 0)[band], _nearest(outside == 0)[band]
    behind = plate + smooth[back] - bare[back]
    across, own = ((each - behind) * _LUMA_FIRST for each in (smooth[front], picture))
    span = (across**2).sum(1)
    mixed = ((own * across).sum(1) / span.clip(1)).clip(0, 1)
    missed = ((own - mixed[:, None] * across) ** 2).sum(1)
    variance = 1.5 * (2 * found.noise[band] + 8) ** 2 + 8 * missed
    solved = (mixed * span + variance * share[band]) / (span + variance)
    share[band] = (_STEEP * (solved - 0.5) + 0.5).clip(0, 1)
    return share


def _nearest(mask: np.ndarray) -> np.ndarray:
    """For each pixel the flat index of the nearest one of a mask (h, w) bool, (h, w) int."""
    _, labels = cv2.distanceTransformWithLabels(
        (~mask).astype(np.uint8), cv2.DIST_L2, 3, labelType=cv2.DIST_LABEL_PIXEL
    )
    place = np.zeros(labels.max() + 1, np.int64)
    place[labels[mask]] = np.flatnonzero(mask)
    return place[labels]


def _guided(guide: np.ndarray, image: np.ndarray, radius: int) -> np.ndarray:
    """Smooth an image (h, w) float32 along the edges of a guide (h, w) float32 in [0, 1]."""
    mean = lambda a: cv2.blur(a, (2 * radius + 1, 2 * radius + 1))  # noqa: E731
    g, p = mean(guide), mean(image)
    slope = (mean(guide * image) - g * p) / (mean(guide * guide) - g * g + _SMOOTH)
    return mean(slope) * guide + mean(p - slope * g)


def _local_mean(image: np.ndarray, weight: np.ndarray, radius: float) -> np.ndarray:
    """The weighted mean of an image (h, w) float32 within about this radius; far from all weight, that of it all."""
    box = (2 * max(1, round(radius)) + 1,) * 2
    blur = lambda a: cv2.blur(cv2.blur(a, box, borderType=cv2.BORDER_CONSTANT), box, borderType=cv2.BORDER_CONSTANT)  # noqa: E731
    everywhere = (image * weight).sum() / max(weight.sum(), 1)
    return (blur(image * weight) + 0.02 * everywhere) / (blur(weight) + 0.02)


def _disc(radius: int) -> np.ndarray:
    return cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))

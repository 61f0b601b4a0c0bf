"""Mattes refined against the plate: near the person, what differs from the empty background is the person."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from perfclone.pose.skeleton import INDEX, joints

_REACH = 0.35  # how far from the network's matte and the limbs the person may reach, of the person's size
_SHADOW = 0.4  # a shadow leaves at least this share of the light
_MOST = 4.0  # what the colours of one pixel may say for the person, or against, in nats
_DIM = 0.3
_TINT = 2.5
_CLEAR = 6
_BAND = 3
_LIMBS = [
    joints(*pair)
    for side in ("right", "left")
    for pair in (
        (f"{side}_shoulder", f"{side}_elbow"),
        (f"{side}_elbow", f"{side}_wrist"),
        (f"{side}_wrist", f"{side}_index"),
        (f"{side}_hip", f"{side}_knee"),
        (f"{side}_knee", f"{side}_ankle"),
        (f"{side}_heel", f"{side}_toe"),
    )
]


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
    picture itself shows where nobody is. Shadow keeps the plate's chromaticity and only takes light from it
    (Horprasert, Harwood and Davis 1999), so it is left to the network. The opinions are joined along the picture's
    edges (guided filter: He, Sun and Tang, PAMI 2013), and at the outline the share of the person is solved for from
    the colours on both sides.

    Args:
        matte: (h, w) uint8, the network's, 255 where the person is.
        pixels: (h, w, 3) uint8 RGB, the frame or a crop of it.
        plate: (h, w, 3) uint8 RGB, the empty background in the same view; a pixel of misalignment does no harm.
        known: (h, w) bool, where the plate was really seen.
        keypoints: (J, 2) pixels of this picture, x then y; the person's limbs belong to the person.
        scores: (J,) in [0, 1], 0 where a joint was not seen; needed with `keypoints`.
        others: (h, w) uint8, 255 where somebody else is.

    Returns:
        (h, w) uint8, 255 where the person is; the network's own matte where the plate cannot help.
    """
    shape = matte.shape
    if pixels.shape != (*shape, 3) or plate.shape != (*shape, 3) or known.shape != shape:
        raise ValueError(
            f"matte, pixels, plate and known must be of one size, "
            f"got {shape}, {pixels.shape}, {plate.shape} and {known.shape}"
        )
    support = _support(matte, keypoints, scores)
    window = _Window.around(support)
    if window is None:
        return matte
    cut = window.cut
    free = np.zeros_like(known) if others is None else others > 64
    seen = cut(known) & ~cut(free)
    comparison = _compare(cut(pixels), cut(plate), seen, cut(support), window.size)
    if comparison is None:
        return matte
    prior = _prior(cut(matte), cut(support), window.size)
    opinion = prior + comparison.evidence(prior, window.size)
    opinion[cut(free)] = -8
    guide = comparison.picture[..., 0] / 255
    share = _guided(guide, 1 / (1 + np.exp(-opinion.clip(-8, 8))), 2, 1e-3)
    person = _whole(share > 0.5, cut(support))
    refined = np.zeros_like(matte)
    cut(refined)[:] = (255 * _outline(person, share, comparison)).round()
    return refined


@dataclass(frozen=True)
class _Window:
    """The part of a picture in which the person can be.

    Attributes:
        rows: Of the picture.
        columns: Of the picture.
        size: Of the person, pixels: about the length of the torso and the head.
    """

    rows: slice
    columns: slice
    size: float

    @classmethod
    def around(cls, support: np.ndarray) -> _Window | None:
        """The window of a person seen at `support` (h, w) uint8, or None where nobody is."""
        x, y, width, height = cv2.boundingRect(support)
        if not width:
            return None
        size = 0.35 * max(width, height)
        reach = int(np.ceil(_REACH * size)) + 2
        return cls(slice(max(y - reach, 0), y + height + reach), slice(max(x - reach, 0), x + width + reach), size)

    def cut(self, image: np.ndarray) -> np.ndarray:
        """The window's part of an image (h, w[, C])."""
        return image[self.rows, self.columns]


def _support(matte: np.ndarray, keypoints: np.ndarray | None, scores: np.ndarray | None) -> np.ndarray:
    """Where the person is for sure: the network's matte and the bones of the limbs, (h, w) uint8, 0 or 255."""
    support = np.where(matte > 127, np.uint8(255), np.uint8(0))
    if keypoints is None:
        return support
    torso = np.linalg.norm(keypoints[INDEX["neck"]] - keypoints[joints("right_hip", "left_hip")].mean(0))
    for a, b in _LIMBS:
        if min(scores[a], scores[b]) > 0.5:
            ends = [tuple(int(v) for v in keypoints[n]) for n in (a, b)]
            cv2.line(support, *ends, 255, max(1, round(0.06 * torso)))
    return support


@dataclass(frozen=True)
class _Comparison:
    """A picture and the plate behind it.

    Attributes:
        picture: (h, w, 3) float32, Y, Cr, Cb in 8-bit levels.
        plate: (h, w, 3) float32, the same, at the picture's exposure.
        away: (h, w) float32, how far the picture is from the plate, levels; a mere shadow is not far.
        noise: (h, w) float32, what `away` is around there where nobody is, levels.
        seen: (h, w) bool, where the plate is known.
    """

    picture: np.ndarray
    plate: np.ndarray
    away: np.ndarray
    noise: np.ndarray
    seen: np.ndarray

    def evidence(self, prior: np.ndarray, size: float) -> np.ndarray:
        """What the colours say for the person, (h, w) float32 nats, below 0 for the background.

        A pixel is the person's where it is at least half as far from the plate as the person around is; where the
        person hardly differs from the plate it says little.
        """
        inside = ((prior > 1) & self.seen).astype(np.float32)
        reach = (0, 0), 0.12 * size
        strength = _blur(self.away * inside, reach[1]) / np.maximum(_blur(inside, reach[1]), 1e-3)
        floor = _CLEAR * self.noise
        nats = 2 * self.away / np.maximum(strength, floor) - 1
        return _MOST * np.where(self.seen, nats.clip(-1, 1) * np.minimum(strength / floor, 1), 0)


def _blur(image: np.ndarray, sigma: float) -> np.ndarray:
    radius = max(1, round(1.2 * sigma))
    image = cv2.blur(image, (2 * radius + 1, 2 * radius + 1), borderType=cv2.BORDER_CONSTANT)
    return cv2.blur(image, (2 * radius + 1, 2 * radius + 1), borderType=cv2.BORDER_CONSTANT)


def _compare(
    pixels: np.ndarray, plate: np.ndarray, seen: np.ndarray, support: np.ndarray, size: float
) -> _Comparison | None:
    """Compare a picture to the plate; None where too little of the plate is known to do so."""
    margin = max(3, round(0.04 * min(support.shape)))
    empty = seen & (cv2.dilate(support, np.ones((2 * margin + 1, 2 * margin + 1), np.uint8)) == 0)
    if empty.sum() < 200:
        return None
    sigma = 0.2 * size
    both = [pixels[empty][::7].astype(np.float32), plate[empty][::7].astype(np.float32)]
    gain = np.median((both[0] + 4) / (both[1] + 4), axis=0).clip(0.7, 1.4)
    table = (np.arange(256)[:, None] * gain + 4 * (gain - 1)).round().clip(0, 255).astype(np.uint8)
    plate = cv2.cvtColor(cv2.LUT(plate, table[None]), cv2.COLOR_RGB2YCrCb)
    pixels = cv2.cvtColor(pixels, cv2.COLOR_RGB2YCrCb)
    kernel = np.ones((3, 3), np.uint8)
    low, high = cv2.erode(plate, kernel), cv2.dilate(plate, kernel)
    picture = pixels.astype(np.float32)
    nearest = np.clip(pixels, low, high).astype(np.float32)
    off = picture - nearest
    light = ((picture[..., 0] + 8) / (nearest[..., 0] + 8)).clip(_SHADOW, 1)
    tint = picture[..., 1:] - 128 - light[..., None] * (nearest[..., 1:] - 128)
    shaded = np.abs(picture[..., 0] - light * (nearest[..., 0] + 8) + 8) + _DIM * (1 - light) * nearest[..., 0]
    away = np.sqrt(off[..., 0] ** 2 + _TINT * (off[..., 1:] ** 2).sum(2))
    shadow = np.sqrt(shaded**2 + _TINT * (tint**2).sum(2))
    away = cv2.GaussianBlur(np.minimum(away, shadow), (3, 3), 0.8)
    noise = max(1.0, float(np.quantile(away[empty], 0.8)))
    weight = empty.astype(np.float32)
    noise = np.sqrt((_blur(away**2 * weight, sigma) + 0.02 * noise**2) / (_blur(weight, sigma) + 0.02))
    noise = np.maximum(noise, 1)
    return _Comparison(picture, plate.astype(np.float32), away, noise, seen)


def _whole(person: np.ndarray, support: np.ndarray) -> np.ndarray:
    """Of a mask (h, w) bool what hangs together with the support, its pinholes closed."""
    _, labels = cv2.connectedComponents(person.astype(np.uint8), connectivity=4)
    mine = np.unique(labels[(support > 0) & person])
    person = np.isin(labels, mine[mine > 0])
    count, labels, stats, _ = cv2.connectedComponentsWithStats((~person).astype(np.uint8), connectivity=4)
    small = np.flatnonzero(stats[:, cv2.CC_STAT_AREA] < 12)
    return person | np.isin(labels, small[small > 0])


def _outline(person: np.ndarray, share: np.ndarray, comparison: _Comparison) -> np.ndarray:
    """The share (h, w) float32 in [0, 1] that a person's mask (h, w) bool has in each pixel, solved at its outline.

    With F the colours of the nearest pixel surely inside and B the plate, as bright as at the nearest pixel surely
    outside, the share a of a pixel I minimises |I - B - a (F - B)|^2 / s^2 + (a - a0)^2 / t^2.
    """
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * _BAND + 1, 2 * _BAND + 1))
    mask = person.astype(np.uint8)
    inside, outside = cv2.erode(mask, kernel), cv2.dilate(mask, kernel)
    band = (inside == 0) & (outside > 0)
    rows, columns = np.nonzero(band)
    soft = cv2.GaussianBlur(mask.astype(np.float32), (0, 0), 0.8)
    result = mask.astype(np.float32)
    if not inside.any() or not len(rows):
        return soft
    front = _nearest(inside > 0)[rows, columns]
    back = _nearest(outside == 0)[rows, columns]
    smooth = cv2.GaussianBlur(comparison.picture, (3, 3), 0.8)
    f = smooth.reshape(-1, 3)[front]
    light = smooth.reshape(-1, 3)[back] - cv2.GaussianBlur(comparison.plate, (3, 3), 0.8).reshape(-1, 3)[back]
    b = comparison.plate[rows, columns] + light
    weights = np.float32([1, 0.4, 0.4])
    i = comparison.picture[rows, columns]
    away = ((f - b) ** 2 * weights).sum(1)
    along = ((i - b) * (f - b) * weights).sum(1)
    a0, trust = soft[rows, columns], (2 * comparison.noise[rows, columns] + 6) ** 2 / 0.3**2
    solved = (along + trust * a0 * 0.3**2 * 4) / (away + trust * 0.3**2 * 4)
    result[rows, columns] = np.where(comparison.seen[rows, columns], solved, a0).clip(0, 1)
    return result


def _nearest(mask: np.ndarray) -> np.ndarray:
    """For each pixel the flat index of the nearest one of a mask (h, w) bool, (h, w) int."""
    _, labels = cv2.distanceTransformWithLabels(
        (~mask).astype(np.uint8), cv2.DIST_L2, 3, labelType=cv2.DIST_LABEL_PIXEL
    )
    places = np.zeros(labels.max() + 1, np.int64)
    places[labels[mask]] = np.flatnonzero(mask)
    return places[labels]


def _prior(matte: np.ndarray, support: np.ndarray, size: float) -> np.ndarray:
    """The network's opinion, (h, w) float32 nats, ever less for the person further away from where it saw anything."""
    share = (matte.astype(np.float32) / 255).clip(0.02, 0.995)
    away = cv2.distanceTransform(255 - support, cv2.DIST_L2, 3)
    bone = np.where((support > 0) & (matte < 128), 0.7, share)
    return (np.log(bone / (1 - bone)) - 8.0 * (away / (_REACH * size)) ** 2).astype(np.float32)


def _guided(guide: np.ndarray, image: np.ndarray, radius: int, smooth: float) -> np.ndarray:
    """Smooth an image (h, w) float32 along the edges of a guide (h, w) float32 in [0, 1]."""
    mean = lambda a: cv2.blur(a, (2 * radius + 1, 2 * radius + 1))  # noqa: E731
    g, p = mean(guide), mean(image)
    slope = (mean(guide * image) - g * p) / (mean(guide * guide) - g * g + smooth)
    return mean(slope) * guide + mean(p - slope * g)

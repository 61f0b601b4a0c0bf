"""Mattes refined against the plate: near the person, what differs from the empty background is the person."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from perfclone.pose.skeleton import INDEX, joints

_REACH = 0.35  # how far from the network's matte and the limbs the person may reach, of the person's size
_SHADOW = 0.4  # a shadow leaves at least this share of the light
_MOST = 4.0  # what the colours of one pixel may say for the person, or against, in nats
_GREY = np.float32([0.299, 0.587, 0.114])
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
    evidence = _evidence(cut(pixels), cut(plate), cut(known) & ~cut(free), cut(support) > 0)
    if evidence is None:
        return matte
    opinion = _prior(cut(matte), cut(support), window.size) + evidence
    opinion[cut(free)] = -_MOST
    guide = cut(pixels).astype(np.float32) @ _GREY / 255
    share = 1 / (1 + np.exp(-opinion.clip(-8, 8)))
    share = _guided(guide, share, max(1, round(0.02 * window.size)), 1e-3)
    refined = np.zeros_like(matte)
    cut(refined)[:] = (255 * ((share - 0.5) * 1.6 + 0.5).clip(0, 1)).round()
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


def _evidence(pixels: np.ndarray, plate: np.ndarray, known: np.ndarray, person: np.ndarray) -> np.ndarray | None:
    """What the colours say for the person, (h, w) float32 nats, below 0 for the background; None without a plate."""
    margin = max(3, round(0.04 * min(person.shape)))
    near = cv2.dilate(person.astype(np.uint8), np.ones((2 * margin + 1, 2 * margin + 1), np.uint8)) > 0
    empty = known & ~near
    if empty.sum() < 200:
        return None
    picture = cv2.GaussianBlur(pixels, (3, 3), 0.7).astype(np.float32)
    plate = cv2.GaussianBlur(plate, (3, 3), 0.7)
    usable = empty & (plate.min(2) > 12) & (plate.max(2) < 245)
    gain = np.median(picture[usable] / plate[usable], axis=0) if usable.sum() > 200 else np.ones(3)
    kernel = np.ones((3, 3), np.uint8)
    low, high = (f(plate, kernel).astype(np.float32) * np.float32(gain) for f in (cv2.erode, cv2.dilate))
    nearest = picture.clip(low, high)
    away = picture - nearest
    light = (picture @ _GREY + 4) / (nearest @ _GREY + 4)
    chroma = picture - nearest * light[..., None]
    noise = max(1.0, float(np.sqrt(np.median((away[empty] ** 2).sum(1))) * 1.2))
    tint = max(1.0, float(np.sqrt(np.median((chroma[empty] ** 2).sum(1))) * 1.2))
    full = (away**2).sum(2) / (2 * (2.0 * noise) ** 2)
    shade = (chroma**2).sum(2) / (2 * (2.0 * tint) ** 2) + 2.0
    shadow = (light > _SHADOW) & (light < 1.03)
    full = np.where(shadow, np.minimum(full, shade), full)
    return np.where(known, (full - 2.0).clip(-_MOST, _MOST), 0).astype(np.float32)


def _prior(matte: np.ndarray, support: np.ndarray, size: float) -> np.ndarray:
    """The network's opinion, (h, w) float32 nats, ever less for the person further away from where it saw anything."""
    share = (matte.astype(np.float32) / 255).clip(0.02, 0.995)
    away = cv2.distanceTransform(255 - support, cv2.DIST_L2, 3)
    bone = np.where((support > 0) & (matte < 128), 0.7, share)
    return np.log(bone / (1 - bone)) * 1.0 + 1.5 * (matte < 128) - 8.0 * (away / (_REACH * size)) ** 2


def _guided(guide: np.ndarray, image: np.ndarray, radius: int, smooth: float) -> np.ndarray:
    """Smooth an image (h, w) float32 along the edges of a guide (h, w) float32 in [0, 1]."""
    mean = lambda a: cv2.blur(a, (2 * radius + 1, 2 * radius + 1))  # noqa: E731
    g, p = mean(guide), mean(image)
    slope = (mean(guide * image) - g * p) / (mean(guide * guide) - g * g + smooth)
    return mean(slope) * guide + mean(p - slope * g)

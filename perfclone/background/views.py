"""What several views of one place say of it: which of them to believe, and their median."""

from __future__ import annotations

import cv2
import numpy as np

from perfclone.background.margin import size_within

#: What a view says of a pixel: not in the picture, surely somebody, within the margin around somebody, within a wider
#: margin, where shadows and what mattes miss may be, or far from anybody.
OUTSIDE, PERSON, DOUBTFUL, NEAR, CLEAR = range(5)
#: Rows that are worked on at a time, and the side of the blocks whose sharpness is compared, pixels.
STRIP = 64
_FAR_ENOUGH = 5  # views far from anybody from which on those near somebody do not count
_SHARP = 0.7  # share of the good views' sharpness below which a view does not count
_ALIKE = 14  # grey levels that one person's clothes may differ by from view to view
_AROUND = 0.03  # of the short side: how far around a pixel others must agree that somebody was overlooked
_COARSE = 512  # longest side of the picture in which such a somebody is outlined


def median(stack: np.ndarray, what: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The background in a stack of views: the median of those far from anybody, or if these are few, of all.

    Args:
        stack: (n, h, w, 3) uint8.
        what: (n, h, w) uint8, what each view says of each pixel.

    Returns:
        The background (h, w, 3) uint8, and the number of views that it rests on, (h, w) uint8.
    """
    far = (what == CLEAR).sum(0) >= _FAR_ENOUGH
    counts = what >= np.where(far, CLEAR, NEAR)
    count = counts.sum(0, dtype=np.uint8)
    return masked_median(np.where(counts[..., None], stack, 255), count), count


def unsharp(stack: np.ndarray, what: np.ndarray) -> np.ndarray:
    """Which views of a strip are less sharp than most of the sharper third of all that see the same, (n,) bool.

    Blocks are compared, and a view is judged by the median of its own: a single block may owe its sharpness to the
    edge of a shadow, or to a hand that a matte missed. Sharpness is the mean size of the Laplacian of the picture at
    half its size, where noise counts less.
    """
    sharpness = np.stack([_sharpness(*view) for view in zip(stack, what >= NEAR)])  # (n, w / STRIP)
    third = (sharpness >= 0).sum(0) // 3
    good = np.take_along_axis(np.sort(sharpness, 0)[::-1], third[None], 0)
    compared = (sharpness >= 0) & (third >= _FAR_ENOUGH)
    ratio = np.where(compared, sharpness / np.maximum(good, 1e-3), np.nan)
    ratio[~compared.any(1)] = 1
    return np.nanmedian(ratio, 1) < _SHARP


def _sharpness(pixels: np.ndarray, background: np.ndarray) -> np.ndarray:
    """Sharpness of each block of a strip (h, w, 3), as far as it shows background; -1 where it shows little."""
    height, width = background.shape
    half, blocks = (max(1, width // 2), max(1, height // 2)), (-(-width // STRIP), 1)
    grey = cv2.resize(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), half, interpolation=cv2.INTER_AREA)
    clear = cv2.resize(background.astype(np.float32), half, interpolation=cv2.INTER_NEAREST)
    edges = np.abs(cv2.Laplacian(grey, cv2.CV_32F)) * clear
    edges, clear = (cv2.resize(each, blocks, interpolation=cv2.INTER_AREA)[0] for each in (edges, clear))
    return np.where(clear > 0.1, edges / np.maximum(clear, 0.1), -1)


def compare(strip: np.ndarray, stack: np.ndarray, what: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where somebody stands in most views, and where what they show there is what was taken for the background.

    Args:
        strip: (h, w, 3) uint8, taken for the background.
        stack: (n, h, w, 3) uint8.
        what: (n, h, w) uint8, what each view says of each pixel.

    Returns:
        (h, w) bool each.
    """
    people = what == PERSON
    hidden = people.sum(0) > (what >= NEAR).sum(0)
    there = people[:, hidden]  # (n, k)
    seen = np.where(there[..., None], stack[:, hidden], 255)[:, None]
    person = masked_median(seen, there.sum(0, dtype=np.uint8)[None])[0]
    alike = np.zeros_like(hidden)
    alike[hidden] = np.abs(person.astype(int) - strip[hidden]).mean(1) < _ALIKE
    return hidden, alike


def overlooked(hidden: np.ndarray, alike: np.ndarray) -> np.ndarray:
    """Where mattes come and go while the picture stays: somebody who was overlooked now and then.

    Args:
        hidden: (H, W) bool, where somebody stands in most views, and a background was taken from the others.
        alike: (H, W) bool, where that background looks as the somebody does, see :func:`compare`.

    Returns:
        (H, W) bool, solid pieces, somewhat wider than that somebody.
    """
    height, width = hidden.shape
    size = size_within(_COARSE, hidden)
    both, every = (
        cv2.resize(where.astype(np.float32), size, interpolation=cv2.INTER_AREA) for where in (hidden & alike, hidden)
    )
    side = max(3, round(_AROUND * min(size))) | 1
    found = (every > 0.5) & (cv2.blur(both, (side, side)) > 0.5 * cv2.blur(every, (side, side)))
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    found = cv2.morphologyEx(found.astype(np.uint8), cv2.MORPH_OPEN, kernel)
    _, pieces = cv2.connectedComponents((every > 0.5).astype(np.uint8))
    share = np.bincount(pieces[found > 0], minlength=pieces.max() + 1) / np.bincount(pieces.ravel())
    found |= ((share > 0.5) & (np.arange(len(share)) > 0)).astype(np.uint8)[pieces]
    found = cv2.morphologyEx(found, cv2.MORPH_CLOSE, kernel, iterations=3)
    found = cv2.dilate(found, kernel, iterations=2)
    return cv2.resize(found, (width, height), interpolation=cv2.INTER_NEAREST).astype(bool)


def masked_median(stack: np.ndarray, count: np.ndarray) -> np.ndarray:
    """Lower median of the first `count` (h, w) of the sorted values of each pixel of a stack (n, h, w, 3) uint8.

    What does not count must be 255 in the stack. Found bit by bit, which is far quicker than sorting along n.
    """
    rank = (np.maximum(count, 1) - 1) // 2
    median = np.zeros(stack.shape[1:], np.uint8)
    for bit in (128, 64, 32, 16, 8, 4, 2, 1):
        candidate = median | np.uint8(bit)
        below = (stack < candidate).sum(0, dtype=np.uint8)
        median = np.where(below <= rank[..., None], candidate, median)
    return median

"""The square crop that follows the person: G paints in it, the plate keeps the full size."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

#: Room around the joints, torso lengths: the skull above the eyes, hands, hair and loose clothes.
MARGIN = 0.4


class Window(NamedTuple):
    """A part of a square picture.

    Attributes:
        rows: Of it.  columns: Of it.
        side: Of the picture, pixels.
    """

    rows: slice
    columns: slice
    side: int

    @property
    def shape(self) -> tuple[int, int]:
        """(h, w), pixels."""
        return self.rows.stop - self.rows.start, self.columns.stop - self.columns.start

    def aligned(self, side: int) -> Window:
        """The least window around it whose borders are borders of pixels in a picture of another size too."""
        step = self.side // math.gcd(self.side, side)
        return Window(*(slice(s.start // step * step, -(-s.stop // step) * step) for s in self[:2]), self.side)

    def within(self, window: Window) -> Window:
        """It as a part of another window of the same picture, which holds it."""
        spans = zip(self[:2], window[:2])
        rows, columns = (slice(own.start - whole.start, own.stop - whole.start) for own, whole in spans)
        return Window(rows, columns, self.side)

    def at(self, side: int) -> Window:
        """The same part of the picture at another size, to whole pixels."""
        spans = (slice(*(round(end * side / self.side) for end in (s.start, s.stop))) for s in self[:2])
        return Window(*spans, side)


@dataclass(frozen=True)
class Box:
    """A square of whole pixels; it may reach beyond the frame.

    Attributes:
        x: Left edge, pixels.  y: Top edge, pixels.  side: Side, pixels.
    """

    x: int
    y: int
    side: int

    def cut(self, image: np.ndarray, resolution: int) -> np.ndarray:
        """The box out of an image (H, W[, C]) uint8, scaled to (resolution, resolution[, C]); borders are repeated."""
        height, width = image.shape[:2]
        left, top = max(-self.x, 0), max(-self.y, 0)
        right, bottom = max(self.x + self.side - width, 0), max(self.y + self.side - height, 0)
        if left or top or right or bottom:
            image = cv2.copyMakeBorder(image, top, bottom, left, right, cv2.BORDER_REPLICATE)
        part = image[self.y + top : self.y + top + self.side, self.x + left : self.x + left + self.side]
        return scaled(part, resolution)

    def paste(self, layers: np.ndarray, height: int, width: int) -> tuple[np.ndarray, slice, slice]:
        """Scale a picture of the crop back to the box.

        Args:
            layers: (S, S, C) float32.
            height: Of the frame.
            width: Of the frame.

        Returns:
            The part inside the frame, (h, w, C) float32, and the rows and columns of the frame that it covers.
        """
        whole = slice(0, self.side)
        own, rows, columns = self.framed(Window(whole, whole, self.side), height, width)
        return scaled(layers, self.side)[own], rows, columns

    def framed(self, window: Window, height: int, width: int) -> tuple[tuple[slice, slice], slice, slice]:
        """Where a window of the box, in pixels of the frame, lies in a frame.

        Returns:
            The part of the window that lies inside the frame, in its own pixels, and the rows and columns of the frame
            that it covers.
        """
        own, framed = [], []
        for corner, span, end in ((self.y, window.rows, height), (self.x, window.columns, width)):
            first = corner + span.start
            inside = slice(max(first, 0), max(min(corner + span.stop, end), 0))
            own.append(slice(inside.start - first, max(inside.stop - first, 0)))
            framed.append(inside)
        return tuple(own), *framed

    def array(self) -> np.ndarray:
        """(3,) int32: x, y, side."""
        return np.array([self.x, self.y, self.side], np.int32)


def scaled(image: np.ndarray, side: int) -> np.ndarray:
    """A square image (S, S[, C]) at another side, by area where it shrinks, else cubic."""
    if image.ndim == 3 and image.shape[2] > 4:  # more channels than OpenCV shrinks at once
        return np.dstack([stretched(image[..., n], side, side) for n in range(image.shape[2])])
    return stretched(image, side, side)


def stretched(image: np.ndarray, height: int, width: int) -> np.ndarray:
    """An image (h, w[, C]) of at most four channels at another size, by area where it shrinks, else cubic."""
    if image.shape[:2] == (height, width) or not image.size:
        return image
    how = cv2.INTER_AREA if height < len(image) else cv2.INTER_CUBIC
    return cv2.resize(image, (width, height), interpolation=how)


def resized(x: Tensor, height: int, width: int) -> Tensor:
    """Pictures (B, C, h, w) at another size, smoothly where they grow, by area where they shrink.

    OpenCV takes a third of the time that PyTorch takes on a CPU; it passes on no gradient.
    """
    if x.shape[-2:] == (height, width):
        return x
    shrinks = height < x.shape[-2]
    if x.device.type != "cpu":
        return F.interpolate(x, size=(height, width), mode="area" if shrinks else "bilinear")
    made = x.new_empty(*x.shape[:2], height, width)
    how = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    for old, new in zip(x.flatten(0, 1).numpy(), made.flatten(0, 1).numpy()):
        cv2.resize(old, (width, height), new, interpolation=how)
    return made


def enlarged(x: Tensor, window: Window) -> Tensor:
    """(B, C, h, w) what a window of a larger picture shows of a picture (B, C, s, s)."""
    side = x.shape[-1]
    spans = [(s.start * side // window.side - 1, -(-s.stop * side // window.side) + 1) for s in window[:2]]
    small = Window(*(slice(max(low, 0), min(high, side)) for low, high in spans), side).aligned(window.side)
    large = small.at(window.side)
    rows, columns, _ = window.within(large)
    return resized(x[..., small.rows, small.columns], *large.shape)[..., rows, columns]


@dataclass(frozen=True)
class BoxFollower:
    """Moves the box only as far as it must to hold the person, so that most of the time it stands still.

    Attributes:
        side: Usual side of the box, pixels; it grows for frames in which the person needs more.
        torso: The person's torso length in the picture, pixels.
    """

    side: int
    torso: float

    def follow(self, last: Box | None, keypoints: np.ndarray, scores: np.ndarray) -> Box:
        """The box of the next frame; an absent person leaves it where it was.

        Args:
            last: The box of the frame before; None at the start.
            keypoints: (J, 2) frame pixels.
            scores: (J,).
        """
        low, high = person_extent(keypoints[None], scores[None], self.torso)[0]
        if np.isnan(low).any():
            return last or Box(0, 0, self.side)
        side = max(self.side, int(np.ceil((high - low).max() / 8)) * 8)
        if last is None:
            corner = (low + high - side) / 2
        else:
            corner = np.array([last.x, last.y]) + (last.side - side) / 2
            corner = np.minimum(np.maximum(corner, high - side), low)
        x, y = np.round(corner).astype(int)
        return Box(int(x), int(y), side)


def person_extent(keypoints: np.ndarray, scores: np.ndarray, torso: float) -> np.ndarray:
    """Corners (T, 2, 2) of the joints' bounding boxes with their margin, pixels; NaN where nobody was seen."""
    seen = scores[..., None] > 0
    low = np.where(seen, keypoints, np.inf).min(1) - MARGIN * torso
    high = np.where(seen, keypoints, -np.inf).max(1) + MARGIN * torso
    corners = np.stack([low, high], 1)
    return np.where(np.isfinite(corners), corners, np.nan)


def usual_side(keypoints: np.ndarray, scores: np.ndarray, torso: float, resolution: int) -> int:
    """Side of the box that holds the person in 97 of 100 frames, pixels.

    A side a little below G's resolution becomes that resolution, so that no pixel is interpolated.
    """
    extent = person_extent(keypoints, scores, torso)
    extent = extent[~np.isnan(extent).any((1, 2))]
    needed = float(np.quantile((extent[:, 1] - extent[:, 0]).max(1), 0.97))
    if 0.75 * resolution <= needed <= resolution:
        return resolution
    return int(np.ceil(needed / 8)) * 8


def to_crop(keypoints: Tensor, boxes: Tensor, resolution: int) -> Tensor:
    """Frame pixels to crop pixels: keypoints (..., J, 2) and boxes (..., 3) that broadcast against their (...)."""
    corner, side = boxes[..., None, :2], boxes[..., None, 2:]
    return (keypoints - corner) * (resolution / side)


def carry(memory: Tensor, before: Tensor, now: Tensor) -> Tensor:
    """Move G's memory (B, 4, S, S) from the boxes (B, 3) of the frame before to the boxes (B, 3) of this one."""
    if torch.equal(before, now):
        return memory
    ratio = now[:, 2] / before[:, 2]
    centre = lambda boxes: boxes[:, :2] + boxes[:, 2:] / 2  # noqa: E731
    offset = (centre(now) - centre(before)) / (before[:, 2:] / 2)
    theta = torch.zeros(len(memory), 2, 3, device=memory.device, dtype=memory.dtype)
    theta[:, 0, 0] = theta[:, 1, 1] = ratio
    theta[:, :, 2] = offset
    grid = F.affine_grid(theta, list(memory.shape), align_corners=False)
    return F.grid_sample(memory, grid, align_corners=False)

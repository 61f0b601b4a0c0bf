"""Windows: the part of the picture in which P looks, small enough that a person fills it well."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

#: Longest side of the picture of a window. The networks see 256 x 256 of it and enlarge less well than a cubic does.
MIN_SIDE, MAX_SIDE = 384, 512
#: Side of a window in sizes of the person in it. It rests while the side that it should have is within these factors
#: of its own and the person less off its middle than so many sides: each change moves what the network sees, and the
#: joints tremble. From frame to frame it shrinks and grows by these factors at most.
ROOM, FIT, REST, SHRINK, GROW = 2.0, (0.85, 1.15), 0.08, 0.98, 1.04


@dataclass(frozen=True)
class Window:
    """A rectangle of a frame, in its pixels: a square as far as the frame reaches.

    Attributes:
        middle: (x, y) of the square's middle, anywhere.
        side: Of the square.
        frame: (width, height) of the frame.
    """

    middle: tuple[float, float]
    side: float
    frame: tuple[int, int]

    @classmethod
    def whole(cls, frame: tuple[int, int]) -> Window:
        """All of a frame of (width, height)."""
        return cls((frame[0] / 2, frame[1] / 2), max(frame), frame)

    @classmethod
    def around(cls, points: np.ndarray, frame: tuple[int, int]) -> Window:
        """The window for the person with joints at points (N, 2) in pixels."""
        low, high = points.min(axis=0), points.max(axis=0)
        return cls(tuple((low + high) / 2), min(ROOM * (high - low).max(), max(frame)), frame)

    @property
    def box(self) -> tuple[int, int, int, int]:
        """Left, top, right and bottom: the square moved into the frame as far as it fits."""
        size = [min(round(self.side), length) for length in self.frame]
        low = [int(np.clip(round(m - s / 2), 0, length - s)) for m, s, length in zip(self.middle, size, self.frame)]
        return low[0], low[1], low[0] + size[0], low[1] + size[1]

    @property
    def width(self) -> int:
        """Of the box, pixels of the frame."""
        left, _, right, _ = self.box
        return right - left

    def picture(self, pixels: np.ndarray) -> np.ndarray:
        """What of the frame (H, W, ...) is in the window, its longest side within ``MIN_SIDE`` and ``MAX_SIDE``."""
        left, top, right, bottom = self.box
        picture = shrink(pixels[top:bottom, left:right])
        scale = MIN_SIDE / max(picture.shape[:2])
        return picture if scale <= 1 else cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)

    def to_frame(self, points: np.ndarray) -> np.ndarray:
        """Points (N, 2), 0-1 of the window, in pixels of the frame."""
        left, top, right, bottom = self.box
        return points * np.float32((right - left, bottom - top)) + np.float32((left, top))

    def spread(self, matte: np.ndarray) -> np.ndarray:
        """A matte (h, w) uint8 of the window as one of the frame, (H, W)."""
        left, top, right, bottom = self.box
        width, height = self.frame
        part = cv2.resize(matte, (right - left, bottom - top))
        return (
            part
            if part.shape == (height, width)
            else cv2.copyMakeBorder(part, top, height - bottom, left, width - right, cv2.BORDER_CONSTANT)
        )

    def following(self, points: np.ndarray) -> Window:
        """The window for the next frame, when the person's joints are at points (N, 2) now.

        It never moves further than the person did nor changes its size much: what a tracker remembers of its picture
        stays as good as true.
        """
        wanted = Window.around(points, self.frame)
        off = np.subtract(wanted.middle, self.middle)
        off -= off.clip(-REST * self.side, REST * self.side)
        fit = wanted.side / self.side
        side = self.side * np.clip(fit / np.clip(fit, *FIT), SHRINK, GROW)
        return Window(tuple(np.add(self.middle, off)), float(min(side, max(self.frame))), self.frame)


def tiles(frame: tuple[int, int], share: float) -> list[Window]:
    """Windows with a share of the longest side of a frame (width, height), which overlap by half and cover it."""
    side = share * max(frame)
    middles = [
        np.linspace(side / 2, length - side / 2, int(np.ceil(2 * length / side)) - 1)
        if length > side
        else [length / 2]
        for length in frame
    ]
    return [Window((float(x), float(y)), side, frame) for y in middles[1] for x in middles[0]]


def shrink(picture: np.ndarray) -> np.ndarray:
    """The picture with its longest side at most ``MAX_SIDE``, contiguous.

    Halving by area and then one linear step keeps it free of aliasing and costs a tenth of one step by area.
    """
    while max(picture.shape[:2]) >= 2 * MAX_SIDE:
        picture = cv2.resize(picture, (picture.shape[1] // 2, picture.shape[0] // 2), interpolation=cv2.INTER_AREA)
    scale = MAX_SIDE / max(picture.shape[:2])
    return np.ascontiguousarray(picture) if scale >= 1 else cv2.resize(picture, None, fx=scale, fy=scale)

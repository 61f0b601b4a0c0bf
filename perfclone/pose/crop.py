"""Square crops of a frame, turned and scaled: what the networks for faces and hands look at."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np


@dataclass(frozen=True)
class Crop:
    """A square of a frame, which may reach beyond it.

    Attributes:
        middle: (2,) x and y of its middle, pixels of the frame.
        side: Pixels of the frame.
        angle: By how much it is turned clockwise, radians.
    """

    middle: np.ndarray
    side: float
    angle: float = 0.0

    @property
    def axes(self) -> np.ndarray:
        """(2, 2) the crop's x and y axis as directions in the frame, of length 1."""
        cos, sin = np.cos(self.angle), np.sin(self.angle)
        return np.array([[cos, sin], [-sin, cos]])

    def picture(self, frame: np.ndarray, size: int) -> np.ndarray:
        """What the frame (H, W, 3) uint8 shows there, (size, size, 3) uint8; black beyond it."""
        reach = self.side * 0.71 + 1  # half the diagonal: whatever the angle, all of it is within
        low = np.clip(np.floor(self.middle - reach), 0, frame.shape[1::-1]).astype(int)
        high = np.clip(np.ceil(self.middle + reach), 0, frame.shape[1::-1]).astype(int)
        part, middle, side = frame[low[1] : high[1], low[0] : high[0]], self.middle - low, self.side
        if not part.size:
            return np.zeros((size, size, 3), np.uint8)
        while side > 2 * size and min(part.shape[:2]) > 1:
            scale = np.array([part.shape[1] // 2, part.shape[0] // 2]) / part.shape[1::-1]
            part = cv2.resize(part, (part.shape[1] // 2, part.shape[0] // 2), interpolation=cv2.INTER_AREA)
            middle, side = middle * scale, side / 2
        turn = self.axes * (size / side)
        return cv2.warpAffine(part, np.column_stack([turn, size / 2 - 0.5 - turn @ (middle - 0.5)]), (size, size))

    def to_frame(self, points: np.ndarray) -> np.ndarray:
        """Points (N, 2), 0-1 of the crop, in pixels of the frame."""
        return self.middle + (points - 0.5) * self.side @ self.axes

    def to_crop(self, points: np.ndarray) -> np.ndarray:
        """Points (N, 2), pixels of the frame, as 0-1 of the crop."""
        return (points - self.middle) @ self.axes.T / self.side + 0.5

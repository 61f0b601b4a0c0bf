"""What the meters see: frames of two videos in step, each with what was found in it so far."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import cv2
import numpy as np


class Sight:
    """A frame of a video. What is dear to find in it is found once, whichever meter of whichever method asks first.

    Args:
        pixels: (H, W, 3) uint8 RGB.
    """

    def __init__(self, pixels: np.ndarray):
        self.pixels = pixels
        self._found: dict[Any, Any] = {}

    def once(self, what: Any, find: Callable[[], Any]) -> Any:
        """Give what was found under a name before, or find it now."""
        if what not in self._found:
            self._found[what] = find()
        return self._found[what]


class FramePair(NamedTuple):
    """The same frame of both videos.

    Attributes:
        output: Of the video that is judged.
        truth: Of the truth; shared by all methods that are judged beside it.
        person: (H, W) bool, where the person of the truth is.
        nearby: (H, W) uint8, above 0 where somebody is in either, with a margin.
        square: (2, 3) the square around the truth's person, as `regions.person_square` has it; None where nobody is.
        keypoints: (J, 2) the truth's joints, pixels.
        scores: (J,) of them, 0 where one was not seen.
        torso: The length of the truth's torso in the clip, pixels.
    """

    output: Sight
    truth: Sight
    person: np.ndarray
    nearby: np.ndarray
    square: np.ndarray | None
    keypoints: np.ndarray
    scores: np.ndarray
    torso: float

    @property
    def sights(self) -> tuple[Sight, Sight]:
        """Output and truth."""
        return self.output, self.truth


def reduced(picture: np.ndarray, side: int) -> np.ndarray:
    """A picture (H, W, ...) with a shorter side of at most so many pixels; the same one where it is small enough."""
    scale = side / min(picture.shape[:2])
    if scale >= 1:
        return picture
    return cv2.resize(picture, [round(scale * each) for each in picture.shape[1::-1]], interpolation=cv2.INTER_AREA)

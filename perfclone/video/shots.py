"""Cuts in a video, told from movement, light and captions while it streams."""

from __future__ import annotations

import cv2
import numpy as np

#: Side of the thumbnail that stands for a frame, of the blocks it is cut into, and how far a block may have moved.
SIDE, BLOCK, REACH = 72, 12, 6
#: A block is found again with this correlation; one whose texture has less contrast (grey levels) by its brightness.
FOUND, CONTRAST, BRIGHTNESS = 0.75, 4.0, 24.0
#: A picture with less contrast than this shows nothing: a blackout, a flash, the end of a fade.
NOTHING = 6.0
#: Share of the blocks found nowhere that makes a cut; less is enough, by this factor, among frames that resemble one
#: another, whose largest such share fades from frame to frame. With less than the last it is surely none.
CUT, QUIET, FADING, DOUBT = 0.5, 0.7, 0.95, 0.2


class Shots:
    """Counts the shots of a video, frame by frame.

    Each block of a small grey picture of the frame is looked for nearby in the frame before, whatever its brightness
    and contrast. Movement, shake, zoom, fades, flashes and captions leave most blocks where they can be found; a cut
    leaves few. What comes after a blackout is compared with what was before it.
    """

    def __init__(self):
        self._shot = 0
        self._last: np.ndarray | None = None
        self._usual = 0.05

    def __call__(self, pixels: np.ndarray) -> int:
        """The shot that the next frame belongs to.

        Args:
            pixels: (H, W, 3) uint8 RGB, the frame.

        Returns:
            0 for the first shot; a cut raises it by one.
        """
        picture = _thumbnail(pixels)
        if picture.std() > NOTHING:
            if self._last is not None:
                self._compare(self._last, picture)
            self._last = picture
        return self._shot

    def _compare(self, before: np.ndarray, after: np.ndarray) -> None:
        lost = _lost_share(before, after)
        if lost > DOUBT:  # a close-up may be found in the wide picture, but not the other way round
            lost = max(lost, _lost_share(after, before))
        if lost > CUT or (lost > QUIET * CUT and lost > 4 * self._usual):
            self._shot += 1
        else:
            self._usual = max(lost, FADING * self._usual)


def _thumbnail(pixels: np.ndarray) -> np.ndarray:
    """(SIDE, SIDE) float32 grey, 0-255; every n-th pixel is enough to average."""
    height, width = pixels.shape[:2]
    few = pixels[:: max(1, height // (3 * SIDE)), :: max(1, width // (3 * SIDE))]
    grey = cv2.cvtColor(np.ascontiguousarray(few), cv2.COLOR_RGB2GRAY)
    return cv2.resize(grey, (SIDE, SIDE), interpolation=cv2.INTER_AREA).astype(np.float32)


def _lost_share(before: np.ndarray, after: np.ndarray) -> float:
    """Share of the blocks of ``after`` that are nowhere near in ``before``."""
    brighter = np.median(after) - np.median(before)
    padded = cv2.copyMakeBorder(before + brighter, REACH, REACH, REACH, REACH, cv2.BORDER_REPLICATE)
    lost = [
        _is_lost(after[y : y + BLOCK, x : x + BLOCK], padded[y : y + BLOCK + 2 * REACH, x : x + BLOCK + 2 * REACH])
        for y in range(0, SIDE, BLOCK)
        for x in range(0, SIDE, BLOCK)
    ]
    return float(np.mean(lost))


def _is_lost(block: np.ndarray, neighbourhood: np.ndarray) -> bool:
    if block.std() < CONTRAST:
        nearest = cv2.blur(neighbourhood, (BLOCK, BLOCK)) - block.mean()
        return bool(np.abs(nearest[REACH:-REACH, REACH:-REACH]).min() > BRIGHTNESS)
    return bool(cv2.matchTemplate(neighbourhood, block, cv2.TM_CCOEFF_NORMED).max() < FOUND)

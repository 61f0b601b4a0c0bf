"""Mattes of a whole video, kept small."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from perfclone.pose.sequence import Pose

#: Longest side of a kept matte, pixels; the networks that make them see no more than about this.
MATTE_SIDE = 384


class Mattes:
    """The mattes of all frames, small and on disk; made by BlazePose where the extractor gives none.

    Args:
        path: The file that they are kept in; whoever asked for it removes it.
    """

    def __init__(self, path: Path):
        self._path, self._file, self._matting = path, open(path, "wb"), None

    def take(self, pixels: np.ndarray, pose: Pose) -> np.ndarray:
        """Keep a frame's matte, and give it at full size.

        Args:
            pixels: (H, W, 3) uint8 RGB, the frame.
            pose: The performer in it.

        Returns:
            (H, W) uint8, 255 where the person is; 0 everywhere where nobody was seen.
        """
        matte = pose.matte
        if matte is None and pose.seen:
            matte = self._find(pixels)
        if matte is None:
            matte = np.zeros(pixels.shape[:2], np.uint8)
        scale = min(1.0, MATTE_SIDE / max(matte.shape))
        size = (max(1, round(matte.shape[1] * scale)), max(1, round(matte.shape[0] * scale)))
        self._file.write(cv2.resize(matte, size, interpolation=cv2.INTER_AREA).tobytes())
        self._shape = size[::-1]
        return matte

    def _find(self, pixels: np.ndarray) -> np.ndarray | None:
        from perfclone.pose.extractor import build_extractor

        self._matting = self._matting or build_extractor("blazepose", matte=True)
        found = self._matting.people([pixels])[0]
        return found[0].matte if found else None

    def all(self) -> np.ndarray:
        """(T, h, w) uint8, mapped; none can be added afterwards."""
        self._file.close()
        return np.memmap(self._path, np.uint8, "r").reshape(-1, *self._shape)

"""The file: frames into x264 as a phone or a camcorder would have it."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Self

import av
import numpy as np


class Coder:
    """Write frames, or pairs of fields, as an MP4.

    Args:
        path: The file; one that exists is replaced.
        size: (width, height) of the picture, pixels; a height divisible by 4 if interlaced, else even.
        fps: Frames a second.
        crf: x264's constant rate factor.
        interlaced: Whether frames come as two fields, the upper one first.
    """

    def __init__(self, path: Path, size: tuple[int, int], fps: int, crf: int, interlaced: bool):
        self._container = av.open(f"file:{path}", "w", format="mp4")
        options = {"crf": str(crf), "preset": "veryfast"} | ({"x264-params": "tff=1"} if interlaced else {})
        self._stream = self._container.add_stream("libx264", rate=Fraction(fps), options=options)
        self._stream.width, self._stream.height = size
        self._stream.pix_fmt = "yuv420p"
        self._interlaced = interlaced

    def __enter__(self) -> Self:
        return self

    def write(self, fields: list[np.ndarray]) -> None:
        """Append a frame: one (H, W, 3) uint8 RGB, or two of which every other row is taken."""
        if self._interlaced:
            rows = zip(*(_planes(field[n::2]) for n, field in enumerate(fields)))
            planes = [np.stack(pair, 1).reshape(-1, pair[0].shape[1]) for pair in rows]
        else:
            planes = _planes(fields[0])
        picture = np.concatenate([plane.ravel() for plane in planes]).reshape(-1, planes[0].shape[1])
        self._container.mux(self._stream.encode(av.VideoFrame.from_ndarray(picture, "yuv420p")))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self._container.mux(self._stream.encode(None))
        self._container.close()


def _planes(pixels: np.ndarray) -> list[np.ndarray]:
    """(H, W, 3) uint8 RGB -> Y (H, W), U and V (H / 2, W / 2), uint8."""
    flat = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), "rgb24").to_ndarray(format="yuv420p").ravel()
    height, width = pixels.shape[:2]
    y, u, v = np.split(flat, [height * width, height * width * 5 // 4])
    return [y.reshape(height, width), *(plane.reshape(height // 2, width // 2) for plane in (u, v))]

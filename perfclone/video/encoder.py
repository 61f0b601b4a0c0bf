"""Frames into H.264, in fragments that play even where the run that wrote them was killed."""

from __future__ import annotations

import logging
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc, VideoReformatter

logger = logging.getLogger(__name__)

_TICKS = 90_000  # a second is divided at least so finely
# Fragments of a second, each pushed to the disk at once.
_FRAGMENTS = {
    "movflags": "frag_keyframe+empty_moov+default_base_moof",
    "frag_duration": "1000000",
    "flush_packets": "1",
}
_BT709 = 1  # the colour matrix, as ITU-T H.273 numbers it


class Encoder:
    """Encode frames into a fragmented MP4 (H.264, yuv420p, BT.709) without B-frames; the first frame opens the file.

    Args:
        path: the file to write; one that exists is replaced.
        rate: frames per second; for uneven times, their mean.
        crf: x264's constant rate factor, 0 (lossless) to 51.
        preset: x264's preset.

    Attributes:
        frames: how many frames were written so far.

    Raises:
        ValueError: `rate` is out of range.
    """

    def __init__(self, path: Path, rate: Fraction | float, crf: int, preset: str):
        if not 0.01 <= rate <= 10_000:
            raise ValueError(f"rate must be from 0.01 to 10000 frames per second, not {rate}.")
        self.frames = 0
        self._path = path
        self._rate = Fraction(float(rate)).limit_denominator(1001)
        # A tick that spells both the exact rate and, to about 5 microseconds, any other time.
        self._tick = Fraction(1, self._rate.numerator * -(-_TICKS // self._rate.numerator))
        # Without B-frames: with them, MP4 states a wrong length for uneven times, and a killed run loses more.
        self._options = {"crf": str(crf), "preset": preset, "bf": "0"}
        self._container: av.container.OutputContainer | None = None
        self._shape: tuple[int, ...] | None = None
        self._pts = -1
        self._reformatter = VideoReformatter()

    @property
    def last(self) -> float:
        """Seconds at which the last frame is shown."""
        return float(self._pts * self._tick)

    @property
    def end(self) -> float:
        """Seconds until which the last frame is shown at a constant rate."""
        return float(self._pts * self._tick + 1 / self._rate)

    def write(self, pixels: np.ndarray, time: float | None = None) -> None:
        """Append a frame; see :meth:`perfclone.video.VideoWriter.write`, which says it when the disk is full.

        Raises:
            ValueError: `pixels` is no such picture, or `time` does not rise.
            OSError: The disk is full.
        """
        if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3:
            raise ValueError(f"pixels must be (H, W, 3) uint8, not {pixels.shape} {pixels.dtype}.")
        if self._shape not in (None, pixels.shape):
            raise ValueError(f"Every frame must have the size of the first, {self._shape}, not {pixels.shape}.")
        pts = self._next_pts(time)
        if self._container is None:
            self._open(pixels.shape)
        frame = self._encodable(pixels)
        frame.pts, frame.time_base = pts, self._tick
        self._container.mux(self._stream.encode(frame))
        self._pts = pts
        self.frames += 1

    def close(self) -> None:
        """Write what the encoder still holds and close the file."""
        container, self._container = self._container, None
        if container is None:
            return
        try:
            container.mux(self._stream.encode(None))
        finally:
            container.close()

    def _next_pts(self, time: float | None) -> int:
        pts = round((self.frames / self._rate if time is None else float(time)) / self._tick)
        if pts < self._pts or pts < 0:
            raise ValueError(f"time must rise from frame to frame; {time} s comes after {self.last} s.")
        return max(pts, self._pts + 1)

    def _open(self, shape: tuple[int, ...]) -> None:
        """Start the file and its encoder for pictures of this shape."""
        height, width = shape[0] + shape[0] % 2, shape[1] + shape[1] % 2
        if (height, width) != shape[:2]:
            logger.info("H.264 needs even sizes; frames of %dx%d are written as %dx%d.", *shape[1::-1], width, height)
        self._shape = shape
        container = av.open(f"file:{self._path}", "w", format="mp4", container_options=_FRAGMENTS)
        self._stream = container.add_stream("libx264", rate=self._rate, options=self._options)
        self._stream.width, self._stream.height, self._stream.pix_fmt = width, height, "yuv420p"
        context = self._stream.codec_context
        context.time_base = self._tick
        context.gop_size = max(2, round(2 * self._rate))
        context.color_primaries, context.color_trc = ColorPrimaries.BT709, ColorTrc.BT709
        context.colorspace, context.color_range = _BT709, ColorRange.MPEG
        container.start_encoding()  # where the header finds no room, any further packet would crash the process
        self._container = container

    def _encodable(self, pixels: np.ndarray) -> av.VideoFrame:
        height, width = pixels.shape[:2]
        if height % 2 or width % 2:
            pixels = np.pad(pixels, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
        return self._reformatter.reformat(
            av.VideoFrame.from_numpy_buffer(np.ascontiguousarray(pixels), "rgb24"),
            format="yuv420p",
            dst_colorspace=Colorspace.ITU709,
            dst_color_range=ColorRange.MPEG,
            threads=1,
        )

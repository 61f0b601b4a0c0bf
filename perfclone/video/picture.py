"""From a decoded frame, as the file stores it, to the picture a viewer sees."""

from __future__ import annotations

from fractions import Fraction

import av
import numpy as np
from av.video.reformatter import Colorspace, Interpolation, VideoReformatter

from perfclone.video import hdr

_UNSPECIFIED = 2  # colour matrix, as ITU-T H.273 numbers them
_TURNS = {0: (False, False, False), 90: (True, True, False), 180: (False, True, True), 270: (True, False, True)}
_GREY = 128  # of 255: what is seen through a picture that is see-through


def see_through(frame: av.VideoFrame) -> bool:
    """Tell whether a decoded frame has places that are not opaque."""
    return _has_alpha(frame) and bool(frame.to_ndarray(format="rgba")[..., 3].min() < 255)


def _has_alpha(frame: av.VideoFrame) -> bool:
    return any(component.is_alpha for component in frame.format.components)


def is_hdr(frame: av.VideoFrame) -> bool:
    """Tell whether a decoded frame carries a PQ or HLG picture."""
    return frame.color_trc in (hdr.PQ, hdr.HLG)


class Picture:
    """Turn the decoded frames of one stream into upright RGB pictures with square pixels.

    The display matrix (quarter turns and mirrors) is obeyed, pixels that are not square are stretched along their
    longer side, HDR is toned down, mid grey lies behind what is see-through, and every frame gets the size of the
    first one, whatever happens in mid-stream.

    Args:
        first: the first frame of the stream, from which all this is read.
        pixel_shape: width over height of a stored pixel (the sample aspect ratio).
        max_side: the longest side wanted, in pixels; larger pictures are scaled down, smaller ones left alone.

    Attributes:
        size: width and height, in pixels, of the upright pictures.
        rotation: degrees clockwise, one of 0, 90, 180, 270, by which the stored picture is turned.
        hdr: whether the stream is PQ or HLG.
    """

    def __init__(self, first: av.VideoFrame, pixel_shape: Fraction | None = None, max_side: int | None = None):
        shape = pixel_shape or Fraction(1)
        width, height = first.width * max(shape, 1), first.height / min(shape, 1)
        scale = min(1, Fraction(max_side or max(width, height)) / max(width, height))
        self._stored = max(1, round(width * scale)), max(1, round(height * scale))
        self._turned, self._mirror, self._flip = _orientation(first)
        self.size = self._stored[::-1] if self._turned else self._stored
        self.rotation = _clockwise(first)
        self.hdr = is_hdr(first)
        self._tone = hdr.ToneMapper(first.color_trc) if self.hdr else None
        plain, deep = ("rgba", "rgba64le") if _has_alpha(first) else ("rgb24", "rgb48le")
        self._format = deep if self.hdr else plain
        self._reformatter = VideoReformatter()

    def __call__(self, frame: av.VideoFrame) -> np.ndarray:
        """Return the frame as (H, W, 3) uint8 RGB, contiguous."""
        pixels = self._reformatter.reformat(
            frame,
            *self._stored,
            format=self._format,
            src_colorspace=_matrix(frame),
            interpolation=Interpolation.AREA,
            threads=1,
        ).to_ndarray()
        if pixels.shape[2] == 4:
            pixels = _over_grey(pixels)
        if self._turned:
            pixels = pixels.transpose(1, 0, 2)
        pixels = pixels[:: -1 if self._flip else 1, :: -1 if self._mirror else 1]
        return self._tone(pixels) if self._tone else np.ascontiguousarray(pixels)


def _over_grey(pixels: np.ndarray) -> np.ndarray:
    """Lay (H, W, 4) RGBA, uint8 or uint16, whose alpha is not multiplied in, over mid grey: (H, W, 3)."""
    top = np.iinfo(pixels.dtype).max
    alpha = pixels[..., 3:]
    if alpha.min() == top:
        return pixels[..., :3]
    wide = np.uint16 if top == 255 else np.uint32
    behind = wide(top * _GREY // 255) * (top - alpha).astype(wide)
    return ((pixels[..., :3] * alpha.astype(wide) + behind + top // 2) // top).astype(pixels.dtype)


def _matrix(frame: av.VideoFrame) -> int:
    """Return the frame's colour matrix; one that does not say gets BT.709 from 720 lines on, as players do."""
    if frame.colorspace != _UNSPECIFIED:
        return frame.colorspace
    return Colorspace.ITU709 if min(frame.width, frame.height) >= 720 else Colorspace.ITU601


def _clockwise(frame: av.VideoFrame) -> int:
    return -round(frame.rotation / 90) * 90 % 360


def _orientation(frame: av.VideoFrame) -> tuple[bool, bool, bool]:
    """Read the display matrix: exchange rows and columns?, then mirror left-right?, then flip top-bottom?."""
    try:
        data = frame.side_data.get("DISPLAYMATRIX")
    except ValueError:  # PyAV knows no EXIF, which is beside the matrix in a photo; it tells the turn all the same
        return _TURNS[_clockwise(frame)]
    if data is None:
        return False, False, False
    # A stored point (x, y) is shown at (a x + c y, b x + d y), the matrix being a b u / c d v / x y w.
    a, b, _, c, d = np.frombuffer(bytes(data), np.int32)[:5].tolist()
    turned = abs(b) > abs(a)
    return (turned, c < 0, b < 0) if turned else (turned, a < 0, d < 0)

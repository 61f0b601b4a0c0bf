"""The label that a viewer sees: a sentence at the start, a small mark in a corner throughout."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import numpy as np

from perfclone.errors import UserError
from perfclone.governance.marks.typeset import Overlay, overlay, slim

Place = Literal["bottom", "top", "bottom-left", "bottom-right", "top-left", "top-right"]
#: Instead of a place: where the least of the person is, of the places above the first that will do.
FREE = "free"

TEXT = "AI-generated: synthetic performance"
#: The least that the strictest rule we know of, China's GB 45438-2025, asks for.
LEAST_SECONDS, LEAST_HEIGHT = 2.0, 0.05
_FADE = 0.4  # seconds
_CLOSE = 0.01  # from the edge, as a share of the short side, where it keeps away from the person
_AHEAD = 6.0  # seconds; a label that stands longer is placed by these
_LEGIBLE = (6, 5)  # pixels that a capital of the sentence and of the corner mark needs at least
_LENGTHS = {"text": 200, "corner": 12}
_RANGES = {
    "seconds": (LEAST_SECONDS, math.inf, f"at least {LEAST_SECONDS:g}, the least that the law asks for"),
    "height": (LEAST_HEIGHT, 0.2, f"from {LEAST_HEIGHT:g}, the least that the law asks for, to 0.2"),
    "corner_height": (0.02, 0.1, "from 0.02 to 0.1"),
    "plate": (0.55, 1.0, "from 0.55 to 1, or the text could not be read on white"),
}


@dataclass(frozen=True)
class Label:
    """What the label says, where, how large and for how long.

    Attributes:
        text: The sentence at the start; one line, wrapped as needed.
        seconds: How long it is shown in full from the first frame on; it fades after that. At least 2; `math.inf`
            shows it throughout.
        height: Height of its capitals as a share of the frame's short side, 0.05 to 0.2. A sentence that is too
            long for two lines is set smaller, but never below 0.05.
        place: Where it stands; "free" is where the least of the person is hidden, "bottom" where that is all one.
        corner: The mark that stays to the last frame; empty for none.
        corner_place: Where that stands; where the sentence covers it, it appears as the sentence leaves.
        corner_height: Height of its capitals as a share of the short side, 0.02 to 0.1.
        plate: Opacity of the dark plate under the text, 0.55 to 1. At 0.55 white text on it has a contrast of 4.5:1
            before pure white; at the default, 7:1.
        font: A TrueType or OpenType file for other scripts (Japanese and Chinese, say); None for DejaVu Sans, which
            has Latin, Greek, Cyrillic and more.

    Raises:
        UserError: A value is out of its range.
    """

    text: str = TEXT
    seconds: float = 3.0
    height: float = LEAST_HEIGHT
    place: Place | Literal["free"] = FREE
    corner: str = "AI"
    corner_place: Place = "top-right"
    corner_height: float = 0.03
    plate: float = 0.66
    font: str | None = None

    def __post_init__(self):
        for name, longest in _LENGTHS.items():
            value = getattr(self, name)
            if not isinstance(value, str) or not value.isprintable() or len(value) > longest:
                raise UserError(f"label {name} must be one line of at most {longest} characters, not {value!r}.")
        if not self.text.strip():
            raise UserError("label text must say that the video is synthetic; it is empty.")
        for name, (low, high, words) in _RANGES.items():
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
                raise UserError(f"label {name} must be {words}, not {value!r}.")
        for name, places in (("place", (*get_args(Place), FREE)), ("corner_place", get_args(Place))):
            if getattr(self, name) not in places:
                raise UserError(f"label {name} must be one of {', '.join(places)}, not {getattr(self, name)!r}.")
        if self.font is not None and not Path(self.font).is_file():
            raise UserError(f"label font {self.font} is no file; give the path of a .ttf, .otf or .ttc file.")

    @property
    def looks_ahead_s(self) -> float:
        """How much of the beginning must be known to place it, seconds."""
        return min(self.seconds + _FADE, _AHEAD) if self.place == FREE else 0.0


class LabelMarker:
    """Draw the label into the frames of one video.

    The text is set once; a frame then costs a blend of the region it covers.

        marker = LabelMarker(Label(), width, height, fps)
        frame = marker.apply(frame, time)

    Args:
        options: What to draw.
        width: Of the frames, in pixels, 64 or more.
        height: Of the frames, in pixels, 64 or more.
        fps: Frames per second, for frames that come without a time.
        person: (h, w) float32, where in the frame the person is and how much it matters, in cells of any size, as
            :func:`perfclone.pose.outline.covered` gives it; None knows of nobody.

    Raises:
        UserError: The font cannot be read or lacks a character, or the text does not fit into the frame.
        ValueError: The size or `fps` is out of range.
    """

    def __init__(self, options: Label, width: int, height: int, fps: float, person: np.ndarray | None = None):
        if min(width, height) < 64:
            raise ValueError(f"width and height must be at least 64 px, not {width}x{height}.")
        if not fps > 0:
            raise ValueError(f"fps must be positive, not {fps}.")
        self.options = options
        self._shape, self._fps, self._frames = (height, width, 3), fps, 0
        sentence, corner = _heights(options, min(width, height))
        make = dict(size=(width, height), plate=options.plate, font=options.font)
        if options.place == FREE and person is not None:
            drawn = overlay(options.text, place="bottom", heights=sentence, **make)
            shapes = filter(None, (drawn, slim(options.text, drawn.capital, **make)))
            tried = [shape.at(place, (width, height), _CLOSE) for shape in shapes for place in get_args(Place)]
            self._sentence = min(tried, key=lambda each: each.hides(person, (width, height)))
        else:
            place = "bottom" if options.place == FREE else options.place
            self._sentence = overlay(options.text, place=place, heights=sentence, **make)
        self._corner: Overlay | None = None
        if options.corner.strip():
            self._corner = overlay(options.corner, place=options.corner_place, heights=corner, **make)
        self._together = self._corner is not None and not self._corner.meets(self._sentence)

    def apply(self, frame: np.ndarray, time: float | None = None) -> np.ndarray:
        """Return the frame with the label on it.

        Args:
            frame: (H, W, 3) uint8 RGB; it is left as it was.
            time: Seconds since the first frame; None counts the frames so far at `fps`.

        Returns:
            (H, W, 3) uint8 RGB.

        Raises:
            ValueError: The frame has another size or type.
        """
        if frame.shape != self._shape or frame.dtype != np.uint8:
            raise ValueError(f"frame must be {self._shape} uint8, not {frame.shape} {frame.dtype}.")
        time = self._frames / self._fps if time is None else float(time)
        self._frames += 1
        frame = frame.copy()
        left = min(1.0, max(0.0, 1 - (time - self.options.seconds) / _FADE))
        if left:
            self._sentence.onto(frame, left)
        if self._corner is not None and (self._together or left < 1):
            self._corner.onto(frame, 1.0 if self._together else 1 - left)
        return frame


def _heights(options: Label, short: int) -> tuple[list[int], list[int]]:
    """Heights of capitals to try for the sentence and for the corner mark, in pixels, the wanted one first."""
    least, corner_least = _LEGIBLE
    wanted, least = (max(least, math.ceil(share * short)) for share in (options.height, LEAST_HEIGHT))
    return list(range(wanted, least - 1, -1)), [max(corner_least, round(options.corner_height * short))]

"""Text on a plate, set once and blended into many frames."""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from perfclone.errors import UserError

if TYPE_CHECKING:
    from PIL import ImageFont

_FINE = 4  # how much finer the plate is drawn, for smooth corners
_DEJAVU = "matplotlib/mpl-data/fonts/ttf/DejaVuSans.ttf"
_MARGIN = 0.03  # from the frame's edge, as a share of its short side
_FEW = 2  # lines; a text that needs more is set smaller first


@dataclass(frozen=True)
class Overlay:
    """A picture of text on a plate and where it goes.

    Attributes:
        top: Row of the frame at which it begins, pixels.
        left: Column of the frame at which it begins, pixels.
        cover: (h, w, 1) uint16, 0 to 255: how much of the frame it hides.
        ink: (h, w, 1) uint16, 0 to 255: the light it adds.
        lines: The lines of the text.
        capital: Height of a capital letter, pixels.
    """

    top: int
    left: int
    cover: np.ndarray
    ink: np.ndarray
    lines: tuple[str, ...]
    capital: int

    def onto(self, frame: np.ndarray, strength: float = 1.0) -> None:
        """Blend it into a frame, in place.

        Args:
            frame: (H, W, 3) uint8.
            strength: 0 (nothing shows) to 1.
        """
        height, width, _ = self.cover.shape
        region = frame[self.top : self.top + height, self.left : self.left + width]
        share = round(255 * strength)
        cover, ink = (self.cover, self.ink) if share == 255 else (_over_255(self.cover * share), self.ink * share)
        blend = region * (255 - cover)
        blend += ink * 255 if share == 255 else ink
        region[:] = _over_255(blend)

    def at(self, place: str, size: tuple[int, int], margin: float = _MARGIN) -> Overlay:
        """The same at another place.

        Args:
            place: "bottom", "top-left" and so on.
            size: (width, height) of the frame, pixels.
            margin: From its edge, as a share of its short side.
        """
        top, left = _position(place, size, self.cover.shape[1::-1], _pixels(margin, size))
        return replace(self, top=top, left=left)

    def hides(self, person: np.ndarray, size: tuple[int, int]) -> float:
        """Tell how much of a person it hides.

        Args:
            person: (h, w) float, how much of a person is in each cell of the frame.
            size: (width, height) of the frame, pixels.
        """
        across, down = np.divide(person.shape[::-1], size)
        height, width, _ = self.cover.shape
        rows = slice(math.floor(self.top * down), math.ceil((self.top + height) * down))
        columns = slice(math.floor(self.left * across), math.ceil((self.left + width) * across))
        return float(person[rows, columns].sum())

    def meets(self, other: Overlay) -> bool:
        """Tell whether two overlays share a pixel."""
        return all(
            start < end_of_other and start_of_other < end
            for start, end, start_of_other, end_of_other in (
                (self.top, self.top + len(self.cover), other.top, other.top + len(other.cover)),
                (self.left, self.left + self.cover.shape[1], other.left, other.left + other.cover.shape[1]),
            )
        )


def _over_255(values: np.ndarray) -> np.ndarray:
    """Divide uint16 up to 255 * 255 by 255, rounded."""
    values = values + np.uint16(128)
    values += values >> 8
    values >>= 8
    return values


def overlay(
    text: str,
    *,
    size: tuple[int, int],
    place: str,
    heights: Sequence[int],
    plate: float,
    font: str | None,
) -> Overlay:
    """Set a text into a frame.

    Args:
        text: One line; it is wrapped as needed.
        size: Width and height of the frame, pixels.
        place: "bottom", "top-left" and so on.
        heights: Of a capital letter, pixels, the wanted one first; a later one is used where a text would need more
            than two lines.
        plate: Opacity of the plate, 0 to 1.
        font: A font file; None for DejaVu Sans.

    Raises:
        UserError: The font cannot be read or lacks a character, or the text does not fit even at the last height.
    """
    path = _font_file(font)
    _check_glyphs(text, path)
    for capital in heights:
        face = _face(path, text, capital)
        pad, room = _room(size, capital)
        lines = _wrapped(text, face, room[0])
        if lines is not None and len(lines) <= _FEW and _block(lines, face, capital)[1] <= room[1]:
            break
    if lines is None or _block(lines, face, capital)[1] > room[1]:
        raise UserError(
            f"The label text of {len(text)} characters does not fit into a frame of {size[0]}x{size[1]} px with "
            f"letters {capital} px high; make it shorter."
        )
    cover, ink = _drawn(lines, face, capital, pad, plate)
    return Overlay(0, 0, cover, ink, tuple(lines), capital).at(place, size)


def slim(text: str, capital: int, *, size: tuple[int, int], plate: float, font: str | None) -> Overlay | None:
    """Set a text as narrow as its longest word, in as many lines as that takes; None where it is too tall for that.

    Args:
        text: One line, in a font that has its letters.
        capital: Height of a capital letter, pixels.
        size: As for :func:`overlay`.
        plate: Likewise.
        font: Likewise.
    """
    face = _face(_font_file(font), text, capital)
    pad, room = _room(size, capital)
    longest = max(face.getlength(word) for word in text.split())
    lines = _filled(text, face, longest) if longest <= room[0] else None
    if lines is None or _block(lines, face, capital)[1] > room[1]:
        return None
    return Overlay(0, 0, *_drawn(lines, face, capital, pad, plate), tuple(lines), capital)


def _room(size: tuple[int, int], capital: int) -> tuple[tuple[int, int], list[int]]:
    """What is left free around a text on its plate, and the width and height that it may have, pixels."""
    margin, pad = _pixels(_MARGIN, size), (round(0.7 * capital), round(0.42 * capital))
    return pad, [side - 2 * (margin + inner) for side, inner in zip(size, pad)]


def _pixels(margin: float, size: tuple[int, int]) -> int:
    return max(2, round(margin * min(size)))


def _font_file(font: str | None) -> Path:
    if font is not None:
        return Path(font)
    try:
        return Path(metadata.distribution("matplotlib").locate_file(_DEJAVU))  # its font, without loading it
    except metadata.PackageNotFoundError as error:
        raise UserError(
            "The label's usual font comes with matplotlib, which is not installed; install it, or set label font."
        ) from error


def _check_glyphs(text: str, path: Path) -> None:
    missing = [letter for letter in dict.fromkeys(text) if not letter.isspace() and not _has_ink(path, letter)]
    if missing:
        raise UserError(
            f"The font {path.name} has no {' '.join(missing[:8])}, which the label text needs; set label font to a "
            "font file that has it (for Japanese or Chinese, Noto Sans CJK)."
        )


def _face(path: Path, text: str, capital: int) -> ImageFont.FreeTypeFont:
    """Open the font at the size at which a capital, or the text where the font has none, is so high."""
    from PIL import ImageFont

    measure = "H" if "H" in text or _has_ink(path, "H") else text

    def ink(size: int) -> int:
        box = ImageFont.truetype(str(path), size).getbbox(measure)
        return box[3] - box[1]

    size = max(1, math.floor(capital * 1000 / max(1, ink(1000))))
    while ink(size) < capital:
        size += 1
    return ImageFont.truetype(str(path), size)


def _has_ink(path: Path, letter: str) -> bool:
    return ord(letter) in _letters(path)


@functools.cache
def _letters(path: Path) -> frozenset[int]:
    """The codes of the letters that a font has."""
    from fontTools.ttLib import TTFont, TTLibError

    try:
        with TTFont(str(path), fontNumber=0, lazy=True) as font:
            return frozenset(font.getBestCmap() or ())
    except (OSError, TTLibError, AssertionError, ValueError) as error:
        raise UserError(f"label font {path} cannot be read; give a .ttf, .otf or .ttc file.") from error


def _wrapped(text: str, face: ImageFont.FreeTypeFont, width: float) -> list[str] | None:
    """Break a text into as few lines as fit, of about one length; None where not even one letter fits."""
    lines = _filled(text, face, width)
    if lines is None or len(lines) == 1:
        return lines
    narrow, wide = width / len(lines) / 2, float(width)
    while wide - narrow > 1:
        middle = (narrow + wide) / 2
        tried = _filled(text, face, middle)
        if tried is not None and len(tried) <= len(lines) and not _splits_more(tried, lines):
            wide, lines = middle, tried
        else:
            narrow = middle
    return lines


def _splits_more(tried: list[str], lines: list[str]) -> bool:
    """Tell whether a narrower setting breaks words that the wider one kept whole."""
    return len(" ".join(tried).split()) > len(" ".join(lines).split())


def _filled(text: str, face: ImageFont.FreeTypeFont, width: float) -> list[str] | None:
    """Fill lines greedily at spaces; a word wider than a line is broken at hyphens, or anywhere, as in Japanese."""
    lines, line = [], ""
    for word in text.split():
        joined = f"{line} {word}" if line else word
        if face.getlength(joined) <= width:
            line = joined
            continue
        if line and face.getlength(word) <= width:
            lines.append(line)
            line = word
            continue
        line = f"{line} " if line else ""
        for piece in _pieces(word, face, width):
            if face.getlength(piece) > width:
                return None
            if line and face.getlength(line + piece) > width:
                lines.append(line.rstrip())
                line = ""
            line += piece
    return [*lines, line]


def _pieces(word: str, face: ImageFont.FreeTypeFont, width: float) -> list[str]:
    """The smallest parts of a word that need not be broken: between hyphens, where those fit a line, else letters."""
    parts = re.split(r"(?<=-)", word)
    return [piece for part in parts for piece in ([part] if face.getlength(part) <= width else part)]


def _block(lines: list[str], face: ImageFont.FreeTypeFont, capital: int) -> tuple[int, int]:
    """Width and height of the lines, pixels."""
    width = math.ceil(max(face.getlength(line) for line in lines))
    return width, _pitch(face) * (len(lines) - 1) + max(capital, _tall(lines, face))


def _pitch(face: ImageFont.FreeTypeFont) -> int:
    """From one baseline to the next, as close as letters with strokes above and below let it be, pixels."""
    ascent, descent = face.getmetrics()
    return round(0.9 * (ascent + descent))


def _tall(lines: list[str], face: ImageFont.FreeTypeFont) -> int:
    """From the top of the first line's ink to the last baseline's, as if they were one line, pixels."""
    return -min(0, *(math.floor(face.getbbox(line, anchor="ls")[1]) for line in lines))


def _drawn(
    lines: list[str], face: ImageFont.FreeTypeFont, capital: int, pad: tuple[int, int], plate: float
) -> tuple[np.ndarray, np.ndarray]:
    from PIL import Image, ImageDraw

    width, height = _block(lines, face, capital)
    size = (width + 2 * pad[0], height + 2 * pad[1])
    text = Image.new("L", size)
    draw = ImageDraw.Draw(text)
    for n, line in enumerate(reversed(lines)):
        draw.text((size[0] / 2, size[1] - pad[1] - n * _pitch(face)), line, fill=255, font=face, anchor="ms")
    under = Image.new("L", [side * _FINE for side in size])
    ImageDraw.Draw(under).rounded_rectangle(
        [0, 0, under.width - 1, under.height - 1], radius=0.55 * capital * _FINE, fill=255
    )
    ink = np.asarray(text, np.float32) / 255
    dark = np.asarray(under.reduce(_FINE), np.float32) / 255 * plate
    cover = 1 - (1 - dark) * (1 - ink)
    return tuple(np.rint(255 * part).astype(np.uint16)[..., None] for part in (cover, ink))


def _position(place: str, frame: tuple[int, int], box: tuple[int, int], margin: int) -> tuple[int, int]:
    """Top and left of a box in a frame, pixels."""
    across, down = frame[0] - box[0], frame[1] - box[1]
    top = margin if place.startswith("top") else down - margin
    left = margin if place.endswith("left") else across - margin if place.endswith("right") else across // 2
    return top, left

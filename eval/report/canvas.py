"""Laying pictures out on paper: scaled tiles, small headings, a scale of colours, JPEG below a size."""

from __future__ import annotations

import io
from functools import cache
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from perfclone.files.writing import beside

#: Colours of the paper and of the words on it, RGB; quiet on a white page as on a dark one.
PAPER, INK = (244, 244, 241), (52, 54, 58)
#: Files stay below this, bytes, so that a page with a dozen of them still opens at once.
LARGEST = 900_000
_FONT_SIZE = 13


@cache
def font(size: int = _FONT_SIZE) -> ImageFont.FreeTypeFont:
    """The font that Pillow carries, the same on every machine."""
    return ImageFont.load_default(size)


def fit(picture: np.ndarray, height: int) -> np.ndarray:
    """A picture scaled to a height, its shape kept and its width even.

    Args:
        picture: (H, W, 3) uint8 RGB.
        height: Pixels.

    Returns:
        (height, W', 3) uint8 RGB.
    """
    width = max(2, 2 * round(picture.shape[1] * height / picture.shape[0] / 2))
    # Means over areas are dear, and matter only where much is left out.
    way = cv2.INTER_AREA if 2 * height <= picture.shape[0] else cv2.INTER_LINEAR
    return cv2.resize(picture, (width, height), interpolation=way)


def headings(words: list[str], widths: list[int], height: int, size: int = _FONT_SIZE) -> np.ndarray:
    """A strip with a heading over the middle of each column.

    Returns:
        (height, sum of widths, 3) uint8 RGB.
    """
    strip = Image.new("RGB", (sum(widths), height), PAPER)
    draw, left = ImageDraw.Draw(strip), 0
    for text, width in zip(words, widths):
        draw.text((left + width / 2, height / 2), text, INK, font(size), anchor="mm")
        left += width
    return np.asarray(strip)


def captioned(picture: np.ndarray, caption: str, height: int = 24) -> np.ndarray:
    """A picture with a line of words below, (H + height, W, 3) uint8 RGB."""
    return np.concatenate([picture, headings([caption], [picture.shape[1]], height, size=15)])


def grid(tiles: list[np.ndarray], across: int, gap: int = 8) -> np.ndarray:
    """Tiles of one size, row by row.

    Args:
        tiles: (H, W, 3) uint8 RGB each.
        across: Columns; fewer where there are fewer tiles.
        gap: Pixels between tiles and around them.
    """
    height, width = tiles[0].shape[:2]
    across = min(across, len(tiles))
    down = -(-len(tiles) // across)
    paper = np.full((down * (height + gap) + gap, across * (width + gap) + gap, 3), PAPER, np.uint8)
    for i, each in enumerate(tiles):
        top, left = gap + i // across * (height + gap), gap + i % across * (width + gap)
        paper[top : top + height, left : left + width] = each
    return paper


def scale_of_colours(colours: np.ndarray, low: str, high: str, width: int, height: int = 26) -> np.ndarray:
    """A legend: a bar of colours between what its ends mean, at the right of a strip.

    Args:
        colours: (N, 3) uint8 RGB, from low to high.
        low: What the first colour means.
        high: What the last one means.
        width: Of the strip, pixels.
        height: Of the strip, pixels.
    """
    strip = Image.new("RGB", (width, height), PAPER)
    draw, middle, right = ImageDraw.Draw(strip), height / 2, width - 8
    draw.text((right, middle), high, INK, font(), anchor="rm")
    right -= int(draw.textlength(high, font())) + 8
    bar = Image.fromarray(colours[None]).resize((160, 10), Image.Resampling.BILINEAR)
    strip.paste(bar, (right - 160, int(middle) - 5))
    draw.text((right - 168, middle), low, INK, font(), anchor="rm")
    return np.asarray(strip)


def save_jpeg(picture: np.ndarray, path: Path) -> Path:
    """Write a JPEG below :data:`LARGEST` bytes, as good as that allows; beside, then renamed.

    Args:
        picture: (H, W, 3) uint8 RGB.
        path: The file; one that exists is replaced.
    """
    with beside(path) as part:
        part.write_bytes(_encoded(Image.fromarray(picture)))
    return path


def _encoded(image: Image.Image) -> bytes:
    """The JPEG, of less quality and then smaller until it is below :data:`LARGEST`."""
    while True:
        for quality in (88, 80, 70, 60):
            held = io.BytesIO()
            image.save(held, "JPEG", quality=quality, optimize=True)
            if held.tell() < LARGEST:
                return held.getvalue()
        image = image.resize((image.width * 3 // 4, image.height * 3 // 4), Image.Resampling.LANCZOS)

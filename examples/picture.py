"""Make the README's moving picture: an actor as filmed, somebody else's clip, and the actor doing what it shows.

python -m examples.picture [-o docs/result.webp]

The third panel is a clone like any other: made with the built-in Anna, marked, and entered in the ledger.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import closing
from itertools import islice
from pathlib import Path

import numpy as np
from PIL import Image

from eval.report.canvas import captioned, fit, grid
from perfclone import PerformanceCloner, builtin
from perfclone.files.writing import beside
from perfclone.video import VideoReader

ACTOR, CLIP = "anna", "ben"
CAPTIONS = ("Anna, filmed once: 24 seconds", "a clip of Ben", "perfclone: Anna does it")
#: Of the 30 frames a second: the turn and the arms; a dance and steps, once the sentence of the first 3 s is gone.
FILMED, PERFORMED = slice(228, 348, 2), slice(106, 226, 2)
PAUSE = 1000 // 15  # ms
SIDE, GAP = 336, 6  # pixels
QUALITY = 75


def panels() -> Iterator[tuple[np.ndarray, ...]]:
    """The frames of the three panels in step, (H, W, 3) uint8 RGB each."""
    driving, cloner = builtin.driving_clips()[CLIP], PerformanceCloner.from_pretrained(ACTOR)
    with VideoReader(builtin.reference_clip(ACTOR)) as reference, VideoReader(driving) as clip:
        with closing(cloner.frames(driving)) as clone:
            filmed, performed = ((frame.pixels for frame in reader) for reader in (reference, clip))
            yield from zip(cut(filmed, FILMED), cut(performed, PERFORMED), cut(clone, PERFORMED))


def cut(frames: Iterator[np.ndarray], part: slice) -> Iterator[np.ndarray]:
    """Some of the frames."""
    return islice(frames, part.start, part.stop, part.step)


def side_by_side(pictures: tuple[np.ndarray, ...]) -> Image.Image:
    """The panels of one moment in a row, each with its caption below."""
    tiles = [captioned(fit(picture, SIDE), words) for picture, words in zip(pictures, CAPTIONS)]
    return Image.fromarray(grid(tiles, len(tiles), GAP))


def main() -> None:
    """Clone, lay out, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "-o", "--output", type=Path, default=Path("docs/result.webp"), help="the file (default: %(default)s)"
    )
    output = parser.parse_args().output
    first, *others = (side_by_side(each) for each in panels())
    with beside(output) as part:
        first.save(
            part, "WEBP", save_all=True, append_images=others, duration=PAUSE, loop=0, quality=QUALITY, method=6
        )
    print(f"{output}: {1 + len(others)} frames, {output.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()

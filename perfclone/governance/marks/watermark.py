"""An invisible watermark: a 32-bit id in every frame, that outlives encoding, resizing and cropping.

The same faint pattern lies in every frame, as strong in each place as its texture hides. A reader averages frames, in
which a moving host fades and the pattern does not, evens out contrast, and correlates.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from perfclone.errors import UserError
from perfclone.governance.marks.guess import identify
from perfclone.governance.marks.search import Place, even_contrast, placements, resized
from perfclone.governance.marks.spectrum import IDS, PUBLIC_KEY, SIDE, SYMBOLS, Spectrum, scores

#: The largest probability of a false match that counts as a match.
FALSE_MATCH = 1e-5
#: Frames, spread over a video, after which more add little.
ENOUGH = 64
_LEAST_SIDE, _READING_SIDE = 16, 512
# Levels: rounded, 1.49 leaves flat places within one. In a small frame a codec would drop that, so two are allowed.
# Texture of a standard deviation beyond 2 hides more.
_SMALL, _FLAT_IN_SMALL = 480, 1.99
_FLAT, _TEXTURE, _HIDDEN_FROM, _MOST = 1.49, 0.5, 2.0, 6.0


class Watermarker:
    """Puts an id into the frames of a video.

    In flat places the frame changes by at most 2 levels, by 1 from 480 pixels up, one way only where it is white or
    black; red, green and blue change alike, so that colours stay.

    Args:
        id: 0 to 2**32 - 1.
        height, width: Of the frames, pixels; at least 16. Made for 64 and more.
        key: Only readers with the same key find the mark.
        strength: 1 is what the promises above hold for.
    """

    def __init__(self, id: int, height: int, width: int, *, key: bytes = PUBLIC_KEY, strength: float = 1.0):
        if not 0 <= id < IDS:
            raise ValueError(f"id must lie in 0-{IDS - 1}, got {id}")
        if min(height, width) < _LEAST_SIDE:
            raise ValueError(f"height and width must be at least {_LEAST_SIDE} pixels, got {height} and {width}")
        if not 0 < strength <= 10:
            raise ValueError(f"strength must lie above 0 and up to 10, got {strength}")
        self.id, self._shape, self._strength = id, (height, width, 3), strength
        self._flat = _FLAT_IN_SMALL if min(height, width) < _SMALL else _FLAT
        # Peaks are cut at one standard deviation: more energy for the same largest change.
        self._pattern = Spectrum(key).pattern(id, height, width).clip(-1, 1)

    def apply(self, frame: np.ndarray) -> np.ndarray:
        """Mark a frame.

        Args:
            frame: (H, W, 3) uint8 RGB of the size promised.

        Returns:
            Another such frame; it depends on nothing but this one and the constructor's arguments.
        """
        if frame.shape != self._shape or frame.dtype != np.uint8:
            raise ValueError(f"frame must be {self._shape} uint8, got {frame.shape} {frame.dtype}")
        amplitude, offset = (resized(part, *self._shape[:2]) for part in _mask(_luma(frame), self._flat))
        change = cv2.multiply(amplitude, self._pattern, scale=self._strength)
        change = cv2.add(change, offset, dtype=cv2.CV_16S)
        return cv2.add(frame, cv2.merge([change] * 3), dtype=cv2.CV_8U)


@dataclass(frozen=True)
class Reading:
    """What was found in a video.

    Attributes:
        id: The id found; None where none was. It need not be one of the candidates.
        matched: Whether an id was found.
        confidence: The probability that the match is false, of an unmarked video or another id: an upper bound, all
            candidates and placements counted. Above the threshold, nothing is matched.
        bits: (32) the likeliest bits whether matched or not, lowest first.
        score: Correlation with that id, in standard deviations of an unmarked video; at most 22.6.
        place: Which part of the marked frame was looked at; None where nothing was matched.
        frames: How many frames were read.
    """

    id: int | None
    matched: bool
    confidence: float
    bits: tuple[int, ...]
    score: float
    place: Place | None
    frames: int


class WatermarkReader:
    """Reads the mark from a stream of frames.

    Memory does not grow with the video. One frame is often enough, 8 nearly always; frames far apart say more than
    neighbours, and beyond 64 little is gained. All must show the same part of the marked picture, which may have been
    resized and cropped, with the same share kept of width and height, down to 0.7.

    Args:
        key: The key of the mark.
        threshold: The largest probability of a false match that counts as one.

    Attributes:
        frames: How many were added.
    """

    def __init__(self, *, key: bytes = PUBLIC_KEY, threshold: float = FALSE_MATCH):
        self._spectrum, self._threshold = Spectrum(key), threshold
        self._sum, self._weight, self.frames = np.zeros((SIDE, SIDE)), 0.0, 0

    def add(self, frame: np.ndarray, weight: float = 1.0) -> None:
        """Take a frame into account.

        Args:
            frame: (H, W, 3) uint8 RGB of any size; sizes may differ.
            weight: How much it counts, above 0.
        """
        if frame.ndim != 3 or frame.shape[2] != 3 or frame.dtype != np.uint8:
            raise ValueError(f"frame must be (H, W, 3) uint8, got {frame.shape} {frame.dtype}")
        # Evened out before it is averaged too: what moves would else leave streaks stronger than the mark.
        self._sum += weight * even_contrast(_luma(frame))
        self._weight += weight
        self.frames += 1

    def read(self, candidates: Iterable[int] = ()) -> Reading:
        """Say what the frames so far carry.

        Args:
            candidates: Ids to expect, such as a ledger's; any number. With them fainter marks are made out, since a
                guess among few succeeds less often by chance than one among all.

        Raises:
            UserError: no frame was added.
        """
        if not self.frames:
            raise UserError("No frame was read, so there is no watermark to look for; give a video with pictures.")
        expected = np.unique(np.fromiter(candidates, np.int64))
        if len(expected) and not (0 <= expected[0] and expected[-1] < IDS):
            raise ValueError(f"candidates must lie in 0-{IDS - 1}, got {expected[0]} to {expected[-1]}")
        average = (self._sum / self._weight).astype(np.float32)
        found = None
        for place, picture in placements(average, self._spectrum.template):
            guess = identify(scores(self._spectrum.chips(picture)), expected)
            if found is None or guess.doubt < found[0].doubt:
                found = guess, place
            if guess.doubt <= self._threshold:
                break
        guess, place = found
        matched = guess.doubt <= self._threshold
        return Reading(
            id=guess.id if matched else None,
            matched=matched,
            confidence=min(1.0, guess.doubt),
            bits=tuple(guess.likeliest >> n & 1 for n in range(8 * SYMBOLS)),
            score=guess.score,
            place=place if matched else None,
            frames=self.frames,
        )


def read_video(
    path: str | Path, candidates: Iterable[int] = (), *, key: bytes = PUBLIC_KEY, frames: int = ENOUGH
) -> Reading:
    """Read the mark of a video file: from frames spread over its length, and from its key frames.

    Key frames count as much as all others together: where the camera moves and the encoder saves, they keep the mark
    best.

    Args:
        path: The video.
        candidates: As for `WatermarkReader.read`.
        key: The key of the mark.
        frames: How many to look at of each kind, at least 1.

    Raises:
        FileNotFoundError: there is no such file.
        UserError: it is not a video, is empty, or nothing in it can be decoded.
    """
    from perfclone.video import key_frames, sample_frames

    reader = WatermarkReader(key=key)
    for pick in (sample_frames, key_frames):
        picked = pick(path, frames, max_side=_READING_SIDE)
        for frame in picked:
            reader.add(frame.pixels, 1 / len(picked))
    return reader.read(candidates)


def _luma(frame: np.ndarray) -> np.ndarray:
    """(256, 256) float32 of a frame, stretched."""
    return cv2.cvtColor(resized(frame, SIDE, SIDE), cv2.COLOR_RGB2GRAY).astype(np.float32)


def _mask(luma: np.ndarray, flat: float) -> tuple[np.ndarray, np.ndarray]:
    """How strong the pattern may be, and how far it must be moved off white and black; both (256, 256), levels.

    Of the texture around a place the least counts, so that nothing spills from an edge into the plain wall beside it.
    """
    mean = cv2.blur(luma, (3, 3))
    deviation = cv2.sqrt(cv2.max(cv2.blur(luma * luma, (3, 3)) - mean * mean, 0))
    deviation = cv2.erode(deviation, np.ones((3, 3), np.uint8))
    amplitude = (flat + _TEXTURE * (deviation - _HIDDEN_FROM)).clip(flat, _MOST)
    white, black = (luma - 254).clip(0, 1), (1 - luma).clip(0, 1)
    # There only one direction is left: half a level either way around half a level, so that one in two pixels changes.
    amplitude -= (white + black) / 2
    return amplitude, (black - white) / 2

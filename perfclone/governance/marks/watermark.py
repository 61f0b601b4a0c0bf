"""An invisible watermark: a 32-bit id in every frame, that outlives encoding, resizing and cropping.

The same faint pattern lies in every frame, as strong in each place as its texture hides. A reader averages frames, in
which a moving host fades and the pattern does not, evens out contrast, and correlates.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from perfclone.errors import UserError
from perfclone.governance.marks.search import PLACEMENTS, Place, placements, resized
from perfclone.governance.marks.spectrum import CHIPS, PUBLIC_KEY, SIDE, SYMBOLS, Spectrum, scores, symbols

#: The largest probability of a false match that counts as a match.
FALSE_MATCH = 1e-5
#: Frames, spread over a video, after which more add little.
ENOUGH = 32
IDS = 2**32
_LEAST_SIDE, _READING_SIDE = 16, 512
# Levels: rounded, 1.49 leaves flat places within one. Texture of a standard deviation beyond 2 hides more.
_FLAT, _TEXTURE, _HIDDEN_FROM, _MOST = 1.49, 0.5, 2.0, 6.0


class Watermarker:
    """Puts an id into the frames of a video.

    In flat places the frame changes by at most 2 levels, as a rule by 1, one way only where it is white or black; red,
    green and blue change alike, so that colours stay.

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
        amplitude, offset = (resized(small, *self._shape[:2]) for small in _mask(_luma(frame), self._strength))
        change = cv2.add(cv2.multiply(amplitude, self._pattern), offset, dtype=cv2.CV_16S)
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
    neighbours, and beyond 32 little is gained. All must show the same part of the marked picture, which may have been
    resized and cropped, with the same share kept of width and height, down to 0.7.

    Args:
        key: The key of the mark.
        threshold: The largest probability of a false match that counts as one.
    """

    def __init__(self, *, key: bytes = PUBLIC_KEY, threshold: float = FALSE_MATCH):
        self._spectrum, self._threshold = Spectrum(key), threshold
        self._sum, self._frames = np.zeros((SIDE, SIDE)), 0

    def add(self, frame: np.ndarray) -> None:
        """Take a frame into account.

        Args:
            frame: (H, W, 3) uint8 RGB of any size; sizes may differ.
        """
        if frame.ndim != 3 or frame.shape[2] != 3 or frame.dtype != np.uint8:
            raise ValueError(f"frame must be (H, W, 3) uint8, got {frame.shape} {frame.dtype}")
        self._sum += _luma(frame)
        self._frames += 1

    def read(self, candidates: Iterable[int] = ()) -> Reading:
        """Say what the frames so far carry.

        Args:
            candidates: Ids to expect, such as a ledger's; any number. With them fainter marks are made out, since a
                guess among few succeeds less often by chance than one among all.

        Raises:
            UserError: no frame was added.
        """
        if not self._frames:
            raise UserError("No frame was read, so there is no watermark to look for; give a video with pictures.")
        expected = np.unique(np.fromiter(candidates, np.int64))
        if len(expected) and not (0 <= expected[0] and expected[-1] < IDS):
            raise ValueError(f"candidates must lie in 0-{IDS - 1}, got {expected[0]} to {expected[-1]}")
        luma = (self._sum / self._frames).astype(np.float32)
        found = None
        for place, picture in placements(luma, self._spectrum.template):
            guess = _identify(scores(self._spectrum.chips(picture)), expected)
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
            frames=self._frames,
        )


def read_video(
    path: str | Path, candidates: Iterable[int] = (), *, key: bytes = PUBLIC_KEY, frames: int = ENOUGH
) -> Reading:
    """Read the mark of a video file from frames spread over its length.

    Args:
        path: The video.
        candidates: As for `WatermarkReader.read`.
        key: The key of the mark.
        frames: How many to look at, at least 1.

    Raises:
        FileNotFoundError: there is no such file.
        UserError: it is not a video, is empty, or nothing in it can be decoded.
    """
    from perfclone.video import sample_frames

    reader = WatermarkReader(key=key)
    for frame in sample_frames(path, frames, max_side=_READING_SIDE):
        reader.add(frame.pixels)
    return reader.read(candidates)


class _Guess(NamedTuple):
    """An id, the probability that it is false, its score, and the likeliest of all ids."""

    id: int
    doubt: float
    score: float
    likeliest: int


def _identify(table: np.ndarray, expected: np.ndarray) -> _Guess:
    """Choose among the expected ids and all ids.

    Doubt has two parts. That an unmarked picture scores so high: Hoeffding's bound for chips of random sign, times the
    number of ids, placements and ways (two) that could have. And that a marked picture carries another id: by Bayes's
    rule, as if expected ids and all ids were equally likely beforehand, with normal noise.

    Args:
        table: (4, 256) from `scores`.
        expected: (K,) int64 ids, sorted.
    """
    best = table.argmax(axis=1)
    likeliest, top = int((best << (8 * np.arange(SYMBOLS))).sum()), float(table.max(axis=1).sum())
    sharpness = top / max(1 - top**2 / (SYMBOLS * CHIPS), 1e-3)
    evidence = float(np.logaddexp.reduce(sharpness * table, axis=1).sum()) - np.log(IDS)
    choices = [(likeliest, top, IDS)]
    if len(expected):
        fits = table[np.arange(SYMBOLS), symbols(expected)].sum(axis=1)
        evidence = np.logaddexp(evidence, np.logaddexp.reduce(sharpness * fits) - np.log(len(expected)))
        choices.append((int(expected[fits.argmax()]), float(fits.max()), len(expected)))
    guesses = []
    for id, score, rivals in choices:
        unmarked = 2 * PLACEMENTS * rivals * np.exp(-(max(score, 0) ** 2) / 2)
        other = -np.expm1(min(0.0, sharpness * score - np.log(rivals) - evidence))
        guesses.append(_Guess(id, float(unmarked + other), score, likeliest))
    return min(guesses, key=lambda guess: guess.doubt)


def _luma(frame: np.ndarray) -> np.ndarray:
    """(256, 256) float32 of a frame, stretched."""
    return cv2.cvtColor(resized(frame, SIDE, SIDE), cv2.COLOR_RGB2GRAY).astype(np.float32)


def _mask(luma: np.ndarray, strength: float) -> tuple[np.ndarray, np.ndarray]:
    """How strong the pattern may be, and how far it must be moved off white and black; both (256, 256), levels.

    Of the texture around a place the least counts, so that nothing spills from an edge into the plain wall beside it.
    """
    mean = cv2.blur(luma, (3, 3))
    deviation = cv2.sqrt(cv2.max(cv2.blur(luma * luma, (3, 3)) - mean * mean, 0))
    deviation = cv2.erode(deviation, np.ones((3, 3), np.uint8))
    amplitude = (_FLAT + _TEXTURE * (deviation - _HIDDEN_FROM)).clip(_FLAT, _MOST)
    white, black = (luma - 254).clip(0, 1), (1 - luma).clip(0, 1)
    # There only one direction is left: half a level either way around half a level, so that one in two pixels changes.
    amplitude -= (white + black) / 2
    return strength * amplitude, (black - white) / 2

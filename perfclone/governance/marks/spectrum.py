"""The watermark's alphabet: which frequencies carry a 32-bit id, with which signs, under a key.

A frame of any size is looked at as 256x256 luma, stretched. Of its cosine transform a band of middle frequencies is
used, shared out at random by the key: a quarter carries a fixed template, by which a crop is found, the rest carries
512 chips. Each byte of an id is one of 256 biorthogonal words of 128 chips (Hadamard rows and their negatives), so any
two bytes differ in at least half of their chips, and the best of all 2**32 ids is found by four small transforms.
"""

from __future__ import annotations

import hashlib

import cv2
import numpy as np

#: Side of the square every frame is looked at in.
SIDE = 256
#: Bytes in an id, and chips that carry each.
SYMBOLS, CHIPS = 4, 128
IDS = 256**SYMBOLS
#: Anybody may read marks made with this key; an operator may have a secret one.
PUBLIC_KEY = b"perfclone watermark 1"
# Half-waves across the frame. Below, the host is strong and mottling is seen; above, codecs drop what is faint.
_BAND = (14, 104)
_LEAST = 3  # half-waves along each axis: a band or gradient across the whole frame is no mark
_TEMPLATE_SHARE = 0.25
_GROUPS, _LEAST_TRUST = 8, 0.03


class Spectrum:
    """Where a key puts the template and the chips.

    Args:
        key: At least one byte. The same key always gives the same places and signs, on any machine.

    Attributes:
        template: (256, 256) float64: the picture of the template alone.
    """

    def __init__(self, key: bytes = PUBLIC_KEY):
        if not isinstance(key, bytes) or not key:
            raise ValueError(f"key must be bytes, at least one, got {'none' if key == b'' else type(key).__name__}")
        vertical, horizontal = np.mgrid[:SIDE, :SIDE]
        radius = np.hypot(vertical, horizontal)
        inside = (radius > _BAND[0]) & (radius < _BAND[1]) & (np.minimum(vertical, horizontal) >= _LEAST)
        places = np.flatnonzero(inside)
        places = places[np.argsort(_keyed(key, b"places", len(places)), kind="stable")]
        signs = np.where(_keyed(key, b"signs", len(places)) >> np.uint64(63), 1.0, -1.0)
        count = (len(places) - int(len(places) * _TEMPLATE_SHARE)) // (SYMBOLS * CHIPS) * SYMBOLS * CHIPS
        self._places, self._signs = (x[:count].reshape(SYMBOLS * CHIPS, -1) for x in (places, signs))
        self._template_places, self._template_signs = places[count:], signs[count:]
        self._rings = radius.astype(int).ravel()
        self._ring_sizes = np.bincount(self._rings)
        self._template_radii = radius.ravel()[self._template_places]
        self._outwards = np.argsort(self._template_radii, kind="stable")
        coefficients = np.zeros(SIDE * SIDE)
        coefficients[self._template_places] = self._template_signs
        self.template = cv2.idct(coefficients.reshape(SIDE, SIDE))

    def pattern(self, id: int, height: int, width: int) -> np.ndarray:
        """Draw the template and an id's chips.

        Returns:
            (height, width) float32 of mean 0 and variance 1. Waves too short for the size are left out.
        """
        coefficients = np.zeros(SIDE * SIDE)
        coefficients[self._places] = self._signs * _word(id)[:, None]
        coefficients[self._template_places] = self._template_signs
        count = _BAND[1] + 1
        coefficients = coefficients.reshape(SIDE, SIDE)[:count, :count]
        pattern = _cosines(height, count) @ coefficients @ _cosines(width, count).T
        return (pattern / pattern.std()).astype(np.float32)

    def chips(self, picture: np.ndarray) -> np.ndarray:
        """Read the chips of a picture.

        Args:
            picture: (256, 256) float32 of about even contrast.

        Returns:
            (512,) float64 with mean square 1. Whatever the picture holds, chips are independent of each other and as
            likely positive as negative unless it was marked under this key; all 0 for an empty picture.
        """
        coefficients = cv2.dct(picture).ravel().astype(np.float64)
        # Whitened ring by ring, so that strong low frequencies of the host do not drown the others.
        power = np.bincount(self._rings, coefficients**2) / self._ring_sizes
        power = np.convolve(power, np.ones(5) / 5, "same")
        coefficients /= np.sqrt(power[self._rings] + 1e-9)
        weighed = coefficients * self._weights(coefficients)[self._rings]
        chips = (weighed[self._places] * self._signs).sum(axis=1)
        return chips / max(np.sqrt((chips**2).mean()), 1e-9)

    def _weights(self, coefficients: np.ndarray) -> np.ndarray:
        """How far each ring is to be trusted: as much of it as is left of the template there."""
        left = coefficients[self._template_places] * self._template_signs
        groups = np.array_split(left[self._outwards], _GROUPS)
        radii = np.array_split(self._template_radii[self._outwards], _GROUPS)
        mean = np.array([group.mean() for group in groups])
        smooth = np.convolve(np.pad(mean, 1, mode="edge"), (0.25, 0.5, 0.25), "valid")
        return np.interp(np.arange(len(self._ring_sizes)), [r.mean() for r in radii], smooth.clip(_LEAST_TRUST))


def scores(chips: np.ndarray) -> np.ndarray:
    """How well each byte of an id fits.

    Args:
        chips: (512,) with mean square 1.

    Returns:
        (4, 256): symbol (lowest byte first), value. An id's score is the sum of its four; of chips that know nothing
        of the id its variance is 1, and it never exceeds sqrt(512) = 22.6.
    """
    return chips.reshape(SYMBOLS, CHIPS) @ _WORDS.T / np.sqrt(SYMBOLS * CHIPS)


def symbols(ids: np.ndarray) -> np.ndarray:
    """Split (N,) ids into their (N, 4) bytes, lowest first."""
    return (np.asarray(ids, np.int64)[:, None] >> (8 * np.arange(SYMBOLS))) & 255


def _word(id: int) -> np.ndarray:
    """The (512,) chips, each 1 or -1, of an id."""
    return np.concatenate([_WORDS[symbol] for symbol in symbols(np.array([id]))[0]])


def _biorthogonal() -> np.ndarray:
    """(256, 128) words of 1 and -1."""
    rows = np.ones((1, 1))
    while len(rows) < CHIPS:
        rows = np.block([[rows, rows], [rows, -rows]])
    return np.concatenate([rows, -rows])


def _keyed(key: bytes, purpose: bytes, count: int) -> np.ndarray:
    """(count,) uint64 of a key; spelt out, since a library's random numbers may change with its version."""
    digest = hashlib.shake_256(len(key).to_bytes(8, "big") + key + purpose).digest(8 * count)
    return np.frombuffer(digest, "<u8")


def _cosines(size: int, count: int) -> np.ndarray:
    """(size, count): the first cosines of the transform of 256, sampled at the pixels of an axis of any size."""
    waves = np.arange(count)
    scale = np.where((waves == 0), 1, np.sqrt(2)) * (waves < size)
    return np.cos(np.pi * waves * (np.arange(size)[:, None] + 0.5) / size) * scale


_WORDS = _biorthogonal()

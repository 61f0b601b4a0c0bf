"""Which id is meant, and how likely that is wrong."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from perfclone.governance.marks.search import PLACEMENTS
from perfclone.governance.marks.spectrum import CHIPS, IDS, SYMBOLS, symbols


class Guess(NamedTuple):
    """An id, the probability that it is false, its score, and the likeliest of all ids."""

    id: int
    doubt: float
    score: float
    likeliest: int


def identify(table: np.ndarray, expected: np.ndarray) -> Guess:
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
    choices = [(likeliest, top, IDS, 1 / IDS)]
    if len(expected):
        fits = table[np.arange(SYMBOLS), symbols(expected)].sum(axis=1)
        evidence = np.logaddexp(evidence, np.logaddexp.reduce(sharpness * fits) - np.log(len(expected)))
        prior = 1 / len(expected) + 1 / IDS
        choices.append((int(expected[fits.argmax()]), float(fits.max()), len(expected), prior))
    guesses = []
    for id, score, rivals, prior in choices:
        unmarked = 2 * PLACEMENTS * rivals * np.exp(-(max(score, 0) ** 2) / 2)
        other = -np.expm1(min(0.0, sharpness * score + np.log(prior) - evidence))
        guesses.append(Guess(id, float(unmarked + other), score, likeliest))
    return min(guesses, key=lambda guess: guess.doubt)

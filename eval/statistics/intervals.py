"""How sure one may be of a mean over the frames of a video, and whether a measure drifts in its course.

Neighbouring frames resemble each other, so that a thousand frames say less than a thousand drawn at random, and an
interval that overlooks it is several times too narrow. Here memory is dealt with twice. What a value takes over from
the one before is fitted and taken out first (prewhitening: Andrews and Monahan, Econometrica 1992; Davison and
Hinkley, Bootstrap Methods 1997, ch. 8). What is left is drawn anew in blocks of neighbours (moving block bootstrap:
Kuensch, Annals of Statistics 1989; the series closed to a ring, as Politis and Romano 1992, so that every value is
drawn as often as the others), and the memory is put back. The percentiles are then widened as Student's t is against
the normal distribution, with one degree of freedom fewer than blocks.

Of 95 % intervals of 300 values, 93 to 95 % hold the true mean where neighbours correlate by 0 to 0.95; of 60 values,
92 to 95 % up to a correlation of 0.8, and 78 % at 0.95: tests/test_statistics.py measures it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from perfclone.errors import UserError

from ..results import Interval, Slope

#: With fewer values nothing can be said of their memory: they count as independent, and have no drift.
FEWEST = 10
#: The memory of one value for the next that is believed at most (Andrews and Monahan).
MOST_MEMORY = 0.97
_AT_ONCE = 2**20
Values = Sequence[float | None] | np.ndarray


def block_bootstrap(values: Values, seed: int, block: int | None = None, resamples: int = 1000) -> Interval:
    """Mean of a series over frames, with an interval of 95 % that minds how alike neighbours are.

    Args:
        values: One a frame, in order; None and NaN are left out.
        seed: Of the draws: the same values and seed give the same interval.
        block: Neighbours drawn together; None takes ceil(n^(1/3)), or 1 for fewer than ten values.
        resamples: How many series are drawn.

    Returns:
        The mean and its interval; without bounds for one value or none (whose mean is NaN), and where a value is
        infinite, as the PSNR of equal frames is.

    Raises:
        UserError: The block or the number of draws is not positive.
    """
    x = _array(values)
    x = x[~np.isnan(x)]
    if not len(x):
        return Interval(math.nan, n=0)
    mean = float(x.mean()) if np.isfinite(x).all() else float(x.sum())
    if len(x) < 2 or not math.isfinite(mean):
        return Interval(mean, n=len(x))
    low, high = _spread(np.full(len(x), 1 / len(x)), x - mean, 1, seed, block, resamples)
    return Interval(mean, mean + low, mean + high, len(x))


def drift(values: Values, fps: float, seed: int = 0, block: int | None = None, resamples: int = 1000) -> Slope | None:
    """How a series changes in the course of a video: the least-squares slope a minute, with an interval of 95 %.

    The interval is that of :func:`block_bootstrap`, of what the line leaves over.

    Args:
        values: One a frame, in order; None, NaN and infinite ones are left out, the others keep their time.
        fps: Frames a second.
        seed: Of the draws.
        block: Neighbours drawn together; None takes ceil(n^(1/3)).
        resamples: How many series are drawn.

    Returns:
        The slope in the series' unit a minute; None for fewer than ten values.

    Raises:
        UserError: The frame rate is not positive.
    """
    if not fps > 0 or not math.isfinite(fps):
        raise UserError(f"A drift needs the frame rate of the video, and {fps} is none; give frames a second above 0.")
    x = _array(values)
    there = np.isfinite(x)
    x, minutes = x[there], np.flatnonzero(there) / (60 * fps)
    if len(x) < FEWEST:
        return None
    if np.ptp(x) <= 1e-12 * np.abs(x).max():
        return Slope(0.0, 0.0, 0.0)
    minutes -= minutes.mean()
    weights = minutes / (minutes @ minutes)
    slope = float(weights @ x)
    low, high = _spread(weights, x - x.mean() - slope * minutes, 2, seed, block, resamples)
    return Slope(slope, slope + low, slope + high)


def _array(values: Values) -> np.ndarray:
    return np.array([math.nan if value is None else value for value in values], np.float64)


def _spread(
    weights: np.ndarray, rest: np.ndarray, fitted: int, seed: int, block: int | None, resamples: int
) -> tuple[float, float]:
    """95 % interval around 0 of sum_t weights[t] x[t], for series x like the one that left these rests.

    Args:
        weights: (n,) what each value counts.
        rest: (n,) what a fit has left of the series; their mean is 0.
        fitted: Numbers that were fitted: 1 for a mean, 2 for a line.
        seed: Of the draws.
        block: Neighbours drawn together, or None for the rule.
        resamples: How many series are drawn.
    """
    from scipy.signal import lfilter
    from scipy.stats import norm, t

    if resamples < 1 or (block is not None and block < 1):
        raise UserError(f"A bootstrap needs a positive block ({block}) and number of draws ({resamples}).")
    memory = _memory(rest, fitted)
    news = rest[1:] - memory * rest[:-1] if memory else rest
    news = news - news.mean()
    if block is None:
        block = math.ceil(len(news) ** (1 / 3)) if len(rest) >= FEWEST else 1
    block = min(block, len(news))
    # x[t] = memory x[t-1] + news[t]: a piece of news counts in all that follow, also what came before the first frame.
    before = math.ceil(math.log(0.01) / math.log(memory)) if memory > 0.01 else 0
    counts = lfilter([1], [1, -memory], np.concatenate([np.zeros(before), weights])[::-1])[::-1]
    sums = _draw(news, counts, block, resamples, np.random.default_rng(seed))
    freedom = max(len(news) / block - 1, 1)
    low, high = np.percentile(sums, [2.5, 97.5]) * (t.ppf(0.975, freedom) / norm.ppf(0.975))
    return float(low), float(high)


def _memory(rest: np.ndarray, fitted: int) -> float:
    """How much of a value the next one takes over, from 0 to :data:`MOST_MEMORY`.

    The correlation of neighbours or, where noise of single frames hides it, that at lag two over that at lag one; with
    Kendall's correction (Biometrika 1954) of what the fit itself has taken away.
    """
    power, n = rest @ rest, len(rest)
    if n < FEWEST or power == 0:
        return 0.0
    one, two = (rest[lag:] @ rest[:-lag] / power for lag in (1, 2))
    memory = max(one, two / one) if one > 2 / math.sqrt(n) else one
    return float(np.clip(memory + fitted * (1 + memory) / n + 2 * memory / n, 0, MOST_MEMORY))


def _draw(news: np.ndarray, counts: np.ndarray, block: int, resamples: int, rng: np.random.Generator) -> np.ndarray:
    """(resamples,) sums of counts[i] times news drawn in blocks; a few series at a time, to keep memory small."""
    length = len(counts)
    starts = rng.integers(0, len(news), (resamples, math.ceil(length / block)))
    ring = np.concatenate([news, news[:block]])
    step = max(_AT_ONCE // length, 1)
    sums = []
    for first in range(0, resamples, step):
        index = starts[first : first + step, :, None] + np.arange(block)
        sums.append(ring[index.reshape(len(index), -1)[:, :length]] @ counts)
    return np.concatenate(sums)

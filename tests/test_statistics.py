import math
import time

import numpy as np
import pytest
from scipy.signal import lfilter

from eval.results import Interval, Row, Slope
from eval.statistics.intervals import block_bootstrap, drift
from eval.statistics.paired import difference
from perfclone.errors import UserError


def remembering(rng, n, memory):
    """(n,) of AR(1) noise around 0: each value takes over a share of the one before."""
    return lfilter([1], [1, -memory], rng.normal(size=n + 300))[300:]


def independent(values, rng):
    """The bootstrap that takes frames for independent."""
    low, high = np.percentile(values[rng.integers(0, len(values), (300, len(values)))].mean(1), [2.5, 97.5])
    return low <= 0 <= high


@pytest.mark.parametrize(
    ("memory", "n", "least"), [(0, 300, 0.91), (0.8, 300, 0.9), (0.95, 300, 0.89), (0.8, 60, 0.87)]
)
def test_the_interval_holds_the_true_mean_about_95_times_of_100(memory, n, least):
    rng = np.random.default_rng(2)
    held, naive = [], []
    for seed in range(200):
        values = remembering(rng, n, memory)
        interval = block_bootstrap(values, seed, resamples=300)
        held.append(interval.low <= 0 <= interval.high)
        naive.append(independent(values, rng))
    assert least <= np.mean(held) <= 0.985
    assert np.mean(naive) < 0.65 or not memory


def test_the_interval_minds_memory_that_the_noise_of_single_frames_hides():
    rng, held, naive = np.random.default_rng(3), [], []
    for seed in range(100):
        values = remembering(rng, 300, 0.95) + rng.normal(0, 2, 300)
        interval = block_bootstrap(values, seed, resamples=300)
        held.append(interval.low <= 0 <= interval.high)
        naive.append(independent(values, rng))
    assert np.mean(held) >= 0.88 and np.mean(naive) < 0.5


def test_without_memory_the_interval_is_the_textbooks():
    values = np.random.default_rng(4).normal(5, 2, 2000)
    interval = block_bootstrap(values, 0)
    assert interval.mean == pytest.approx(values.mean(), rel=1e-12) and interval.n == 2000
    half = 1.96 * 2 / math.sqrt(2000)
    assert interval.mean - interval.low == pytest.approx(half, rel=0.15)
    assert interval.high - interval.mean == pytest.approx(half, rel=0.15)


def test_the_same_values_and_seed_give_the_same_interval():
    values = remembering(np.random.default_rng(5), 200, 0.7)
    assert block_bootstrap(values, 1) == block_bootstrap(values.tolist(), 1) != block_bootstrap(values, 2)
    assert drift(values, 25, 1) == drift(values, 25, 1) != drift(values, 25, 2)
    assert block_bootstrap(values, 1, block=30) != block_bootstrap(values, 1)


def test_frames_without_a_value_are_left_out():
    values = remembering(np.random.default_rng(6), 100, 0.5).tolist()
    holed = [None, *values[:50], math.nan, *values[50:], None]
    assert block_bootstrap(holed, 0) == block_bootstrap(values, 0)


def test_few_or_infinite_values_give_a_mean_without_bounds():
    assert block_bootstrap([3.0, None], 0) == Interval(3.0, None, None, 1)
    none = block_bootstrap([None, math.nan], 0)
    assert math.isnan(none.mean) and none.low is None and none.n == 0
    assert block_bootstrap([30.0, math.inf], 0) == Interval(math.inf, None, None, 2)
    assert block_bootstrap([2.0] * 50, 0) == Interval(2.0, 2.0, 2.0, 50)
    few = block_bootstrap([1.0, 2.0, 4.0], 0)
    assert few.low < 1.5 and few.high > 3


def test_ten_thousand_values_take_well_under_a_second():
    values = remembering(np.random.default_rng(7), 10_000, 0.9)
    start = time.process_time()
    block_bootstrap(values, 0)
    assert time.process_time() - start < 1


def test_a_paired_difference_finds_what_two_separate_intervals_hide():
    rng = np.random.default_rng(8)
    scene = 10 * remembering(rng, 300, 0.9)
    series = [scene + rng.normal(0, 0.5, 300), scene + 0.3 + rng.normal(0, 0.5, 300)]
    rows = [Row(name, "c", 300, 25.0, series={"psnr": {"whole": x.tolist()}}) for name, x in zip("ab", series)]
    change = difference(*rows, "psnr", "whole").change
    assert 0 < change.low < 0.3 < change.high and change.n == 300
    apart = [block_bootstrap(x, 0) for x in series]
    assert apart[0].high > apart[1].low


def test_a_planted_drift_is_found_with_its_size():
    rng = np.random.default_rng(9)
    seconds = np.arange(600) / 20
    values = (3.0 + 4.0 * seconds / 60 + 0.1 * remembering(rng, 600, 0.8)).tolist()
    values[100:150] = [None] * 50
    slope = drift(values, 20)
    assert slope.drifts and slope.low < 4 < slope.high
    assert slope.per_minute == pytest.approx(4, abs=0.4)
    assert drift(values, 40).per_minute == pytest.approx(2 * slope.per_minute)


@pytest.mark.parametrize("memory", [0, 0.8, 0.95])
def test_steady_noise_does_not_drift(memory):
    rng = np.random.default_rng(10)
    false_alarms, naive = [], []
    for seed in range(150):
        values = remembering(rng, 400, memory)
        false_alarms.append(drift(values, 25, seed, resamples=300).drifts)
        t = np.arange(400) - 199.5
        slope = t @ values / (t @ t)
        error = np.std(values - slope * t) / math.sqrt(t @ t)
        naive.append(abs(slope) > 1.96 * error)
    assert np.mean(false_alarms) <= 0.11
    assert np.mean(naive) > 0.3 or not memory


def test_drift_of_what_is_constant_short_or_without_a_frame_rate():
    assert drift([0.1] * 100, 25) == Slope(0, 0, 0) and not drift([0.1] * 100, 25).drifts
    assert drift([1.0] * 9 + [None, math.inf], 25) is None
    for fps in (0, -1, math.nan):
        with pytest.raises(UserError, match=f"{fps} is none"):
            drift([1.0, 2.0] * 10, fps)
    with pytest.raises(UserError, match="positive block"):
        block_bootstrap([1.0, 2.0], 0, block=0)

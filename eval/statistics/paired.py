"""Two methods on the same frames: the mean difference, its interval, and what may be concluded from it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from ..results import METRICS, REGIONS, Interval, Row

Verdict = Literal["better", "worse", "no difference shown", "not judged"]
NOT_SHOWN: Verdict = "no difference shown"
#: Infinite PSNR (equal frames) counts as this in differences, dB: more than any 8-bit frame short of equal shows.
CEILING = 100.0


@dataclass(frozen=True)
class Difference:
    """How b differs from a.

    Attributes:
        metric: Name of the metric.
        region: One of :data:`eval.results.REGIONS`.
        a: Mean of a, over the frames that both have.
        b: Mean of b, over the same.
        change: Mean of b - a with its interval; without one where a row has no series of it.
        verdict: Whether b is better; judged only where there is an interval and a better direction.
    """

    metric: str
    region: str
    a: float
    b: float
    change: Interval
    verdict: Verdict


def differences(a: Row, b: Row, seed: int = 0) -> list[Difference]:
    """Compare two rows of the same clip, metric by metric and region by region.

    Args:
        a: What b is measured against.
        b: The method that is judged.
        seed: Of the bootstrap.

    Returns:
        In the order of the metrics; only what both rows have.
    """
    order = [name for name in METRICS if name in a.values and name in b.values]
    order += sorted((a.values.keys() & b.values.keys()) - METRICS.keys())
    found = (
        difference(a, b, name, region, seed)
        for name in order
        for region in REGIONS
        if region in a.values[name] and region in b.values[name]
    )
    return [each for each in found if each is not None]


def difference(a: Row, b: Row, name: str, region: str, seed: int = 0) -> Difference | None:
    """Compare one metric in one region.

    Frames are paired: the bootstrap draws blocks of the differences b - a, so what makes both methods' frames hard
    alike falls out. Frames that one of them lacks are left out.

    Returns:
        None where a mean is missing.
    """
    from .intervals import block_bootstrap

    series = [row.series.get(name, {}).get(region) for row in (a, b)]
    if None not in series:
        pairs = [(_finite(x), _finite(y)) for x, y in zip(*series) if _known(x) and _known(y)]
        if len(pairs) > 1:
            change = block_bootstrap([y - x for x, y in pairs], seed)
            means = (sum(values) / len(pairs) for values in zip(*pairs))
            return Difference(name, region, *means, change, judge(name, change))
    means = [row.values[name][region].mean for row in (a, b)]
    if not all(_known(mean) for mean in means):
        return None
    change = Interval(_finite(means[1]) - _finite(means[0]), n=b.values[name][region].n)
    return Difference(name, region, *means, change, "not judged")


def judge(name: str, change: Interval) -> Verdict:
    """What an interval of b - a says of b: nothing is shown where 0 lies inside."""
    better = METRICS[name].better if name in METRICS else "none"
    if better == "none" or change.low is None or change.high is None:
        return "not judged"
    if change.low <= 0 <= change.high:
        return NOT_SHOWN
    return "better" if (change.high < 0) == (better == "lower") else "worse"


def _known(value: float | None) -> bool:
    return value is not None and not math.isnan(value)


def _finite(value: float) -> float:
    return math.copysign(CEILING, value) if math.isinf(value) else value

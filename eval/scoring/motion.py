"""The meter of what happens from frame to frame."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..metrics import temporal
from ..metrics.flow import optical_flow, reliable
from ..results import Row
from .meters import Series
from .sight import FramePair, Sight, reduced

#: Warp errors are small: the report shows them times this.
WARP_SCALE = 1e4
#: Motion is measured on frames of no more than this on their shorter side, pixels.
MOTION_SIDE = 512


class Step(NamedTuple):
    """What happened in a video from one frame to the next.

    Attributes:
        forward: (H, W, 2) flow, pixels.
        trusted: (H, W) bool, where it can be trusted.
        left: (H, W) what it leaves over, as :func:`eval.metrics.temporal.warp_residual` has it.
    """

    forward: np.ndarray
    trusted: np.ndarray
    left: np.ndarray


class MotionMeter:
    """Steadiness: warp error, jumps, motion, tOF, flickering, background change; the truth's own are the floors.

    Args:
        still: Whether the camera stands still; otherwise the last two mean nothing and are left out.
    """

    def __init__(self, still: bool):
        self.still, self.series, self.floor = still, Series(), Series()
        self.sizes: tuple[list[float], list[float]] = ([], [])
        self.scaled, self._before = False, None

    def update(self, pair: FramePair) -> None:
        """Take the next pair; the first has no values, for it follows none."""
        pair = self._reduced(pair)
        before, self._before = self._before, pair
        if before is None:
            self._nothing()
            return
        pairs = list(zip(before.sights, pair.sights))
        steps = [b.once("step", lambda a=a, b=b: _step(a, b)) for a, b in pairs]
        output, truth = steps
        for region, mask in {"whole": None, "person": before.person}.items():
            self.series.add("t_of", region, temporal.t_of_pair(truth.forward, output.forward, mask))
            for step, (a, b), series in zip(steps, pairs, (self.series, self.floor)):
                series.add("warp_error", region, WARP_SCALE * temporal.mean_inside(step.left, step.trusted, mask))
                if self.still:
                    series.add("temporal_flickering", region, temporal.flickering_pair(a.pixels, b.pixels, mask))
        self.series.add("moves", "person", temporal.moves_pair(truth.forward, output.forward, before.person))
        for step, sizes in zip(steps, self.sizes):
            sizes.append(temporal.jump_size(step.left, before.person))
        if self.still:
            for (a, b), series in zip(pairs, (self.series, self.floor)):
                change = temporal.background_change_pair(a.pixels, b.pixels, before.nearby, pair.nearby)
                series.add("background_change", "whole", change)

    def _reduced(self, pair: FramePair) -> FramePair:
        """The same pair, small enough for flow."""
        small = [sight.once("small", lambda s=sight: Sight(reduced(s.pixels, MOTION_SIDE))) for sight in pair.sights]
        self.scaled = small[0].pixels.shape != pair.output.pixels.shape
        person = reduced(pair.person.astype(np.float32), MOTION_SIDE) > 0.5
        nearby = reduced(pair.nearby, MOTION_SIDE)
        return pair._replace(output=small[0], truth=small[1], person=person, nearby=nearby)

    def _nothing(self) -> None:
        both = ["t_of", "warp_error", *(["temporal_flickering"] if self.still else [])]
        for metric, region in [(m, r) for m in both for r in ("whole", "person")] + [("moves", "person")]:
            self.series.add(metric, region, None)
        if self.still:
            self.series.add("background_change", "whole", None)

    def finish(self, row: Row) -> None:
        """Hand the series over, and the means of the truth's own as floors."""
        sizes, real = (np.array(each) for each in self.sizes)
        for series, found in ((self.series, sizes), (self.floor, real)):
            for value in (None, *(100 * temporal.jumps(found, real)).tolist()):
                series.add("jumps", "person", value)
        self.series.into(row)
        if self.scaled:
            row.notes.append(f"Flow, flicker and background change are of frames scaled to {MOTION_SIDE} pixels.")
        for metric, by_region in self.floor.found.items():
            for region, values in by_region.items():
                known = [value for value in values if value is not None]
                if known:
                    row.floors[f"{metric}/{region}"] = float(np.mean(known))


def _step(a: Sight, b: Sight) -> Step:
    forward, backward = optical_flow(a.pixels, b.pixels), optical_flow(b.pixels, a.pixels)
    return Step(forward, reliable(forward, backward), temporal.warp_residual(a.pixels, b.pixels, forward))

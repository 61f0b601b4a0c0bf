"""Meters: each takes what it needs of every pair of frames, and says at the end what it found.

A meter computes what is dear once a frame, features or flow, and every metric that rests on it from that.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

import numpy as np

from perfclone.pose import PoseSequence

from ..metrics import temporal
from ..metrics.distribution import FeatureDistance
from ..metrics.flow import optical_flow
from ..metrics.identity import FaceDistance
from ..metrics.perceptual import load_perceptual
from ..metrics.performance import joint_error, lag, pck, within
from ..metrics.picture import SMALLEST_MS_SSIM, ms_ssim_frame, psnr_frame, ssim_map, window_mean
from ..results import Interval, Row

#: Warp errors are small: the report shows them times this.
WARP_SCALE = 1e4
#: Faces are compared in at most this many frames, evenly spaced: it takes a third of a second each.
FACE_FRAMES = 60


class FramePair(NamedTuple):
    """The same frame of both videos.

    Attributes:
        output: (H, W, 3) uint8 RGB.
        truth: (H, W, 3) uint8 RGB.
        person: (H, W) bool, where the person of the truth is.
        nearby: (H, W) uint8, above 0 where somebody is in either, with a margin.
        crops: The square around the truth's person in both, (256, 256, 3) uint8 each; None where nobody is.
    """

    output: np.ndarray
    truth: np.ndarray
    person: np.ndarray
    nearby: np.ndarray
    crops: tuple[np.ndarray, np.ndarray] | None


class Meter(Protocol):
    """What every meter does."""

    def update(self, pair: FramePair) -> None:
        """Take the next pair."""

    def finish(self, row: Row) -> None:
        """Write what was found into a row: series, values of what is pooled, floors and notes."""


@dataclass
class Series:
    """Values frame by frame: metric -> region -> list, None where a frame has none."""

    found: dict[str, dict[str, list[float | None]]] = field(default_factory=lambda: defaultdict(dict))

    def add(self, metric: str, region: str, value: float | None) -> None:
        """Append the value of the next frame; NaN is none."""
        self.found[metric].setdefault(region, []).append(None if value is None or np.isnan(value) else value)

    def into(self, row: Row) -> None:
        """Hand them over."""
        row.series.update({metric: dict(by_region) for metric, by_region in self.found.items()})


class PictureMeter:
    """Likeness of single frames: perceptual distance (and, from the same features, tLP), PSNR, SSIM, MS-SSIM.

    Args:
        device: Where the perceptual network runs.
    """

    def __init__(self, device: str):
        self.network, self.series = load_perceptual(device), Series()
        self._before: tuple | None = None

    def update(self, pair: FramePair) -> None:
        """Take the next pair."""
        pictures = (pair.output, pair.truth)
        regions = {"whole": None, "person": pair.person}
        alike = ssim_map(*pictures)
        for region, where in regions.items():
            self.series.add("psnr", region, psnr_frame(*pictures, where))
            self.series.add("ssim", region, window_mean(alike, where))
            if min(pair.output.shape[:2]) >= SMALLEST_MS_SSIM:
                self.series.add("ms_ssim", region, ms_ssim_frame(*pictures, where))
        before, self._before = self._before, tuple(self.network.features(frame[None]) for frame in pictures)
        for region, where in regions.items():
            mask = None if where is None else where[None]
            self.series.add(self.network.name, region, float(self.network.distance(*self._before, mask)))
            moved = None
            if before is not None:
                steps = (self.network.distance(last, now, mask) for last, now in zip(before, self._before))
                moved = temporal.t_lp_pair(*map(float, steps))
            self.series.add("t_lp", region, moved)

    def finish(self, row: Row) -> None:
        """Hand the series over."""
        self.series.into(row)
        if self.network.name != "lpips_alex":
            row.notes.append("ST-LPIPS (alex) stands in for LPIPS, whose published weights are not on this machine.")


class MotionMeter:
    """Steadiness: warp error, tOF, temporal flickering, background change; the truth's own values are the floors.

    Args:
        still: Whether the camera stands still; otherwise the last two mean nothing and are left out.
    """

    def __init__(self, still: bool):
        self.still, self.series, self.floor = still, Series(), Series()
        self._before: FramePair | None = None

    def update(self, pair: FramePair) -> None:
        """Take the next pair; the first has no values, for it follows none."""
        before, self._before = self._before, pair
        where = {"whole": None, "person": pair.person if before is None else before.person}
        flows = None if before is None else [self._flows(before, pair, name) for name in ("output", "truth")]
        for region, mask in where.items():
            self.series.add("t_of", region, flows and temporal.t_of_pair(flows[1][0], flows[0][0], mask))
            for n, (name, series) in enumerate((("output", self.series), ("truth", self.floor))):
                a, b = (None, None) if before is None else (getattr(before, name), getattr(pair, name))
                error = flows and WARP_SCALE * temporal.warp_error_pair(a, b, *flows[n], mask)
                series.add("warp_error", region, error)
                if self.still:
                    series.add("temporal_flickering", region, flows and temporal.flickering_pair(a, b, mask))
                if self.still and region == "whole":
                    change = flows and temporal.background_change_pair(a, b, before.nearby, pair.nearby)
                    series.add("background_change", region, change)

    @staticmethod
    def _flows(before: FramePair, pair: FramePair, name: str) -> tuple[np.ndarray, np.ndarray]:
        here, there = getattr(before, name), getattr(pair, name)
        return optical_flow(here, there), optical_flow(there, here)

    def finish(self, row: Row) -> None:
        """Hand the series over, and the means of the truth's own as floors."""
        self.series.into(row)
        for metric, by_region in self.floor.found.items():
            for region, values in by_region.items():
                known = [value for value in values if value is not None]
                if known:
                    row.floors[f"{metric}/{region}"] = float(np.mean(known))


class PooledMeter:
    """Distance of the two clips as sets of pictures: Frechet and kernel distance, whole frames and person.

    Args:
        device: Where the network runs.
        seed: Of what is sampled.
    """

    def __init__(self, device: str, seed: int):
        self.pools = {region: FeatureDistance(device=device, seed=seed) for region in ("whole", "person")}
        self._waiting: dict[str, list] = {"whole": [], "person": []}

    def update(self, pair: FramePair) -> None:
        """Take the next pair."""
        self._waiting["whole"].append((pair.output, pair.truth))
        if pair.crops:
            self._waiting["person"].append(pair.crops)
        for region in self.pools:
            if len(self._waiting[region]) == 8:
                self._empty(region)

    def _empty(self, region: str) -> None:
        if pairs := self._waiting[region]:
            for real, frames in zip((False, True), zip(*pairs)):
                self.pools[region].update(np.stack(frames), real=real)
            pairs.clear()

    def finish(self, row: Row) -> None:
        """Hand over the distances, with N and the floor of real against real."""
        for region, pool in self.pools.items():
            self._empty(region)
            found = pool.compute()
            if found is None:
                continue
            names = (pool.fd_name, pool.kd_name)
            for name, value, floor in zip(names, (found.fd, found.kd), (found.floor_fd, found.floor_kd)):
                row.values.setdefault(name, {})[region] = Interval(value, n=found.n)
                if floor is not None:
                    row.floors[f"{name}/{region}"] = floor


class FaceMeter:
    """Distance of the faces, in evenly spaced frames in which both show one.

    Args:
        frames: How many pairs there will be.
    """

    def __init__(self, frames: int):
        self.distance, self.series = FaceDistance(), Series()
        self._every, self._t = max(1, frames // FACE_FRAMES), -1

    @staticmethod
    def available() -> bool:
        """Whether the optional packages are installed."""
        return FaceDistance.available()

    def update(self, pair: FramePair) -> None:
        """Take the next pair."""
        self._t += 1
        wanted = pair.crops is not None and self._t % self._every == 0
        self.series.add("face_distance", "person", self.distance.distance(*pair.crops) if wanted else None)

    def finish(self, row: Row) -> None:
        """Hand the series over, or say that no face was found."""
        if any(value is not None for value in self.series.found["face_distance"]["person"]):
            self.series.into(row)
        else:
            row.notes.append("No face was found in both videos at once, so there is no face distance.")


def performance(row: Row, found: PoseSequence, wanted: PoseSequence, torso: float) -> None:
    """How well the output's person does what was asked: PCK, joint error, lag.

    Args:
        row: Where it is written.
        found: P run again on the output.
        wanted: The poses that it should show, in the same pixels.
        torso: The actor's torso length, pixels.
    """
    asked = within(wanted.keypoints, wanted.scores, wanted.size)
    arguments = (found.keypoints, found.scores, wanted.keypoints, asked)
    series = {f"pck_{share}": pck(*arguments, torso, share) for share in (0.1, 0.2)}
    series["joint_error"] = joint_error(*arguments, torso)
    for name, values in series.items():
        row.series[name] = {"person": [None if np.isnan(value) else float(value) for value in values]}
    frames = lag(*arguments, torso)
    if frames is not None:
        row.values["lag"] = {"person": Interval(float(frames), n=len(found))}
    seen = int((found.scores > 0).any(1).sum())
    if seen < len(found):
        row.notes.append(f"P found the person in {seen} of {len(found)} frames of the output.")

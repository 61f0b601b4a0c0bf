"""Meters: each takes what it needs of every pair of frames, and says at the end what it found.

What is dear of a frame, features or flow, is computed once, and serves every metric and method that rests on it.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import torch

from perfclone.pose import PoseSequence

from ..metrics import temporal
from ..metrics.distribution import FeatureDistance
from ..metrics.perceptual import load_perceptual
from ..metrics.performance import joint_error, lag, pck, within
from ..metrics.picture import (
    SMALLEST_MS_SSIM,
    edge_energy,
    psnr_frame,
    sharpness,
    ssim_frame,
    structural_regions,
)
from ..results import Interval, Row
from .regions import cut_square
from .sight import FramePair, Sight, reduced

#: The perceptual network sees frames of no more than this on their shorter side, pixels.
PERCEPTUAL_SIDE = 256


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
        """Hand them over, beside what other meters found."""
        for metric, by_region in self.found.items():
            row.series.setdefault(metric, {}).update(by_region)


class PictureMeter:
    """Likeness of single frames: perceptual distance (and tLP, from its features), PSNR, SSIM, MS-SSIM, sharpness.

    Args:
        device: Where the perceptual network runs.
    """

    def __init__(self, device: str):
        self.network, self.series, self.scaled = load_perceptual(device), Series(), False
        self._before: list | None = None

    def update(self, pair: FramePair) -> None:
        """Take the next pair."""
        pictures = [sight.pixels for sight in pair.sights]
        regions = {"whole": None, "person": pair.person}
        scales = min(pictures[0].shape[:2]) >= SMALLEST_MS_SSIM
        alike = structural_regions(*pictures, regions) if scales else {}
        for region, where in regions.items():
            self.series.add("psnr", region, psnr_frame(*pictures, where))
            ssim, ms_ssim = alike.get(region) or (ssim_frame(*pictures, where), None)
            self.series.add("ssim", region, ssim)
            if scales:
                self.series.add("ms_ssim", region, ms_ssim)
        self._compare(pair)
        real = pair.truth.once("edges", lambda: edge_energy(pair.truth.pixels, pair.person))
        self.series.add("sharpness", "person", sharpness(edge_energy(pair.output.pixels, pair.person), real))

    def _compare(self, pair: FramePair) -> None:
        """What the network sees, beside the truth and beside the frame before."""
        before, self._before = (
            self._before,
            [sight.once("perceptual", lambda s=sight: self._see(s)) for sight in pair.sights],
        )
        person = reduced(pair.person.astype(np.float32), PERCEPTUAL_SIDE) > 0.5
        for region, mask in {"whole": None, "person": person[None]}.items():
            self.series.add(self.network.name, region, float(self.network.distance(*self._before, mask)))
            moved = None
            if before is not None:
                moved = temporal.t_lp_pair(
                    *(
                        sight.once(
                            ("tLP", region), lambda a=a, b=b, mask=mask: float(self.network.distance(a, b, mask))
                        )
                        for sight, a, b in zip(pair.sights, before, self._before)
                    )
                )
            self.series.add("t_lp", region, moved)

    def _see(self, sight: Sight) -> list[torch.Tensor]:
        small = reduced(sight.pixels, PERCEPTUAL_SIDE)
        self.scaled |= small.shape != sight.pixels.shape
        return self.network.features(small[None])

    def finish(self, row: Row) -> None:
        """Hand the series over."""
        self.series.into(row)
        if self.network.name != "lpips_alex":
            row.notes.append("ST-LPIPS (alex) stands in for LPIPS, whose published weights are not on this machine.")
        if self.scaled:
            row.notes.append(f"Perceptual distances are of frames scaled to {PERCEPTUAL_SIDE} pixels.")


class PooledMeter:
    """Distance of the two clips as sets of pictures: Frechet and kernel distance, whole frames and person.

    Args:
        device: Where the network runs.
        seed: Of what is sampled.
    """

    def __init__(self, device: str, seed: int):
        self.pools = {region: FeatureDistance(device=device, seed=seed) for region in ("whole", "person")}
        self._seen: dict[str, list[int]] = {region: [] for region in self.pools}
        self._frames = 0

    def update(self, pair: FramePair) -> None:
        """Take the next pair."""
        for region, pool in self.pools.items():
            if region == "person" and pair.square is None:
                continue
            self._seen[region].append(self._frames)
            for real, sight in zip((False, True), pair.sights):
                pool.take(
                    sight.once(("pooled", region), lambda p=pool, s=sight, r=region: _pooled(p, s, r, pair)), real
                )
        self._frames += 1

    def finish(self, row: Row) -> None:
        """Hand over the distances, with N, what each frame adds, and the floor of real against real."""
        for region, pool in self.pools.items():
            found = pool.compute()
            if found is None:
                continue
            names = (pool.fd_name, pool.kd_name)
            for name, value, floor in zip(names, (found.fd, found.kd), (found.floor_fd, found.floor_kd)):
                row.values.setdefault(name, {})[region] = Interval(value, n=found.n)
                if floor is not None:
                    row.floors[f"{name}/{region}"] = floor
            for name, added in zip(names, (found.by_frame_fd, found.by_frame_kd)):
                series: list[float | None] = [None] * self._frames
                for number, value in zip(found.frames, added):
                    series[self._seen[region][number]] = float(value)
                row.series.setdefault(name, {})[region] = series


def _pooled(pool: FeatureDistance, sight: Sight, region: str, pair: FramePair) -> torch.Tensor:
    """What the network of a pool sees in a frame, or in the square around the person in it: (1, F) float64."""
    picture = sight.pixels if region == "whole" else cut_square(sight.pixels, pair.square)
    return pool.features(picture[None])


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

"""Meters: each takes what it needs of every pair of frames, and says at the end what it found.

A meter computes what is dear once a frame, features or flow, and every metric that rests on it from that.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

import numpy as np

from eval.metrics import temporal
from eval.metrics.distribution import FeatureDistance
from eval.metrics.identity import FaceDistance
from eval.metrics.perceptual import load_perceptual
from eval.metrics.performance import joint_error, lag, pck
from eval.metrics.picture import ms_ssim_frame, psnr_frame, ssim_frame
from eval.results import Interval, Row
from perfclone.pose import PoseSequence

#: Warp errors are small: the report shows them times this.
WARP_SCALE = 1e4
#: Faces are compared in at most this many frames, evenly spaced: it takes a third of a second each.
FACE_FRAMES = 60
#: MS-SSIM halves the picture four times under a window of 11 pixels.
MS_SSIM_SIDE = 176


class Look(NamedTuple):
    """One moment of both videos.

    Attributes:
        output: (H, W, 3) uint8 RGB.
        truth: (H, W, 3) uint8 RGB.
        person: (H, W) bool, where the person of the truth is.
        background: (H, W) bool, where nobody is in either, with a margin.
        crops: The square around the truth's person in both, (256, 256, 3) uint8 each; None where nobody is.
    """

    output: np.ndarray
    truth: np.ndarray
    person: np.ndarray
    background: np.ndarray
    crops: tuple[np.ndarray, np.ndarray] | None


class Meter(Protocol):
    """What every meter does."""

    def update(self, look: Look) -> None:
        """Take the next moment."""

    def finish(self, row: Row) -> None:
        """Write what was found into a row: series, values of what is pooled, floors and notes."""


@dataclass
class Series:
    """Values frame by frame: metric -> region -> list, None where a frame has none."""

    found: dict[str, dict[str, list[float | None]]] = field(default_factory=lambda: defaultdict(dict))

    def add(self, metric: str, region: str, value: float | None) -> None:
        """Append the value of the next frame."""
        self.found[metric].setdefault(region, []).append(value)

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
        self._before: dict[str, tuple | None] = {"whole": None, "person": None}

    def update(self, look: Look) -> None:
        """Take the next moment."""
        output, truth, person, add = look.output, look.truth, look.person, self.series.add
        self._perceive("whole", (output, truth))
        self._perceive("person", look.crops)
        add("psnr", "whole", psnr_frame(output, truth))
        add("psnr", "person", psnr_frame(output, truth, person) if person.any() else None)
        add("ssim", "whole", ssim_frame(output, truth))
        add("ssim", "person", ssim_frame(output, truth, person) if person.any() else None)
        if min(output.shape[:2]) >= MS_SSIM_SIDE:
            add("ms_ssim", "whole", ms_ssim_frame(output, truth))
        add("ms_ssim", "person", ms_ssim_frame(*look.crops) if look.crops else None)

    def _perceive(self, region: str, pair: tuple[np.ndarray, np.ndarray] | None) -> None:
        """The distance of a pair of frames, and how differently each moved on from its own last frame."""
        before, self._before[region] = self._before[region], None
        distance = change = None
        if pair is not None:
            y, x = self._before[region] = tuple(self.network.features(frame[None]) for frame in pair)
            distance = float(self.network.distance(y, x))
            if before is not None:
                steps = [float(self.network.distance(last, now)) for last, now in zip(before, (y, x))]
                change = 100 * abs(steps[0] - steps[1])
        self.series.add(self.network.name, region, distance)
        self.series.add("t_lp", region, change)

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
        self._before: Look | None = None

    def update(self, look: Look) -> None:
        """Take the next moment."""
        before, self._before = self._before, look
        regions = {"whole": None, "person": look.person if before is None else before.person}
        flows = [None, None]
        if before is not None:
            flows = [self._flows(getattr(before, name), getattr(look, name)) for name in ("output", "truth")]
        for name, series, flow in (("output", self.series, flows[0]), ("truth", self.floor, flows[1])):
            for region, where in regions.items():
                self._steadiness(series, name, region, where, before, look, flow)
        for region, where in regions.items():
            value = None
            if before is not None and (where is None or where.any()):
                value = temporal.t_of_pair(flows[1][0], flows[0][0], where)
            self.series.add("t_of", region, value)

    @staticmethod
    def _flows(here: np.ndarray, there: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return temporal.optical_flow(here, there), temporal.optical_flow(there, here)

    def _steadiness(self, series, name, region, where, before, look, flow) -> None:
        values = dict.fromkeys(("warp_error", "temporal_flickering", "background_change"))
        if before is not None and (where is None or where.any()):
            here, there = getattr(before, name), getattr(look, name)
            values["warp_error"] = WARP_SCALE * temporal.warp_error_pair(here, there, *flow, where)
            values["temporal_flickering"] = temporal.flickering_pair(here, there, where)
            still = before.background & look.background
            if still.any():
                values["background_change"] = temporal.background_change_pair(here, there, still)
        series.add("warp_error", region, values["warp_error"])
        if self.still:
            series.add("temporal_flickering", region, values["temporal_flickering"])
            if region == "whole":
                series.add("background_change", region, values["background_change"])

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

    def update(self, look: Look) -> None:
        """Take the next moment."""
        self._waiting["whole"].append((look.output, look.truth))
        if look.crops:
            self._waiting["person"].append(look.crops)
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
        frames: How many moments there will be.
    """

    def __init__(self, frames: int):
        self.distance, self.series = FaceDistance(), Series()
        self._every, self._t = max(1, frames // FACE_FRAMES), -1

    @staticmethod
    def available() -> bool:
        """Whether the optional packages are installed."""
        return FaceDistance.available()

    def update(self, look: Look) -> None:
        """Take the next moment."""
        self._t += 1
        wanted = look.crops is not None and self._t % self._every == 0
        self.series.add("face_distance", "person", self.distance.distance(*look.crops) if wanted else None)

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
    arguments = (found.keypoints, found.scores, wanted.keypoints, wanted.scores)
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

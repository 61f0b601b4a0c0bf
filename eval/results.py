"""What an evaluation found, in the shape that `report.json` has: plain numbers, so that anybody can read it.

A report has one row a method and clip. A row holds, for each metric and region, the mean with its interval, and the
series of the values frame by frame from which it was made.
"""

from __future__ import annotations

import dataclasses
import json
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from perfclone.errors import UserError
from perfclone.files.writing import write_text

FORMAT, REPORT = 1, "report.json"
Kind = Literal["score", "actor", "benchmark"]
Region = Literal["whole", "person", "face", "hands"]
#: Region -> its name in tables and sentences.
REGIONS: dict[str, str] = {"whole": "whole frame", "person": "person region", "face": "face", "hands": "hands"}


@dataclass(frozen=True)
class Metric:
    """What a reader must know of a metric.

    Attributes:
        title: As the table's head has it.
        unit: Such as "dB"; empty where there is none.
        better: Which direction is better; "none" for what is only described.
        digits: Decimal places worth showing.
        source: Where the definition comes from.
        most: The largest value it can have, where there is one; the least is 0 of all whose better direction is lower
            but of those that are pooled.
        pooled: Whether it is of the clip as a whole: its series are what each frame adds, and are neither plotted nor
            fitted with a drift.
        least: The smallest value of one whose better direction is higher, where there is one.
    """

    title: str
    unit: str
    better: Literal["lower", "higher", "none"]
    digits: int
    source: str
    most: float | None = None
    pooled: bool = False
    least: float | None = None


#: Every metric that a report may hold, by the name that `report.json` and the model card use.
METRICS: dict[str, Metric] = {
    "lpips_alex": Metric("LPIPS (alex)", "", "lower", 4, "Zhang et al., CVPR 2018"),
    "st_lpips_alex": Metric("ST-LPIPS (alex)", "", "lower", 4, "Ghildyal and Liu, ECCV 2022"),
    "psnr": Metric("PSNR", "dB", "higher", 2, "-10 log10 MSE in floating point"),
    "ssim": Metric("SSIM", "", "higher", 4, "Wang et al., TIP 2004", 1.0),
    "ms_ssim": Metric("MS-SSIM", "", "higher", 4, "Wang et al., Asilomar 2003", 1.0),
    "sharpness": Metric(
        "Sharpness", "of the real", "higher", 3, "energy of the Laplacian of Gaussian", 1.0, least=0.0
    ),
    "found_again": Metric(
        "Found again", "of the frames", "higher", 3, "MediaPipe's face mesh and hands", 1.0, least=0.0
    ),
    "point_error": Metric("Points", "of its size", "lower", 3, "MediaPipe's 468 points a face, 21 a hand"),
    "fid": Metric("FID", "", "lower", 2, "Heusel et al., NeurIPS 2017; Inception v3", pooled=True),
    "kid": Metric("KID x 1000", "", "lower", 3, "Binkowski et al., ICLR 2018; Inception v3", pooled=True),
    "fd_efficientnet_lite0": Metric(
        "FD (EfficientNet-Lite0)", "", "lower", 3, "FID's formula, other features", pooled=True
    ),
    "kd_efficientnet_lite0": Metric(
        "KD x 1000 (EfficientNet-Lite0)", "", "lower", 3, "KID's formula, other features", pooled=True
    ),
    "warp_error": Metric("Warp error x 10^4", "", "lower", 3, "Lai et al., ECCV 2018"),
    "moves": Metric(
        "Moves where the real one does", "of the frames", "higher", 3, "docs/evaluation.md", 1.0, least=0.0
    ),
    "jumps": Metric("Jumps", "of 100 frames", "lower", 2, "docs/evaluation.md"),
    "temporal_flickering": Metric("Temporal flickering", "", "higher", 4, "VBench, CVPR 2024; static shots only", 1.0),
    "t_of": Metric("tOF", "px", "lower", 4, "Chu et al. (TecoGAN), TOG 2020"),
    "t_lp": Metric("tLP", "", "lower", 4, "Chu et al. (TecoGAN), TOG 2020"),
    "background_change": Metric("Background change", "8-bit levels", "lower", 3, "docs/evaluation.md"),
    "pck_0.1": Metric("PCK @ 0.1 torso", "", "higher", 4, "Yang and Ramanan, TPAMI 2013", 1.0),
    "pck_0.2": Metric("PCK @ 0.2 torso", "", "higher", 4, "Yang and Ramanan, TPAMI 2013", 1.0),
    "joint_error": Metric("Joint error", "torso lengths", "lower", 4, "mean distance of joints seen in both"),
    "lag": Metric("Lag", "frames", "none", 0, "shift with the least joint error"),
    "face_distance": Metric("Face distance", "", "lower", 3, "dlib's face descriptors; same person below 0.6"),
}


@dataclass(frozen=True)
class Interval:
    """A mean with its bootstrap interval of 95 %, and the number of values behind it.

    ``low`` and ``high`` are None where there is none, as for the lag.
    """

    mean: float
    low: float | None = None
    high: float | None = None
    n: int = 1

    def within(self, metric: Metric) -> Interval:
        """The same interval without the part that no value of the metric can reach."""
        least = 0.0 if metric.better == "lower" and not metric.pooled else -math.inf
        least = least if metric.least is None else metric.least
        most = math.inf if metric.most is None else metric.most
        bounds = {
            name: min(max(value, least), most)
            for name in ("low", "high")
            if (value := getattr(self, name)) is not None
        }
        return dataclasses.replace(self, **bounds)


@dataclass(frozen=True)
class Slope:
    """How a metric drifts: change a minute with its interval of 95 %; none where 0 lies inside."""

    per_minute: float
    low: float
    high: float

    @property
    def drifts(self) -> bool:
        """Whether the interval leaves 0 out."""
        return not self.low <= 0 <= self.high


#: Region -> what was found there.
ByRegion = dict[str, Interval]


@dataclass
class Row:
    """One method on one clip.

    Attributes:
        method: Such as "perfclone", "nearest", "pix2pix" or "real" (the floors of the real video itself).
        clip: Name of the clip.
        frames: Frames scored.
        fps: Of the clip.
        values: Metric -> region -> mean with interval.
        drift: Metric -> region -> slope.
        series: Metric -> region -> value of each frame; None where a frame has none, such as the first of a pair.
        floors: "metric/region" -> what the real video has of it, where that is known.
        notes: Sentences that belong beside the numbers, such as "ST-LPIPS stands in for LPIPS: ...".
        files: What was written for people, by kind ("sheet", "worst", "video"), relative to the report's folder.
    """

    method: str
    clip: str
    frames: int
    fps: float
    values: dict[str, ByRegion] = field(default_factory=dict)
    drift: dict[str, dict[str, Slope]] = field(default_factory=dict)
    series: dict[str, dict[str, list[float | None]]] = field(default_factory=dict)
    floors: dict[str, float] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    files: dict[str, str] = field(default_factory=dict)


@dataclass
class Report:
    """A whole evaluation.

    Attributes:
        kind: Which command made it.
        settings: What was compared and how; enough to run it again.
        seed: Of everything random.
        rows: The findings.
        poses: How well P itself did against known joints (benchmark only), as ``eval.suite.detection`` tells it.
        cost: Seconds a frame of each stage, training minutes and, given prices, money.
        versions: Package -> version.
        machine: Processor, threads, accelerator; differs from run to run.
        times: Seconds of the stages of this evaluation; differs from run to run.
    """

    kind: Kind
    settings: dict[str, Any]
    seed: int = 0
    rows: list[Row] = field(default_factory=list)
    poses: dict[str, Any] = field(default_factory=dict)
    cost: dict[str, Any] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    machine: dict[str, Any] = field(default_factory=dict)
    times: dict[str, float] = field(default_factory=dict)

    def save(self, folder: Path) -> Path:
        """Write ``report.json`` into a folder; beside, then renamed. Infinity is written as "inf", NaN as null."""
        text = json.dumps(_plain({"format": FORMAT, **dataclasses.asdict(self)}), indent=1, allow_nan=False)
        return write_text(folder / REPORT, text + "\n")

    @classmethod
    def load(cls, folder: Path) -> Report:
        """Read ``report.json`` of a folder (or that file itself).

        Raises:
            FileNotFoundError: There is none.
            UserError: It is not a report of this version.
        """
        path = folder / REPORT if folder.is_dir() else folder
        if not path.is_file():
            raise FileNotFoundError(f"There is no report at {path}; make one with `python -m perfclone eval score`.")
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
            if values.pop("format") != FORMAT:
                raise ValueError("another format")
            rows = [_row(_numbers(row)) for row in values.pop("rows")]
            return cls(**values, rows=rows)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise UserError(f"{path} is not a report of this version ({error}); make it anew.") from error


def _row(values: dict) -> Row:
    nested = {
        "values": {m: {r: Interval(**v) for r, v in by.items()} for m, by in values.pop("values").items()},
        "drift": {m: {r: Slope(**v) for r, v in by.items()} for m, by in values.pop("drift").items()},
    }
    return Row(**values, **nested)


def _plain(value: Any) -> Any:
    """The same, made of what JSON has; floats to ten significant digits, so that they read the same everywhere."""
    if isinstance(value, dict):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, float):
        return float(f"{value:.10g}") if math.isfinite(value) else None if math.isnan(value) else str(value)
    return value


def _numbers(value: Any) -> Any:
    """The same with "inf" and "-inf" as numbers again."""
    if isinstance(value, dict):
        return {key: _numbers(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_numbers(each) for each in value]
    return float(value) if value in ("inf", "-inf") else value

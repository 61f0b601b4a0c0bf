"""What stands in a report, before any markup: the sections that the page and the Markdown file share."""

from __future__ import annotations

import json
from typing import Any

from ..results import REGIONS, Report, Row
from .cost import Cost
from .table import Cell, Table, by_clip, competitors, in_order, metric_label, number
from .words import drift_numbers, meanings

TITLES = {
    "score": "How close is this video to the truth?",
    "actor": "How good is this actor?",
    "benchmark": "How good is this method?",
}
LEGEND = (
    "↓ lower is better, ↑ higher is better. In brackets: bootstrap interval of 95 % over blocks of frames. Bold: the"
    " best method of the clip, as shown; whether that is more than chance, the sentences at the top say. Real video:"
    " what the truth itself has, the floor. N: values behind the mean."
)


#: What is told of a group of joints, and its heading.
_JOINTS = {"pck_0.1": "PCK @ 0.1 torso", "pck_0.2": "PCK @ 0.2 torso", "median_error": "Median error, torso lengths"}


def title(report: Report) -> str:
    """The report's title."""
    return TITLES.get(report.kind, "Evaluation")


def about(rows: list[Row]) -> str:
    """Frames and rate of a clip."""
    counts = sorted({row.frames for row in rows})
    frames = f"{counts[0]}–{counts[-1]}" if len(counts) > 1 else str(counts[0])
    rates = ", ".join(dict.fromkeys(f"{row.fps:g}" for row in rows))
    return f"{frames} frames at {rates} frames a second."


def drift_table(rows: list[Row]) -> Table | None:
    """Slopes of a clip's methods: a row a metric and region."""
    methods = competitors(rows)
    lines = []
    for name in in_order(name for row in methods for name in row.drift):
        for region in REGIONS:
            slopes = [row.drift.get(name, {}).get(region) for row in methods]
            if any(slopes):
                told = (
                    Cell(drift_numbers(name, slope) if slope else "–", bool(slope and slope.drifts))
                    for slope in slopes
                )
                lines.append((Cell(f"{metric_label(name)} ({region})"), *told))
    head = ("Drift", *(row.method for row in methods))
    return Table("Drift", head, tuple(lines)) if lines else None


def poses_table(report: Report) -> Table | None:
    """How well P found the joints whose true places are known, group by group; None where none are."""
    if not report.poses:
        return None
    found = report.poses
    title = f"{found['extractor']} saw the person in {found['found']:.1%} of {found['frames']} frames."
    lines = [
        (Cell(group), *(Cell(number(values[name], 4)) for name in _JOINTS), Cell(str(values["joints"])))
        for group, values in found["groups"].items()
    ]
    return Table(title, ("Joints", *_JOINTS.values(), "N"), tuple(lines))


def cost_of(report: Report) -> Cost | None:
    """The report's cost, where there is one."""
    return Cost.from_dict(report.cost) if report.cost else None


def stages_table(cost: Cost) -> Table | None:
    """Seconds of each stage."""
    if not cost.stages:
        return None
    lines = [(name, seconds) for name, seconds in cost.stages.items()] + [("All", cost.seconds_per_frame)]
    body = tuple(
        (Cell(name), Cell(f"{seconds:.4f}"), Cell(f"{seconds * cost.fps * 60:.1f}")) for name, seconds in lines
    )
    return Table("", ("Stage", "Seconds a frame", "Seconds a minute of output"), body)


def meanings_table(report: Report) -> Table:
    """The definition of every metric that the report holds, with its source."""
    body = tuple(tuple(Cell(text) for text in line) for line in meanings(report))
    return Table("", ("Metric", "Meaning", "Direction", "Source"), body)


def circumstances(report: Report) -> list[Table]:
    """Settings, versions, machine and times."""
    parts = {
        "Settings": {**report.settings, "seed": report.seed},
        "Versions": report.versions,
        "Machine": report.machine,
        "Seconds of this evaluation": report.times,
    }
    return [
        Table(name, ("Name", "Value"), tuple((Cell(str(key)), Cell(_plain(value))) for key, value in values.items()))
        for name, values in parts.items()
        if values
    ]


def clips(report: Report) -> dict[str, list[Row]]:
    """Clip -> rows, for clips in which a method was scored."""
    return {clip: rows for clip, rows in by_clip(report).items() if competitors(rows)}


def _plain(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True, default=str)

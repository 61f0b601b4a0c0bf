"""Per-frame plots of every metric with the fitted drift, as SVG to be laid into a page.

Text and axes take the page's own text colour, so that a plot reads in light and in dark. The same report gives the
same bytes: no dates, and ids that depend on nothing but the plot.
"""

from __future__ import annotations

import io
import math
import re
from dataclasses import dataclass

import numpy as np

from ..results import REGIONS, Row, Slope
from .table import competitors, in_order, metric, metric_label
from .words import drift_sentence

#: Colours of the methods, readable on white and on near black.
COLOURS = ("#2f81b7", "#d9772b", "#3f9b63", "#b65fb0", "#a58a1f", "#c94f5d")
#: A plot has no more points than this a line; longer series are averaged in runs of frames.
POINTS = 300
#: Stands for the page's text colour until the SVG is done.
_INK = "#010203"


@dataclass(frozen=True)
class Plot:
    """A picture of one metric over one clip.

    Attributes:
        title: The metric.
        svg: An ``<svg>`` element.
        sentences: What each line's drift is, method by method.
    """

    title: str
    svg: str
    sentences: tuple[str, ...]


def plots(rows: list[Row], salt: str = "") -> list[Plot]:
    """One plot for each metric with a series in any row of a clip; the methods overlaid, one panel a region.

    Args:
        rows: Of one clip.
        salt: Makes the ids of the SVGs unlike those of other clips on the page.
    """
    methods = competitors(rows)
    names = in_order(name for row in methods for name in row.series if not metric(name).pooled)
    return [_plot(name, methods, f"{salt}{place}") for place, name in enumerate(names)]


def _plot(name: str, rows: list[Row], salt: str) -> Plot:
    regions = [region for region in REGIONS if any(region in row.series.get(name, {}) for row in rows)]
    svg = _draw(name, rows, regions, salt)
    told = [
        f"{row.method}, {REGIONS[region]}: {drift_sentence(name, slope)}"
        for region in regions
        for row in rows
        if (slope := row.drift.get(name, {}).get(region))
    ]
    return Plot(metric_label(name), svg, tuple(told))


def _draw(name: str, rows: list[Row], regions: list[str], salt: str) -> str:
    import matplotlib
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

    style = {
        "svg.hashsalt": f"perfclone {salt}", "svg.fonttype": "none", "font.family": "sans-serif", "font.size": 8.5,
        "text.color": _INK, "axes.edgecolor": _INK, "axes.labelcolor": _INK, "xtick.color": _INK, "ytick.color": _INK,
        "axes.linewidth": 0.6, "axes.spines.top": False, "axes.spines.right": False, "path.simplify": False,
        "text.parse_math": False,
    }  # fmt: skip
    with matplotlib.rc_context(style):
        figure = Figure(figsize=(8.4, 2.0), layout="constrained")
        axes = figure.subplots(1, len(regions), squeeze=False)[0]
        for axis, region in zip(axes, regions):
            for row, colour in zip(rows, _cycle(len(rows))):
                if region in row.series.get(name, {}):
                    _line(axis, row, name, region, colour)
            axis.set_title(REGIONS[region], fontsize=8.5, loc="left")
            axis.set_xlabel("seconds")
            axis.grid(axis="y", color=_INK, alpha=0.15, linewidth=0.5)
        if len(rows) > 1:
            keys = [Line2D([], [], color=colour, label=row.method) for row, colour in zip(rows, _cycle(len(rows)))]
            axes[-1].legend(handles=keys, frameon=False, fontsize=8, loc="upper left", bbox_to_anchor=(1.0, 1.0))
        drawn = io.StringIO()
        FigureCanvasSVG(figure).print_svg(drawn, metadata=dict.fromkeys(("Creator", "Date", "Format", "Type")))
    return _for_a_page(drawn.getvalue(), salt)


def _line(axis, row: Row, name: str, region: str, colour: str) -> None:
    """The series of a row, gaps left open, and the line that was fitted to it."""
    times, values = _thin(row.series[name][region], row.fps)
    mark = "." if np.isfinite(values).sum() < 3 or not np.isfinite(values[1:] + values[:-1]).any() else None
    axis.plot(times, values, color=colour, linewidth=0.9, label=row.method, alpha=0.9, marker=mark)
    slope = row.drift.get(name, {}).get(region)
    if slope is not None and np.isfinite(values).any():
        axis.plot(*_fitted(times, values, slope), color=colour, linewidth=1.1, linestyle=(0, (5, 3)))


def _fitted(times: np.ndarray, values: np.ndarray, slope: Slope) -> tuple[np.ndarray, np.ndarray]:
    """The drift as a line through the middle of the values."""
    there = np.isfinite(values)
    ends = times[there][[0, -1]]
    return ends, values[there].mean() + slope.per_minute * (ends - times[there].mean()) / 60


def _thin(series: list[float | None], fps: float) -> tuple[np.ndarray, np.ndarray]:
    """Seconds and values, averaged in runs of frames where there are too many; what is not finite becomes a gap."""
    values = np.array([math.nan if value is None or not math.isfinite(value) else value for value in series], float)
    times = np.arange(len(values)) / (fps or 25.0)
    run = -(-len(values) // POINTS)
    if run <= 1:
        return times, values
    edges = range(0, len(values), run)
    parts = [values[i : i + run] for i in edges]
    means = [part[np.isfinite(part)].mean() if np.isfinite(part).any() else math.nan for part in parts]
    return np.array([times[i : i + run].mean() for i in edges]), np.array(means)


def _cycle(count: int) -> list[str]:
    return [COLOURS[i % len(COLOURS)] for i in range(count)]


def _for_a_page(svg: str, salt: str) -> str:
    """An SVG file as an element of a page: no prologue, no namespaces, ids of its own, the page's colour."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r'\sxmlns(:\w+)?="[^"]*"', "", svg)
    svg = re.sub(r'\b(id="|xlink:href="#|url\(#)', rf"\1plot{salt}-", svg).replace("xlink:href", "href")
    svg = re.sub(r'(<svg[^>]*?) width="[^"]*"', r"\1", re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", svg))
    # matplotlib paints a white page and axes behind everything
    svg = re.sub(r'style="fill: #ffffff[^"]*"', 'style="fill: none"', svg)
    return svg.replace(_INK, "currentColor").strip()

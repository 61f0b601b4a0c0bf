"""Tables of a report: metrics down, methods across, one table a clip and region, as Markdown and as plain cells."""

from __future__ import annotations

import html
import math
import re
from collections.abc import Iterable
from dataclasses import dataclass

from ..results import METRICS, REGIONS, Interval, Metric, Report, Row

REAL = "real"
ARROWS = {"lower": "↓", "higher": "↑", "none": ""}
MISSING = "–"


@dataclass(frozen=True)
class Cell:
    """What stands in one place of a table.

    Attributes:
        text: Plain text, not escaped.
        best: Whether it is the best of its clip.
    """

    text: str
    best: bool = False


@dataclass(frozen=True)
class Table:
    """A table, ready to be written in any markup.

    Attributes:
        title: What it shows, such as the region.
        head: Column heads.
        rows: As many cells each as there are heads; the first is the row's own head.
    """

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]


def number(value: float | None, digits: int) -> str:
    """A number with so many decimal places; ∞ for infinity, – where there is none."""
    if value is None or math.isnan(value):
        return MISSING
    if math.isinf(value):
        return "∞" if value > 0 else "-∞"
    return f"{round(value, digits) + 0.0:.{digits}f}"  # + 0.0 turns -0.0 into 0.0


def interval_text(interval: Interval | None, digits: int) -> str:
    """A mean with its interval, as in "0.065 [0.061, 0.070]"; the mean alone where it has none."""
    if interval is None:
        return MISSING
    mean = number(interval.mean, digits)
    if interval.low is None or interval.high is None or mean == MISSING:
        return mean
    return f"{mean} [{number(interval.low, digits)}, {number(interval.high, digits)}]"


def metric(name: str) -> Metric:
    """What is known of a metric; its bare name where nothing is."""
    return METRICS.get(name) or Metric(name, "", "none", 4, "not described")


def metric_label(name: str) -> str:
    """Title, unit and better direction, as in "PSNR, dB ↑"."""
    known = metric(name)
    unit = f", {known.unit}" if known.unit else ""
    return f"{known.title}{unit} {ARROWS[known.better]}".strip()


def in_order(names: Iterable[str]) -> list[str]:
    """Metrics in the order of :data:`eval.results.METRICS`, unknown ones last by name."""
    places = {name: place for place, name in enumerate(METRICS)}
    return sorted(set(names), key=lambda name: (places.get(name, len(places)), name))


def by_clip(report: Report) -> dict[str, list[Row]]:
    """Clip -> its rows, both in the order in which they come."""
    clips: dict[str, list[Row]] = {}
    for row in report.rows:
        clips.setdefault(row.clip, []).append(row)
    return clips


def competitors(rows: list[Row]) -> list[Row]:
    """The rows of methods; that of the real video itself is no competitor."""
    return [row for row in rows if row.method != REAL]


def floor(rows: list[Row], name: str, region: str) -> float | None:
    """What the real video of a clip has of a metric: its own row's mean, else what a method's row says of it.

    ``Row.floors`` is asked for "metric/region" and, for the whole frame, for the metric alone.
    """
    for row in rows:
        if row.method == REAL and (found := row.values.get(name, {}).get(region)):
            return found.mean
    keys = (f"{name}/{region}", name) if region == "whole" else (f"{name}/{region}",)
    return next((row.floors[key] for key in keys for row in rows if key in row.floors), None)


def best_of(name: str, found: list[Interval | None]) -> set[int]:
    """Which of the methods' values are the best as shown; none where there is nothing to choose from."""
    known = metric(name)
    means = {i: each.mean for i, each in enumerate(found) if each is not None and not math.isnan(each.mean)}
    if len(means) < 2 or known.better == "none":
        return set()
    best = (min if known.better == "lower" else max)(means.values())
    chosen = {i for i, mean in means.items() if number(mean, known.digits) == number(best, known.digits)}
    return chosen if len(chosen) < len(means) else set()


def clip_tables(rows: list[Row]) -> list[Table]:
    """The tables of one clip: one for each region of which there is anything."""
    tables = [_table(rows, region, title) for region, title in REGIONS.items()]
    return [table for table in tables if table is not None]


def overview(report: Report) -> list[Table]:
    """The mean over clips of every method's means, where there are several clips; the best in bold."""
    clips = by_clip(report)
    methods = list(dict.fromkeys(row.method for row in report.rows))
    if len(clips) < 2 or len(report.rows) != len(clips) * len(methods):
        return []
    pooled = [_mean_row([row for row in report.rows if row.method == method]) for method in methods]
    for row in pooled:
        row.floors = _mean_floors(clips.values())
    return clip_tables(pooled)


def _mean_row(rows: list[Row]) -> Row:
    """One row that stands for all the clips of a method; only what every clip has."""
    pooled = Row(rows[0].method, "", sum(row.frames for row in rows), rows[0].fps)
    for name in rows[0].values:
        for region in REGIONS:
            found = [row.values.get(name, {}).get(region) for row in rows]
            if all(found):
                mean = sum(each.mean for each in found) / len(found)
                pooled.values.setdefault(name, {})[region] = Interval(mean, n=len(found))
    return pooled


def _mean_floors(clips: Iterable[list[Row]]) -> dict[str, float]:
    clips = list(clips)
    names = {name for rows in clips for row in rows for name in row.values}
    floors = {}
    for name in names:
        for region in REGIONS:
            found = [floor(rows, name, region) for rows in clips]
            if None not in found:
                floors[f"{name}/{region}"] = sum(found) / len(found)
    return floors


def _table(rows: list[Row], region: str, title: str) -> Table | None:
    methods = competitors(rows)
    names = in_order(name for row in rows for name, by_region in row.values.items() if region in by_region)
    if not names or not methods:
        return None
    body = [_line(name, region, methods, floor(rows, name, region)) for name in names]
    return Table(title.capitalize(), ("Metric", *(row.method for row in methods), "Real video", "N"), tuple(body))


def _line(name: str, region: str, methods: list[Row], real: float | None) -> tuple[Cell, ...]:
    digits = metric(name).digits
    found = [row.values.get(name, {}).get(region) for row in methods]
    best = best_of(name, found)
    counts = sorted({each.n for each in found if each is not None})
    n = f"{counts[0]}–{counts[-1]}" if len(counts) > 1 else str(*counts)
    cells = (Cell(interval_text(each, digits), i in best) for i, each in enumerate(found))
    return Cell(metric_label(name)), *cells, Cell(number(real, digits)), Cell(n or MISSING)


def escape_markdown(text: str) -> str:
    """Plain text that Markdown shows as it stands, on one line, in a table too."""
    text = html.escape(" ".join(str(text).split()), quote=False)
    return re.sub(r"([\\`*_|#~]|(?<=\])[(\[])", r"\\\1", text)


def table_markdown(table: Table) -> str:
    """A table in Markdown; what is best in bold."""
    rules = ["---"] + ["---:"] * (len(table.head) - 1)
    lines = [[escape_markdown(text) for text in table.head], rules]
    lines += [[_cell_markdown(cell) for cell in row] for row in table.rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell_markdown(cell: Cell) -> str:
    mean, interval = _parts(cell.text)
    mean = escape_markdown(mean)
    return f"{f'**{mean}**' if cell.best else mean}{interval}"


def _parts(text: str) -> tuple[str, str]:
    """A mean, and " [low, high]" where that follows; any other text whole."""
    found = re.fullmatch(r"(\S+)( \[[-.\d∞–]+, [-.\d∞–]+\])", text)
    return found.groups() if found else (text, "")


def table_html(table: Table) -> str:
    """A table in HTML; what is best in bold. Everything is escaped."""
    head = "".join(f'<th scope="col">{html.escape(text)}</th>' for text in table.head)
    body = "".join(f"<tr>{''.join(_cell_html(i, cell) for i, cell in enumerate(row))}</tr>" for row in table.rows)
    caption = f"<caption>{html.escape(table.title)}</caption>" if table.title else ""
    return f"<table>{caption}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _cell_html(place: int, cell: Cell) -> str:
    if not place:
        return f'<th scope="row">{html.escape(cell.text)}</th>'
    mean, interval = map(html.escape, _parts(cell.text))
    mean = f"<strong>{mean}</strong>" if cell.best else mean
    return f"<td>{mean}{f' <small>{interval[1:]}</small>' if interval else ''}</td>"

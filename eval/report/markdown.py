"""`report.md`: the same findings for a terminal, a pull request or a README."""

from __future__ import annotations

from urllib.parse import quote

from ..results import Report, Row
from . import content
from .table import Table, clip_tables, competitors, overview, table_markdown
from .table import escape_markdown as escape
from .words import headline, notes

_KINDS = {"sheet": "Contact sheet", "parts": "Faces and hands", "worst": "Worst frames", "video": "Side by side"}


def markdown(report: Report) -> str:
    """A report in Markdown; everything that comes from it is escaped."""
    parts = [f"# {content.title(report)}", *map(escape, headline(report))]
    pooled = overview(report)
    if pooled:
        count = len(content.clips(report))
        parts += ["## All clips", f"Means over the {count} clips, each clip counting alike; N is the number of clips."]
        parts += _tables(pooled)
    for place, (name, rows) in enumerate(content.clips(report).items()):
        parts += [f"## {escape(name)}", content.about(rows), *_tables(clip_tables(rows))]
        parts += [content.LEGEND] * (not place)
        parts += ["\n".join(f"- {escape(note)}" for note in notes(rows))] * any(row.notes for row in rows)
        parts += _tables([content.drift_table(rows)])
        parts += [_files(row) for row in competitors(rows) if row.files]
    parts += _ends(report)
    return "\n\n".join(parts) + "\n"


def _ends(report: Report) -> list[str]:
    """Poses, cost, meanings and circumstances."""
    parts: list[str] = []
    if poses := content.poses_table(report):
        parts += ["## Pose detection", table_markdown(poses)]
    cost = content.cost_of(report)
    if cost and cost.sentences():
        parts += ["## Cost", *cost.sentences(), *_tables([content.stages_table(cost)])]
    parts += ["## What the metrics mean", table_markdown(content.meanings_table(report)), "## How this was made"]
    return parts + _tables(content.circumstances(report))


def _tables(tables: list[Table | None]) -> list[str]:
    """Titles and tables, one after the other."""
    parts: list[str] = []
    for table in tables:
        if table is not None:
            parts += [f"### {escape(table.title)}"] * bool(table.title) + [table_markdown(table)]
    return parts


def _files(row: Row) -> str:
    """Links to what was written for people."""
    links = (f"[{title}]({quote(row.files[kind])})" for kind, title in _KINDS.items() if kind in row.files)
    return f"{escape(row.method)}: {', '.join(links)}"

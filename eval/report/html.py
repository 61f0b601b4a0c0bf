"""`report.html`: one file that needs nothing from elsewhere; only the side-by-side videos lie beside it."""

from __future__ import annotations

import base64
from functools import cache
from importlib import resources
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import quote

from ..results import Report, Row
from . import content
from .pictures import worst_frames
from .plots import POINTS, plots
from .table import Table, clip_tables, competitors, metric, overview, table_html
from .words import headline, notes

KINDS = {".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".png": "image/png"}
PARTS_CAPTION = "Faces and hands at the same moments, enlarged: output left, truth right."
SHEET_CAPTION = "Evenly spaced moments of the clip."


def page(report: Report, folder: Path) -> str:
    """The page of a report.

    Args:
        report: The findings.
        folder: Where the files lie that its rows name; what is missing there is left out.

    Returns:
        HTML; everything that comes from the report is escaped.
    """
    cost = content.cost_of(report)
    return _template().render(
        title=content.title(report),
        style=resources.files(__package__).joinpath("style.css").read_text(encoding="utf-8"),
        headline=headline(report),
        legend=content.LEGEND,
        sheet_caption=SHEET_CAPTION,
        parts_caption=PARTS_CAPTION,
        overview=[_html(table) for table in overview(report)],
        clips=[_clip(name, rows, place, folder) for place, (name, rows) in enumerate(content.clips(report).items())],
        poses=_html(content.poses_table(report)),
        cost=cost.sentences() if cost else [],
        stages=_html(content.stages_table(cost)) if cost else "",
        meanings=_html(content.meanings_table(report)),
        circumstances=[_html(table) for table in content.circumstances(report)],
    )


def _clip(name: str, rows: list[Row], place: int, folder: Path) -> SimpleNamespace:
    run = -(-max(row.frames for row in rows) // POINTS)
    return SimpleNamespace(
        name=name,
        about=content.about(rows),
        tables=[_html(table) for table in clip_tables(rows)],
        notes=notes(rows),
        plots=plots(rows, salt=f"{place}-"),
        thinned=f" Each point is the mean of {run} frames." if run > 1 else "",
        shows=[show for row in competitors(rows) if (show := _show(row, folder)) is not None],
    )


def _show(row: Row, folder: Path) -> SimpleNamespace | None:
    """The pictures of a row, as far as they are there."""
    sheet, parts, worst = (_embedded(folder, row.files.get(kind)) for kind in ("sheet", "parts", "worst"))
    video = row.files.get("video")
    video = video if _inside(folder, video) is not None else None
    if not (sheet or parts or worst or video):
        return None
    name, frames = worst_frames(row)
    caption = f"The {len(frames)} frames furthest from the truth by {metric(name).title}, the worst first;"
    caption += " output above, truth below."
    return SimpleNamespace(
        method=row.method,
        sheet=sheet,
        parts=parts,
        worst=worst,
        worst_caption=caption,
        video=quote(video) if video else None,
        video_name=video,
    )


def _embedded(folder: Path, name: str | None) -> str | None:
    """A picture as a data: URI."""
    path = _inside(folder, name)
    if path is None or path.suffix.lower() not in KINDS:
        return None
    return f"data:{KINDS[path.suffix.lower()]};base64,{base64.b64encode(path.read_bytes()).decode()}"


def _inside(folder: Path, name: str | None) -> Path | None:
    """A file of the report's folder; None for one that lies elsewhere or is not there."""
    path = (folder / name).resolve() if name else folder
    return path if path.is_file() and path.is_relative_to(folder.resolve()) else None


def _html(table: Table | None) -> str:
    return table_html(table) if table else ""


@cache
def _template():
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader(__package__, ""), autoescape=True, undefined=StrictUndefined, keep_trailing_newline=True
    )
    return environment.get_template("page.html.jinja")

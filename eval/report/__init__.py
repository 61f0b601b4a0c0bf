"""Writing a report for people: `report.json`, `report.md` and a self-contained `report.html`, with pictures."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from perfclone.files.writing import write_text

from ..results import Report

if TYPE_CHECKING:
    from .pictures import Instant

__all__ = ["write_report"]


def write_report(
    report: Report, folder: Path, pictures: Mapping[tuple[str, str], Iterable[Instant]] | None = None
) -> Path:
    """Write a report into a folder, each file beside its place and then renamed.

    Args:
        report: The findings. ``Row.files`` of the rows with pictures is filled in.
        folder: Made if it is not there; what an earlier report left under the same names is replaced.
        pictures: (method, clip) -> every instant of that row, as a stream that is read once; rows without one get
            no pictures, unless their ``files`` name some that lie in the folder already.

    Returns:
        The page, ``report.html``.
    """
    from .html import page
    from .markdown import markdown
    from .pictures import make_pictures

    folder.mkdir(parents=True, exist_ok=True)
    stems: set[str] = set()
    for row in report.rows:
        stem = _stem(row.clip, row.method, stems)
        instants = (pictures or {}).get((row.method, row.clip))
        if instants is not None:
            row.files.update(make_pictures(instants, row, folder, stem))
    report = Report.load(report.save(folder))  # so that whoever renders report.json again gets the same bytes
    write_text(folder / "report.md", markdown(report))
    return write_text(folder / "report.html", page(report, folder))


def _stem(clip: str, method: str, taken: set[str]) -> str:
    """A file name made of a clip and a method, unlike those that are taken."""
    stem = re.sub(r"[^A-Za-z0-9_-]+", "-", f"{clip}-{method}").strip("-")[:80] or "row"
    name, n = stem, 2
    while name in taken:
        name, n = f"{stem}-{n}", n + 1
    taken.add(name)
    return name

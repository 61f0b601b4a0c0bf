"""Two reports of the same clips, metric by metric, with a verdict each, as Markdown."""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

from perfclone.errors import UserError

from ..results import Report, Row
from ..statistics.paired import CEILING, NOT_SHOWN, Difference, differences
from .table import (
    Cell,
    Table,
    by_clip,
    competitors,
    escape_markdown,
    interval_text,
    metric,
    metric_label,
    number,
    table_markdown,
)

#: Settings that say what was measured, as opposed to what made it: two reports must agree in each that either has.
SAME = ("suite", "suite_hash", "hash", "truth", "driving", "reference", "holdout", "person")
_VERDICTS = ("better", "worse", NOT_SHOWN)


def compare(a: Report, b: Report, names: tuple[str, str] = ("A", "B")) -> str:
    """Compare two reports.

    Args:
        a: What b is measured against.
        b: The one that is judged.
        names: What the reports are called.

    Returns:
        Markdown: a sentence, and a table for each clip and pair of methods.

    Raises:
        UserError: They are not about the same clips and settings, or have no method in common.
    """
    require_same(a, b)
    found = [(one, two, differences(one, two, a.seed)) for one, two in pairs(a, b)]
    parts = [f"# {escape_markdown(names[1])} against {escape_markdown(names[0])}", _summary(found)]
    for one, two, changes in found:
        parts += [f"## {escape_markdown(_heading(one, two))}", table_markdown(_table(changes, names))]
    return "\n\n".join([*parts, _legend(a, b, found)]) + "\n"


def require_same(a: Report, b: Report) -> None:
    """Refuse reports that measured different things.

    Raises:
        UserError: They differ in kind, settings, clips, lengths or frame rates; names all of these that do.
    """
    differ = [f"kind ({a.kind} and {b.kind})"] * (a.kind != b.kind)
    ours, theirs = _settled(a), _settled(b)
    differ += [
        f"{name} ({_shown(ours.get(name))} and {_shown(theirs.get(name))})"
        for name in dict.fromkeys([*ours, *theirs])
        if ours.get(name) != theirs.get(name)
    ]
    differ += _clip_differences(by_clip(a), by_clip(b))
    if differ:
        raise UserError(
            f"The reports are not about the same thing: they differ in {', '.join(differ)};"
            " make both with the same clips and settings."
        )


def pairs(a: Report, b: Report) -> list[tuple[Row, Row]]:
    """The rows to compare: of each clip those of the same method, or the only method each report has.

    Raises:
        UserError: No clip has such a pair.
    """
    found = []
    for clip, rows in by_clip(a).items():
        ours, theirs = ({row.method: row for row in competitors(each)} for each in (rows, by_clip(b)[clip]))
        common = [method for method in ours if method in theirs]
        if common:
            found += [(ours[method], theirs[method]) for method in common]
        elif len(ours) == len(theirs) == 1:
            found.append((*ours.values(), *theirs.values()))
    if not found:
        methods = [" and ".join(dict.fromkeys(row.method for row in report.rows)) or "none" for report in (a, b)]
        raise UserError(
            f"The reports have no method in common ({methods[0]} in one, {methods[1]} in the other);"
            " give reports of the same methods, or of one method each."
        )
    return found


def _settled(report: Report) -> dict[str, Any]:
    """The settings in which two reports must agree; what a suite says of itself, such as its hash, one by one."""
    settled: dict[str, Any] = {}
    for name in SAME:
        value = report.settings.get(name)
        settled |= {f"{name} {key}": each for key, each in value.items()} if isinstance(value, dict) else {name: value}
    return {name: value for name, value in settled.items() if value is not None}


def _clip_differences(a: dict[str, list[Row]], b: dict[str, list[Row]]) -> list[str]:
    missing = [f"clip {clip} (only in one)" for clip in [*a, *b] if (clip in a) != (clip in b)]
    for clip in a.keys() & b.keys():
        for what in ("frames", "fps"):
            values = [sorted({getattr(row, what) for row in rows}) for rows in (a[clip], b[clip])]
            if values[0] != values[1]:
                one, two = (", ".join(f"{value:g}" for value in each) for each in values)
                missing.append(f"{what} of clip {clip} ({one} and {two})")
    return sorted(missing)


def _summary(found: list[tuple[Row, Row, list[Difference]]]) -> str:
    """How many verdicts of each kind there are."""
    counts = Counter(each.verdict for *_, changes in found for each in changes)
    told = ", ".join(f"{verdict}: {counts[verdict]}" for verdict in _VERDICTS)
    return f"{told[0].upper()}{told[1:]}, of {sum(counts[verdict] for verdict in _VERDICTS)} judged."


def _table(changes: list[Difference], names: tuple[str, str]) -> Table:
    return Table("", ("Metric", *names, "Difference", "Verdict", "N"), tuple(map(_line, changes)))


def _line(each: Difference) -> tuple[Cell, ...]:
    digits = metric(each.metric).digits
    change = interval_text(each.change, digits)
    change = change if change.startswith("-") else f"+{change}"
    texts = (
        f"{metric_label(each.metric)} ({each.region})",
        number(each.a, digits),
        number(each.b, digits),
        change,
        each.verdict,
        str(each.change.n),
    )
    return tuple(Cell(text, i == 4 and each.verdict in ("better", "worse")) for i, text in enumerate(texts))


def _heading(one: Row, two: Row) -> str:
    methods = one.method if one.method == two.method else f"{two.method} against {one.method}"
    return f"{one.clip}: {methods}"


def _legend(a: Report, b: Report, found: list[tuple[Row, Row, list[Difference]]]) -> str:
    """How to read the table, and what keeps the reports from being quite alike."""
    told = [
        "Difference: the second less the first, with the bootstrap interval of 95 % over blocks of frames, in pairs.",
        "Better or worse: 0 lies outside; of twenty such verdicts about one is due to chance where nothing differs.",
        "Not judged: pooled over the clip, or without a better direction.",
    ]
    if any(
        math.isinf(each.mean) for rows in found for row in rows[:2] for each in row.values.get("psnr", {}).values()
    ):
        told.append(f"The infinite PSNR of equal frames counts as {CEILING:g} dB.")
    lonely = sorted({metric(name).title for one, two, _ in found for name in one.values.keys() ^ two.values.keys()})
    if lonely:
        told.append(f"Only in one of the reports: {', '.join(lonely)}.")
    packages = sorted(a.versions.keys() | b.versions.keys())
    moved = [p for p in packages if a.versions.get(p) != b.versions.get(p)]
    if moved:
        versions = (f"{p} ({a.versions.get(p, 'none')} and {b.versions.get(p, 'none')})" for p in moved)
        told.append(f"Versions differ: {', '.join(versions)}.")
    return " ".join(map(escape_markdown, told))


def _shown(value: Any) -> str:
    return "none" if value is None else str(value)

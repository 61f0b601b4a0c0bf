"""`eval compare`: two reports of the same clips, metric by metric, with a verdict each."""

from __future__ import annotations

import argparse
from pathlib import Path

from perfclone.files.writing import write_text

from ..report.comparison import compare
from ..results import Report
from .common import require_folder

COMPARISON = "compare.md"


def add(subparsers, everywhere: argparse.ArgumentParser) -> None:
    """Add the command to the parser."""
    parser = subparsers.add_parser(
        "compare",
        parents=[everywhere],
        help="tell whether one report is better than another",
        description=__doc__,
        epilog="Both reports must be of the same clips and settings; frames are compared in pairs.",
    )
    parser.add_argument("a", type=Path, metavar="REPORT_A", help="folder of a report: what B is measured against")
    parser.add_argument("b", type=Path, metavar="REPORT_B", help="folder of the report that is judged")
    parser.add_argument(
        "-o", "--output", type=Path, metavar="FOLDER", help=f"also write {COMPARISON} into this folder"
    )
    parser.add_argument("--force", action="store_true", help="replace a comparison that is there")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Compare, print, and write where that is wanted."""
    target = args.output / COMPARISON if args.output else None
    if target:
        require_folder(args.output, args.force, COMPARISON)
    text = compare(Report.load(args.a), Report.load(args.b), _names(args.a, args.b))
    print(text, end="")
    if target:
        write_text(target, text)
    return 0


def _names(a: Path, b: Path) -> tuple[str, str]:
    """What to call two reports: their folders' names where these differ."""
    names = tuple(path.resolve().name for path in (a, b))
    return names if names[0] != names[1] else (str(a), str(b))

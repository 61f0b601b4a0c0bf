"""What the commands that make a report share: the options, the folder, and what is said at the end."""

from __future__ import annotations

import argparse
from pathlib import Path

from perfclone.errors import UserError
from perfclone.files.writing import ensure_parent
from perfclone.terminal.arguments import positive, whole

from ..results import REPORT, Report

PAGE = "report.html"


def add_report_options(parser: argparse.ArgumentParser) -> None:
    """Add where the report goes, whether one may be replaced, and the seed."""
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="FOLDER", help="the report's folder")
    parser.add_argument("--force", action="store_true", help="replace a report that is there")
    parser.add_argument("--seed", type=whole(0), default=0, metavar="S", help="seed (default: 0)")
    parser.add_argument("--no-faces", action="store_true", help="leave the distance of faces out")


def add_cost_options(parser: argparse.ArgumentParser) -> None:
    """Add the prices from which the cost section is reckoned."""
    group = parser.add_argument_group("cost", "prices in any currency; without them the report speaks of time only")
    group.add_argument("--price-per-hour", type=positive, metavar="P", help="of the machine (GPU-hour)")
    group.add_argument("--videos-per-month", type=positive, metavar="N", help="how many the actor will make")
    group.add_argument("--minutes-per-video", type=positive, metavar="M", help="how long each of them is")
    group.add_argument("--alternative-per-minute", type=positive, metavar="P", help="what a minute costs otherwise")


def prices(args: argparse.Namespace) -> dict[str, float | None]:
    """What :func:`add_cost_options` was told, as ``Cost`` takes it."""
    names = ("price_per_hour", "videos_per_month", "minutes_per_video", "alternative_per_minute")
    return {name: getattr(args, name) for name in names}


def require_folder(folder: Path, force: bool, name: str = REPORT) -> None:
    """Refuse a folder that holds a file of that name already, or cannot be made, before any work is done.

    Raises:
        UserError: It does, or cannot.
    """
    if folder.exists() and not folder.is_dir():
        raise UserError(f"{folder} is a file; give a folder for {name}.")
    if (folder / name).exists() and not force:
        raise UserError(f"{folder} holds {name} already; choose another folder or add --force to replace it.")
    ensure_parent(folder)


def tell(report: Report, folder: Path) -> None:
    """Say what a report says, and where it is."""
    from ..report.words import headline

    print("\n".join(headline(report)))
    print(f"{folder / PAGE}: the report; {REPORT} and report.md hold the same numbers")

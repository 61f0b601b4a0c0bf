"""What the commands that make a report share: the folder, the circumstances, the options."""

from __future__ import annotations

import argparse
import re
import shutil
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from perfclone.errors import UserError
from perfclone.files.writing import ensure_parent
from perfclone.terminal.arguments import positive, whole

from ..results import REPORT, Kind, Report

if TYPE_CHECKING:
    from ..scoring.score import Scored


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


def begin(kind: Kind, described: dict[str, Any], seed: int) -> Report:
    """A report of what is described, made on this machine, without rows as yet."""
    from .. import circumstances

    return Report(kind, described, seed, versions=circumstances.versions(), machine=circumstances.machine())


def scored(outputs: Mapping[str, Path], truth: Path, driving: Path | None = None, **how: Any) -> list[Shown]:
    """Score videos as ``score_methods`` does; each with what the report shows of it."""
    from ..scoring.score import score_methods

    found = score_methods(outputs, truth, driving, **how)
    return [Shown(each, output, truth, driving) for each, output in zip(found, outputs.values())]


def finish(report: Report, folder: Path, shown: Iterable[Shown]) -> None:
    """Write the report of what was scored with its pictures, keep each output beside it, and say where it is."""
    from ..report import write_report
    from ..report.pictures import read_instants
    from ..report.words import headline

    folder.mkdir(exist_ok=True)
    pictures = {}
    for each in shown:
        row = each.scored.row
        report.rows.append(row)
        name = re.sub(r"[^A-Za-z0-9_-]+", "-", f"{row.clip}-{row.method}") + "-output.mp4"
        shutil.copyfile(each.output, folder / name)
        row.files["output"] = name
        pictures[row.method, row.clip] = read_instants(each.output, each.truth, each.driving, each.scored.wanted)
    with timed(report, "pictures"):
        page = write_report(report, folder, pictures)
    print("\n".join(headline(report)))
    print(f"{page}: the report; {REPORT} and report.md hold the same numbers")


class Shown(NamedTuple):
    """What was scored, and the videos that the report shows of it."""

    scored: Scored
    output: Path
    truth: Path
    driving: Path | None = None


@contextmanager
def timed(report: Report, stage: str) -> Iterator[None]:
    """Note how many seconds a stage of the evaluation took."""
    began = time.monotonic()
    yield
    report.times[stage] = report.times.get(stage, 0.0) + time.monotonic() - began

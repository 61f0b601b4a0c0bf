"""What the commands that make a report share: the folder, the circumstances, the options."""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from eval.results import REPORT, Report
from perfclone.commands.common import whole
from perfclone.errors import UserError


def add_report_options(parser: argparse.ArgumentParser) -> None:
    """Add where the report goes, whether one may be replaced, and the seed."""
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="FOLDER", help="the report's folder")
    parser.add_argument("--force", action="store_true", help="replace a report that is there")
    parser.add_argument("--seed", type=whole(0), default=0, metavar="S", help="seed (default: 0)")
    parser.add_argument("--no-faces", action="store_true", help="leave the distance of faces out")


def require_folder(folder: Path, force: bool) -> None:
    """Refuse a folder that holds a report already, or a place where none can be made, before any work is done.

    Raises:
        UserError: It does.
    """
    if folder.exists() and not folder.is_dir():
        raise UserError(f"{folder} is a file; give a folder for the report.")
    if (folder / REPORT).exists() and not force:
        raise UserError(f"{folder} holds a report already; choose another folder or add --force to replace it.")
    if not folder.absolute().parent.is_dir():
        raise UserError(f"The folder {folder.parent} for {folder.name} does not exist; create it first.")


@contextmanager
def timed(report: Report, stage: str) -> Iterator[None]:
    """Note how many seconds a stage of the evaluation took."""
    began = time.monotonic()
    yield
    report.times[stage] = report.times.get(stage, 0.0) + time.monotonic() - began

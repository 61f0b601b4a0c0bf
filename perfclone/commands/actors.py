"""`perfclone actors`: who can perform here, the built-in actors and your own."""

from __future__ import annotations

import argparse
from pathlib import Path

from perfclone import builtin
from perfclone.errors import UserError
from perfclone.terminal.program import typed

OWN = Path("actors")
HEADINGS = ("name", "picture", "steps", "file", "consent", "folder")


def add(subparsers, everywhere: argparse.ArgumentParser) -> None:
    """Add the command to the parser."""
    parser = subparsers.add_parser(
        "actors",
        parents=[everywhere],
        help="list the actors that are here",
        description="List the built-in actors and those in a folder, first what `clone` and `check` call them.",
    )
    parser.add_argument(
        "folder", type=Path, nargs="?", default=OWN, metavar="FOLDER", help="where your own are (default: %(default)s)"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print one line an actor."""
    if args.folder != OWN and not args.folder.is_dir():
        raise UserError(f"There is no folder {args.folder}; check the name.")
    own = [config.parent for config in sorted(args.folder.glob("*/config.json"))]
    rows = [_row(name, folder) for name, folder in builtin.actors().items()]
    rows += [_row(str(folder), folder) for folder in own]
    widths = [max(map(len, column)) for column in zip(HEADINGS, *rows)]
    for row in (HEADINGS, *rows):
        print("  ".join(f"{text:{width}}" for text, width in zip(row, widths)).rstrip())
    if not own:
        print(f"There is none in the folder {args.folder} yet; film somebody and make one with `{typed()} train`.")
    return 0


def _row(name: str, folder: Path) -> tuple[str, ...]:
    """What a line says of an actor; of a damaged one, what is wrong."""
    try:
        return name, *_facts(folder), _consent(folder), str(folder.resolve())
    except UserError as error:
        return name, "-", "-", "-", str(error).partition(";")[0], str(folder.resolve())


def _facts(folder: Path) -> tuple[str, str, str]:
    """Size of the picture, training steps, size of the weights."""
    from perfclone.actor.layout import CONFIG, LIMITS, WEIGHTS, place
    from perfclone.files.reading import parse_json, read_limited

    config, weights = place(folder, CONFIG), place(folder, WEIGHTS)
    if not config or not weights:
        raise UserError(f"it has no {CONFIG if weights else WEIGHTS}")
    told = parse_json(read_limited(config, LIMITS[CONFIG], "config"), f"The config {config}")
    numbers = [told.get(key) for key in ("width", "height", "steps")] if isinstance(told, dict) else [None]
    if not all(isinstance(number, int) for number in numbers):
        raise UserError(f"{config} is not the config of an actor")
    width, height, steps = numbers
    return f"{width}x{height}", f"{steps:,}", f"{weights.stat().st_size / 1e6:.1f} MB"


def _consent(folder: Path) -> str:
    """What the record says today, in a few words."""
    from perfclone.actor.layout import CONSENT, place
    from perfclone.governance.consent.record import ConsentRecord

    path = place(folder, CONSENT)
    if path is None:
        return "none"
    record = ConsentRecord.load(path)
    record.verify()
    record.check_current()
    term = f"until {record.expires}" if record.expires else "for ever"
    return f"{term}, synthetic" if record.subject_kind == "synthetic" else term

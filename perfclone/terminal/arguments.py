"""Arguments that several commands take: their types, their checks before any work is done, and settings from them."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from perfclone.errors import UserError
from perfclone.files.sequence import existing
from perfclone.files.writing import ensure_parent

T = TypeVar("T")
PRECISIONS = ("auto", "no", "fp16", "bf16")
EXTRACTORS = ("blazepose", "openpose", "vitpose")


def require_suffix(path: Path | None, suffix: str) -> None:
    """Refuse a name with another ending before any work is done; None is no file and goes.

    Raises:
        UserError: The name ends otherwise.
    """
    if path and path.suffix.lower() != suffix:
        raise UserError(f"The output {path} must end in {suffix}.")


def require_file(path: Path | None, what: str) -> None:
    """Refuse a file that is not there before anything heavy is loaded; None is no file and goes.

    Args:
        path: The file; for a video also a sequence of images.
        what: What a sentence calls it, such as "driving video".

    Raises:
        FileNotFoundError: It is not there.
        UserError: It is a folder without images.
    """
    if path:
        existing(path, what)


def refuse_existing(paths: list[Path | None], force: bool) -> None:
    """Refuse to replace files before any work is done, and make the folders that they go to.

    Args:
        paths: What is about to be written; None stands for nothing.
        force: Whether they may be replaced.

    Raises:
        UserError: A file exists and `force` is false, or the folder that it goes to cannot be made.
    """
    for path in filter(None, paths):
        if path.exists() and not force:
            raise UserError(f"{path} exists; choose another name or add --force to replace it.")
        ensure_parent(path)


def settings(kind: Callable[..., T], **values: object) -> T:
    """Build a settings object from the arguments.

    Raises:
        UserError: It refuses a value.
    """
    try:
        return kind(**values)
    except ValueError as error:
        raise UserError(f"These settings do not go: {error}.") from error


def whole(least: int) -> Callable[[str], int]:
    """Make an argument type: a whole number of at least `least`."""

    def parse(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = least - 1
        if value < least:
            raise argparse.ArgumentTypeError(f"must be a whole number of at least {least}, got {text!r}")
        return value

    return parse


def positive(text: str) -> float:
    """Argument type: a number over 0."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0.0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"must be a number over 0, got {text!r}")
    return value


def share(text: str) -> float:
    """Argument type: a share of a whole, from 0 up to 0.5."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0.0 <= value <= 0.5:
        raise argparse.ArgumentTypeError(f"must be between 0 and 0.5, got {text!r}")
    return value


def add_extractor_options(parser: argparse.ArgumentParser, saved: bool = False) -> argparse._ArgumentGroup:
    """Add the options that choose the pose extractor; with `saved` also --poses, which takes its place.

    Returns:
        Their group, for what else is said about poses.
    """
    group = parser.add_argument_group("poses")
    choice = group.add_mutually_exclusive_group()
    if saved:
        choice.add_argument(
            "--poses",
            type=Path,
            metavar="POSES.npz",
            help="what `poses --mattes` saved of the same video, perhaps on another machine: no extractor is run",
        )
    choice.add_argument(
        "--extractor",
        choices=EXTRACTORS,
        default="blazepose",
        help="pose extractor (default: %(default)s, offline; openpose and vitpose fetch their weights from the Hub)",
    )
    group.add_argument("--weights", metavar="PLACE", help="folder or Hub repository with the extractor's weights")
    return group


def gigabytes(text: str) -> float:
    """Argument type: an amount of memory, such as 6GB or 900MB; in GB."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?) *(?:(G|M)B?)?", text, re.IGNORECASE)
    if not found or not float(found[1]):
        raise argparse.ArgumentTypeError(f"must be an amount of memory such as 6GB, got {text!r}")
    return float(found[1]) / (1000 if found[2] in ("M", "m") else 1)


def add_memory(parser: argparse.ArgumentParser) -> None:
    """Add --memory."""
    parser.add_argument(
        "--memory",
        type=gigabytes,
        metavar="6GB",
        help="how much of the GPU's memory the base model of a diffusion actor may take; with less than it wants, its "
        "parts wait in the computer's own memory, which is slower (default: all that it wants)",
    )


def add_device(parser: argparse.ArgumentParser, precision: str | None = "auto") -> None:
    """Add --device and --mixed-precision, with `precision` as the latter's default; without it where it is None."""
    group = parser.add_argument_group("machine")
    group.add_argument(
        "--device", metavar="D", help="where networks run, such as cpu, cuda:1 or mps (default: a GPU if there is one)"
    )
    if precision:
        group.add_argument(
            "--mixed-precision",
            choices=PRECISIONS,
            default=precision,
            help="what the generator computes in: no is float32, auto the bf16 or fp16 that a GPU may have "
            "(default: %(default)s)",
        )


def add_person(parser: argparse._ActionsContainer) -> None:
    """Add --person."""
    parser.add_argument(
        "--person",
        type=whole(0),
        default=0,
        metavar="N",
        help="which person performs where there are several: 0 is the largest, 1 the next (default: 0)",
    )


def add_force(parser: argparse.ArgumentParser) -> None:
    """Add --force."""
    parser.add_argument("--force", action="store_true", help="replace what exists")

"""Ordinary footage: what becomes of every clip of a folder when it is checked, trained on, and danced to.

Each clip is checked, an actor is trained on it for a moment, its held-out end is painted and compared with what was
filmed, and a built-in actor performs what is danced in it. One line a clip, the worst first. The actors are measured
and deleted. With --trouble the clips are synthetic people in ordinary trouble, and the truth is compared, too.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import traceback
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from benchmarks import common
from benchmarks.footage_clip import Settings, examine
from benchmarks.footage_truth import compare
from eval.trouble import TROUBLES, Truth, film
from perfclone import builtin
from perfclone.errors import UserError
from perfclone.terminal.arguments import positive, refuse_existing, whole

ENDINGS = {".mp4", ".mov", ".m4v", ".avi", ".mkv", ".webm", ".mts", ".m2ts", ".ts", ".wmv", ".gif"}
#: Of each picture on a contact sheet, pixels.
SHEET_HEIGHT = 240
COLUMNS = {
    "clip": "clip", "camera": "camera", "shift_px": "shift", "others": "others", "whole_body": "whole body",
    "refused": "refused", "agree": "agree", "seconds": "s", "st_lpips_alex": "whole", "person_st_lpips_alex": "person",
    "background_change": "background", "feet_slide": "slide", "clone": "clone",
}  # fmt: skip
TRUTH = {"camera_error_px": "path px", "plate_psnr": "plate dB", "pck_0.1": "PCK@0.1", "matte_error": "matte"}


def table(rows: list[dict]) -> str:
    """The rows as Markdown, the worst clip first; what was not measured is left open."""
    columns = COLUMNS | {key: title for key, title in TRUTH.items() if any(key in row for row in rows)}
    lines = ["| " + " | ".join(columns.values()) + " |", "| --- " * len(columns) + "|"]
    lines += ["| " + " | ".join(_cell(row.get(key)) for key in columns) + " |" for row in sorted(rows, key=badness)]
    return "\n".join(lines)


def badness(row: dict) -> tuple:
    """Sort key: disagreements, then refusals, then clones that went wrong, then by the likeness of the person."""
    return row["agree"], not row["refused"], row["clone"] == "right", -(row.get("person_st_lpips_alex") or 0)


def _cell(value: object) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "NO"
        case float():
            return f"{value:.3g}"
        case _:
            return str(value).replace("|", "/")


def sheet(columns: dict[str, list[np.ndarray]], path: Path) -> Path:
    """Write a picture of moments of videos side by side, whatever sizes they have; what ends early stays."""
    count = max(map(len, columns.values()))
    scaled = {}
    for title, frames in columns.items():
        frames = frames + frames[-1:] * (count - len(frames))
        width = round(SHEET_HEIGHT * frames[0].shape[1] / frames[0].shape[0])
        scaled[title] = np.stack([cv2.resize(f, (width, SHEET_HEIGHT), interpolation=cv2.INTER_AREA) for f in frames])
    return common.contact_sheet(scaled, path, count)


def clips(args: argparse.Namespace, scratch: Path) -> Iterator[tuple[Path, Truth | None]]:
    """The videos of the folder in alphabetical order, then those of synthetic people with their truth, filmed anew."""
    if args.folder:
        yield from ((clip, None) for clip in real_clips(args.folder))
    for name in [] if args.trouble is None else args.trouble or TROUBLES:
        path = scratch / f"{name}.mp4"
        yield path, film(TROUBLES[name], path, seconds=args.seconds, height=args.height)


def real_clips(folder: Path) -> list[Path]:
    """The videos of a folder, in alphabetical order.

    Raises:
        UserError: There is none.
    """
    found = sorted(file for file in folder.iterdir() if file.suffix.lower() in ENDINGS) if folder.is_dir() else []
    if not found:
        raise UserError(f"There is no video in {folder}; give a folder of clips, or --trouble.")
    return found


def _row(clip: Path, truth: Truth | None, folder: Path, settings: Settings, sheets: Path | None) -> dict:
    """Examine a clip; what ends with an error is a line too, so that the others are still examined."""
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        try:
            seen = examine(clip, Path(scratch), settings)
            row = {**seen.row, **(compare(truth, seen) if truth else {})}
        except Exception as error:
            traceback.print_exc()
            return {"clip": clip.name, "agree": False, "refused": f"{type(error).__name__}: {error}", "clone": "none"}
    if sheets:
        sheet(seen.pictures, sheets / f"{clip.stem}.png")
    return row


def main() -> None:
    """Run the benchmark from the command line."""
    parser = common.parser(__doc__)
    parser.add_argument("folder", nargs="?", type=Path, metavar="FOLDER", help="videos of one person each")
    parser.add_argument(
        "--trouble",
        nargs="*",
        choices=TROUBLES,
        metavar="NAME",
        help="synthetic clips with known truth (default: all)",
    )
    parser.add_argument("--seconds", type=positive, default=8.0, help="length of these (default: %(default)s)")
    parser.add_argument("--height", type=whole(64), default=480, help="height of these, px (default: %(default)s)")
    parser.add_argument("--preset", default="tiny", help="size of the actors (default: %(default)s)")
    parser.add_argument("--steps", type=whole(1), default=60, help="training steps a clip (default: %(default)s)")
    parser.add_argument("--actor", default="anna", help="who performs the clips (default: %(default)s)")
    parser.add_argument(
        "--sheets", type=Path, metavar="DIR", help="write a contact sheet a clip, into a folder of yours"
    )
    args = parser.parse_args()
    if args.folder is None and args.trouble is None:
        raise UserError("There is nothing to look at; give a folder of clips, or --trouble.")
    if args.sheets:
        common.refuse_repository(args.sheets)
    refuse_existing([args.json], force=True)
    common.set_threads(args.threads)
    settings = Settings(builtin.find_actor(args.actor), args.preset, args.steps)
    if args.sheets:
        args.sheets.mkdir(parents=True, exist_ok=True)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for clip, truth in clips(args, Path(folder)):
            rows.append(_row(clip, truth, Path(folder), settings, args.sheets))
            print(table(rows[-1:]).splitlines()[-1], file=sys.stderr)
    print(table(rows), file=sys.stderr)
    result = {"clips": sorted(rows, key=badness), "preset": args.preset, "steps": args.steps}
    common.write_json({**result, **common.circumstances(args.threads)}, args.json)


if __name__ == "__main__":
    common.run(main)

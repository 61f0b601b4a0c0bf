"""`eval score`: one video beside the truth."""

from __future__ import annotations

import argparse
from pathlib import Path

from perfclone.terminal.arguments import add_person, settings
from perfclone.terminal.progress import progress_bars

from .common import add_report_options, begin, finish, require_folder, scored, timed


def add(subparsers, everywhere: argparse.ArgumentParser) -> None:
    """Add the command to the parser."""
    parser = subparsers.add_parser(
        "score", parents=[everywhere], help="score a video beside the truth", description=__doc__
    )
    parser.add_argument("video", type=Path, metavar="OUTPUT.mp4", help="the video to judge")
    parser.add_argument("--truth", type=Path, required=True, metavar="TRUTH.mp4", help="what it should look like")
    parser.add_argument("--driving", type=Path, metavar="DRIVING.mp4", help="the performance that it should follow")
    add_report_options(parser)
    add_person(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Score, write the report, and say where it is."""
    require_folder(args.output, args.force)
    from ..scoring.score import ScoreOptions

    options = settings(ScoreOptions, seed=args.seed, faces=not args.no_faces, person=args.person)
    videos = {name: path for name in ("video", "truth", "driving") if (path := getattr(args, name))}
    report = begin("score", {name: path.name for name, path in videos.items()}, args.seed)
    with progress_bars() as progress, timed(report, "scoring"):
        shown = scored({args.video.stem: args.video}, args.truth, args.driving, options=options, progress=progress)
    finish(report, args.output, shown)
    return 0

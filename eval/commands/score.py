"""`eval score`: one video beside the truth."""

from __future__ import annotations

import argparse
from pathlib import Path

from perfclone.terminal.arguments import add_person, settings
from perfclone.terminal.progress import progress_bars

from .common import add_report_options, require_folder, tell


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
    from ..judging import judge_videos
    from ..scoring.score import ScoreOptions

    options = settings(ScoreOptions, seed=args.seed, faces=not args.no_faces, person=args.person)
    with progress_bars() as progress:
        how = {"options": options, "progress": progress}
        report = judge_videos({args.video.stem: args.video}, args.truth, args.output, args.driving, **how)
    tell(report, args.output)
    return 0

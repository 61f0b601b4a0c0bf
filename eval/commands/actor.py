"""`eval actor`: an actor beside the part of their own reference video that was kept out of training."""

from __future__ import annotations

import argparse
from pathlib import Path

from perfclone.terminal.arguments import settings, share
from perfclone.terminal.progress import progress_bars

from .common import add_cost_options, add_report_options, prices, require_folder, tell


def add(subparsers, everywhere: argparse.ArgumentParser) -> None:
    """Add the command to the parser."""
    parser = subparsers.add_parser(
        "actor", parents=[everywhere], help="score an actor on held-out footage", description=__doc__
    )
    parser.add_argument("actor", metavar="ACTOR", help="the actor's folder or Hub repository")
    parser.add_argument("--reference", type=Path, required=True, metavar="REFERENCE.mp4", help="its reference video")
    parser.add_argument(
        "--holdout",
        type=share,
        metavar="SHARE",
        help="share at the end to score on (default: what was kept out of the actor's training, else 0.2)",
    )
    add_report_options(parser)
    add_cost_options(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Perform the held-out poses, score, write the report, and say where it is."""
    require_folder(args.output, args.force)
    from ..judging import judge_actor
    from ..scoring.score import ScoreOptions

    options = settings(ScoreOptions, seed=args.seed, faces=not args.no_faces)
    with progress_bars() as progress:
        how = {"holdout": args.holdout, "options": options, "prices": prices(args), "progress": progress}
        report = judge_actor(args.actor, args.reference, args.output, **how)
    tell(report, args.output)
    return 0

"""`eval actor`: an actor beside the part of their own reference video that was kept out of training."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from perfclone.terminal.arguments import settings, share
from perfclone.terminal.progress import progress_bars

from .common import add_cost_options, add_report_options, begin, finish, prices, require_folder, scored, timed


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
    from ..benchmark.holdout import perform_holdout
    from ..report.cost import Cost
    from ..scoring.score import ScoreOptions

    options = settings(ScoreOptions, seed=args.seed, faces=not args.no_faces)
    report = begin("actor", {"actor": args.actor, "reference": args.reference.name}, args.seed)
    with tempfile.TemporaryDirectory() as folder:
        with progress_bars() as progress:
            with timed(report, "performing"):
                held = perform_holdout(args.actor, args.reference, args.holdout, Path(folder), progress)
            report.settings["holdout"] = held.holdout
            how = {"clip": args.reference.stem, "options": options, "progress": progress}
            with timed(report, "scoring"):
                shown = scored(held.videos, held.truth, **how)
        for each in shown:
            each.scored.row.notes += held.notes
        cost = {"stages": held.stages, "fps": held.actor.fps, "training_minutes": held.actor.minutes}
        report.cost = settings(Cost, **cost, **prices(args)).to_dict()
        finish(report, args.output, shown)
    return 0

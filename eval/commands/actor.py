"""`eval actor`: an actor beside the part of their own reference video that was kept out of training."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from perfclone.terminal.arguments import settings, share
from perfclone.terminal.progress import progress_bars

from .common import (
    Shown,
    add_cost_options,
    add_report_options,
    finish,
    prices,
    require_folder,
    timed,
)


def add(subparsers, everywhere: argparse.ArgumentParser) -> None:
    """Add the command to the parser."""
    parser = subparsers.add_parser(
        "actor", parents=[everywhere], help="score an actor on held-out footage", description=__doc__
    )
    parser.add_argument("actor", metavar="ACTOR", help="the actor's folder or Hub repository")
    parser.add_argument("--reference", type=Path, required=True, metavar="REFERENCE.mp4", help="its reference video")
    parser.add_argument(
        "--holdout", type=share, default=0.2, help="share at the end to score on, as in training (default: 0.2)"
    )
    add_report_options(parser)
    add_cost_options(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Perform the held-out poses, score, write the report, and say where it is."""
    require_folder(args.output, args.force)
    from .. import circumstances
    from ..benchmark.holdout import perform_holdout
    from ..report.cost import Cost
    from ..results import Report
    from ..scoring.score import ScoreOptions, score_videos

    options = settings(ScoreOptions, seed=args.seed, faces=not args.no_faces)
    described = {"actor": args.actor, "reference": args.reference.name, "holdout": args.holdout}
    report = Report("actor", described, args.seed, versions=circumstances.versions(), machine=circumstances.machine())
    with tempfile.TemporaryDirectory() as folder:
        shown = []
        with progress_bars() as progress:
            with timed(report, "performing"):
                held = perform_holdout(args.actor, args.reference, args.holdout, Path(folder), progress)
            for method, video in held.videos.items():
                with timed(report, "scoring"):
                    scored = score_videos(
                        video, held.truth, method=method, clip=args.reference.stem, options=options, progress=progress
                    )
                scored.row.notes += held.notes
                report.rows.append(scored.row)
                shown.append(Shown(scored, video, held.truth))
        cost = settings(
            Cost, stages=held.stages, fps=held.actor.fps, training_minutes=held.actor.minutes, **prices(args)
        )
        report.cost = cost.to_dict()
        finish(report, args.output, shown)
    return 0

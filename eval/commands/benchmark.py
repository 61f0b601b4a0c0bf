"""`eval benchmark`: perfclone and its baselines on a suite of clips with ground truth, same splits, same minutes."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from perfclone.errors import UserError
from perfclone.terminal.arguments import positive, settings, whole
from perfclone.terminal.progress import progress_bars

from ..judging import Shown, begin, keep, scored, timed
from .common import add_cost_options, add_report_options, prices, require_folder, tell

if TYPE_CHECKING:
    from perfclone.progress import Progress

    from ..benchmark.run import Produced
    from ..scoring.score import ScoreOptions
    from ..suite.description import Suite

BASELINES = ("nearest", "pix2pix")


def add(subparsers, everywhere: argparse.ArgumentParser) -> None:
    """Add the command to the parser."""
    parser = subparsers.add_parser(
        "benchmark", parents=[everywhere], help="perfclone and baselines, with ground truth", description=__doc__
    )
    parser.add_argument(
        "--suite",
        default="synthetic",
        metavar="synthetic|PATH",
        help="the rendered suite, or a folder with NAME/reference.mp4, truth.mp4 and, if it differs, driving.mp4",
    )
    parser.add_argument(
        "--baselines", type=_baselines, default=BASELINES, metavar="NAMES", help="default: nearest,pix2pix; or none"
    )
    length = parser.add_mutually_exclusive_group()
    length.add_argument("--minutes", type=positive, metavar="M", help="training of each method (default: 10)")
    length.add_argument("--steps", type=whole(1), metavar="N", help="training of each method, repeatable")
    parser.add_argument("--preset", choices=("tiny", "base", "hd"), default="base", help="default: %(default)s")
    parser.add_argument(
        "--actors", type=whole(2), default=2, metavar="N", help="people in the suite, 2-4 (default: 2)"
    )
    parser.add_argument("--size", type=whole(64), default=256, metavar="PX", help="side of its frames (default: 256)")
    parser.add_argument("--seconds", type=positive, default=10.0, metavar="S", help="of each test clip (default: 10)")
    parser.add_argument(
        "--work", type=Path, metavar="FOLDER", help="keep suite, actors and videos here, for next time"
    )
    add_report_options(parser)
    add_cost_options(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Render or open the suite, run the methods, score them, write the report, and say where it is."""
    require_folder(args.output, args.force)
    if args.work:
        args.work.mkdir(parents=True, exist_ok=True)
        return _run(args, args.work)
    with tempfile.TemporaryDirectory() as folder:
        return _run(args, Path(folder))


def _run(args: argparse.Namespace, work: Path) -> int:
    from ..benchmark.methods import Budget
    from ..benchmark.run import run_methods
    from ..report.cost import Cost
    from ..scoring.score import ScoreOptions
    from ..suite.detection import pose_detection

    options = settings(ScoreOptions, seed=args.seed, faces=not args.no_faces)
    minutes = None if args.steps else args.minutes or 10.0
    budget = settings(Budget, minutes=minutes, steps=args.steps, seed=args.seed)
    methods = ("perfclone", *args.baselines)
    made = {"methods": list(methods), "minutes": minutes, "steps": args.steps, "preset": args.preset}
    report = begin("benchmark", made, args.seed)
    with progress_bars() as progress:
        with timed(report, "suite"):
            suite = _suite(args, work, progress)
        report.settings = {"suite": suite.describe(), **made}
        with timed(report, "methods"):
            report.poses = pose_detection(suite, work / "poses", progress)
            produced = run_methods(suite, methods, budget, work, progress, preset=args.preset)
        with timed(report, "scoring"):
            shown = _score(produced, options, progress)
    ours = next(each for each in produced if each.method == "perfclone")
    fps = shown[0].scored.row.fps
    report.cost = settings(Cost, stages=ours.stages, fps=fps, training_minutes=ours.minutes, **prices(args)).to_dict()
    keep(report, args.output, shown)
    tell(report, args.output)
    return 0


def _score(produced: list[Produced], options: ScoreOptions, progress: Progress) -> list[Shown]:
    """Score the methods, all of a trial together."""
    shown = []
    for trial in dict.fromkeys(each.trial for each in produced):
        rivals = {each.method: each for each in produced if each.trial == trial}
        driving = None if trial.driving == trial.truth else trial.driving
        outputs = {method: each.output for method, each in rivals.items()}
        found = scored(outputs, trial.truth, driving, clip=trial.name, options=options, progress=progress)
        for each, rival in zip(found, rivals.values()):
            each.scored.row.notes += rival.notes
        shown += found
    return shown


def _suite(args: argparse.Namespace, work: Path, progress: Progress) -> Suite:
    from ..suite.description import SyntheticSuite
    from ..suite.opening import load_suite, synthetic_suite
    from ..synthetic import ACTORS

    if args.suite != "synthetic":
        return load_suite(Path(args.suite))
    if args.actors > len(ACTORS):
        raise UserError(f"The suite has at most {len(ACTORS)} people, and --actors is {args.actors}; ask for fewer.")
    people = tuple(ACTORS)[: args.actors]
    wanted = settings(SyntheticSuite, actors=people, size=args.size, test_seconds=args.seconds)
    return synthetic_suite(wanted, work / "suite", progress)


def _baselines(text: str) -> tuple[str, ...]:
    """Argument type: names of baselines, with commas between them, or "none"."""
    names = () if text == "none" else tuple(name.strip() for name in text.split(","))
    if unknown := [name for name in names if name not in BASELINES]:
        raise argparse.ArgumentTypeError(f"{unknown[0]!r} is no baseline; choose from {', '.join(BASELINES)} or none")
    return names

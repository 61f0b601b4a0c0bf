"""`perfclone train`: from footage of one person to an actor."""

from __future__ import annotations

import argparse
from pathlib import Path

from perfclone.terminal.arguments import (
    add_extractor_options,
    add_force,
    add_person,
    add_precision,
    positive,
    require_file,
    settings,
    share,
    whole,
)
from perfclone.terminal.progress import kept_when_interrupted, leading, progress_bars

RESUME = "Give the same command with --resume to go on from the last checkpoint."


def add(subparsers, everywhere: argparse.ArgumentParser) -> None:
    """Add the command to the parser."""
    parser = subparsers.add_parser(
        "train", parents=[everywhere], help="make an actor from a reference video", description=__doc__
    )
    parser.add_argument("reference", type=Path, metavar="REFERENCE", help="footage of the target actor")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="ACTOR_DIR", help="the actor's folder")
    parser.add_argument(
        "--consent",
        type=Path,
        metavar="CONSENT.json",
        help="record of what the person agreed to, as `consent new` makes it (default: consent.json beside REFERENCE)",
    )
    add_force(parser)

    training = parser.add_argument_group("training")
    training.add_argument(
        "--driving",
        type=Path,
        action="extend",
        nargs="+",
        default=[],
        metavar="DRIVING",
        help="driving videos, or their poses.npz, for the unpaired branch: motion that the actor was not filmed doing "
        "(default: built in)",
    )
    training.add_argument(
        "--preset", choices=("tiny", "base", "hd"), default="base", help="size (default: %(default)s)"
    )
    length = training.add_mutually_exclusive_group()
    length.add_argument("--minutes", type=positive, metavar="M", help="stop after so many minutes (default: 20)")
    length.add_argument("--steps", type=whole(1), metavar="N", help="stop after so many steps")
    training.add_argument(
        "--holdout",
        type=share,
        default=0.0,
        metavar="SHARE",
        help="share of the reference, at its end, kept out of training to measure with, such as 0.2 (default: 0)",
    )
    training.add_argument(
        "--batch", type=whole(1), metavar="B", help="clips a step: more where there is a GPU, such as 12 (default: 4)"
    )
    training.add_argument("--seed", type=whole(0), default=0, metavar="S", help="seed (default: 0)")
    add_precision(training, "no")
    training.add_argument("--resume", action="store_true", help="go on with an interrupted run")
    training.add_argument("--no-plate", action="store_true", help="paint whole frames: for a camera that moves freely")
    add_person(add_extractor_options(parser, saved=True))
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Train, and say where the actor is."""
    require_file(args.reference, "reference video")
    require_file(args.poses, "file of poses")
    for driving in args.driving:
        require_file(driving, "driving video")
    from perfclone.governance.policy import authorise_training, beside_reference, record_for

    # Asked before torch is loaded and an extractor built, which may fetch weights; `train` asks again.
    record = record_for(args.consent or beside_reference(args.reference), args.reference)
    authorise_training(record, args.reference)
    from perfclone.pose import SavedPoses, build_extractor
    from perfclone.training import TrainConfig, train

    config = settings(
        TrainConfig,
        preset=args.preset,
        minutes=args.minutes,
        steps=args.steps,
        holdout=args.holdout,
        batch=args.batch,
        seed=args.seed,
        person=args.person,
        plate=not args.no_plate,
        mixed_precision=args.mixed_precision,
    )
    if args.poses:
        extractor = SavedPoses(args.poses)
    else:
        extractor = build_extractor(args.extractor, weights=args.weights, matte=True)
    with kept_when_interrupted(RESUME), progress_bars() as progress:
        result = train(
            args.reference,
            args.output,
            config,
            consent=record,
            driving=args.driving,
            resume=args.resume,
            force=args.force,
            extractor=extractor,
            progress=progress,
        )
    if leading():
        print(f"{result.actor_dir}: trained for {result.steps} steps in {result.minutes:.1f} minutes")
        print(f"{result.run_dir}: loss curves and samples")
    return 0

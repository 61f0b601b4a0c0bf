"""`perfclone clone`: the actor performs what somebody does in a driving video."""

from __future__ import annotations

import argparse
from pathlib import Path

from perfclone.commands.common import (
    add_extractor_options,
    add_force,
    add_person,
    progress_bar,
    refuse_existing,
    require_suffix,
    settings,
    whole,
)


def add(subparsers, everywhere: argparse.ArgumentParser) -> None:
    """Add the command to the parser."""
    parser = subparsers.add_parser(
        "clone", parents=[everywhere], help="give an actor a performance", description=__doc__
    )
    parser.add_argument("actor", metavar="ACTOR", help="the actor's folder or Hub repository")
    parser.add_argument("driving", type=Path, metavar="DRIVING", help="the driving video, or its poses.npz")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="OUT.mp4", help="where the video goes")
    add_force(parser)
    picture = parser.add_argument_group("picture")
    picture.add_argument(
        "--size", type=whole(64), metavar="N", help="short side of the result in pixels (default: the actor's own)"
    )
    picture.add_argument(
        "--keep-proportions", action="store_true", help="keep the driving person's limb lengths, not the actor's"
    )
    add_person(parser)
    add_extractor_options(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Clone, and say where the video is."""
    require_suffix(args.output, ".mp4")
    refuse_existing([args.output], args.force)
    from perfclone.pipeline import CloneOptions, PerformanceCloner

    options = settings(CloneOptions, size=args.size, person=args.person, keep_proportions=args.keep_proportions)
    cloner = PerformanceCloner.from_pretrained(args.actor, extractor=args.extractor, weights=args.weights)
    with progress_bar("cloning") as progress:
        result = cloner.clone(args.driving, args.output, options, progress=progress, force=args.force)
    print(f"{result.path}: {result.frames} frames in {result.seconds:.1f} s")
    return 0

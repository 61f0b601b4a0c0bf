"""`perfclone demo`: the built-in actor performs the built-in driving clip; nothing is trained or downloaded."""

from __future__ import annotations

import argparse
from pathlib import Path

from perfclone import builtin
from perfclone.commands import clone
from perfclone.terminal.arguments import add_device, add_force

ACTOR, CLIP = "anna", "ben"


def add(subparsers, everywhere: argparse.ArgumentParser) -> None:
    """Add the command to the parser."""
    parser = subparsers.add_parser(
        "demo", parents=[everywhere], help="clone with the built-in actor and driving clip", description=__doc__
    )
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="OUT.mp4", help="where the video goes")
    add_force(parser)
    add_device(parser)
    parser.set_defaults(
        run=run,
        revision=None,
        size=None,
        keep_proportions=False,
        extractor="blazepose",
        weights=None,
        memory=None,
        person=0,
        purpose="personal",
        label=None,
        label_font=None,
        without=[],
    )


def run(args: argparse.Namespace) -> int:
    """Clone with what is built in."""
    args.actor = builtin.pick("actor", builtin.actors(), ACTOR)
    args.driving = builtin.pick("driving clip", builtin.driving_clips(), CLIP)
    return clone.run(args)

"""`hub pull`: fetch an actor into a folder."""

from __future__ import annotations

import argparse
from pathlib import Path

from perfclone.terminal.arguments import add_force


def add(subparsers, everywhere: argparse.ArgumentParser) -> None:
    """Add the command to the parser."""
    parser = subparsers.add_parser(
        "pull",
        parents=[everywhere],
        help="fetch an actor into a folder",
        description="Fetch an actor into a folder, each file held against its sha256; a failed pull changes nothing.",
    )
    parser.add_argument("repository", metavar="OWNER/NAME", help="where it is")
    parser.add_argument("--revision", metavar="SHA", help="commit, tag or branch (default: the newest commit)")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="ACTOR_DIR", help="the folder, made here")
    add_force(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Pull, and say what was fetched."""
    from ..pull import pull

    pulled = pull(args.repository, args.revision, args.output, force=args.force)
    print(f"{pulled.folder}: {args.repository} at commit {pulled.commit}")
    return 0

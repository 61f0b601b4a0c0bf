"""`hub list`: the actors on the Hub."""

from __future__ import annotations

import argparse


def add(subparsers, everywhere: argparse.ArgumentParser) -> None:
    """Add the command to the parser."""
    parser = subparsers.add_parser("list", parents=[everywhere], help="list actors on the Hub", description=__doc__)
    parser.add_argument("--owner", help="only those of a user or an organization")
    parser.add_argument("--search", metavar="WORDS", help="words in the name")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print one line an actor."""
    from ..access import listing

    found = listing(args.owner, args.search)
    width = max((len(actor.repository) for actor in found), default=0)
    for actor in found:
        state = "withdrawn" if actor.withdrawn else "private" if actor.private else "public"
        gate = ", gated" if actor.gated and not actor.withdrawn else ""
        print(f"{actor.repository:{width}}  {actor.updated}  {actor.downloads:6} downloads  {state}{gate}")
    if not found:
        print("There is no such actor that you may see.")
    return 0

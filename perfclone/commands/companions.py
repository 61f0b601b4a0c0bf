"""`perfclone hub`, `perfclone eval`, `perfclone studio`: what stands beside perfclone, loaded once it is asked for."""

from __future__ import annotations

import argparse
from functools import partial

from perfclone.companions import companion
from perfclone.errors import UserError

HELP = {
    "hub": "publish, find, fetch and withdraw actors on the Hugging Face Hub",
    "eval": "measure a clone, an actor or the whole method",
    "studio": "open the page in a browser",
}


def add(subparsers, everywhere: argparse.ArgumentParser) -> None:
    """Add the three commands; each has a parser of its own, which takes over from here."""
    for name, words in HELP.items():
        parser = subparsers.add_parser(name, help=words, add_help=False)
        parser.parse_known_args = partial(_parse, name, parser)


def _parse(name: str, stand_in: argparse.ArgumentParser, args, namespace):
    """Let the companion read what was typed after its name."""
    try:
        parser = companion(name, "cli").build_parser(stand_in.prog)
    except UserError as error:
        stand_in.exit(2, f"perfclone: {error}\n")
    return parser.parse_known_args(args, namespace)

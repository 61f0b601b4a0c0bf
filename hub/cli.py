"""The command line: `perfclone hub COMMAND ...`, in a checkout also `python -m hub COMMAND ...`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from perfclone.terminal.program import build_program, run_command

from .commands import listing, pull, push, requests, space, withdraw

COMMANDS = (push, pull, listing, requests, withdraw, space)


def build_parser(prog: str = f"python -m {__package__}") -> argparse.ArgumentParser:
    """Build the parser of all the commands; `prog` is what is typed before them."""
    return build_program(prog, "Actors on the Hugging Face Hub, with their consent.", COMMANDS)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and give its exit code."""
    return run_command(build_parser(), argv)

"""The command line: `perfclone eval COMMAND ...`, in a checkout also `python -m eval COMMAND ...`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from perfclone.terminal.program import build_program, run_command

from .commands import actor, benchmark, compare, score, study

COMMANDS = (score, actor, benchmark, compare, study)


def build_parser(prog: str = f"python -m {__package__}") -> argparse.ArgumentParser:
    """Build the parser of all the commands; `prog` is what is typed before them."""
    return build_program(prog, "How good is a clone, an actor, a method? One honest report.", COMMANDS)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and give its exit code."""
    return run_command(build_parser(), argv)

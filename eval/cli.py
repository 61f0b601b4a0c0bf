"""The command line: `python -m eval COMMAND ...`; exit codes and errors as those of `python -m perfclone`."""

from __future__ import annotations

from collections.abc import Sequence

from perfclone.terminal.program import build_program, run_command

from .commands import actor, benchmark, compare, score, study

COMMANDS = (score, actor, benchmark, compare, study)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and give its exit code."""
    parser = build_program("python -m eval", "How good is a clone, an actor, a method? One honest report.", COMMANDS)
    return run_command(parser, argv)

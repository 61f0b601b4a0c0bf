"""The command line: `python -m hub COMMAND ...`; exit codes and errors as those of `python -m perfclone`."""

from __future__ import annotations

from collections.abc import Sequence

from perfclone.terminal.program import build_program, run_command

from .commands import listing, pull, push, requests, space, withdraw

COMMANDS = (push, pull, listing, requests, withdraw, space)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and give its exit code."""
    parser = build_program("python -m hub", "Actors on the Hugging Face Hub, with their consent.", COMMANDS)
    return run_command(parser, argv)

"""The command line: `perfclone COMMAND ...`, or `python -m perfclone COMMAND ...`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from perfclone.commands import actors, check, clone, companions, consent, demo, ledger, poses, review, train, verify
from perfclone.terminal.program import build_program, run_command, typed

COMMANDS = (demo, actors, poses, consent, check, train, clone, verify, review, ledger, companions)
DESCRIPTION = "Film an actor once, train them in minutes, and give them any performance - with their consent."


def build_parser() -> argparse.ArgumentParser:
    """Build the parser of all the commands."""
    return build_program(typed(), DESCRIPTION, COMMANDS)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and give its exit code."""
    return run_command(build_parser(), argv)

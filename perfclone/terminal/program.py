"""A program of several commands: its parser, and one command run so that every error ends in one sentence.

Exit codes: 0 only on success, 2 when the user can put it right, 130 after Ctrl-C, 1 for a fault of our own.
"""

from __future__ import annotations

import argparse
import io
import logging
import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from perfclone import __version__
from perfclone.errors import UserError

#: How every sentence spells a command that it advises: so it works in a checkout and wherever perfclone is installed.
MODULE = "python -m perfclone"
#: How sentences of the library name what is an option here.
_OPTION = re.compile(r"\b(with(?:out)?) (force|resume|no plate)\b")


def typed() -> str:
    """What is typed before a command: `perfclone` where the installed script runs, `python -m perfclone` elsewhere."""
    return "perfclone" if Path(sys.argv[0]).stem == "perfclone" else MODULE


class Parser(argparse.ArgumentParser):
    """A parser that says what is wrong in one line; the options are for whoever asks for them."""

    def error(self, message: str) -> NoReturn:
        """End with the message."""
        self.exit(2, f"{self.prog}: {message}; see `{self.prog} --help`.\n")


def build_program(prog: str, description: str, commands: Sequence) -> argparse.ArgumentParser:
    """Build the parser of all the commands; importing nothing heavy, so that --help is quick.

    Args:
        prog: What is typed before the command.
        description: One sentence about all of them.
        commands: Modules with ``add(subparsers, everywhere)``, which sets ``run`` of what is parsed.
    """
    parser = Parser(prog=prog, description=description)
    parser.add_argument("--version", action="version", version=f"perfclone {__version__}")
    everywhere = argparse.ArgumentParser(add_help=False)
    everywhere.add_argument("--debug", action="store_true", help="log in detail and show tracebacks")
    subparsers = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for command in commands:
        command.add(subparsers, everywhere)
    return parser


def run_command(parser: argparse.ArgumentParser, argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        parser: What :func:`build_program` gave.
        argv: The arguments after the program's name; those of this process by default.

    Returns:
        The exit code.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # what a console's alphabet lacks is no reason to stop
            stream.reconfigure(errors="replace")
    args = parser.parse_args(argv)
    logging.basicConfig(
        level=logging.DEBUG if args.debug else logging.WARNING, format="%(levelname)s: %(message)s", stream=sys.stderr
    )
    try:
        return args.run(args)
    except KeyboardInterrupt as interruption:
        if args.debug:
            raise
        return _complain(f"Stopped. {interruption}".strip(), code=130)
    except BrokenPipeError:
        # Whoever read our output has left; Python would complain about it once more at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:
        if args.debug:
            raise
        return _explain(error)


def _explain(error: Exception) -> int:
    """Put an error into one sentence on stderr and choose the exit code."""
    match error:
        case UserError():
            return _complain(str(error), code=2)
        case FileNotFoundError() if error.errno is None:
            return _complain(str(error), code=2)
        case OSError():
            where = f": {error.filename}" if error.filename else ""
            return _complain(f"{error.strerror or error}{where}.", code=2)
        case _:
            fault = f"{type(error).__name__}: {error}"
            return _complain(f"This is a fault of perfclone ({fault}); please report it with --debug.", code=1)


def _complain(sentence: str, code: int) -> int:
    """Say a sentence of the library, which is for callers in Python too, in the words of whoever types."""
    sentence = _OPTION.sub(lambda said: f"{said[1]} --{said[2].replace(' ', '-')}", sentence.replace(MODULE, typed()))
    print(f"perfclone: {sentence}", file=sys.stderr)
    return code

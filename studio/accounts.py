"""`perfclone studio users`: who may log in to the page."""

from __future__ import annotations

import argparse
import sys
from getpass import getpass
from typing import get_args

from perfclone.errors import UserError

from .users import Role, Users


def add(subparsers, everywhere: argparse.ArgumentParser) -> None:
    """Add the command."""
    parser = subparsers.add_parser(
        "users",
        help="who may log in: add, remove, list",
        description="Choose who may log in. As soon as there is one, everybody has to; without any, nobody.",
    )
    deeds = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    adding = deeds.add_parser(
        "add", parents=[everywhere], help="add a user, or change one", description="The password is asked for."
    )
    adding.add_argument("name", metavar="NAME")
    adding.add_argument(
        "--role",
        choices=get_args(Role),
        default="operator",
        help="viewer looks and verifies, operator trains and clones, reviewer decides (default: %(default)s)",
    )
    adding.set_defaults(run=_add)
    removing = deeds.add_parser("remove", parents=[everywhere], help="remove a user")
    removing.add_argument("name", metavar="NAME")
    removing.set_defaults(run=_remove)
    deeds.add_parser("list", parents=[everywhere], help="list them").set_defaults(run=_list)


def _add(args: argparse.Namespace) -> int:
    Users().add(args.name, args.role, _password())
    print(f"{args.name} may log in as {args.role}.")
    return 0


def _remove(args: argparse.Namespace) -> int:
    Users().remove(args.name)
    print(f"{args.name} may not log in any more.")
    return 0


def _list(args: argparse.Namespace) -> int:
    for name, role in Users().roles().items():
        print(f"{name:24} {role}")
    return 0


def _password() -> str:
    """Ask for a password twice, or read one line where nobody is at the keyboard."""
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\n")
    password = getpass("Password: ")
    if password != getpass("Once more: "):
        raise UserError("The two passwords differ; try again.")
    return password

"""`hub requests`: who asks for access to a gated actor."""

from __future__ import annotations

import argparse
import json

from perfclone.errors import UserError


def add(subparsers, everywhere: argparse.ArgumentParser) -> None:
    """Add the command to the parser."""
    parser = subparsers.add_parser(
        "requests", parents=[everywhere], help="accept or reject who asks for a gated actor", description=__doc__
    )
    parser.add_argument("repository", metavar="OWNER/NAME", help="the actor")
    answer = parser.add_mutually_exclusive_group()
    answer.add_argument("--accept", metavar="USER", help="let this user have the files")
    answer.add_argument("--reject", metavar="USER", help="do not")
    parser.add_argument("--reason", metavar="TEXT", help="why it is rejected; the user is told")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Answer a request, then print those that wait."""
    from ..access import requests

    if args.reason and not args.reject:
        raise UserError("--reason is for --reject, and nobody is rejected; name the user.")
    waiting = requests(args.repository, args.accept, args.reject, reason=args.reason)
    if args.accept or args.reject:
        print(f"{args.accept or args.reject}: {'accepted' if args.accept else 'rejected'}")
    for request in waiting:
        said = "; ".join(f"{name}: {json.dumps(value)}" for name, value in request.fields.items())
        print(f"{request.user}  {request.asked}  {said}".rstrip())
    if not waiting:
        print(f"Nobody waits for access to {args.repository}.")
    return 0

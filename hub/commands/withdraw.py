"""`hub withdraw`: the consent was revoked: the weights go, a tombstone and the revoked record stay."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path


def add(subparsers, everywhere: argparse.ArgumentParser) -> None:
    """Add the command to the parser."""
    parser = subparsers.add_parser(
        "withdraw",
        parents=[everywhere],
        help="revoke an actor's consent and take it down",
        description=__doc__,
        epilog="It cannot be undone. Copies that others fetched no longer load online; exit code 0 only if nothing "
        "was left on the Hub.",
    )
    parser.add_argument("repository", metavar="OWNER/NAME", help="the actor")
    parser.add_argument("--reason", required=True, metavar="TEXT", help="why, in one line; it is shown")
    parser.add_argument(
        "--consent", type=Path, metavar="CONSENT.json", help="the record, if `consent revoke` was run on it already"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Withdraw, and say what is left."""
    from ..withdraw import withdraw

    gone = withdraw(args.repository, args.reason, consent=args.consent)
    print(f"{gone.repository}: withdrawn; the tombstone is commit {gone.commit}")
    for sentence in gone.left:
        print(f"perfclone: {sentence}", file=sys.stderr)
    print("Delete the actor's folder and what was made of it here, and tell those who have copies.")
    return 2 if gone.left else 0

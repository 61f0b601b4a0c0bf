"""`perfclone review`: approve or reject what was cloned."""

from __future__ import annotations

import argparse
import json

from perfclone.errors import UserError
from perfclone.files.reading import one_line


def add(subparsers, everywhere: argparse.ArgumentParser) -> None:
    """Add the command to the parser."""
    parser = subparsers.add_parser(
        "review", parents=[everywhere], help="list, approve or reject clones", description=__doc__
    )
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    listing = actions.add_parser("list", parents=[everywhere], help="list the clones that wait for a decision")
    listing.add_argument("--all", action="store_true", help="also those that were approved or rejected")
    listing.add_argument("--json", action="store_true", help="print JSON for machines instead of text")
    listing.set_defaults(run=_list)
    for name, run, words in (("approve", _approve, "approve a clone"), ("reject", _reject, "reject a clone")):
        action = actions.add_parser(name, parents=[everywhere], help=f"{words}, and release or keep what is held")
        action.add_argument("id", metavar="ID", help="its watermark's id, 8 hex digits")
        action.add_argument("--note", default="", metavar="TEXT", help="why; needed to change a decision")
        action.set_defaults(run=run)
    require = actions.add_parser("require", parents=[everywhere], help="hold clones back until they are approved")
    require.add_argument("choice", choices=("on", "off"), help="whether approval is required")
    require.set_defaults(run=_require)


def _list(args: argparse.Namespace) -> int:
    from perfclone.governance.review import approval_required, held, listing

    reviews = [review for review in listing() if args.all or review.state == "pending"]
    if args.json:
        print(json.dumps([_facts(review, held(review.id)) for review in reviews], indent=2))
        return 0
    for review in reviews:
        line = ", ".join(f"{name} {value}" for name, value in _facts(review, held(review.id)).items() if value)
        print(one_line(line, " "))
    if not reviews:
        print("No clone waits for a decision." if not args.all else "There is no clone in the ledger.")
    print(f"Approval is {'required' if approval_required() else 'not required'} before a file leaves its folder.")
    return 0


def _facts(review, place) -> dict[str, str | None]:
    decision = review.decision.data if review.decision else {}
    return {
        "id": review.id,
        "state": review.state,
        "time": review.clone.time,
        "actor": review.clone.data.get("actor"),
        "purpose": review.clone.data.get("purpose"),
        "cloned_by": review.clone.data.get("who"),
        "decided_by": decision.get("who"),
        "note": decision.get("note"),
        "held": str(place) if place else None,
    }


def _approve(args: argparse.Namespace) -> int:
    from perfclone.governance.review import approve, held, release, state

    # One that was approved before but could not be released then is released now.
    if not (held(args.id) and state(args.id) == "approved"):
        approve(args.id, args.note)
    print(f"{args.id.lower()}: approved")
    if held(args.id):
        try:
            print(f"{release(args.id)}: released")
        except UserError as error:
            raise UserError(f"It is approved, but not released. {error}") from error
    return 0


def _reject(args: argparse.Namespace) -> int:
    from perfclone.governance.review import held, reject

    reject(args.id, args.note)
    print(f"{args.id.lower()}: rejected")
    if place := held(args.id):
        print(f"{place}: stays held; delete it when nobody needs it as evidence")
    return 0


def _require(args: argparse.Namespace) -> int:
    from perfclone.governance.review import require_approval

    require_approval(args.choice == "on")
    print(f"Approval is {'required' if args.choice == 'on' else 'not required'} before a file leaves its folder.")
    return 0

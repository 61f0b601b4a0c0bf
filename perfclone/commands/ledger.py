"""`perfclone ledger`: what was done with whose likeness, and whether the record of it is whole."""

from __future__ import annotations

import argparse
import collections
import json
from pathlib import Path
from typing import TYPE_CHECKING

from perfclone.errors import UserError
from perfclone.files.reading import one_line
from perfclone.terminal.arguments import add_force, refuse_existing, require_suffix, whole

if TYPE_CHECKING:
    from perfclone.governance.ledger.ledger import Entry, Ledger

#: What a line of `show` says of an entry, in this order.
SHOWN = ("who", "actor", "purpose", "watermark", "decision", "repository", "consent_id", "reason", "note")


def add(subparsers, everywhere: argparse.ArgumentParser) -> None:
    """Add the command to the parser."""
    parser = subparsers.add_parser(
        "ledger", parents=[everywhere], help="show, verify, checkpoint or export the ledger", description=__doc__
    )
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    show = actions.add_parser("show", parents=[everywhere], help="list the entries")
    show.add_argument("--last", type=whole(1), metavar="N", help="only the last N")
    show.add_argument("--json", action="store_true", help="print JSON for machines instead of text")
    show.set_defaults(run=_show)
    verify = actions.add_parser(
        "verify",
        parents=[everywhere],
        help="check that nothing was changed",
        description="Check that nothing was changed, removed or cut off. Exit code: 0 only if so.",
    )
    verify.add_argument("--checkpoint", type=Path, metavar="FILE", help="a checkpoint that was kept elsewhere")
    verify.set_defaults(run=_verify)
    checkpoint = actions.add_parser("checkpoint", parents=[everywhere], help="sign how far the ledger came")
    checkpoint.set_defaults(run=_checkpoint)
    export = actions.add_parser("export", parents=[everywhere], help="copy the verified ledger, with a checkpoint")
    export.set_defaults(run=_export)
    for action, name in ((checkpoint, "CHECKPOINT.json"), (export, "OUT.jsonl")):
        action.add_argument("-o", "--output", type=Path, required=True, metavar=name, help="where the file goes")
        add_force(action)
    for action in (show, verify, checkpoint, export):
        action.add_argument("--ledger", type=Path, metavar="LEDGER", help="another ledger than this operator's")


def open_ledger(path: Path | None) -> Ledger:
    """Open the ledger that --ledger names, or this operator's for None.

    Raises:
        UserError: There is none of that name.
    """
    from perfclone.governance.ledger.ledger import Ledger

    if path and not path.is_file():
        raise UserError(f"There is no ledger {path}; check the name.")
    return Ledger(path)


def _show(args: argparse.Namespace) -> int:
    entries = open_ledger(args.ledger).entries()
    if args.last or args.json:
        entries = collections.deque(entries, maxlen=args.last)
    if args.json:
        print(json.dumps([vars(entry) for entry in entries], indent=2))
        return 0
    for entry in entries:
        print(_line(entry))
    return 0


def _line(entry: Entry) -> str:
    """Put an entry into a line that no text in it can break."""
    said = [f"{name} {entry.data[name]}" for name in SHOWN if name in entry.data]
    line = f"{entry.n:6} {entry.time[:19]}Z {entry.event:7} {', '.join(said)}"
    return one_line(line, " ")


def _verify(args: argparse.Namespace) -> int:
    from perfclone.governance import keys
    from perfclone.governance.ledger.checkpoints import read_checkpoint

    ledger = open_ledger(args.ledger)
    given = read_checkpoint(args.checkpoint) if args.checkpoint else None
    found = ledger.verify(given.to_json() if given else None)
    span = f" from {found.first} to {found.last}" if found.entries else ""
    print(f"{ledger.path}: {found.entries} entries{span}, as they were written.")
    if given and not keys.known(given.signature.public_key):
        mark = keys.fingerprint(given.signature.public_key)
        print(f"{args.checkpoint} is signed by key {mark}, not one of yours: ask whose it is.")
    if found.sealed:
        count = f"{found.checkpoints} checkpoints agree" if found.checkpoints > 1 else "A checkpoint agrees"
        print(f"{count}, up to entry {found.sealed - 1}.")
    if found.sealed < found.entries:
        print("What was cut off after that would not show; keep a checkpoint elsewhere: ledger checkpoint -o FILE")
    if found.torn:
        print("A half-written entry follows, as after a power cut; the next entry sets it aside.")
    return 0


def _checkpoint(args: argparse.Namespace) -> int:
    require_suffix(args.output, ".json")
    refuse_existing([args.output], args.force)
    from perfclone.governance.ledger.checkpoints import Checkpoint, write_checkpoint

    seal = Checkpoint.from_json(open_ledger(args.ledger).checkpoint())
    write_checkpoint(args.output, seal)
    print(f"{args.output}: {seal.n} entries; keep it where nobody who can reach the ledger can change it.")
    return 0


def _export(args: argparse.Namespace) -> int:
    require_suffix(args.output, ".jsonl")
    checkpoint = args.output.with_name(f"{args.output.stem}.checkpoint.json")
    refuse_existing([args.output, checkpoint], args.force)
    found = open_ledger(args.ledger).export(args.output)
    print(f"{args.output}: {found.entries} entries, and {checkpoint.name} beside it")
    return 0

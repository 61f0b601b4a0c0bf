"""`perfclone consent`: record what somebody agrees to, read it, check it, revoke it."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from perfclone.commands.asking import agreed, ask, ask_consent
from perfclone.errors import UserError
from perfclone.terminal.arguments import add_force, refuse_existing, require_suffix


def add(subparsers, everywhere: argparse.ArgumentParser) -> None:
    """Add the command to the parser."""
    parser = subparsers.add_parser(
        "consent", parents=[everywhere], help="record, show, verify or revoke somebody's consent", description=__doc__
    )
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    new = actions.add_parser(
        "new",
        parents=[everywhere],
        help="record a consent and sign it",
        description="Record a consent and sign it. Filming yourself: consent new --myself NAME --reference me.mp4 -o "
        "consent.json: personal use and evaluation, for a year. Without --myself or --json it asks.",
    )
    source = new.add_mutually_exclusive_group()
    source.add_argument("--myself", metavar="NAME", help="you agree for yourself; nothing is asked")
    source.add_argument(
        "--json", metavar="FIELDS", help="a JSON file with the record's fields, '-' for stdin; nothing is asked"
    )
    new.add_argument(
        "--reference", type=Path, action="append", metavar="VIDEO", help="a reference video that it covers; repeatable"
    )
    new.add_argument("--statement", type=Path, metavar="VIDEO", help="a video in which the person says so")
    new.add_argument("-o", "--output", type=Path, required=True, metavar="CONSENT.json", help="where the record goes")
    add_force(new)
    new.set_defaults(run=_new)
    show = actions.add_parser("show", parents=[everywhere], help="say in plain words what a record allows")
    show.set_defaults(run=_show)
    verify = actions.add_parser(
        "verify",
        parents=[everywhere],
        help="check signature, dates and revocation",
        description="Check signature, dates and revocation. Exit code: 0 only if the consent holds today.",
    )
    verify.add_argument("--reference", type=Path, metavar="VIDEO", help="also check that this video is covered")
    verify.add_argument("--key", metavar="KEY", help="accept the signature of this key, as `consent show` names it")
    verify.set_defaults(run=_verify)
    revoke = actions.add_parser("revoke", parents=[everywhere], help="end a consent, here and in the file")
    revoke.add_argument("--reason", required=True, metavar="TEXT", help="why, in one line")
    revoke.add_argument(
        "-o", "--output", type=Path, metavar="OUT.json", help="where the record goes (default: into its file)"
    )
    add_force(revoke)
    revoke.set_defaults(run=_revoke)
    for action in (show, verify, revoke):
        action.add_argument("record", type=Path, metavar="CONSENT.json", help="the record")


def _new(args: argparse.Namespace) -> int:
    require_suffix(args.output, ".json")
    refuse_existing([args.output], args.force)
    from perfclone.files.sequence import video_sha256
    from perfclone.governance.consent.kinds import describe, signed_record, usual_fields
    from perfclone.governance.ledger.ledger import Ledger

    asked = args.myself is None and args.json is None
    fields = usual_fields(args.myself, args.myself) if args.myself is not None else {}
    if args.json is not None:
        fields = _given(args.json)
    elif asked:
        fields = ask_consent(usual_fields)
    references = args.reference or []
    if asked and not references:
        references = [Path(ask("The reference video", check=lambda text: video_sha256(Path(text))))]
    if not references and not fields.get("reference_sha256"):
        raise UserError("A consent covers certain footage: name the reference video with --reference.")
    record = signed_record(fields, references, args.statement)
    print(describe(record))
    if asked and not agreed(f"Does {record.subject} agree to this"):
        raise UserError("Nothing was written, since there is no agreement.")
    record.save(args.output)
    Ledger().append("consent", consent=record.digest(), consent_id=record.id)
    print(f"{args.output}: recorded and signed")
    return 0


def _given(place: str) -> dict:
    """Read the fields that --json names, and add the usual ones."""
    from perfclone.files.reading import parse_json, read_limited, shown
    from perfclone.governance.consent.kinds import usual_fields
    from perfclone.governance.consent.record import LIMIT

    data = sys.stdin.buffer.read(LIMIT) if place == "-" else read_limited(Path(place), LIMIT, "file of fields")
    fields = parse_json(data, "The fields of the consent")
    if not isinstance(fields, dict):
        raise UserError(f"The fields of the consent must be a JSON object, got {shown(fields)}.")
    for name in ("subject", "recorded_by", "purposes"):
        if name not in fields:
            raise UserError(f"The fields of the consent must have {name!r}; add it.")
    usual = usual_fields(fields["subject"], fields["recorded_by"])
    if unknown := fields.keys() - usual.keys() - {"reference_sha256", "statement_sha256"}:
        raise UserError(f"The fields of the consent have {shown(min(unknown))}, which is none; remove it.")
    if not isinstance(fields.get("reference_sha256", []), list):
        raise UserError(f"reference_sha256 must be a list, got {shown(fields['reference_sha256'])}.")
    if fields.get("subject_kind") == "synthetic":
        usual["expires"] = None
    return usual | fields


def _show(args: argparse.Namespace) -> int:
    from perfclone.governance.consent.kinds import describe
    from perfclone.governance.consent.record import ConsentRecord

    print(describe(ConsentRecord.load(args.record)))
    return 0


def _verify(args: argparse.Namespace) -> int:
    from perfclone.governance.consent.record import ConsentError, ConsentRecord
    from perfclone.governance.keys import fingerprint
    from perfclone.governance.policy import authorise_training

    record = ConsentRecord.load(args.record)
    record.verify()
    record.check_current()
    mark = fingerprint(record.signature.public_key)
    if args.key and args.key.lower() != mark:
        raise ConsentError(f"{args.record} is signed by key {mark}, not by {args.key}; do not rely on it.")
    if not args.key and not record.ours():
        raise ConsentError(
            f"{args.record} is signed by key {mark}, which is not one of yours; "
            f"ask {record.recorded_by} whether it is theirs, and if so add --key {mark}."
        )
    if args.reference:
        authorise_training(record, args.reference)
    term = f"until {record.expires}" if record.expires else "for ever"
    print(f"{args.record} holds {term}: {record.subject} agreed to {', '.join(record.purposes)}.")
    print(f"It is signed by key {mark}{', one of yours' if record.ours() else ''}.")
    if args.reference:
        print(f"{args.reference} is covered.")
    return 0


def _revoke(args: argparse.Namespace) -> int:
    from perfclone.governance.consent.record import ConsentRecord
    from perfclone.governance.withdrawal import withdraw

    output = args.output or args.record
    require_suffix(args.output, ".json")
    refuse_existing([args.output], args.force)
    record = withdraw(ConsentRecord.load(args.record), args.reason, output)
    print(f"{output}: revoked on {record.revoked.on}; no actor with this consent can be used or pushed here.")
    print("Give this file to whoever has a copy of the record, and delete the actors and videos that were made of it.")
    return 0

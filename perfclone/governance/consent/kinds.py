"""The usual kinds of consent records: of oneself, of nobody, and of a benchmark; and a record in plain words."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path

from perfclone.files.reading import plain_name
from perfclone.files.sequence import video_sha256
from perfclone.governance.consent.record import TUPLES, ConsentError, ConsentRecord
from perfclone.governance.consent.rules import MEDIA, NAME, PURPOSES, WORLDWIDE
from perfclone.governance.keys import SigningKey, fingerprint, signing_key

#: How long a consent lasts unless something else is said.
TERM = timedelta(days=365)


def usual_fields(subject: str, recorded_by: str) -> dict:
    """Give what a record says unless something else is asked for: all fields but the hashes of videos."""
    today = date.today()
    return {
        "subject_kind": "person",
        "subject": subject,
        "recorded_by": recorded_by,
        "purposes": ["personal", "evaluation"],
        "purpose_note": "",
        "media": ["web", "social", "internal"],
        "territory": WORLDWIDE,
        "starts": today.isoformat(),
        "expires": (today + TERM).isoformat(),
        "train_others": False,
        "revocation": f"Tell {recorded_by} at any time, in any form; no reason is needed.",
    }


def signed_record(
    fields: Mapping[str, object], references: Sequence[Path] = (), statement: Path | None = None
) -> ConsentRecord:
    """Make the record of what was agreed, signed by this operator; saving it, and the ledger, are the caller's.

    Args:
        fields: As :func:`usual_fields` gives them; lists may stand for tuples.
        references: Reference videos that it covers, besides those in the fields.
        statement: A video in which the person says so.

    Raises:
        ConsentError: Something in it will not do, or no reference video is covered.
    """
    values = {
        name: tuple(value) if name in TUPLES and isinstance(value, list) else value for name, value in fields.items()
    }
    given = values.get("reference_sha256", ())
    values["reference_sha256"] = (
        tuple(dict.fromkeys([*given, *map(video_sha256, references)])) if references else given
    )
    if not values["reference_sha256"]:
        raise ConsentError("A consent covers certain footage: name the reference video.")
    if statement:
        values["statement_sha256"] = video_sha256(statement)
    return ConsentRecord(**values).sign(signing_key())


def synthetic_record(name: str, reference_sha256: str | Sequence[str], key: SigningKey) -> ConsentRecord:
    """Make the signed record of an actor in whose reference nobody is shown: all purposes, for ever.

    Args:
        name: Of the synthetic actor.
        reference_sha256: Of the reference video or videos, 64 hex digits each.
        key: Signs it.
    """
    return ConsentRecord(
        subject=name,
        subject_kind="synthetic",
        recorded_by="perfclone",
        purposes=PURPOSES,
        purpose_note="A computer-made person: nobody is shown.",
        media=MEDIA,
        starts=date.today().isoformat(),
        expires=None,
        train_others=True,
        revocation="Nobody is shown, so nobody needs to revoke it.",
        reference_sha256=(reference_sha256,) if isinstance(reference_sha256, str) else tuple(reference_sha256),
    ).sign(key)


def evaluation_record(reference: str | Path, key: SigningKey | None = None) -> ConsentRecord:
    """Make the signed record of a benchmark's actor, which is deleted after it was measured.

    For ``benchmarks/`` alone: it states nobody's agreement beyond the licence of the footage, so what it allows is to
    measure, until tomorrow. Never keep, publish or show an actor that was trained with it.

    Args:
        reference: The reference video.
        key: Signs it; the operator's by default.
    """
    today = date.today()
    return ConsentRecord(
        subject=f"unnamed person in {plain_name(Path(reference).name)}"[:NAME],
        recorded_by="the benchmark",
        purposes=("evaluation",),
        purpose_note="To measure, under the licence of the footage; the actor is deleted afterwards.",
        media=("internal",),
        starts=today.isoformat(),
        expires=(today + timedelta(days=1)).isoformat(),
        train_others=False,
        revocation="It ends by itself within a day.",
        reference_sha256=(video_sha256(Path(reference)),),
    ).sign(key or signing_key())


def describe(record: ConsentRecord) -> str:
    """Say in plain words what a record allows; whether it holds is for ``verify`` and ``allow``."""
    territory = record.territory if isinstance(record.territory, str) else ", ".join(record.territory)
    lines = [
        f"{record.subject} agreed that videos are made of them doing what they did not do."
        if record.subject_kind == "person"
        else f"{record.subject} is synthetic: nobody is shown.",
        f"For: {', '.join(record.purposes)}" + (f" ({record.purpose_note})" if record.purpose_note else ""),
        f"Where: {', '.join(record.media)}; {territory}",
        f"When: from {record.starts} " + (f"to {record.expires}, both included" if record.expires else "on, for ever"),
        "Training models of others on it: " + ("allowed" if record.train_others else "not allowed"),
        f"To revoke: {record.revocation}",
        f"Recorded by {record.recorded_by}, {record.created}",
        *(f"Reference video: sha256 {digest}" for digest in record.reference_sha256),
        f"Statement video: {f'sha256 {record.statement_sha256}' if record.statement_sha256 else 'none'}",
        f"Record: {record.id}, {record.digest()}",
        f"Signed by key {fingerprint(record.signature.public_key)}" if record.signature else "Not signed",
    ]
    if record.revoked:
        lines.insert(0, f"REVOKED on {record.revoked.on}: {record.revoked.reason}")
    return "\n".join(textwrap.fill(line, 119, subsequent_indent="  ", break_long_words=False) for line in lines)

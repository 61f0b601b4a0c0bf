"""The gate: nobody is trained on, and nothing is generated of them, without a consent record that allows it.

Training asks for the record of that very file, and the record travels with the actor as ``consent.json``. Generating
asks it again, each time, for the purpose: what was allowed yesterday may be over or revoked today.

**Keys that are not ours.** A record is accepted whoever's key signed it, since it comes with the actor from whoever
recorded the consent. The signature proves that it says what it said when it was signed, and no more: not who holds the
key, nor that the person agreed. To rely on a record of others, compare its key with theirs (``consent verify --key``);
:meth:`ConsentRecord.ours` tells which are of this machine. Revocations that are noted
here count for everybody's records.
"""

from __future__ import annotations

import shlex
from pathlib import Path

from perfclone.files.sequence import video_sha256
from perfclone.governance.consent.record import CONSENT, ConsentError, ConsentRecord


def authorise_training(record: ConsentRecord, reference: Path) -> str:
    """Let an actor be trained from a video, or say why not.

    Args:
        record: What the person agreed to.
        reference: The reference video; that very file must be covered, whatever its name is.

    Returns:
        The video's sha256, 64 hex digits.

    Raises:
        ConsentError: The record is not signed or was changed, does not hold today, was revoked, in its file or as
            noted on this machine, or is about other footage.
    """
    record.verify()
    record.check_current()
    digest = video_sha256(reference)
    if not record.covers(digest):
        raise ConsentError(
            f"{reference} is not the footage that {record.subject} agreed to; "
            f"ask {record.recorded_by} for a record that covers this very file."
        )
    return digest


def authorise_clone(record: ConsentRecord | None, purpose: str) -> None:
    """Let something be generated of an actor, or say why not.

    Args:
        record: The actor's; None where it came without.
        purpose: One of :data:`~perfclone.governance.consent.record.PURPOSES`.

    Raises:
        ConsentError: There is no record, or it does not allow that, today.
    """
    if record is None:
        raise ConsentError(
            f"This actor has no {CONSENT}, so nothing may be generated of it; "
            "ask whoever trained it for its whole folder, or train it anew with the person's consent."
        )
    record.allow(purpose)


def record_for(consent: ConsentRecord | str | Path | None, reference: Path) -> ConsentRecord:
    """Give the record that somebody named for a reference video.

    Args:
        consent: The record, its file, or None where none was named.
        reference: The reference video.

    Raises:
        ConsentError: None was named, or its file is not there or damaged.
    """
    if consent is None:
        names = (shlex.quote(str(path)) for path in (reference, reference.with_name(CONSENT)))
        command = 'python -m perfclone consent new --myself "Your Name" --reference {} -o {}'.format(*names)
        raise ConsentError(
            f"Training needs the consent of whoever is seen in {reference}: give their record as consent; "
            f"if that is you, make it by `{command}`"
        )
    return consent if isinstance(consent, ConsentRecord) else ConsentRecord.load(consent)


def beside_reference(reference: Path) -> Path | None:
    """Find the ``consent.json`` that lies beside a reference video."""
    place = reference.with_name(CONSENT)
    return place if place.exists() else None

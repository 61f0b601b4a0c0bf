"""Withdrawing a consent: what that concerns, and doing it, on this machine and in the record's file."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from perfclone.governance.consent import revocations
from perfclone.governance.consent.record import ConsentRecord
from perfclone.governance.keys import signing_key
from perfclone.governance.ledger.ledger import Ledger
from perfclone.governance.review import listing


@dataclass(frozen=True)
class Reach:
    """What was done here by a consent, as the ledger has it.

    Attributes:
        trained: How many times an actor was trained.
        clones: How many clones were made.
        waiting: How many of these wait for approval.
        repositories: Where an actor was pushed to.
    """

    trained: int
    clones: int
    waiting: int
    repositories: tuple[str, ...]


def reach(record_id: str, ledger: Ledger | None = None) -> Reach:
    """Find out what the end of a consent concerns.

    Args:
        record_id: The record's id.
        ledger: To look it up in; the operator's by default.

    Raises:
        LedgerError: The ledger was changed.
    """
    ledger = ledger or Ledger()
    mine = [entry for entry in ledger.entries() if entry.data.get("consent_id") == record_id]
    events = Counter(entry.event for entry in mine)
    waiting = sum(
        review.state == "pending" and review.clone.data.get("consent_id") == record_id for review in listing(ledger)
    )
    pushed = (entry.data.get("repository") for entry in mine if entry.event == "push")
    return Reach(events["train"], events["clone"], waiting, tuple(dict.fromkeys(filter(None, pushed))))


def withdraw(
    record: ConsentRecord,
    reason: str,
    output: Path | None = None,
    who: str | None = None,
    ledger: Ledger | None = None,
) -> ConsentRecord:
    """Withdraw a consent: from then on no actor with it can be trained, used or pushed here.

    Args:
        record: The record. One that says already that it was revoked, but not on this machine, is noted here.
        reason: Why, in one line.
        output: Where to write the record that says so; None writes none.
        who: Who enters it; whoever uses this machine by default.
        ledger: Where it is entered; the operator's by default.

    Returns:
        The record that says so.

    Raises:
        ConsentError: It was withdrawn here before, or there is no reason.
    """
    before = record.revoked
    if before and revocations.noted(record.id):
        record.revoke(reason, signing_key())  # says when it was
    record = record if before else record.revoke(reason, signing_key())
    # The note comes first: from then on no copy of the record is of use here, whatever else fails.
    revocations.note(record.id, record.to_json()["revoked"])
    if output:
        record.save(output)
    (ledger or Ledger()).append(
        "revoke", consent=record.digest(), consent_id=record.id, reason=record.revoked.reason, who=who
    )
    return record

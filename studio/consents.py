"""The consent form's other side: what the person filmed agreed to becomes a signed record."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from perfclone.governance.consent import rules
from perfclone.governance.consent.kinds import signed_record, usual_fields
from perfclone.governance.consent.record import ConsentError, ConsentRecord
from perfclone.governance.ledger.ledger import Ledger

from .phrases import say


@dataclass(frozen=True)
class Agreement:
    """What somebody filled in.

    Attributes:
        subject: Name or pseudonym of the person filmed.
        recorded_by: Who films them and keeps the actor; empty where they do so themselves.
        purposes: Some of the record's.
        media: Some of the record's.
        expires: Last day, ISO date.
        note: The purposes in their own words.
        train_others: Whether the footage may train models of others.
        revocation: How they withdraw; empty takes the usual words.
        statement: A clip in which they say so.
        phrase: The words that they were asked to say in it.
        agreed: Whether they ticked that they agree.
    """

    subject: str
    recorded_by: str
    purposes: list[str]
    media: list[str]
    expires: str
    note: str = ""
    train_others: bool = False
    revocation: str = ""
    statement: str | None = None
    phrase: str = ""
    agreed: bool = False

    def __post_init__(self):
        if not self.agreed:
            raise ConsentError("Nothing is trained of anybody who did not agree: the person filmed ticks the box.")
        if not self.subject.strip():
            raise ConsentError("The consent needs the name or pseudonym of the person filmed.")
        if not self.purposes or not self.media:
            raise ConsentError("Tick at least one purpose and one place where the videos may be shown.")
        if rules.parse_day("The last day", self.expires.strip()) < date.today():
            raise ConsentError(f"The last day must not be past, got {self.expires}.")

    def record(self, reference: Path) -> ConsentRecord:
        """Sign the record for a reference video, and enter it in the ledger.

        Raises:
            ConsentError: Something in it will not do.
        """
        subject = self.subject.strip()
        fields = usual_fields(subject, self.recorded_by.strip() or subject) | {
            "purposes": list(self.purposes),
            "media": list(self.media),
            "expires": self.expires.strip(),
            "purpose_note": self._note(),
            "train_others": self.train_others,
        }
        if self.revocation.strip():
            fields["revocation"] = self.revocation.strip()
        record = signed_record(fields, [reference], Path(self.statement) if self.statement else None)
        Ledger().append("consent", consent=record.digest(), consent_id=record.id)
        return record

    def _note(self) -> str:
        """The purposes in free words, and what is said in the statement, since that is signed with them."""
        said = f'Said in the statement: "{self.phrase}".' if self.statement and self.phrase else ""
        return " ".join(filter(None, [" ".join(self.note.split()), said]))


def draw_phrase(request) -> str:
    """Three words, in the visitor's language, that nobody could have known before."""
    words = say("train_phrase_words", request).split()
    return " ".join(secrets.SystemRandom().sample(words, 3))

"""The consent form's other side: what the person filmed agreed to becomes a signed record."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from perfclone.governance.consent import rules
from perfclone.governance.consent.kinds import signed_record, usual_fields
from perfclone.governance.consent.record import ConsentError, ConsentRecord
from perfclone.governance.ledger.ledger import Ledger

from .phrases import say

if TYPE_CHECKING:
    import gradio as gr


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

    def record(self, reference: Path, request: gr.Request | None = None) -> ConsentRecord:
        """Sign the record for a reference video, and enter it in the ledger.

        Args:
            reference: What it is to cover.
            request: In whose language is said what is wanting.

        Raises:
            ConsentError: Something is wanting, or will not do.
        """
        self._require(request)
        subject = self.subject.strip()
        keeper = self.recorded_by.strip() or subject
        fields = usual_fields(subject, keeper) | {
            "purposes": list(self.purposes),
            "media": list(self.media),
            "expires": self.expires.strip(),
            "purpose_note": self._note(request),
            "train_others": self.train_others,
            "revocation": self.revocation.strip() or say("train_revocation_usual", request, keeper=keeper),
        }
        record = signed_record(fields, [reference], Path(self.statement) if self.statement else None)
        Ledger().append("consent", consent=record.digest(), consent_id=record.id)
        return record

    def _require(self, request: gr.Request | None) -> None:
        """Refuse what is not filled in, as it is said on the page."""
        wanting = {
            "agreement": not self.agreed,
            "subject": not self.subject.strip(),
            "choice": not (self.purposes and self.media),
        }
        for what in (what for what, is_so in wanting.items() if is_so):
            raise ConsentError(say(f"train_wants_{what}", request))
        try:
            past = rules.parse_day("expires", self.expires.strip()) < date.today()
        except ConsentError:
            raise ConsentError(say("train_wants_day", request)) from None
        if past:
            raise ConsentError(say("train_wants_later", request))

    def _note(self, request: gr.Request | None) -> str:
        """The purposes in free words, and what is said in the statement, since that is signed with them."""
        said = say("train_said", request, phrase=self.phrase) if self.statement and self.phrase else ""
        return " ".join(filter(None, [" ".join(self.note.split()), said]))


def draw_phrase(request) -> str:
    """Three words, in the visitor's language, that nobody could have known before."""
    words = say("train_phrase_words", request).split()
    return " ".join(secrets.SystemRandom().sample(words, 3))

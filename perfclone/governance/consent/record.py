"""Consent records: who agreed to what, for how long, about which footage; signed, and checked wherever it is used.

A record is a small JSON file (``schema.json`` says its form). What is signed is everything but the signature
itself and the revocation, which carries a signature of its own.
"""

from __future__ import annotations

import json
import uuid
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import UTC, date, datetime
from hashlib import sha256
from pathlib import Path

from perfclone.errors import UserError
from perfclone.files.reading import parse_json, read_limited, shown
from perfclone.files.writing import beside
from perfclone.governance import keys
from perfclone.governance.consent import revocations, rules
from perfclone.governance.consent.rules import MEDIA, PURPOSES, SCHEMA, WORLDWIDE, ConsentError
from perfclone.governance.keys import Signature, SigningKey, canonical

__all__ = ["MEDIA", "PURPOSES", "ConsentError", "ConsentRecord", "Revocation"]
#: The name of a record's file beside a reference video and in an actor's folder, and the most bytes that it has.
CONSENT, LIMIT = "consent.json", 64 * 1024
TUPLES = ("purposes", "media", "territory", "reference_sha256")


@dataclass(frozen=True)
class Revocation:
    """That a record no longer holds.

    Attributes:
        on: ISO date.
        reason: One line.
        signature: Of whoever revoked it.
    """

    on: str
    reason: str
    signature: Signature

    def __post_init__(self):
        rules.parse_day("revoked.on", self.on)
        rules.check_text("revoked.reason", self.reason, rules.NOTE)


@dataclass(frozen=True)
class ConsentRecord:
    """What somebody agreed to.

    Attributes:
        subject: Name or pseudonym of who is seen.
        recorded_by: Who recorded the consent, and is to be asked about it.
        purposes: Some of :data:`PURPOSES`.
        media: Some of :data:`MEDIA`.
        starts: First day on which it holds, ISO date.
        expires: Last day on which it holds; None, for ever, only where nobody is shown.
        train_others: Whether the footage may train models of others.
        revocation: How it can be revoked.
        reference_sha256: Of the reference videos that it covers, 64 hex digits each.
        subject_kind: "person", or "synthetic" where nobody is shown.
        purpose_note: The purposes in free words.
        territory: "worldwide", or ISO 3166 country codes.
        statement_sha256: Of a video in which the person says so.
        schema: Of the file.
        id: 32 hex digits.
        created: ISO moment in UTC.
        signature: Over all of the above.
        revoked: Where it was revoked.
    """

    subject: str
    recorded_by: str
    purposes: tuple[str, ...]
    media: tuple[str, ...]
    starts: str
    expires: str | None
    train_others: bool
    revocation: str
    reference_sha256: tuple[str, ...]
    subject_kind: str = "person"
    purpose_note: str = ""
    territory: str | tuple[str, ...] = WORLDWIDE
    statement_sha256: str | None = None
    schema: str = SCHEMA
    id: str = field(default_factory=lambda: uuid.uuid4().hex)
    created: str = field(default_factory=lambda: f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}")
    signature: Signature | None = None
    revoked: Revocation | None = None

    def __post_init__(self):
        rules.check_choice("schema", self.schema, (SCHEMA,))
        rules.check_pattern("id", self.id, rules.ID, "32 lower-case hex digits")
        rules.check_choice("subject_kind", self.subject_kind, rules.SUBJECT_KINDS)
        rules.check_text("subject", self.subject, rules.NAME)
        rules.check_text("recorded_by", self.recorded_by, rules.NAME)
        rules.check_choices("purposes", self.purposes, PURPOSES)
        rules.check_text("purpose_note", self.purpose_note, rules.NOTE, optional=True)
        rules.check_choices("media", self.media, MEDIA)
        rules.check_territory(self.territory)
        self._check_term()
        if not isinstance(self.train_others, bool):
            raise ConsentError(f"train_others must be true or false, got {shown(self.train_others)}.")
        rules.check_text("revocation", self.revocation, rules.NOTE)
        rules.check_hashes("reference_sha256", self.reference_sha256)
        if self.statement_sha256 is not None:
            rules.check_hashes("statement_sha256", (self.statement_sha256,))
        rules.check_moment("created", self.created)
        for name, kind in (("signature", Signature), ("revoked", Revocation)):
            if not isinstance(getattr(self, name), kind | None):
                raise ConsentError(f"{name} must be a {kind.__name__} or nothing, got {shown(getattr(self, name))}.")

    def _check_term(self) -> None:
        starts = rules.parse_day("starts", self.starts)
        if self.expires is not None:
            if rules.parse_day("expires", self.expires) < starts:
                raise ConsentError(f"expires must not be before starts, got {self.expires} before {self.starts}.")
        elif self.subject_kind == "person":
            raise ConsentError("expires must be a date, since a person's consent does not last for ever; got none.")

    @classmethod
    def load(cls, path: str | Path) -> ConsentRecord:
        """Read a record's file, strictly; :meth:`verify` and :meth:`allow` say what it is worth.

        Raises:
            ConsentError: It is not there, or no such record.
        """
        try:
            data = read_limited(Path(path), LIMIT, "consent record")
        except UserError as error:
            raise ConsentError(str(error)) from error
        return cls.from_bytes(data, f"The consent record {path}")

    @classmethod
    def from_bytes(cls, data: bytes, what: str = "The consent record") -> ConsentRecord:
        """Read what :meth:`save` wrote, from memory; see :meth:`load`.

        Raises:
            ConsentError: It is no such record.
        """
        try:
            return cls.from_json(parse_json(data, what), what)
        except ConsentError:
            raise
        except UserError as error:
            raise ConsentError(str(error)) from error

    @classmethod
    def from_json(cls, value: object, what: str = "The consent record") -> ConsentRecord:
        """Read what :meth:`to_json` gave, and nothing else.

        Raises:
            ConsentError: Something is missing, unknown or of a wrong kind; the signature is not looked at.
        """
        if not isinstance(value, dict):
            raise ConsentError(f"{what} must be a JSON object, got {shown(value)}.")
        names = {item.name for item in fields(cls)}
        if unknown := value.keys() - names:
            raise ConsentError(f"{what} has {shown(min(unknown))}, which is unknown; remove it or update perfclone.")
        if missing := names - value.keys():
            raise ConsentError(f"{what} has no {min(missing)!r}; get the whole record.")
        arguments = {
            name: tuple(item) if name in TUPLES and isinstance(item, list) else item for name, item in value.items()
        }
        try:
            if value["signature"] is not None:
                arguments["signature"] = Signature.from_json(value["signature"])
            if value["revoked"] is not None:
                arguments["revoked"] = _read_revocation(value["revoked"])
            return cls(**arguments)
        except UserError as error:
            raise ConsentError(f"{what} cannot be used: {error}") from error

    def to_json(self) -> dict:
        """Give it as a JSON object."""
        value = asdict(self)
        return {name: list(item) if isinstance(item, tuple) else item for name, item in value.items()}

    def save(self, path: str | Path) -> None:
        """Write the file, whole or not at all."""
        data = self.to_bytes()
        with beside(Path(path)) as part:
            part.write_bytes(data)

    def to_bytes(self) -> bytes:
        """Give what :meth:`save` writes and :meth:`from_bytes` reads.

        Raises:
            ConsentError: It would be too long.
        """
        data = json.dumps(self.to_json(), indent=2, ensure_ascii=False).encode("utf-8") + b"\n"
        if len(data) > LIMIT:
            raise ConsentError(f"The record would have {len(data)} bytes, over {LIMIT}; shorten its texts.")
        return data

    def content(self) -> bytes:
        """Give the bytes that are signed: everything but the signature and the revocation."""
        value = self.to_json()
        del value["signature"], value["revoked"]
        return canonical(value)

    def digest(self) -> str:
        """Name what was agreed, "sha256:" and 64 hex digits; neither signing nor revoking changes it."""
        return f"sha256:{sha256(self.content()).hexdigest()}"

    def sign(self, key: SigningKey) -> ConsentRecord:
        """Give the same record, signed."""
        return replace(self, signature=key.sign(self.content()))

    def verify(self) -> None:
        """Check the signatures; dates and purposes are for :meth:`allow`, whose key it is for :meth:`ours`.

        Raises:
            ConsentError: There is none, or the record was changed after it was signed.
        """
        if self.signature is None:
            raise ConsentError(f"The consent record of {self.subject} is not signed; make it with `consent new`.")
        if not keys.verify(self.signature, self.content()):
            raise ConsentError(
                f"The consent record of {self.subject} was changed after it was signed; "
                f"ask {self.recorded_by} for the original or record the consent anew."
            )
        if self.revoked and not keys.verify(self.revoked.signature, self._revocation(self.revoked)):
            raise ConsentError(
                f"The revocation in the record of {self.subject} was changed; nothing is allowed by it."
            )

    def ours(self) -> bool:
        """Whether the key that signed it is this operator's, now or earlier."""
        return self.signature is not None and keys.known(self.signature.public_key)

    def allow(self, purpose: str, on: date | None = None) -> None:
        """Let a purpose pass, or say why not; the signature is checked as well.

        Args:
            purpose: One of :data:`PURPOSES`.
            on: The day of the use; today by default.

        Raises:
            ConsentError: It was revoked, is not signed, does not cover the purpose or does not hold on that day.
        """
        self.verify()
        rules.check_choice("The purpose", purpose, PURPOSES)
        self.check_current(on)
        if purpose not in self.purposes:
            raise ConsentError(
                f"{self.subject} agreed to {', '.join(self.purposes)}, not to {purpose}; "
                f"ask {self.recorded_by} for a record that allows it."
            )

    def check_current(self, on: date | None = None) -> None:
        """Check that it was not revoked, here or in the record, and holds on a day; today by default.

        Raises:
            ConsentError: It does not.
        """
        gone = {"on": self.revoked.on, "reason": self.revoked.reason} if self.revoked else revocations.noted(self.id)
        if gone:
            raise ConsentError(
                f"The consent of {self.subject} was revoked on {gone['on']} ({gone['reason']}); "
                f"delete what was made of it, or ask {self.recorded_by} for a new record."
            )
        day = on or date.today()
        if day < date.fromisoformat(self.starts):
            raise ConsentError(f"The consent of {self.subject} starts on {self.starts}, after {day}; wait until then.")
        if self.expires is not None and day > date.fromisoformat(self.expires):
            raise ConsentError(
                f"The consent of {self.subject} expired on {self.expires}; ask {self.recorded_by} to renew it."
            )

    def covers(self, digest: str) -> bool:
        """Whether a reference video, by its sha256 in hex, is covered."""
        return digest.removeprefix("sha256:") in self.reference_sha256

    def revoke(self, reason: str, key: SigningKey) -> ConsentRecord:
        """Give the same record, revoked today; :func:`perfclone.governance.consent.revocations.note` notes it here.

        Raises:
            ConsentError: It was revoked before, or there is no reason.
        """
        if self.revoked:
            raise ConsentError(
                f"The consent of {self.subject} was revoked on {self.revoked.on}; nothing is left to do."
            )
        # Anything that signs will do to find out what is to be signed.
        unsigned = Revocation(date.today().isoformat(), reason, key.sign(b""))
        return replace(self, revoked=replace(unsigned, signature=key.sign(self._revocation(unsigned))))

    def _revocation(self, revoked: Revocation) -> bytes:
        """Give the bytes that a revocation signs."""
        said = {"id": self.id, "consent": self.digest(), "on": revoked.on, "reason": revoked.reason}
        return canonical({"schema": "perfclone.revocation/1", **said})


def _read_revocation(value: object) -> Revocation:
    if not isinstance(value, dict) or value.keys() != {"on", "reason", "signature"}:
        raise ConsentError(f"revoked has on, reason and signature, got {shown(value)}.")
    return Revocation(value["on"], value["reason"], Signature.from_json(value["signature"]))

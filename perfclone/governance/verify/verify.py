"""Was this video made here, and is it as it was made? Hash, watermark, credentials and tags against the ledger."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from perfclone.errors import UserError
from perfclone.files.reading import file_sha256
from perfclone.governance.credentials.read import Credentials, read_credentials
from perfclone.governance.ledger.ledger import Entry, Ledger, LedgerError
from perfclone.governance.marks.metadata import aigc, read_tags, say_synthetic
from perfclone.governance.review import Review, listing
from perfclone.governance.verify.findings import Kind, Mark, Match, Metadata, Records
from perfclone.governance.verify.verdict import Verdict

__all__ = ["Verdict", "verify_video"]
_ID = re.compile("[0-9a-f]{8}")
_NAMES = ("AIGC", "digitalSourceType", "comment", "org.perfclone.id", "org.perfclone.actor")
_TAGS = {name.lower(): name for name in _NAMES}


def verify_video(path: str | Path, ledger: Ledger | None = None, *, anchors: str | Path | None = None) -> Verdict:
    """Find out whether a video was made here, and whether it is still as it was made.

    Nothing of the file is believed that is not proven, and a ledger that was changed counts for nothing.

    Args:
        path: Any video, friendly or not.
        ledger: To look it up in; the operator's by default.
        anchors: A PEM file of the root certificates whose signers to trust; None trusts nobody.

    Raises:
        UserError: There is no such file, or it is no video that can be read; or `anchors` is no PEM file.
    """
    path = Path(path)
    sha256 = file_sha256(path)
    credentials = read_credentials(path, anchors)
    known = _known(ledger or Ledger())
    mark, metadata = _mark(path, known, credentials), _metadata(path, known, credentials)
    match = _match(known, sha256, mark, credentials)
    return Verdict(
        path=str(path),
        sha256=sha256,
        verdict=_judged(match, credentials, mark, metadata),
        match=match,
        credentials=credentials,
        credentials_in_ledger=credentials.id in known.reviews,
        watermark=mark,
        metadata=metadata,
        ledger=known.records,
    )


def _judged(match: Match | None, credentials: Credentials, mark: Mark, metadata: Metadata) -> Kind:
    """Choose the first verdict that applies."""
    if match and match.review == "rejected":
        return "rejected"
    if match and match.by == "hash":
        return "made_here_untouched"
    if credentials.state == "tampered":
        return "tampered"
    if match:
        return "made_here_changed"
    if mark.id or credentials.by_us:
        return "made_by_perfclone_unknown_ledger"
    if credentials.state != "absent":
        return "marked_elsewhere"
    return "only_tagged" if metadata.synthetic or metadata.perfclone else "no_sign"


@dataclass(frozen=True)
class _Known:
    """What a ledger knows: clones by the watermark's id and by the sha256 of the file, revocations by consent."""

    records: Records
    sealed: int = 0
    reviews: dict[str, Review] = field(default_factory=dict)
    files: dict[str, Entry] = field(default_factory=dict)
    revoked: dict[str, Entry] = field(default_factory=dict)


def _known(ledger: Ledger) -> _Known:
    place = str(ledger.path)
    try:
        whole = ledger.verify()  # one that is gone while its checkpoints lie there is broken, not absent
        if not ledger.path.exists():
            return _Known(Records(place, "absent"))
        known = _Known(Records(place, "whole", whole.entries), whole.sealed, {one.id: one for one in listing(ledger)})
        for entry in ledger.entries():
            data = entry.data
            if entry.event == "clone" and "output_sha256" in data:
                known.files.setdefault(data["output_sha256"], entry)
            elif entry.event == "revoke":
                for consent in {data.get("consent_id"), data.get("consent")} - {None}:
                    known.revoked.setdefault(consent, entry)
        return known
    except LedgerError as error:
        return _Known(Records(place, "broken", problem=str(error)))


def _match(known: _Known, sha256: str, mark: Mark, credentials: Credentials) -> Match | None:
    """Find the entry that a video belongs to, by the surest way there is."""
    if entry := known.files.get(sha256):
        by, review = "hash", known.reviews.get(entry.data.get("watermark", ""))
    elif review := known.reviews.get(mark.id or ""):
        by, entry = "watermark", review.clone
    elif credentials.by_us and (review := known.reviews.get(credentials.id or "")):
        by, entry = "signed", review.clone
    else:
        return None
    consents = (entry.data.get(name) for name in ("consent_id", "consent"))
    revoked = next((known.revoked[consent] for consent in consents if consent in known.revoked), None)
    decision = review.decision if review else None
    last = max(one.n for one in (entry, decision, revoked) if one)
    return Match(entry, by, review.state if review else None, decision, revoked, sealed=last < known.sealed)


def _mark(path: Path, known: _Known, credentials: Credentials) -> Mark:
    from perfclone.governance.marks.watermark import read_video

    try:
        reading = read_video(path, [int(id, 16) for id in known.reviews])
    except UserError as error:
        if credentials.state == "absent":  # then nothing at all is known of it
            raise
        return Mark(problem=str(error))
    if not reading.matched:
        return Mark(frames=reading.frames)
    id = f"{reading.id:08x}"
    return Mark(id, reading.confidence, reading.place.kept, id in known.reviews, reading.frames)


def _metadata(path: Path, known: _Known, credentials: Credentials) -> Metadata:
    try:
        tags = {_TAGS.get(name.lower(), name): text for name, text in read_tags(path).items()}  # Matroska shouts them
    except UserError:
        if credentials.state == "absent":
            raise
        tags = {}
    id = tags.get("org.perfclone.id", "")
    id = id if _ID.fullmatch(id) else None
    perfclone = bool(id) or "made with perfclone" in tags.get("comment", "")
    return Metadata(say_synthetic(tags), perfclone, id, id in known.reviews, aigc(tags), tags)

"""What a consent record allows, in the visitor's language."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import TYPE_CHECKING

from perfclone.governance.consent import revocations
from perfclone.governance.consent.record import ConsentRecord
from perfclone.governance.consent.rules import MEDIA, PURPOSES, WORLDWIDE
from perfclone.governance.keys import fingerprint

from .phrases import say

if TYPE_CHECKING:
    import gradio as gr


def limits(record: ConsentRecord | None, request: gr.Request) -> list[str]:
    """What a record says, in sentences: what for, what not, where, until when."""
    if record is None:
        return [say("clone_no_record", request)]
    forbidden = [purpose for purpose in PURPOSES if purpose not in record.purposes]
    what, nobody = _listed("purpose", record.purposes, request), record.subject_kind == "synthetic"
    said = [say("clone_synthetic", request), say("clone_may", request, what=what)]
    if not nobody:
        said = [say("clone_allowed", request, name=record.subject, what=what)]
    if withdrawn := record.revoked.on if record.revoked else (revocations.noted(record.id) or {}).get("on"):
        said.insert(0, say("clone_withdrawn", request, day=withdrawn))
    if forbidden:
        said.append(say("clone_forbidden", request, what=_listed("purpose", forbidden, request)))
    if set(record.media) != set(MEDIA):
        said.append(say("clone_media", request, what=_listed("medium", record.media, request)))
    if record.territory != WORLDWIDE:
        said.append(say("clone_territory", request, what=say("clone_comma", request).join(record.territory)))
    said.append(_term(record, request))
    if record.purpose_note and not nobody:
        said.append(say("clone_note", request, note=record.purpose_note))
    return said


def described(record: ConsentRecord, request: gr.Request) -> list[str]:
    """All that a record says, in sentences; whether it holds is for ``verify`` and ``allow``."""
    others = "record_others" if record.train_others else "record_no_others"
    signed = fingerprint(record.signature.public_key) if record.signature else "-"
    return [
        *limits(record, request),
        say(others, request),
        say("record_revocation", request, how=record.revocation),
        say("record_by", request, who=record.recorded_by, when=record.created),
        say("record_statement" if record.statement_sha256 else "record_no_statement", request),
        say("record_id", request, id=record.id, key=signed),
    ]


def _term(record: ConsentRecord, request: gr.Request) -> str:
    if record.expires is None:
        return say("clone_for_ever", request)
    days = (date.fromisoformat(record.expires) - date.today()).days
    return say("clone_until", request, day=record.expires, days=max(0, days))


def _listed(kind: str, names: Iterable[str], request: gr.Request) -> str:
    return say("clone_comma", request).join(say(f"clone_{kind}_{name}", request) for name in names)

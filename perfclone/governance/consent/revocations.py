"""Revocations noted on this machine: a copy of a record without its revocation is then of no use here either."""

from __future__ import annotations

import json
from pathlib import Path

from perfclone.files.locking import locked
from perfclone.files.reading import parse_json, read_limited
from perfclone.files.writing import write_text
from perfclone.governance.consent.rules import ID, ConsentError, check_pattern, check_text
from perfclone.governance.home import home

_LIMIT = 1 << 24


def noted(record_id: str) -> dict | None:
    """Give what is noted of a record's revocation ("on", "reason" and so on), or None.

    Raises:
        UserError: The notes are damaged; nothing is allowed then.
    """
    return _read(_place()).get(record_id)


def note(record_id: str, revocation: dict) -> None:
    """Note that a record was revoked; the first note of it stays.

    Args:
        record_id: 32 hex digits.
        revocation: At least "on" and "reason".
    """
    path = _place()
    with locked(path):
        notes = _read(path)
        if record_id not in notes:
            notes[record_id] = revocation
            write_text(path, json.dumps(notes, indent=1, ensure_ascii=False), durable=True)


def _place() -> Path:
    return home() / "revoked.json"


def _read(path: Path) -> dict[str, dict]:
    if not path.exists():
        return {}
    notes = parse_json(read_limited(path, _LIMIT, "list of revocations"), f"The list of revocations {path}")
    try:
        for record_id, revocation in notes.items():
            check_pattern("an id", record_id, ID, "32 hex digits")
            for name in ("on", "reason"):
                check_text(name, revocation[name], _LIMIT)
    except (AttributeError, KeyError, TypeError, ConsentError) as error:
        raise ConsentError(f"The list of revocations {path} is damaged; put a copy of it back.") from error
    return notes

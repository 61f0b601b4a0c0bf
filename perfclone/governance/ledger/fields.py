"""What an entry of the ledger may say: names, numbers, moments, hashes; no footage, no faces, no free-form data."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from datetime import UTC, datetime

from perfclone.errors import UserError
from perfclone.files.reading import shown

TEXT, NOTE, VERSIONS = 300, 2000, 32  # most characters of a text and of a note, most packages named
_WATERMARK = re.compile("[0-9a-f]{8}")
_MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z")


class LedgerError(UserError):
    """The ledger was changed, or cannot take an entry: one sentence that says which entry and what to do."""


def _is_text(limit: int) -> Callable[[object], bool]:
    return lambda value: isinstance(value, str) and 0 < len(value) <= limit


def _matches(pattern: str) -> Callable[[object], bool]:
    form = re.compile(pattern)
    return lambda value: isinstance(value, str) and form.fullmatch(value) is not None


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 53


def _is_number(value: object) -> bool:
    return isinstance(value, float) and math.isfinite(value) or _is_count(value)


def _is_versions(value: object) -> bool:
    text = _is_text(TEXT)
    return isinstance(value, dict) and len(value) <= VERSIONS and all(text(a) and text(b) for a, b in value.items())


#: Kind of value -> its check, and how a sentence calls it.
_KINDS: dict[str, tuple[Callable[[object], bool], str]] = {
    "text": (_is_text(TEXT), f"a text of 1 to {TEXT} characters"),
    "note": (_is_text(NOTE), f"a text of 1 to {NOTE} characters"),
    "sha256": (_matches("[0-9a-f]{64}"), "64 lower-case hex digits"),
    "digest": (_matches("sha256:[0-9a-f]{64}"), "'sha256:' and 64 lower-case hex digits"),
    "id": (_matches("[0-9a-f]{32}"), "32 lower-case hex digits"),
    "watermark": (_matches("[0-9a-f]{8}"), "8 lower-case hex digits"),
    "decision": (lambda value: value in ("approved", "rejected"), "'approved' or 'rejected'"),
    "count": (_is_count, "a whole number of at least 0"),
    "number": (_is_number, "a number"),
    "flag": (lambda value: isinstance(value, bool), "true or false"),
    "versions": (_is_versions, f"at most {VERSIONS} names with their versions"),
}
#: What every entry may say: who did it, with which actor at which commit, by which consent, for what.
_COMMON = {
    "who": "text",
    "actor": "text",
    "commit": "text",
    "consent": "digest",
    "consent_id": "id",
    "purpose": "text",
    "note": "note",
    "versions": "versions",
}
_PICTURE = {"frames": "count", "width": "count", "height": "count", "fps": "number", "seconds": "number"}
#: Event -> name of what it may say -> kind.
EVENTS: dict[str, dict[str, str]] = {
    "consent": {**_COMMON},
    "train": {
        **_COMMON,
        **_PICTURE,
        "reference_sha256": "sha256",
        "actor_sha256": "sha256",
        "preset": "text",
        "steps": "count",
        "minutes": "number",
        "seed": "count",
    },
    "clone": {
        **_COMMON,
        **_PICTURE,
        "driving_sha256": "sha256",
        "output_sha256": "sha256",
        "actor_sha256": "sha256",
        "watermark": "watermark",
        "label": "text",
        "credentials": "text",
        "held": "flag",
    },
    "push": {**_COMMON, "repository": "text", "private": "flag", "actor_sha256": "sha256"},
    "review": {**_COMMON, "watermark": "watermark", "decision": "decision", "output_sha256": "sha256"},
    "revoke": {**_COMMON, "reason": "note"},
}


def now() -> str:
    """Give the moment as the ledger writes it: ISO, UTC, to the millisecond."""
    return f"{datetime.now(UTC).isoformat(timespec='milliseconds').removesuffix('+00:00')}Z"


def is_moment(value: object) -> bool:
    """Whether a value is a moment as :func:`now` gives it."""
    if not isinstance(value, str) or not _MOMENT.fullmatch(value):
        return False
    try:
        datetime.fromisoformat(value)
    except ValueError:
        return False
    return True


def watermark_text(watermark: int | str) -> str:
    """Spell a watermark's id as the ledger does: 8 lower-case hex digits.

    Raises:
        LedgerError: It is no 32-bit id.
    """
    if isinstance(watermark, int) and not isinstance(watermark, bool) and 0 <= watermark < 1 << 32:
        return f"{watermark:08x}"
    if isinstance(watermark, str) and _WATERMARK.fullmatch(watermark.lower()):
        return watermark.lower()
    raise LedgerError(f"A watermark's id has 8 hex digits, got {shown(watermark)}.")


def check_data(event: object, data: object) -> None:
    """Refuse what an event's entry may not say.

    Raises:
        LedgerError: The event or a key is unknown, or a value is of another kind.
    """
    if not isinstance(event, str) or event not in EVENTS:
        raise LedgerError(f"The ledger's events are {', '.join(EVENTS)}; got {shown(event)}.")
    if not isinstance(data, dict):
        raise LedgerError(f"The data of an entry must be an object, got {shown(data)}.")
    kinds = EVENTS[event]
    for name, value in data.items():
        if name not in kinds:
            raise LedgerError(f"An entry of {event!r} may not say {shown(name)}, but {', '.join(kinds)}.")
        passes, meaning = _KINDS[kinds[name]]
        if not passes(value):
            raise LedgerError(f"{name} of an entry must be {meaning}, got {shown(value)}.")

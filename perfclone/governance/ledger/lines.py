"""The lines of a ledger's file: each in canonical form, with its own hash and the hash of the one before."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from perfclone.errors import UserError
from perfclone.files.reading import shown
from perfclone.governance.keys import canonical
from perfclone.governance.ledger.fields import LedgerError, check_data, is_moment, now

#: Most bytes of an entry's line.
LIMIT = 8192
START = "0" * 64
_KEYS = frozenset({"n", "id", "time", "event", "data", "prev", "hash"})


@dataclass(frozen=True)
class Entry:
    """One entry.

    Attributes:
        n: Its number, from 0.
        id: 32 hex digits.
        time: ISO moment in UTC.
        event: One of ``fields.EVENTS``.
        data: What that event may say.
        prev: Hash of the entry before; zeros for the first.
        hash: Of all of the above.
    """

    n: int
    id: str
    time: str
    event: str
    data: dict
    prev: str
    hash: str


def new_entry(event: str, data: dict, last: Entry | None) -> Entry:
    """Make the entry that follows another, or the first.

    Raises:
        LedgerError: It would be too long, or its texts are none.
    """
    n, prev = (last.n + 1, last.hash) if last else (0, START)
    said = {"n": n, "id": uuid.uuid4().hex, "time": now(), "event": event, "data": data, "prev": prev}
    try:
        entry = Entry(**said, hash=hashlib.sha256(canonical(said)).hexdigest())
    except UserError as error:
        raise LedgerError(f"This cannot be an entry of the ledger: {error}") from error
    if (size := len(line_of(entry))) > LIMIT:
        raise LedgerError(f"The entry would have {size} bytes, over {LIMIT}; shorten its texts.")
    return entry


def line_of(entry: Entry) -> bytes:
    """Give an entry's line."""
    return canonical(vars(entry)) + b"\n"


def read_lines(file: BinaryIO, size: int) -> Iterator[Entry | None]:
    """Read the entries of a file, each checked against the one before.

    Args:
        file: At its beginning.
        size: Bytes to read; what was appended later is left.

    Yields:
        Entries, and at the very end None for the remains of one that was never wholly written.

    Raises:
        LedgerError: An entry was changed, or is not where it belongs.
    """
    last, done = None, 0
    while done < size and (line := file.readline(LIMIT + 1)):
        done += len(line)
        if done >= size and (not line.endswith(b"\n") or is_torn(line)):
            yield None
            return
        last = parse_line(line, last or START)
        yield last


def is_torn(line: bytes) -> bool:
    """Whether a line has what no entry has but a disk leaves where a write was lost."""
    return b"\0" in line


def parse_line(line: bytes, before: Entry | str | None) -> Entry:
    """Read a line, and check it against itself and the entry before.

    Args:
        line: With its end.
        before: The entry before, :data:`START` for none, or None if it is not looked at.

    Raises:
        LedgerError: It is not what was written there.
    """
    expected = before.n + 1 if isinstance(before, Entry) else 0 if before else None
    where = "The last entry" if expected is None else f"Entry {expected}"
    if len(line) > LIMIT:
        raise LedgerError(f"{where} of the ledger is longer than {LIMIT} bytes: it was not written by perfclone.")
    if not (value := _self_consistent(line)):
        raise LedgerError(f"{where} of the ledger was changed: its content and its hash do not agree.")
    entry = Entry(**value)
    if expected is not None and entry.n != expected:
        raise LedgerError(f"{where} of the ledger is missing: in its place stands number {shown(entry.n)}.")
    prev = before.hash if isinstance(before, Entry) else before
    if prev is not None and entry.prev != prev:
        raise LedgerError(f"{where} of the ledger does not follow the one before: what came before it was changed.")
    _refuse_foreign(entry, where)
    return entry


def _self_consistent(line: bytes) -> dict | None:
    """Read a line that is canonical and agrees with its own hash."""
    try:
        value = json.loads(line)
        if value.keys() != _KEYS or line != canonical(value) + b"\n":
            return None
        # In canonical form "hash" is followed by id, n, prev and time, which are plain: the last match is the hash.
        said, _, rest = line[:-1].rpartition(b'"hash":"%s",' % value["hash"].encode())
        return value if hashlib.sha256(said + rest).hexdigest() == value["hash"] else None
    except (ValueError, TypeError, AttributeError, RecursionError, UserError):
        return None


def _refuse_foreign(entry: Entry, where: str) -> None:
    """Refuse an entry that agrees with its hash, but that this program would not have written."""
    count = isinstance(entry.n, int) and not isinstance(entry.n, bool) and entry.n >= 0
    if not (count and isinstance(entry.id, str) and isinstance(entry.prev, str) and is_moment(entry.time)):
        raise LedgerError(f"{where} of the ledger was not written by perfclone: its number, id or time is none.")
    try:
        check_data(entry.event, entry.data)
    except LedgerError as error:
        raise LedgerError(f"{where} of the ledger was not written by perfclone: {error}") from error

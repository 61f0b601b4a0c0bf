"""The ledger: what was trained, cloned, pushed, reviewed and revoked; append-only, hash-chained, checkpointed.

A file of JSON lines in canonical form. ``hash`` is the sha256 of the line without it; ``prev`` is the ``hash`` before.
Appending takes a lock, so that any number of processes may, and waits for the disk: a power cut costs at most what was
being written, whose remains go to ``ledger.torn``. Every append also renews ``checkpoints/last.json``.
"""

from __future__ import annotations

import getpass
import os
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from io import FileIO
from pathlib import Path

from perfclone.files.locking import locked
from perfclone.files.writing import FULL, beside
from perfclone.governance import keys
from perfclone.governance.home import home, private_folder
from perfclone.governance.keys import SigningKey
from perfclone.governance.ledger.checkpoints import (
    LAST,
    Checkpoint,
    folder_of,
    own_checkpoints,
    read_checkpoint,
    write_checkpoint,
)
from perfclone.governance.ledger.fields import LedgerError, check_data, now, watermark_text
from perfclone.governance.ledger.lines import LIMIT, START, Entry, is_torn, line_of, new_entry, parse_line, read_lines

__all__ = ["Entry", "Ledger", "LedgerError", "Summary", "operator"]
_RESTART = "keep it as evidence, move it and its checkpoints away together, and a new one is begun"


@dataclass(frozen=True)
class Summary:
    """What :meth:`Ledger.verify` found in order.

    Attributes:
        entries: How many there are.
        head: Hash of the last.
        first: Time of the first entry, or None.
        last: Time of the last entry, or None.
        torn: Whether a half-written entry follows, as after a power cut.
        checkpoints: How many checkpoints agree.
        sealed: How many entries the latest of these covers: what comes after could have been cut off unseen.
    """

    entries: int
    head: str
    first: str | None
    last: str | None
    torn: bool
    checkpoints: int
    sealed: int


class Ledger:
    """A ledger's file.

    Args:
        path: Its place; ``home()/ledger.jsonl`` by default.
        key: Signs checkpoints; the operator's by default.
    """

    def __init__(self, path: str | Path | None = None, key: SigningKey | None = None):
        self.path = Path(path) if path else home() / "ledger.jsonl"
        self._key = key

    def append(self, event: str, **data: object) -> Entry:
        """Add an entry and wait until it is on the disk.

        Args:
            event: One of ``fields.EVENTS``.
            data: What that event may say; None says nothing. ``who`` is this user by default, and ``watermark`` may be
                a number.

        Raises:
            LedgerError: The event may not say that, the ledger was changed, or the disk is full.
        """
        data = {"who": operator()} | {name: value for name, value in data.items() if value is not None}
        if "watermark" in data:
            data["watermark"] = watermark_text(data["watermark"])
        check_data(event, data)
        key = self._key = self._key or keys.signing_key()
        private_folder(self.path.parent)
        with locked(self.path), self._opened() as file:
            entry = new_entry(event, data, self._last(file))
            self._write(file, line_of(entry))
            seal = Checkpoint(entry.n + 1, entry.hash, entry.time).sign(key)
            write_checkpoint(self._checkpoints / LAST, seal, durable=False)
        return entry

    def entries(self) -> Iterator[Entry]:
        """Give the entries in order, each checked against the one before; whole after :meth:`verify` alone.

        Raises:
            LedgerError: One was changed.
        """
        yield from (entry for entry in self._read(self._snapshot()[0]) if entry)

    def verify(self, checkpoint: dict | None = None) -> Summary:
        """Check every entry, the chain and the checkpoints that lie with the ledger, in one pass.

        Args:
            checkpoint: One that was kept elsewhere, as :meth:`checkpoint` gave it.

        Raises:
            LedgerError: Something was edited, removed, reordered, cut off or chained anew; the sentence says where.
        """
        seals = [("the given checkpoint", Checkpoint.from_json(checkpoint))] if checkpoint is not None else []
        size, own = self._snapshot()
        seals += own
        wanted: dict[int, list[tuple[str, Checkpoint]]] = {}
        for name, seal in seals:
            wanted.setdefault(seal.n, []).append((name, seal))
        _compare(wanted.pop(0, []), START)
        n, head, first, last, torn = 0, START, None, None, False
        for entry in self._read(size):
            if entry is None:
                torn = True
                continue
            n, head, first, last = entry.n + 1, entry.hash, first or entry.time, entry.time
            _compare(wanted.pop(n, []), head)
        if wanted:
            name, seal = wanted[max(wanted)][0]
            gone = f"entry {n} is" if seal.n == n + 1 else f"entries {n} to {seal.n - 1} are"
            raise LedgerError(
                f"{self.path} has {n} entries, but {name} of {seal.time} counts {seal.n}: {gone} missing."
            )
        return Summary(n, head, first, last, torn, len(seals), max((seal.n for _, seal in seals), default=0))

    def checkpoint(self) -> dict:
        """Verify, and sign how many entries there are and the hash of the last; a copy of it goes to ``checkpoints``.

        Returns:
            schema, n, head, time and signature, for keeping elsewhere.
        """
        found = self.verify()
        key = self._key = self._key or keys.signing_key()
        seal = Checkpoint(found.entries, found.head, now()).sign(key)
        name = f"{seal.n:09d}-{seal.time.replace(':', '').replace('.', '')}.json"
        write_checkpoint(self._checkpoints / name, seal)
        return seal.to_json()

    def export(self, path: str | Path) -> Summary:
        """Copy the verified entries to a file, and a new checkpoint of them to ``NAME.checkpoint.json`` beside it."""
        path = Path(path)
        if path.resolve() == self.path.resolve():
            raise LedgerError(f"{path} is the ledger itself; choose another name.")
        seal = Checkpoint.from_json(self.checkpoint())
        with beside(path) as part, part.open("wb") as file:
            for entry in self.entries():
                if entry.n == seal.n:
                    break
                file.write(line_of(entry))
        write_checkpoint(path.with_name(f"{path.stem}.checkpoint.json"), seal)
        return Ledger(path).verify(seal.to_json())

    def by_watermark(self, watermark: int | str) -> Entry | None:
        """Find the clone with a watermark's id, a number or 8 hex digits."""
        text = watermark_text(watermark)
        return next((e for e in self.entries() if e.event == "clone" and e.data.get("watermark") == text), None)

    def watermark_ids(self) -> list[int]:
        """Give the watermark ids of all the clones, as numbers, in order."""
        return [int(e.data["watermark"], 16) for e in self.entries() if e.event == "clone" and "watermark" in e.data]

    def new_watermark_id(self) -> int:
        """Choose a 32-bit id, not 0, that no clone has."""
        taken = {0, *self.watermark_ids()}
        while (chosen := secrets.randbits(32)) in taken:
            pass
        return chosen

    @property
    def _checkpoints(self) -> Path:
        return folder_of(self.path)

    def _snapshot(self) -> tuple[int, list[tuple[str, Checkpoint]]]:
        """Give the bytes that are there now and the checkpoints of these, as no append is under way."""
        if not self.path.exists():
            return 0, own_checkpoints(self.path)
        with locked(self.path, reading=True):
            return self.path.stat().st_size, own_checkpoints(self.path)

    def _read(self, size: int) -> Iterator[Entry | None]:
        """Read without the lock, since what is there stays: whoever reads may append meanwhile."""
        if size:
            with self.path.open("rb") as file:
                yield from read_lines(file, size)

    def _opened(self) -> FileIO:
        """Open the file to append, made for its owner only."""
        descriptor = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
        return open(descriptor, "a+b", buffering=0)

    def _last(self, file: FileIO) -> Entry | None:
        """Find the last whole entry, set a torn one aside, and refuse a ledger that lost its end."""
        size = file.seek(0, os.SEEK_END)
        start = max(0, size - 2 * LIMIT)
        file.seek(start)
        tail = file.read()
        whole = tail[: tail.rfind(b"\n") + 1]
        if is_torn(final := whole[whole[:-1].rfind(b"\n") + 1 :]):
            whole = whole[: -len(final)]
        if not whole and start:
            raise LedgerError(f"{self.path} ends in what is no entry; {_RESTART}.")
        if len(whole) < len(tail):
            self._set_aside(file, tail[len(whole) :], start + len(whole))
        line = whole[whole[:-1].rfind(b"\n") + 1 :]
        last = parse_line(line, None) if line else None
        self._refuse_shortened(last)
        return last

    def _refuse_shortened(self, last: Entry | None) -> None:
        """Compare with the checkpoint of the last append, so that appending cannot cover up that the end is gone."""
        try:
            seal = read_checkpoint(self._checkpoints / LAST)
        except LedgerError:
            return  # none yet, or damaged, which `verify` tells
        n = last.n + 1 if last else 0
        if n < seal.n or n == seal.n > 0 and last.hash != seal.head:
            what = f"has {n} entries, not the {seal.n}" if n < seal.n else f"ends in another entry {n - 1} than that"
            raise LedgerError(f"{self.path} {what} of its last checkpoint: put the whole ledger back, or {_RESTART}.")

    def _set_aside(self, file: FileIO, torn: bytes, size: int) -> None:
        """Move the remains of an entry to ``ledger.torn``."""
        with self.path.with_suffix(".torn").open("ab") as aside:
            aside.write(torn.rstrip(b"\n") + b"\n")
            aside.flush()
            os.fsync(aside.fileno())
        file.truncate(size)
        os.fsync(file.fileno())

    def _write(self, file: FileIO, line: bytes) -> None:
        """Write a line at the end, or nothing."""
        size = file.seek(0, os.SEEK_END)
        try:
            written = 0
            while written < len(line):
                written += file.write(line[written:])
            os.fsync(file.fileno())
            if not size:
                _sync_folder(self.path.parent)
        except BaseException as error:
            file.truncate(size)
            if not isinstance(error, OSError) or error.errno not in FULL:
                raise
            raise LedgerError(
                f"The disk is full: {self.path} cannot be written; free some space, try again."
            ) from error


def operator() -> str:
    """Say who is using this machine."""
    try:
        return getpass.getuser()[:100]
    except (KeyError, OSError, ImportError):
        return f"user {os.getuid()}" if hasattr(os, "getuid") else "somebody without a name"


def _sync_folder(folder: Path) -> None:
    """Wait until the name of a new file is on the disk too; Windows opens no folders."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _compare(seals: list[tuple[str, Checkpoint]], head: str) -> None:
    for name, seal in seals:
        if seal.head != head:
            raise LedgerError(
                f"The first {seal.n} entries are not those of {name} of {seal.time}: they were rewritten."
            )

"""Signed checkpoints: how many entries a ledger had at a moment, and the hash of the last; to be kept elsewhere.

A hash chain alone cannot show that its end was cut off, or that all of it was written anew. A checkpoint that whoever
does so cannot reach shows both.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from pathlib import Path

from perfclone.errors import UserError
from perfclone.files.reading import parse_json, read_limited, shown
from perfclone.files.writing import write_text
from perfclone.governance import keys
from perfclone.governance.home import private_folder
from perfclone.governance.keys import Signature, SigningKey, canonical
from perfclone.governance.ledger.fields import LedgerError, is_moment

SCHEMA = "perfclone.checkpoint/1"
LIMIT = 4096
#: The checkpoint that every append replaces.
LAST = "last.json"
HASH = re.compile("[0-9a-f]{64}")


@dataclass(frozen=True)
class Checkpoint:
    """The state of a ledger at a moment.

    Attributes:
        n: Number of entries.
        head: Hash of the last of them; 64 zeros for none.
        time: ISO moment in UTC.
        signature: Over the rest.
    """

    n: int
    head: str
    time: str
    signature: Signature | None = None

    def __post_init__(self):
        whole = isinstance(self.n, int) and not isinstance(self.n, bool) and self.n >= 0
        if not (whole and isinstance(self.head, str) and HASH.fullmatch(self.head) and is_moment(self.time)):
            raise LedgerError(f"A checkpoint has n, head and time, got {shown([self.n, self.head, self.time])}.")

    def content(self) -> bytes:
        """Give the bytes that are signed."""
        return canonical({"schema": SCHEMA, "n": self.n, "head": self.head, "time": self.time})

    def sign(self, key: SigningKey) -> Checkpoint:
        """Give the same checkpoint, signed."""
        return replace(self, signature=key.sign(self.content()))

    def to_json(self) -> dict:
        """Give it as a JSON object."""
        said = {"schema": SCHEMA, "n": self.n, "head": self.head, "time": self.time}
        return said | {"signature": self.signature and self.signature.to_json()}

    @classmethod
    def from_json(cls, value: object, what: str = "The checkpoint") -> Checkpoint:
        """Read what :meth:`to_json` gave, and check the signature.

        Raises:
            LedgerError: It is anything else, or was changed after it was signed.
        """
        if not isinstance(value, dict) or value.keys() != {"schema", "n", "head", "time", "signature"}:
            raise LedgerError(f"{what} must have schema, n, head, time and signature, got {shown(value)}.")
        if value["schema"] != SCHEMA:
            raise LedgerError(f"{what} must be of {SCHEMA}, got {shown(value['schema'])}; update perfclone.")
        try:
            signature = Signature.from_json(value["signature"])
            checkpoint = cls(value["n"], value["head"], value["time"], signature)
        except UserError as error:
            raise LedgerError(f"{what} cannot be used: {error}") from error
        if not keys.verify(signature, checkpoint.content()):
            raise LedgerError(f"{what} was changed after it was signed; take another copy of it.")
        return checkpoint


def read_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint's file.

    Raises:
        LedgerError: It is not there, or no valid checkpoint.
    """
    what = f"The checkpoint {path}"
    try:
        return Checkpoint.from_json(parse_json(read_limited(path, LIMIT, "checkpoint"), what), what)
    except LedgerError:
        raise
    except UserError as error:
        raise LedgerError(str(error)) from error


def write_checkpoint(path: Path, checkpoint: Checkpoint, durable: bool = True) -> None:
    """Write a checkpoint's file, whole or not at all; `durable` waits until it is on the disk."""
    private_folder(path.parent)
    write_text(path, json.dumps(checkpoint.to_json()), durable)


def folder_of(ledger: Path) -> Path:
    """Where the checkpoints of a ledger lie: ``checkpoints`` beside ``ledger.jsonl``, else ``NAME.checkpoints``."""
    return ledger.with_name("checkpoints" if ledger.name == "ledger.jsonl" else f"{ledger.stem}.checkpoints")


def own_checkpoints(ledger: Path) -> list[tuple[str, Checkpoint]]:
    """Read the checkpoints that lie with a ledger.

    Returns:
        What a sentence calls each, and the checkpoint.

    Raises:
        LedgerError: One is damaged, or signed by a key that was never ours.
    """
    found = []
    for path in sorted(folder_of(ledger).glob("*.json")):
        checkpoint = read_checkpoint(path)
        if not keys.known(checkpoint.signature.public_key):
            mark = keys.fingerprint(checkpoint.signature.public_key)
            raise LedgerError(
                f"The checkpoint {path} is signed by key {mark}, which was never yours: somebody wrote it anew, or "
                f"the folder keys/public was lost; put the public key back, or compare with one kept elsewhere."
            )
        found.append((f"the checkpoint {path}", checkpoint))
    return found

"""What is found out about a video: the kind of verdict, and all its grounds, as data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from perfclone.governance.credentials.read import Credentials
from perfclone.governance.ledger.ledger import Entry
from perfclone.governance.review import State

#: From the most to the least telling; the first that applies is given.
Kind = Literal[
    "rejected",
    "made_here_untouched",
    "tampered",
    "made_here_changed",
    "made_by_perfclone_unknown_ledger",
    "marked_elsewhere",
    "only_tagged",
    "no_sign",
]


@dataclass(frozen=True)
class Match:
    """The ledger's entry of the clone that a video is, or was made from.

    Attributes:
        entry: The entry of the clone.
        by: What led to it: the "hash" of the file, the "watermark", or the id in credentials "signed" on this machine.
        review: What was decided; None for a clone without a watermark, which cannot be reviewed.
        decision: The entry of the last decision, or None.
        revoked: The entry by which the consent was revoked, or None.
        sealed: Whether a signed checkpoint that lies with the ledger covers all of these entries.
    """

    entry: Entry
    by: Literal["hash", "watermark", "signed"]
    review: State | None
    decision: Entry | None = None
    revoked: Entry | None = None
    sealed: bool = True

    def to_json(self) -> dict[str, Any]:
        """Give it as a JSON object."""
        decided = self.decision.data if self.decision else {}
        return {
            "by": self.by,
            "n": self.entry.n,
            "time": self.entry.time,
            **{name: self.entry.data.get(name) for name in _SAID},
            "review": self.review,
            "decided": self.decision.time if self.decision else None,
            "decided_by": decided.get("who"),
            "note": decided.get("note"),
            "consent_revoked": self.revoked.time if self.revoked else None,
            "sealed": self.sealed,
        }


_SAID = ("watermark", "who", "actor", "commit", "purpose", "consent", "consent_id", "output_sha256")


@dataclass(frozen=True)
class Mark:
    """What the picture says.

    Attributes:
        id: Of the watermark, 8 hex digits; None where none was found.
        doubt: The probability that this is an accident, at most; the smaller, the surer. None without an id.
        kept: The share of the marked picture's width and height that is left, 0.7 to 1. None without an id.
        in_ledger: Whether the ledger knows a clone with the id.
        frames: How many were looked at.
        problem: Why the picture could not be looked at; None where it could.
    """

    id: str | None = None
    doubt: float | None = None
    kept: float | None = None
    in_ledger: bool = False
    frames: int = 0
    problem: str | None = None


@dataclass(frozen=True)
class Metadata:
    """What the tags say, which anybody may have written.

    Attributes:
        synthetic: Whether they say, in a way that programs know, that the video is synthetic.
        perfclone: Whether they say that perfclone made it.
        id: The clone's id that they name, 8 hex digits, or None.
        in_ledger: Whether the ledger knows a clone with that id.
        aigc: The `AIGC` field, or None.
        tags: All of them.
    """

    synthetic: bool
    perfclone: bool
    id: str | None
    in_ledger: bool
    aigc: dict[str, str] | None
    tags: dict[str, str]


@dataclass(frozen=True)
class Records:
    """The ledger that was asked.

    Attributes:
        path: Its place.
        state: "whole"; "absent": there is none; "broken": it was changed, and nothing in it counts.
        entries: How many.
        problem: What is wrong with one that is broken.
    """

    path: str
    state: Literal["whole", "absent", "broken"]
    entries: int = 0
    problem: str | None = None


@dataclass(frozen=True)
class Findings:
    """What is found out about a video.

    Attributes:
        path: The video.
        sha256: Of the file, 64 hex digits.
        verdict: See :data:`Kind` and the table in docs/governance.md.
        match: The ledger's entry, where there is one.
        credentials: What they say, and whether it holds.
        credentials_in_ledger: Whether the ledger knows a clone with the id in the credentials.
        watermark: What the picture says.
        metadata: What the tags say.
        ledger: Which one was asked, and whether it is whole.
    """

    path: str
    sha256: str
    verdict: Kind
    match: Match | None
    credentials: Credentials
    credentials_in_ledger: bool
    watermark: Mark
    metadata: Metadata
    ledger: Records

    @property
    def made_here(self) -> bool:
        """Whether the ledger has an entry of it, be it untouched, changed, tampered with or rejected."""
        return self.match is not None

    @property
    def untouched(self) -> bool:
        """Whether it is byte for byte the file that the ledger has the hash of."""
        return self.match is not None and self.match.by == "hash"

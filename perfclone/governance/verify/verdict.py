"""The verdict on a video: what was found out, a word for programs and sentences for people."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from perfclone.files.reading import one_line
from perfclone.governance.verify import words
from perfclone.governance.verify.findings import Findings

SCHEMA = "perfclone.verdict/1"


@dataclass(frozen=True)
class Verdict(Findings):
    """What is found out about a video, and what to say of it."""

    @property
    def summary(self) -> str:
        """One sentence, or two."""
        return words.summary(self)

    @property
    def reasons(self) -> tuple[str, ...]:
        """What the verdict is based on, a sentence each."""
        return words.reasons(self)

    @property
    def caveats(self) -> tuple[str, ...]:
        """What the verdict cannot know, a sentence each."""
        return words.caveats(self)

    def text(self) -> str:
        """Put all of it in words, in lines that nothing in the file can break."""
        lines = [f"{self.path}: {self.verdict}", self.summary, "", "What this is based on"]
        lines += [f"  - {sentence}" for sentence in self.reasons]
        lines += ["", "What it cannot know", *(f"  - {sentence}" for sentence in self.caveats)]
        return "\n".join(map(one_line, lines))

    def to_json(self) -> dict[str, Any]:
        """Give it as a JSON object."""
        credentials = asdict(self.credentials) | {
            "watermark": self.credentials.id,
            "in_ledger": self.credentials_in_ledger,
            "problems": list(self.credentials.problems),
        }
        return {
            "schema": SCHEMA,
            "path": self.path,
            "sha256": self.sha256,
            "verdict": self.verdict,
            "made_here": self.made_here,
            "untouched": self.untouched,
            "summary": self.summary,
            "reasons": list(self.reasons),
            "caveats": list(self.caveats),
            "match": self.match.to_json() if self.match else None,
            "credentials": credentials,
            "watermark": asdict(self.watermark),
            "metadata": asdict(self.metadata),
            "ledger": asdict(self.ledger),
        }

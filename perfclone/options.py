"""What a clone can be told, and what it gives."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from perfclone.governance.marks.marker import MarkOptions


@dataclass(frozen=True)
class CloneOptions:
    """Choices for one clone.

    Attributes:
        size: Short side of the output, pixels; None keeps the reference video's resolution.
        person: Which person of the driving video performs, 0 the largest.
        keep_proportions: Keep the driver's proportions instead of taking the actor's.
        purpose: What the clone is made for; the actor's consent record must allow it.
        marks: Which marks it carries.
    """

    size: int | None = None
    person: int = 0
    keep_proportions: bool = False
    purpose: str = "personal"
    marks: MarkOptions = field(default_factory=MarkOptions)

    def __post_init__(self):
        if self.size is not None and not 64 <= self.size <= 2160:
            raise ValueError(f"size must lie in 64-2160 pixels, got {self.size}")
        if not 0 <= self.person <= 20:
            raise ValueError(f"person must lie in 0-20, got {self.person}")


class CloneResult(NamedTuple):
    """What a clone gave.

    Attributes:
        path: The finished file; where clones need approval, the place in which it is held until then.
        frames: How many it has.
        seconds: How long it took.
        id: The id in its watermark and in the ledger.
    """

    path: Path
    frames: int
    seconds: float
    id: int = 0

"""Which marks a clone carries, and laying those that show in the picture on its frames, in their order."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from perfclone.governance.marks.label import Label, LabelMarker
from perfclone.governance.marks.watermark import Watermarker


@dataclass(frozen=True)
class MarkOptions:
    """Which marks are laid on; all of them unless told otherwise.

    Attributes:
        label: What the visible label says; None leaves it out.
        watermark: An invisible id in every frame, by which a clone that lost its tags is found in the ledger.
        tags: The digital source type, the AIGC field and a comment, in the file.
        credentials: A signed manifest (C2PA), in the file.
    """

    label: Label | None = field(default_factory=Label)
    watermark: bool = True
    tags: bool = True
    credentials: bool = True

    @property
    def looks_ahead_s(self) -> float:
        """How much of the beginning must be known to place the label where nobody is, seconds."""
        return self.label.looks_ahead_s if self.label else 0.0


#: For measuring frames as they were painted; what leaves the house carries marks.
UNMARKED = MarkOptions(label=None, watermark=False, tags=False, credentials=False)


class Marker:
    """Lays the label, then the watermark, on the frames of one clone.

    Args:
        options: Which.
        id: The clone's, 0 to 2**32 - 1.
        fps: Frames a second.
        person: Where the person is while the label stands, for a label that keeps away from them; see
            :class:`LabelMarker`.
    """

    def __init__(self, options: MarkOptions, id: int, fps: float, person: np.ndarray | None = None):
        self.options, self.id, self._fps, self._person = options, id, fps, person
        self._label: LabelMarker | None = None
        self._watermark: Watermarker | None = None
        self._ready, self._began = False, 0.0

    def apply(self, frame: np.ndarray, time: float) -> np.ndarray:
        """Mark a frame, (H, W, 3) uint8 RGB of the first one's size, at its time in seconds; any for the first."""
        if not self._ready:
            self._prepare(*frame.shape[:2])
            self._began = time
        if self._label:
            frame = self._label.apply(frame, time - self._began)
        return self._watermark.apply(frame) if self._watermark else frame

    def _prepare(self, height: int, width: int) -> None:
        if self.options.label:
            self._label = LabelMarker(self.options.label, width, height, self._fps, self._person)
        if self.options.watermark:
            self._watermark = Watermarker(self.id, height, width)
        self._ready = True

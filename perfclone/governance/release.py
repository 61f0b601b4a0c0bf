"""Releasing a clone: leave to make it, its id, its marks in their order, and its entry in the ledger."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from perfclone import __version__
from perfclone.files.reading import file_sha256, plain_name
from perfclone.files.sequence import video_sha256
from perfclone.governance import policy, review
from perfclone.governance.consent.record import ConsentRecord
from perfclone.governance.credentials.certificates import certificate
from perfclone.governance.credentials.sign import Claim, sign_video
from perfclone.governance.ledger.ledger import Ledger
from perfclone.governance.marks import metadata
from perfclone.governance.marks.marker import Marker, MarkOptions

if TYPE_CHECKING:
    import numpy as np


class Release:
    """One clone on its way out. Making it asks the consent record first, and finds the certificate to sign with.

    Args:
        actor: Whom the clone shows, as the actor is named.
        consent: The actor's record.
        purpose: What the clone is made for.
        marks: Which marks it carries.
        driving: The driving video, where the clone has one.
        commit: Which state of the actor; None where it has none.
        ledger: Where it is entered; this machine's by default.

    Attributes:
        id: The clone's, 32 bits, new to the ledger.

    Raises:
        ConsentError: The record does not allow it, or there is none.
        UserError: The operator's certificate will not do.
    """

    def __init__(
        self,
        actor: str,
        consent: ConsentRecord | None,
        purpose: str,
        marks: MarkOptions,
        driving: Path | None = None,
        commit: str | None = None,
        ledger: Ledger | None = None,
    ):
        policy.authorise_clone(consent, purpose)
        self.actor, self.consent, self.purpose, self.marks = plain_name(actor), consent, purpose, marks
        self.driving, self.commit, self.ledger = driving, commit or "", ledger or Ledger()
        self.id = self.ledger.new_watermark_id()
        # Now rather than after hours of work: it may have expired, and what is said of it comes before all progress.
        self._certificate = certificate() if marks.credentials else None

    def marker(self, fps: float, person: np.ndarray | None = None) -> Marker:
        """What lays the marks of the picture on its frames; ``person`` as for :class:`Marker`."""
        return Marker(self.marks, self.id, fps, person)

    def tags(self, title: str) -> dict[str, str]:
        """The tags of its file, empty where none are wanted."""
        return metadata.tags(self.id, self.actor, title=plain_name(title)) if self.marks.tags else {}

    def sign(self, path: Path, title: str) -> None:
        """Sign the finished file in place, last of all: any later change would break the seal."""
        if self._certificate:
            claim = Claim(
                title=plain_name(title),
                actor=self.actor,
                consent=self.consent.digest(),
                purpose=self.purpose,
                watermark=self.id,
                commit=self.commit,
                driving=self.driving,
                versions={"perfclone": __version__},
            )
            sign_video(path, path, claim, self._certificate)

    def enter(self, path: Path | None, frames: int, fps: float) -> Path | None:
        """Enter the clone in the ledger, and hold its file back where clones need approval.

        Args:
            path: Its file; None where the frames went elsewhere.
            frames: How many there are.
            fps: Frames a second.

        Returns:
            Where the file is now.
        """
        held = path is not None and review.approval_required()
        self.ledger.append(
            "clone",
            actor=self.actor,
            commit=self.commit or None,
            consent=self.consent.digest(),
            consent_id=self.consent.id,
            purpose=self.purpose,
            watermark=self.id,
            frames=frames,
            fps=float(fps),
            driving_sha256=video_sha256(self.driving) if self.driving else None,
            output_sha256=file_sha256(path) if path else None,
            held=held,
            label=self.marks.label.text if self.marks.label else None,
            credentials="c2pa" if self.marks.credentials and path else None,
            versions={"perfclone": __version__},
        )
        return review.hold(path, self.id) if held else path

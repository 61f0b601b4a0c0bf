"""A consent record for the tests that change it."""

from perfclone.governance.consent.record import ConsentRecord
from perfclone.governance.keys import signing_key

HASH = "0123456789abcdef" * 4


def annas_record() -> ConsentRecord:
    """Anna's, signed by this operator."""
    return ConsentRecord(
        subject="Anna",
        recorded_by="Bo Studio",
        purposes=("research", "personal"),
        purpose_note="スタジオの研究 – and no more",
        media=("web", "internal"),
        territory=("JP", "DE"),
        starts="2026-01-01",
        expires="2999-12-31",
        train_others=False,
        revocation="Write to bo@example.com.",
        reference_sha256=(HASH, HASH[::-1]),
        statement_sha256=HASH,
    ).sign(signing_key())

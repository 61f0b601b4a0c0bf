"""Withdrawing a consent: what it concerns, and what it ends."""

import pytest

from perfclone.governance.consent.record import ConsentError, ConsentRecord
from perfclone.governance.ledger.ledger import Ledger
from perfclone.governance.review import approve
from perfclone.governance.withdrawal import Reach, reach, withdraw


@pytest.fixture
def ledger(record):
    """It knows what was done by two consents."""
    ledger = Ledger()
    ledger.append("train", actor="anna", consent_id=record.id)
    for id, consent in ((1, record.id), (2, record.id), (3, "ab" * 16)):
        ledger.append("clone", actor="anna", watermark=id, consent_id=consent)
    for repository in ("me/anna", "me/anna", "you/anna"):
        ledger.append("push", actor="anna", consent_id=record.id, repository=repository)
    approve(2)
    return ledger


def test_what_a_withdrawal_concerns(record, ledger):
    assert reach(record.id) == Reach(trained=1, clones=2, waiting=1, repositories=("me/anna", "you/anna"))
    assert reach("00" * 16) == Reach(0, 0, 0, ())


def test_it_ends_every_copy_here_and_says_who_entered_it(record, tmp_path):
    written = withdraw(record, "Changed my mind", tmp_path / "consent.json", who="rita")
    assert ConsentRecord.load(tmp_path / "consent.json") == written and written.revoked.reason == "Changed my mind"
    with pytest.raises(ConsentError, match="was revoked on"):
        record.allow("personal")
    *_, last = Ledger().entries()
    assert (last.event, last.data["who"], last.data["consent_id"]) == ("revoke", "rita", record.id)


def test_without_a_file_it_is_noted_all_the_same_and_only_once(record):
    withdraw(record, "Enough")
    with pytest.raises(ConsentError, match="was revoked on"):
        record.check_current()
    with pytest.raises(ConsentError, match="reason"):
        withdraw(record, "")

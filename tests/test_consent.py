"""Consent records: what they allow, for how long, until they are revoked; and the usual kinds of them."""

import re
from dataclasses import replace
from datetime import date, timedelta

import pytest
from records import HASH

from perfclone.errors import UserError
from perfclone.files.reading import file_sha256
from perfclone.governance.consent import revocations, rules
from perfclone.governance.consent.kinds import describe, evaluation_record, synthetic_record
from perfclone.governance.consent.record import ConsentError, ConsentRecord
from perfclone.governance.keys import SigningKey, rotate, signing_key

pytestmark = pytest.mark.usefixtures("own_home")

TODAY = date.today()


def test_a_record_survives_its_file(record, tmp_path):
    record.save(tmp_path / "consent.json")
    loaded = ConsentRecord.load(tmp_path / "consent.json")
    assert loaded == record
    loaded.verify()
    loaded.allow("research")
    assert loaded.ours() and loaded.covers(HASH) and loaded.covers(f"sha256:{HASH}") and not loaded.covers("f" * 64)
    assert re.fullmatch("sha256:[0-9a-f]{64}", record.digest())
    assert replace(record, subject="Ann").digest() != record.digest()
    assert (
        list(tmp_path.iterdir()) == [tmp_path / "consent.json", tmp_path / "home"]
        or len(list(tmp_path.iterdir())) == 2
    )


@pytest.mark.parametrize(
    ("purpose", "on", "sentence"),
    [
        ("marketing", None, "agreed to research, personal, not to marketing; ask Bo Studio"),
        ("world domination", None, "The purpose must be one of research, .*; got 'world domination'"),
        ("research", date(2025, 12, 31), "starts on 2026-01-01, after 2025-12-31"),
        ("research", date(3000, 1, 1), "expired on 2999-12-31; ask Bo Studio to renew it"),
    ],
)
def test_what_was_not_agreed_is_refused(record, purpose, on, sentence):
    record.allow("research", date(2026, 1, 1))
    record.allow("personal", date(2999, 12, 31))
    with pytest.raises(ConsentError, match=sentence):
        record.allow(purpose, on)


def test_an_unsigned_or_changed_record_allows_nothing(record):
    with pytest.raises(ConsentError, match="is not signed"):
        replace(record, signature=None).allow("research")
    for change in ({"purposes": ("research", "marketing")}, {"expires": "2999-12-30"}, {"reference_sha256": (HASH,)}):
        with pytest.raises(ConsentError, match="changed after it was signed; ask Bo Studio for the original"):
            replace(record, **change).allow("research")


def test_a_lost_or_foreign_key_is_told_from_ours(record, own_home):
    foreign = record.sign(SigningKey.new())
    foreign.verify()
    assert not foreign.ours()
    rotate()
    record.verify()
    assert record.ours()


def test_revoked_is_revoked_in_the_record_and_in_every_copy(record, own_home):
    revoked = record.revoke("Changed my mind", signing_key())
    revoked.verify()
    assert revoked.digest() == record.digest()
    with pytest.raises(ConsentError, match=rf"revoked on {TODAY} \(Changed my mind\)"):
        revoked.allow("research")
    with pytest.raises(ConsentError, match="nothing is left to do"):
        revoked.revoke("Again", signing_key())
    with pytest.raises(ConsentError, match="The revocation in the record of Anna was changed"):
        replace(revoked, revoked=replace(revoked.revoked, reason="Never said")).verify()
    record.allow("research")  # the copy without the revocation, as long as nothing is noted here
    revocations.note(record.id, revoked.to_json()["revoked"])
    revocations.note(record.id, {"on": "2000-01-01", "reason": "a later note changes nothing"})
    with pytest.raises(ConsentError, match="Changed my mind"):
        record.allow("research", date(2026, 1, 1))
    replace(record, id="f" * 32).sign(signing_key()).allow("research")


@pytest.mark.parametrize("damage", [b"", b"[]", b'{"x": {}}', b'{"%s": {"on": 1}}' % (b"a" * 32), b"\xff"])
def test_damaged_notes_of_revocations_allow_nothing(record, own_home, damage):
    (own_home / "revoked.json").write_bytes(damage)
    with pytest.raises(UserError, match=r"revoked\.json"):
        record.allow("research")


def test_nobody_is_shown_in_a_synthetic_actor():
    record = synthetic_record("mara", HASH, SigningKey.new())
    for purpose in rules.PURPOSES:
        record.allow(purpose, TODAY + timedelta(days=40_000))
    assert record.covers(HASH) and "mara is synthetic: nobody is shown." in describe(record)
    assert synthetic_record("mara", [HASH, HASH[::-1]], SigningKey.new()).covers(HASH[::-1])


def test_a_benchmark_may_measure_for_a_day(tmp_path):
    clip = tmp_path / "clip.mp4"
    clip.write_bytes(b"frames")
    record = evaluation_record(clip)
    record.allow("evaluation")
    assert record.ours() and record.covers(file_sha256(clip)) and "clip.mp4" in record.subject
    for purpose in rules.PURPOSES[:-1]:
        with pytest.raises(ConsentError, match=f"not to {purpose}"):
            record.allow(purpose)
    with pytest.raises(ConsentError, match="expired"):
        record.allow("evaluation", TODAY + timedelta(days=2))


def test_plain_words(record):
    words = describe(record)
    for part in (
        "Anna agreed",
        "research, personal (スタジオの研究",
        "JP, DE",
        "to 2999-12-31",
        "not allowed",
        "Bo Studio",
    ):
        assert part in words
    assert describe(record.revoke("No more", signing_key())).startswith(f"REVOKED on {TODAY}: No more")
    assert describe(replace(record, signature=None)).endswith("Not signed")

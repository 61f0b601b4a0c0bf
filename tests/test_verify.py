"""Verdicts on what was made here: what can happen to a clone on its way, and what the ledger says of it."""

import shutil
from dataclasses import FrozenInstanceError

import pytest
from clones import CONSENT, CONSENT_ID, ID, SECONDS, SIDE, check, copied, decoded, flipped, sign, write

from perfclone.governance import review
from perfclone.governance.ledger.ledger import Ledger
from perfclone.governance.marks.metadata import tags
from perfclone.governance.verify.verify import verify_video

# What happens to a clone on its way


def test_untouched(clone):
    found = check(
        clone, "made_here_untouched", "no byte was changed", "clone of anna (purpose: research)", "Nobody has approved"
    )
    assert (found.made_here, found.untouched, found.match.by, found.match.review) == (True, True, "hash", "pending")
    assert (found.credentials.state, found.credentials.by_us, found.credentials_in_ledger) == ("valid", True, True)
    assert (found.watermark.id, found.watermark.in_ledger, found.watermark.kept) == ("c0ffee11", True, 1)
    assert found.watermark.doubt < 1e-5
    assert found.metadata.synthetic and found.metadata.id == "c0ffee11" and found.metadata.aigc["Label"] == "1"
    assert found.match.sealed and found.ledger.state == "whole" and found.ledger.entries == 2
    assert "which proves nothing" not in found.text() and "Anybody" not in found.text()
    with pytest.raises(FrozenInstanceError):
        found.verdict = "no_sign"


def test_another_name_changes_nothing(clone, tmp_path):
    check(clone.rename(tmp_path / "their video.bin"), "made_here_untouched")


def test_a_trusted_root_is_said(clone, clone_home):
    found = check(clone, "made_here_untouched", anchors=clone_home / "certificates" / "root.pem")
    assert found.credentials.state == "trusted"


@pytest.mark.parametrize("place", [0.3, 0.6, 0.95])
def test_an_edited_byte(clone, place):
    content = clone.read_bytes()
    clone.write_bytes(flipped(content, round(place * len(content))))
    found = check(
        clone,
        "tampered",
        "The video was changed after it was signed.",
        "It comes by its watermark from a clone of anna",
    )
    assert (found.made_here, found.untouched, found.match.by) == (True, False, "watermark")


def test_reencoded(clone, tmp_path):
    found = check(
        write(tmp_path / "x.mp4", decoded(clone), crf=23),
        "made_here_changed",
        "This comes by its watermark",
        "any id into",
    )
    assert (found.match.by, found.credentials.state, found.untouched) == ("watermark", "absent", False)
    assert "whatever writes a file anew drops them" in found.text()


@pytest.mark.parametrize("name", ["x.mp4", "x.mkv"])
def test_remuxed(clone, tmp_path, name):
    found = check(copied(clone, tmp_path / name, **tags(ID, "anna")), "made_here_changed", "Credentials: absent")
    assert found.metadata.tags["digitalSourceType"] == tags(ID, "anna")["digitalSourceType"]
    assert found.watermark.id == found.metadata.id == "c0ffee11"


def test_tags_stripped(clone, tmp_path):
    found = check(copied(clone, tmp_path / "x.mp4"), "made_here_changed", "Its tags do not say that it is synthetic")
    assert found.watermark.in_ledger and not found.metadata.synthetic and found.metadata.id is None


def test_trimmed(clone, tmp_path):
    found = check(copied(clone, tmp_path / "x.mp4", end=SECONDS / 2), "made_here_changed")
    assert found.watermark.id == "c0ffee11" and found.watermark.kept == 1


def test_cropped_and_reencoded(clone, tmp_path):
    side, at = round(0.9 * SIDE), 12
    frames = [frame[at : at + side, at : at + side] for frame in decoded(clone)]
    found = check(write(tmp_path / "x.mp4", frames, crf=23), "made_here_changed", "% of width and height were cut off")
    assert found.watermark.kept == pytest.approx(0.9, abs=0.011)


def test_signed_over_by_somebody_else(clone, tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setenv("PERFCLONE_HOME", str(tmp_path / "theirs"))
        sign(clone, clone, actor="ben")
    found = check(clone, "made_here_changed", "put on after the file was changed", "any name")
    assert (found.credentials.state, found.credentials.by_us, found.match.by) == ("valid", False, "watermark")
    anchors = tmp_path / "theirs" / "certificates" / "root.pem"
    assert "under a root that you trust" in check(clone, "made_here_changed", anchors=anchors).text()


def test_signed_here_again(clone):
    sign(clone, clone)
    found = check(clone, "made_here_changed", "signed on this machine", "bytes were changed")
    assert found.credentials.by_us and not found.untouched


# What the ledger says


def test_rejected(clone, clone_home, tmp_path):
    review.reject(ID, "not as agreed")
    found = check(clone, "rejected", "(not as agreed)", "nobody may publish it", "This is the very file")
    assert (found.untouched, found.match.review) == (True, "rejected")
    assert found.to_json()["match"]["note"] == "not as agreed"
    copy = copied(clone, tmp_path / "x.mp4")
    assert not check(copy, "rejected", "not the very file").untouched
    content = clone.read_bytes()
    clone.write_bytes(flipped(content, len(content) // 2))
    check(clone, "rejected", "Credentials: tampered")
    review.approve(ID, "agreed after all")
    check(copy, "made_here_changed", "approved in review", "agreed after all")


def test_a_revoked_consent_is_said(clone):
    Ledger().append("revoke", consent_id=CONSENT_ID, consent=CONSENT, reason="asked for it")
    found = check(clone, "made_here_untouched", "Entry 2: the consent to it was revoked on")
    assert found.to_json()["match"]["consent_revoked"]


def test_another_ledger(clone, tmp_path, monkeypatch):
    other = Ledger(tmp_path / "other.jsonl")
    other.append("clone", actor="ben", watermark=7, output_sha256="0" * 64)
    found = check(clone, "made_by_perfclone_unknown_ledger", "though it was signed on this machine", ledger=other)
    assert (found.made_here, found.credentials.by_us, found.watermark.in_ledger) == (False, True, False)
    monkeypatch.setenv("PERFCLONE_HOME", str(tmp_path / "elsewhere"))
    found = check(clone, "made_by_perfclone_unknown_ledger", "there is no ledger here")
    assert (found.credentials.by_us, found.ledger.state) == (False, "absent")


def edited(home, text):
    ledger = home / "ledger.jsonl"
    ledger.write_bytes(ledger.read_bytes().replace(b'"purpose":"research"', text))


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda home: edited(home, b'"purpose":"personal"'), "Entry 1 of the ledger was changed"),
        (lambda home: edited(home, b""), "Entry 1 of the ledger was changed"),
        (lambda home: (home / "ledger.jsonl").write_bytes(b""), "are missing"),
        (lambda home: (home / "ledger.jsonl").unlink(), "are missing"),
        (lambda home: (home / "ledger.jsonl").write_bytes(b"\xff\n" * 9), "Entry 0 of the ledger was changed"),
        (lambda home: (home / "checkpoints" / "last.json").write_text("{}"), "The checkpoint"),
    ],
)
def test_a_broken_ledger_counts_for_nothing(clone, clone_home, damage, words):
    damage(clone_home)
    found = check(clone, "made_by_perfclone_unknown_ledger", "the ledger is broken", words, "cannot be relied on")
    assert (found.match, found.ledger.state, found.watermark.in_ledger) == (None, "broken", False)
    assert words in found.to_json()["ledger"]["problem"]


def test_a_rejection_that_was_cut_off_does_not_pass(clone, clone_home):
    review.reject(ID)
    lines = (clone_home / "ledger.jsonl").read_bytes().splitlines(keepends=True)
    (clone_home / "ledger.jsonl").write_bytes(b"".join(lines[:-1]))
    check(clone, "made_by_perfclone_unknown_ledger", "entry 2 is missing")


def test_entries_that_no_checkpoint_covers_are_doubted(clone, clone_home):
    shutil.rmtree(clone_home / "checkpoints")
    found = check(clone, "made_here_untouched", "may have been added by hand")
    assert not found.match.sealed


def test_a_ledger_without_hashes_cannot_tell_what_was_changed(clone, tmp_path):
    ledger = Ledger(tmp_path / "old.jsonl")
    ledger.append("clone", actor="anna", watermark=ID)
    found = verify_video(clone, ledger)
    assert (found.verdict, found.untouched) == ("made_here_changed", False)
    assert "whether it was changed since cannot be told" in found.summary and "was changed or" not in found.text()

"""Review: what the ledger says of a clone, and files that are held until it is approved."""

import errno
import json
import os

import pytest

from perfclone import cli
from perfclone.errors import UserError
from perfclone.files.reading import file_sha256
from perfclone.governance import review
from perfclone.governance.ledger.ledger import Ledger
from perfclone.governance.review import approve, held, hold, listing, reject, release, state

pytestmark = pytest.mark.usefixtures("own_home")

ONE, TWO = 0x00C0FFEE, 0xFFFFFFFF


@pytest.fixture
def clip(tmp_path):
    """A finished clone."""
    path = tmp_path / "out" / "clone.mp4"
    path.parent.mkdir()
    path.write_bytes(b"frames of a clone")
    return path


@pytest.fixture
def ledger(clip) -> Ledger:
    """It knows two clones, the first of which is `clip`."""
    ledger = Ledger()
    ledger.append("train", actor="anna")
    ledger.append("clone", actor="anna", watermark=ONE, output_sha256=file_sha256(clip))
    ledger.append("clone", actor="anna", watermark=TWO)
    return ledger


def test_a_clone_is_pending_until_somebody_decides(ledger):
    assert [(r.id, r.state) for r in listing()] == [("00c0ffee", "pending"), ("ffffffff", "pending")]
    assert approve("00C0FFEE", "fine").state == "approved" and reject(TWO).state == "rejected"
    assert state(ONE) == "approved" and state("ffffffff") == "rejected"
    decision = listing()[0].decision
    assert (
        decision.data["note"] == "fine" and decision.data["output_sha256"] == listing()[0].clone.data["output_sha256"]
    )
    assert ledger.verify().entries == 5


def test_it_can_be_said_who_decided(ledger):
    assert approve(ONE, who="rita").decision.data["who"] == "rita"
    assert reject(ONE, "after all", who="ron").decision.data["who"] == "ron"


def test_decisions_that_do_not_go_are_sentences(ledger):
    with pytest.raises(UserError, match="No clone with the id 00000007 is in .*ledger.jsonl; `review list --all`"):
        approve(7)
    for bad in ("c0ffee", "00c0ffeg", -1, 1 << 32, "", True):
        with pytest.raises(UserError, match="has 8 hex digits"):
            approve(bad)
    approve(ONE)
    with pytest.raises(UserError, match="The clone 00c0ffee was approved on .* already"):
        approve(ONE)
    with pytest.raises(UserError, match="was approved; say in a note why it is rejected after all"):
        reject(ONE, " ")
    assert reject(ONE, "the person asked").state == "rejected"
    with pytest.raises(UserError, match="was rejected on"):
        reject(ONE, "again")
    assert ledger.verify().entries == 5


def test_a_file_is_held_and_released_on_approval(ledger, clip, own_home):
    content = clip.read_bytes()
    place = hold(clip, ONE)
    assert not clip.exists() and place.read_bytes() == content and place == clip.parent / ".pending/00c0ffee-clone.mp4"
    assert held(ONE) == place and held(TWO) is None
    with pytest.raises(UserError, match="is pending, so clone.mp4 stays held; run: review approve 00c0ffee"):
        release(ONE)
    approve(ONE)
    clip.write_bytes(b"somebody else's")
    with pytest.raises(UserError, match="clone.mp4 exists; move it away, then release again"):
        release(ONE)
    assert clip.read_bytes() == b"somebody else's" and place.read_bytes() == content
    clip.unlink()
    assert release(ONE) == clip and clip.read_bytes() == content
    assert not place.parent.exists() and held(ONE) is None and not list((own_home / "held").iterdir())
    with pytest.raises(UserError, match="No file is held by the id 00c0ffee"):
        release(ONE)


def test_a_rejected_file_stays_held(ledger, clip):
    place = hold(clip, ONE)
    reject(ONE)
    with pytest.raises(UserError, match="is rejected"):
        release(ONE)
    assert place.exists() and not clip.exists()


def test_another_file_is_not_released_in_its_place(ledger, clip):
    place = hold(clip, ONE)
    place.write_bytes(b"something else")
    approve(ONE)
    with pytest.raises(UserError, match="is not the file that the ledger knows as 00c0ffee"):
        release(ONE)
    assert place.exists() and not clip.exists()


def test_holding_never_loses_a_file(ledger, clip, tmp_path):
    other = tmp_path / "out" / "other.mp4"
    other.write_bytes(b"other")
    with pytest.raises(UserError, match="There is no file .*none.mp4 to hold"):
        hold(clip.with_name("none.mp4"), ONE)
    place = hold(clip, ONE)
    assert hold(clip, ONE) == place  # as after an interruption, or when it was written there
    with pytest.raises(UserError, match="is held by the id 00c0ffee already"):
        hold(other, ONE)
    clip.write_bytes(b"new")
    with pytest.raises(UserError, match="is there already"):
        hold(clip, ONE)
    assert (
        other.read_bytes() == b"other" and clip.read_bytes() == b"new" and place.read_bytes() == b"frames of a clone"
    )
    place.rename(tmp_path / "elsewhere.mp4")
    clip.unlink()
    approve(ONE)
    with pytest.raises(UserError, match="The held file .* is gone; look for it"):
        release(ONE)


@pytest.mark.parametrize("fails", [False, True])
def test_a_file_system_without_links_will_do(ledger, clip, monkeypatch, fails):
    import shutil

    def no_links(*_):
        raise OSError(errno.EPERM, "Operation not permitted")

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    content, place = clip.read_bytes(), hold(clip, ONE)
    approve(ONE)
    monkeypatch.setattr(os, "link", no_links)
    clip.write_bytes(b"taken")
    with pytest.raises(UserError, match="exists; move it away"):
        release(ONE)
    clip.unlink()
    if fails:
        monkeypatch.setattr(shutil, "copyfile", full)
        with pytest.raises(OSError, match="No space left"):
            release(ONE)
        assert not clip.exists() and place.read_bytes() == content
    else:
        assert release(ONE).read_bytes() == content and not place.exists()


def test_a_damaged_note_is_named(ledger, clip, own_home):
    hold(clip, ONE)
    for damage in (b"", b"[]", b'{"path": 1}', b"\xff", b'{"path": "a\\u0000"}'):
        (own_home / "held" / "00c0ffee.json").write_bytes(damage)
        with pytest.raises(UserError, match=r"00c0ffee\.json"):
            held(ONE)
    (own_home / "held" / "00c0ffee.json").unlink()
    approve(ONE)
    assert release(ONE, clip).exists()  # the place is known to whoever made it


def test_approval_is_required_by_setting(own_home):
    assert not review.approval_required()
    review.require_approval(True)
    assert review.approval_required()
    settings = own_home / "settings.json"
    settings.write_text(json.dumps({"label": "AI", "require_approval": True}))
    review.require_approval(False)
    assert not review.approval_required() and json.loads(settings.read_text())["label"] == "AI"
    for damage in ("[]", "{", '{"require_approval": 1}', '{"require_approval": true, "require_approval": false}'):
        settings.write_text(damage)
        with pytest.raises(UserError, match=r"settings\.json"):
            review.approval_required()


def test_the_commands(ledger, clip, capsys):
    def run(*arguments: str) -> tuple[int, str]:
        code, printed = cli.main(["review", *arguments]), capsys.readouterr()
        return code, printed.out + printed.err

    assert run("require", "on")[0] == 0 and review.approval_required()
    place = hold(clip, ONE)
    code, words = run("list")
    assert code == 0 and "id 00c0ffee, state pending" in words and f"held {place}" in words and "is required" in words
    clip.write_bytes(b"in the way")
    code, words = run("approve", "00C0FFEE")
    assert code == 2 and "It is approved, but not released." in words and "clone.mp4 exists" in words
    clip.unlink()
    assert run("approve", "00c0ffee") == (0, f"00c0ffee: approved\n{clip}: released\n")
    code, words = run("approve", "00c0ffee")
    assert code == 2 and "already" in words
    assert run("reject", "ffffffff", "--note", "no") == (0, "ffffffff: rejected\n")
    assert run("list", "--json") == (0, "[]\n")
    assert [(r["id"], r["state"], r["note"]) for r in json.loads(run("list", "--all", "--json")[1])] == [
        ("00c0ffee", "approved", None),
        ("ffffffff", "rejected", "no"),
    ]
    assert run("approve", "12345678")[0] == 2 and run("approve", "beef")[0] == 2

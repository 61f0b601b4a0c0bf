"""Verdicts on what was not made here, and on files made to get a better one."""

import json

import numpy as np
import pytest
from clones import ID, check, copied, cut, make, note, sign, write

from perfclone import cli
from perfclone.errors import UserError
from perfclone.governance.marks.metadata import tags
from perfclone.governance.verify.verify import verify_video

# What was not made here


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    return write(
        tmp_path_factory.mktemp("plain") / "plain.mp4", cut("ben_reference", seconds=1), metadata={"comment": "x"}
    )


def test_an_unmarked_video(clone_home, plain):
    found = check(plain, "no_sign", "washed out", "most programs set none", "No watermark was found in")
    assert not found.made_here and found.watermark.id is None


def test_signed_elsewhere(clone_home, plain, tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setenv("PERFCLONE_HOME", str(tmp_path / "theirs"))
        signed = sign(plain, tmp_path / "signed.mp4")
    found = check(signed, "marked_elsewhere", "not vouched for", "any name")
    assert not found.made_here and found.credentials_in_ledger, "a claim to be of our ledger is no proof"
    check(
        signed, "marked_elsewhere", "a root that you trust", anchors=tmp_path / "theirs" / "certificates" / "root.pem"
    )


def test_signed_here_without_a_watermark_that_can_be_read(clone_home, plain, tmp_path):
    found = check(sign(plain, tmp_path / "x.mp4"), "made_here_changed", "No watermark was found")
    assert found.match.by == "signed"
    unknown = verify_video(sign(plain, tmp_path / "y.mp4", id=5))
    assert unknown.verdict == "made_by_perfclone_unknown_ledger" and not unknown.made_here
    assert "This was signed on this machine, but the ledger" in unknown.summary


def test_tags_alone_prove_nothing(clone_home, plain, tmp_path):
    found = check(copied(plain, tmp_path / "x.mp4", **tags(ID, "anna")), "only_tagged", "name the id c0ffee11")
    assert found.metadata.in_ledger and not found.made_here and "removed by anybody" in found.text()
    for tag in ({"org.perfclone.id": "00000005"}, {"comment": "Synthetic performance made with perfclone"}):
        check(copied(plain, tmp_path / "y.mp4", **tag), "only_tagged", "name perfclone", "washed out")


def test_credentials_of_a_clone_on_another_video(clone, plain, tmp_path):
    def boxes(content):
        at = 0
        while at < len(content):
            size = int.from_bytes(content[at : at + 4])
            yield content[at + 4 : at + 8], content[at : at + size]
            at += size

    manifest = dict(boxes(clone.read_bytes()))[b"uuid"]
    parts = [part + manifest if kind == b"ftyp" else part for kind, part in boxes(plain.read_bytes())]
    (tmp_path / "x.mp4").write_bytes(b"".join(parts))
    found = check(tmp_path / "x.mp4", "tampered", "Believe nothing", "They name the id of a clone in the ledger")
    assert not found.made_here


def test_marks_of_two_clones_are_told(clone, plain, tmp_path):
    copied(clone, tmp_path / "x.mp4", **tags(5, "ben"))
    check(tmp_path / "x.mp4", "made_here_changed", "name different clones", "tags 00000005")


def test_texts_of_strangers_stay_on_their_line(clone_home, plain, tmp_path):
    evil = json.dumps({"Label": "1", "ContentProducer": "x\n\x1b[31m\u202eno"})
    text = check(copied(plain, tmp_path / "x.mp4", AIGC=evil), "only_tagged").text()
    assert "x\ufffd\ufffd[31m\ufffdno" in text and "\x1b" not in text


@pytest.mark.parametrize(
    "content", [b"", b"no video", b"\0" * 4000, b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom", b"RIFF\4\0\0\0AVI "]
)
def test_not_a_video(clone_home, content, tmp_path, capsys):
    path = tmp_path / "x.mp4"
    path.write_bytes(content)
    with pytest.raises(UserError, match="x.mp4"):
        verify_video(path)
    assert cli.main(["verify", str(path), "--json"]) == 2
    printed = capsys.readouterr()
    assert not printed.out and str(path) in printed.err and "fault" not in printed.err


# Files made to get a better verdict


def test_no_mutation_crashes_it_or_passes_for_untouched(clone_home, tmp_path):
    path = make(tmp_path / "small.mp4", cut("anna_reference", seconds=0.2, side=128), id=9)
    note(path, id=9)
    assert verify_video(path).verdict == "made_here_untouched"
    content, rng, seen = path.read_bytes(), np.random.default_rng(0), {}
    for n in range(300):
        hurt = bytearray(content)
        for _ in range(rng.integers(1, 8)):
            # Every other one in the boxes at the start, where what is read first stands.
            hurt[rng.integers(len(hurt) if n % 2 else 3000)] ^= rng.integers(1, 256)
        hurt = hurt[: rng.integers(1, len(hurt))] if n % 10 == 0 else hurt
        if hurt == content:
            continue
        path.write_bytes(hurt)
        try:
            found = verify_video(path)
            json.dumps(found.to_json(), allow_nan=False), found.text()
            verdict = found.verdict
        except UserError:
            verdict = "refused"
        assert verdict != "made_here_untouched", n
        seen[verdict] = seen.get(verdict, 0) + 1
    assert seen["tampered"] > 200 and seen["refused"] < 60, seen

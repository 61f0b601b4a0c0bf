"""Verdicts: a table of what can happen to a clone on its way, and files made to get a better one."""

import json
import re
import shlex
import shutil
from dataclasses import FrozenInstanceError
from pathlib import Path
from typing import get_args

import av
import numpy as np
import pytest

from perfclone import cli
from perfclone.errors import UserError
from perfclone.files.reading import file_sha256
from perfclone.governance import review
from perfclone.governance.credentials.sign import Claim, sign_video
from perfclone.governance.ledger.ledger import Ledger
from perfclone.governance.marks.label import Label, LabelMarker
from perfclone.governance.marks.metadata import tags
from perfclone.governance.marks.watermark import Watermarker
from perfclone.governance.verify.findings import Kind
from perfclone.governance.verify.verify import verify_video
from perfclone.video import VideoReader, VideoWriter

CLIPS = Path(__file__).resolve().parents[1] / "examples" / "clips"
PAGE = CLIPS.parents[1] / "docs" / "governance.md"
SIDE, SECONDS, FPS = 320, 3, 30
ID, CONSENT, CONSENT_ID = 0xC0FFEE11, "sha256:" + "ab" * 32, "cd" * 16
#: What every verdict must say, whatever else.
WORDS = {
    "rejected": "REJECTED: a clone of anna",
    "made_here_untouched": "This is the very file that was made here on",
    "tampered": "The content credentials do not hold",
    "made_here_changed": "and was changed or written anew since",
    "made_by_perfclone_unknown_ledger": "marked by perfclone with the id c0ffee11, but",
    "marked_elsewhere": "Nothing shows that this was made here; it was signed by",
    "only_tagged": "Nothing but its tags speaks",
    "no_sign": "which proves nothing",
}


def write(path, frames, **options):
    """Encode frames as a clone is."""
    with VideoWriter(path, rate=FPS, force=True, **options) as writer:
        for frame in frames:
            writer.write(frame)
    return path


def cut(name, seconds=SECONDS, side=SIDE):
    """The first seconds of a clip that the repository has."""
    with VideoReader(CLIPS / f"{name}.mp4", max_side=side) as reader:
        return [frame.pixels for frame, _ in zip(reader, range(round(seconds * FPS)))]


def make(path, frames, id=ID):
    """Make a clone by hand: label, watermark, encode with tags, sign."""
    height, width = frames[0].shape[:2]
    label, marker = LabelMarker(Label(), width, height, FPS), Watermarker(id, height, width)
    write(path, [marker.apply(label.apply(frame)) for frame in frames], metadata=tags(id, "anna"))
    return sign(path, path, id)


def sign(path, output, id=ID, actor="anna"):
    return sign_video(path, output, Claim("A dance", actor, CONSENT, "research", id))


def note(path, id=ID, **more):
    return Ledger().append(
        "clone",
        actor="anna",
        purpose="research",
        consent=CONSENT,
        consent_id=CONSENT_ID,
        watermark=id,
        output_sha256=file_sha256(path),
        **more,
    )


def copied(source, target, end=None, **metadata):
    """Copy the packets of the pictures, up to `end` seconds, into a new file that has other tags."""
    options = {"movflags": "use_metadata_tags"} if target.suffix == ".mp4" else {}
    with av.open(str(source)) as old, av.open(str(target), "w", options=options) as new:
        new.metadata.update(metadata)
        stream = old.streams.video[0]
        into = new.add_stream_from_template(stream)
        for packet in old.demux(stream):
            if packet.size and (end is None or packet.pts * packet.time_base < end):
                packet.stream = into
                new.mux(packet)
    return target


def decoded(path):
    with VideoReader(path) as reader:
        return [frame.pixels for frame in reader]


def flipped(content, at):
    return content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A home with a ledger that knows one clone, and the clone; nobody changes it."""
    folder = tmp_path_factory.mktemp("made")
    with pytest.MonkeyPatch.context() as patch:
        _no_operator(patch, folder / "home")
        clone = make(folder / "clone.mp4", cut("anna_reference"))
        Ledger().append("train", actor="anna", consent_id=CONSENT_ID)
        note(clone)
    return folder


def _no_operator(patch, home):
    patch.setenv("PERFCLONE_HOME", str(home))
    for name in ("PERFCLONE_CERT", "PERFCLONE_CERT_KEY"):
        patch.delenv(name, raising=False)


@pytest.fixture
def home(made, tmp_path, monkeypatch):
    """The same for one test, which may change it."""
    shutil.copytree(made / "home", tmp_path / "home")
    _no_operator(monkeypatch, tmp_path / "home")
    return tmp_path / "home"


@pytest.fixture
def clone(made, home, tmp_path):
    return Path(shutil.copy(made / "clone.mp4", tmp_path / "clone.mp4"))


def check(path, verdict, *words, **options):
    """Verify, and hold the verdict to what every one promises."""
    found = verify_video(path, **options)
    assert found.verdict == verdict, found.text()
    assert WORDS[verdict] in found.summary
    for word in words:
        assert word in found.text(), found.text()
    said = json.loads(json.dumps(found.to_json(), allow_nan=False))
    assert said["verdict"] == verdict and said["sha256"] == file_sha256(Path(path))
    assert said["made_here"] == (said["match"] is not None)
    assert said["caveats"] and said["reasons"]
    return found


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


def test_a_trusted_root_is_said(clone, home):
    found = check(clone, "made_here_untouched", anchors=home / "certificates" / "root.pem")
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


def test_rejected(clone, home, tmp_path):
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
def test_a_broken_ledger_counts_for_nothing(clone, home, damage, words):
    damage(home)
    found = check(clone, "made_by_perfclone_unknown_ledger", "the ledger is broken", words, "cannot be relied on")
    assert (found.match, found.ledger.state, found.watermark.in_ledger) == (None, "broken", False)
    assert words in found.to_json()["ledger"]["problem"]


def test_a_rejection_that_was_cut_off_does_not_pass(clone, home):
    review.reject(ID)
    lines = (home / "ledger.jsonl").read_bytes().splitlines(keepends=True)
    (home / "ledger.jsonl").write_bytes(b"".join(lines[:-1]))
    check(clone, "made_by_perfclone_unknown_ledger", "entry 2 is missing")


def test_entries_that_no_checkpoint_covers_are_doubted(clone, home):
    shutil.rmtree(home / "checkpoints")
    found = check(clone, "made_here_untouched", "may have been added by hand")
    assert not found.match.sealed


def test_a_ledger_without_hashes_cannot_tell_what_was_changed(clone, tmp_path):
    ledger = Ledger(tmp_path / "old.jsonl")
    ledger.append("clone", actor="anna", watermark=ID)
    found = verify_video(clone, ledger)
    assert (found.verdict, found.untouched) == ("made_here_changed", False)
    assert "whether it was changed since cannot be told" in found.summary and "was changed or" not in found.text()


# What was not made here


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    return write(
        tmp_path_factory.mktemp("plain") / "plain.mp4", cut("ben_reference", seconds=1), metadata={"comment": "x"}
    )


def test_an_unmarked_video(home, plain):
    found = check(plain, "no_sign", "washed out", "most programs set none", "No watermark was found in")
    assert not found.made_here and found.watermark.id is None


def test_signed_elsewhere(home, plain, tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setenv("PERFCLONE_HOME", str(tmp_path / "theirs"))
        signed = sign(plain, tmp_path / "signed.mp4")
    found = check(signed, "marked_elsewhere", "not vouched for", "any name")
    assert not found.made_here and found.credentials_in_ledger, "a claim to be of our ledger is no proof"
    check(
        signed, "marked_elsewhere", "a root that you trust", anchors=tmp_path / "theirs" / "certificates" / "root.pem"
    )


def test_signed_here_without_a_watermark_that_can_be_read(home, plain, tmp_path):
    found = check(sign(plain, tmp_path / "x.mp4"), "made_here_changed", "No watermark was found")
    assert found.match.by == "signed"
    unknown = verify_video(sign(plain, tmp_path / "y.mp4", id=5))
    assert unknown.verdict == "made_by_perfclone_unknown_ledger" and not unknown.made_here
    assert "This was signed on this machine, but the ledger" in unknown.summary


def test_tags_alone_prove_nothing(home, plain, tmp_path):
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


def test_texts_of_strangers_stay_on_their_line(home, plain, tmp_path):
    evil = json.dumps({"Label": "1", "ContentProducer": "x\n\x1b[31m\u202eno"})
    text = check(copied(plain, tmp_path / "x.mp4", AIGC=evil), "only_tagged").text()
    assert "x\ufffd\ufffd[31m\ufffdno" in text and "\x1b" not in text


@pytest.mark.parametrize(
    "content", [b"", b"no video", b"\0" * 4000, b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom", b"RIFF\4\0\0\0AVI "]
)
def test_not_a_video(home, content, tmp_path, capsys):
    path = tmp_path / "x.mp4"
    path.write_bytes(content)
    with pytest.raises(UserError, match="x.mp4"):
        verify_video(path)
    assert cli.main(["verify", str(path), "--json"]) == 2
    printed = capsys.readouterr()
    assert not printed.out and str(path) in printed.err and "fault" not in printed.err


# Files made to get a better verdict


def test_no_mutation_crashes_it_or_passes_for_untouched(home, tmp_path):
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


# The command


def test_the_command(clone, home, tmp_path, capsys):
    assert cli.main(["verify", str(clone)]) == 0
    text = capsys.readouterr().out
    assert text.startswith(f"{clone}: made_here_untouched\nThis is the very file")
    assert "What this is based on" in text and "What it cannot know" in text
    assert cli.main(["verify", str(clone), "--json", "--anchors", str(home / "certificates" / "root.pem")]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said == verify_video(clone, anchors=home / "certificates" / "root.pem").to_json()
    assert (said["schema"], said["credentials"]["state"]) == ("perfclone.verdict/1", "trusted")
    Ledger().export(tmp_path / "copy.jsonl")
    assert cli.main(["verify", str(clone), "--ledger", str(tmp_path / "copy.jsonl"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["verdict"] == "made_here_untouched"


def test_the_take_down_steps_of_the_docs(clone, tmp_path, monkeypatch, capsys):
    """Every command of those steps, in its order, as it is written there."""
    from perfclone.governance.consent.record import ConsentRecord

    monkeypatch.chdir(tmp_path)
    reference = CLIPS / "anna_reference.mp4"
    assert cli.main(["consent", "new", "--myself", "Anna", "--reference", str(reference), "-o", "consent.json"]) == 0
    record, one = (
        ConsentRecord.load("consent.json"),
        make(tmp_path / "one.mp4", cut("anna_reference", seconds=0.5), id=7),
    )
    Ledger().append("clone", actor="anna", consent_id=record.id, watermark=7, output_sha256=file_sha256(one))
    write(tmp_path / "their.mp4", decoded(one))
    section = PAGE.read_text().partition("## Take-down")[2].partition("\n## ")[0]
    commands = re.findall(r"`python -m perfclone ([^`]+)`", " ".join(section.split()))
    assert [
        shlex.split(command)[0] for command in commands
    ] == "verify ledger review consent review ledger ledger".split()
    capsys.readouterr()
    printed = []
    for command in commands:
        assert cli.main(["00000007" if word == "ID" else word for word in shlex.split(command)]) == 0, command
        printed.append(capsys.readouterr().out)
    assert json.loads(printed[0])["match"]["watermark"] == "00000007"
    assert any(entry["data"].get("output_sha256") == file_sha256(one) for entry in json.loads(printed[1]))
    assert "00000007" in printed[2]
    found = check(tmp_path / "their.mp4", "rejected", "the consent to it was revoked on")
    assert found.match.by == "watermark" and (tmp_path / "proof.json").exists() and (tmp_path / "proof.jsonl").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["none.mp4"], "There is no file none.mp4; check the name."),
        (["."], "is not a file"),
        (["CLONE", "--ledger", "none.jsonl"], "There is no ledger none.jsonl"),
        (["CLONE", "--anchors", "none.pem"], "trusted roots none.pem are no PEM file"),
    ],
)
def test_bad_arguments_are_sentences(clone, arguments, words, capsys, monkeypatch):
    monkeypatch.chdir(clone.parent)
    assert cli.main(["verify", *(str(clone) if argument == "CLONE" else argument for argument in arguments)]) == 2
    assert words in capsys.readouterr().err


def test_every_verdict_is_documented():
    page = PAGE.read_text()
    assert set(WORDS) == set(get_args(Kind))
    for verdict in WORDS:
        assert f"| `{verdict}` |" in page, verdict

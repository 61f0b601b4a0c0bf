"""`perfclone verify`, and the page that explains it and says how a clone is taken down."""

import json
import re
import shlex
from typing import get_args

import pytest
from clones import CLIPS, WORDS, check, cut, decoded, make, write

from perfclone import cli
from perfclone.files.reading import file_sha256
from perfclone.governance.consent.record import ConsentRecord
from perfclone.governance.ledger.ledger import Ledger
from perfclone.governance.verify.findings import Kind
from perfclone.governance.verify.verify import verify_video

DOCS = CLIPS.parents[1] / "docs"
PAGE = DOCS / "governance.md"


def test_the_command(clone, clone_home, tmp_path, capsys):
    assert cli.main(["verify", str(clone)]) == 0
    text = capsys.readouterr().out
    assert text.startswith(f"{clone}: made_here_untouched\nThis is the very file")
    assert "What this is based on" in text and "What it cannot know" in text
    assert cli.main(["verify", str(clone), "--json", "--anchors", str(clone_home / "certificates" / "root.pem")]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said == verify_video(clone, anchors=clone_home / "certificates" / "root.pem").to_json()
    assert (said["schema"], said["credentials"]["state"]) == ("perfclone.verdict/1", "trusted")
    Ledger().export(tmp_path / "copy.jsonl")
    assert cli.main(["verify", str(clone), "--ledger", str(tmp_path / "copy.jsonl"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["verdict"] == "made_here_untouched"


def test_the_take_down_steps_of_the_docs(clone, tmp_path, monkeypatch, capsys):
    """Every command of those steps, in its order, as it is written there."""
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


def test_the_consent_texts_say_the_same_and_can_be_found():
    """As far as a program can tell: as many points in the same order, and as many boxes to tick in each."""
    texts = [(DOCS / name).read_text() for name in ("consent_text.md", "consent_text.ja.md")]
    english, japanese = (re.split(r"^(\d+)\. ", text, flags=re.M)[1:] for text in texts)
    assert english[::2] == japanese[::2] == [str(n) for n in range(1, 15)]
    assert [point.count("☐") for point in english] == [point.count("☐") for point in japanese]
    for page in (PAGE, DOCS / "consent_text.md", DOCS / "consent_text.ja.md"):
        for link in re.findall(r"\]\(([\w.]+)\)", page.read_text()):
            assert (DOCS / link).is_file(), link

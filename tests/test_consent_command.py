"""`perfclone consent`: recording, asking, checking and revoking."""

import json
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest
from records import HASH

from perfclone import cli
from perfclone.files.reading import file_sha256
from perfclone.governance.consent.record import ConsentError, ConsentRecord
from perfclone.governance.keys import SigningKey, signing_key
from perfclone.governance.ledger.ledger import Ledger

pytestmark = pytest.mark.usefixtures("own_home")

TODAY = date.today()


@pytest.fixture
def clip(tmp_path) -> Path:
    path = tmp_path / "me.mp4"
    path.write_bytes(b"frames of me")
    return path


def test_filming_oneself_takes_one_command(clip, tmp_path, capsys):
    path = tmp_path / "consent.json"
    assert cli.main(["consent", "new", "--myself", "Anna", "--reference", str(clip), "-o", str(path)]) == 0
    assert "Anna agreed" in capsys.readouterr().out
    record = ConsentRecord.load(path)
    assert (record.subject, record.recorded_by, record.purposes) == ("Anna", "Anna", ("personal", "evaluation"))
    assert record.starts == TODAY.isoformat() and record.expires == (TODAY + timedelta(days=365)).isoformat()
    assert record.train_others is False and record.covers(file_sha256(clip))
    record.allow("personal")
    assert [(e.event, e.data["consent"]) for e in Ledger().entries()] == [("consent", record.digest())]
    assert cli.main(["consent", "verify", str(path), "--reference", str(clip)]) == 0
    assert "me.mp4 is covered" in capsys.readouterr().out
    assert cli.main(["consent", "show", str(path)]) == 0
    assert "personal, evaluation" in capsys.readouterr().out
    assert cli.main(["consent", "new", "--myself", "Bo", "--reference", str(clip), "-o", str(path)]) == 2
    assert "--force" in capsys.readouterr().err and ConsentRecord.load(path) == record


def test_a_record_of_fields(clip, tmp_path, capsys):
    fields, path = tmp_path / "fields.json", tmp_path / "consent.json"
    given = {"subject": "Bo", "recorded_by": "Studio", "purposes": ["marketing"], "territory": ["JP"]}
    command = ["consent", "new", "--json", str(fields), "--reference", str(clip), "--statement", str(clip)]

    def sentence(**changed) -> str:
        fields.write_text(json.dumps({k: v for k, v in (given | changed).items() if v is not None}))
        code = cli.main([*command, "-o", str(path)])
        assert code == (0 if path.exists() else 2)
        return capsys.readouterr().err

    assert "must have 'purposes'; add it" in sentence(purposes=None)
    assert "have 'nonsense', which is none; remove it" in sentence(nonsense=1)
    assert "'signature', which is none; remove it" in sentence(signature={})
    assert "reference_sha256 must be a list" in sentence(reference_sha256=HASH)
    assert "territory must be ISO 3166 country codes" in sentence(territory=["Japan"])
    assert not sentence(reference_sha256=[HASH])
    record = ConsentRecord.load(path)
    assert record.reference_sha256 == (HASH, file_sha256(clip)) and record.statement_sha256 == file_sha256(clip)
    assert record.purposes == ("marketing",) and record.territory == ("JP",) and record.media
    assert cli.main(["consent", "new", "--myself", "Bo", "-o", str(tmp_path / "other.json")]) == 2
    assert "name the reference video with --reference" in capsys.readouterr().err


def test_asking_at_the_terminal(clip, tmp_path, monkeypatch, capsys):
    def answers(*lines):
        given = iter(lines)
        monkeypatch.setattr("builtins.input", lambda _: next(given))
        return given

    path = tmp_path / "consent.json"
    mistakes = [
        "",
        "Anna",
        "Bo",
        "fun",
        "research education",
        "",
        "web",
        "XX",
        "jp de",
        "2001-01-01",
        "",
        "perhaps",
        "n",
    ]
    left = answers(*mistakes, "Call Bo.", str(tmp_path / "none.mp4"), str(clip), "y")
    assert cli.main(["consent", "new", "-o", str(path)]) == 0
    assert not list(left)
    printed = capsys.readouterr().out
    for words in (
        "An answer is needed",
        "got 'fun'",
        "codes such as JP; got 'XX'",
        "must not be past",
        "y or n",
        "none.mp4",
    ):
        assert words in printed
    record = ConsentRecord.load(path)
    assert record.subject == "Anna" and record.recorded_by == "Bo" and record.purposes == ("research", "education")
    assert record.territory == ("JP", "DE") and record.revocation == "Call Bo." and record.covers(file_sha256(clip))
    path.unlink()
    answers("Anna", *[""] * 8, str(clip), "n")
    assert cli.main(["consent", "new", "-o", str(path)]) == 2
    assert "there is no agreement" in capsys.readouterr().err and not path.exists()

    def closed(_):
        raise EOFError

    monkeypatch.setattr("builtins.input", closed)
    assert cli.main(["consent", "new", "-o", str(path)]) == 2
    assert "give --myself NAME or --json FIELDS" in capsys.readouterr().err


def test_verify_passes_only_what_holds(record, clip, tmp_path, capsys):
    path = tmp_path / "consent.json"

    def verify(changed: ConsentRecord, *more: object) -> str:
        changed.save(path)
        code, printed = cli.main(["consent", "verify", str(path), *map(str, more)]), capsys.readouterr()
        assert (code == 0) == (not printed.err) and code in (0, 2)
        return printed.err

    assert not verify(record)
    assert "is not the footage that Anna agreed to; ask Bo Studio" in verify(record, "--reference", clip)
    assert "was changed after it was signed" in verify(replace(record, subject="Ann"))
    assert "expired on 2026-01-02" in verify(replace(record, expires="2026-01-02").sign(signing_key()))
    assert "is not signed" in verify(replace(record, signature=None))
    stranger = SigningKey.new()
    complaint = verify(record.sign(stranger))
    assert "which is not one of yours; ask Bo Studio" in complaint
    mark = complaint.rpartition("--key ")[2].rstrip(".\n")
    assert not verify(record.sign(stranger), "--key", mark)
    assert f"not by {mark}; do not rely on it" in verify(record, "--key", mark)


def test_revoking_ends_every_copy_and_is_in_the_ledger(record, tmp_path, capsys):
    path, copy = tmp_path / "consent.json", tmp_path / "copy.json"
    record.save(path)
    record.save(copy)
    command = ["consent", "revoke", str(path), "--reason", "Changed my mind"]
    assert cli.main([*command, "-o", str(copy)]) == 2 and "--force" in capsys.readouterr().err
    assert cli.main(command) == 0
    capsys.readouterr()
    for each in (path, copy):
        assert cli.main(["consent", "verify", str(each)]) == 2
        assert "(Changed my mind)" in capsys.readouterr().err
    entry = list(Ledger().entries())[-1]
    assert (entry.event, entry.data["consent_id"], entry.data["reason"]) == ("revoke", record.id, "Changed my mind")
    assert cli.main(command) == 2 and "nothing is left to do" in capsys.readouterr().err


def test_a_revocation_made_elsewhere_is_noted_here(record, tmp_path):
    path = tmp_path / "consent.json"
    record.revoke("Enough", SigningKey.new()).save(path)
    record.allow("research")
    assert cli.main(["consent", "revoke", str(path), "--reason", "they said so"]) == 0
    with pytest.raises(ConsentError, match="Enough"):
        record.allow("research")

"""Consent records: what they may say, what they allow, and that nothing forged or damaged gets through."""

import json
import random
import re
import string
from dataclasses import fields, replace
from datetime import date, timedelta
from pathlib import Path

import pytest

from perfclone import cli
from perfclone.errors import UserError
from perfclone.files.reading import file_sha256
from perfclone.governance.consent import revocations, rules
from perfclone.governance.consent.kinds import describe, evaluation_record, synthetic_record
from perfclone.governance.consent.record import LIMIT, ConsentError, ConsentRecord, Revocation
from perfclone.governance.keys import Signature, SigningKey, rotate, signing_key
from perfclone.governance.ledger.ledger import Ledger

pytestmark = pytest.mark.usefixtures("own_home")

SCHEMA = json.loads((Path(rules.__file__).parent / "schema.json").read_text())
TODAY = date.today()
HASH = "0123456789abcdef" * 4


@pytest.fixture
def record() -> ConsentRecord:
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


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"schema": "perfclone.consent/2"}, "schema must be one of perfclone.consent/1"),
        ({"id": "a" * 31}, "id must be 32"),
        ({"id": "A" * 32}, "id must be 32"),
        ({"subject": " "}, "subject must be a text of 1 to 200"),
        ({"subject": "x" * 201}, "subject must be a text of 1 to 200"),
        ({"subject": "Anna\x1b[2J"}, "subject must be one line without control characters"),
        ({"subject": "Anna\u202egnp"}, "subject must be one line without control characters"),
        ({"recorded_by": 7}, "recorded_by must be a text"),
        ({"purposes": []}, "purposes must be a list with at least one"),
        ({"purposes": "research"}, "purposes must be a list"),
        ({"purposes": ["research", "research"]}, "purposes must not repeat"),
        ({"purposes": ["fun"]}, "purposes must be from research, .*; got 'fun'"),
        ({"purposes": [["research"]]}, "purposes must be from research"),
        ({"media": ["tv"]}, "media must be from web"),
        ({"territory": "Japan"}, "territory must be 'worldwide' or a list"),
        ({"territory": ["XX"]}, "territory must be ISO 3166 country codes such as JP; got 'XX'"),
        ({"starts": "2026-02-30"}, "starts must be a day that exists, got 2026-02-30"),
        ({"starts": "20260201"}, "starts must be a date such as"),
        ({"starts": "２０２６-01-01"}, "starts must be a date such as"),
        ({"expires": "2025-12-31"}, "expires must not be before starts, got 2025-12-31 before 2026-01-01"),
        ({"expires": None}, "a person's consent does not last for ever"),
        ({"train_others": 0}, "train_others must be true or false, got 0"),
        ({"revocation": ""}, "revocation must be a text"),
        ({"reference_sha256": []}, "reference_sha256 must be a list with at least one"),
        ({"reference_sha256": [HASH.upper()]}, "64 lower-case hex digits"),
        ({"reference_sha256": [f"{n:064x}" for n in range(257)]}, "at most 256, got 257"),
        ({"statement_sha256": "x"}, "statement_sha256 must be"),
        ({"created": "2026-13-01T00:00:00Z"}, "created must be a moment that exists"),
        ({"created": "2026-01-01"}, "created must be a moment such as"),
        ({"signature": {"algorithm": "Ed25519"}}, "A signature has algorithm, public_key and value"),
        ({"revoked": {"on": "2026-01-01"}}, "revoked has on, reason and signature"),
        ({"surprise": 1}, "has 'surprise', which is unknown"),
    ],
)
def test_a_wrong_field_is_named(record, change, sentence):
    with pytest.raises(ConsentError, match=sentence) as refusal:
        ConsentRecord.from_json(record.to_json() | change)
    assert "\n" not in str(refusal.value) and str(refusal.value).isprintable()


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "is not JSON"),
        (b"\xff\xfe{}", "byte 0 is not UTF-8"),
        (b"[]", "must be a JSON object"),
        (b'{"subject": "a", "subject": "b"}', "says 'subject' twice"),
        (b'{"subject": NaN}', "NaN is not a number"),
        (b'{"subject": -Infinity}', "-Infinity is not a number"),
        (b'{"subject": ' + b"9" * 5000 + b"}", "cannot be read"),
        (b"[" * 60_000, "nested too deeply"),
        (b'{"a":' * 12_000, "nested too deeply"),
        (b" " * (LIMIT + 1), "is larger than 65536 bytes"),
        (b'{"subject": "\\ud800"}', "has no 'created'"),
    ],
)
def test_a_damaged_file_is_one_sentence(data, sentence, tmp_path):
    path = tmp_path / "consent.json"
    path.write_bytes(data)
    with pytest.raises(ConsentError, match=sentence):
        ConsentRecord.load(path)


def test_what_is_no_file_is_one_sentence(tmp_path):
    for path, sentence in (
        (tmp_path, "is not a file"),
        (tmp_path / "no.json", "There is no consent record"),
        ("a\0", "cannot be read"),
    ):
        with pytest.raises(ConsentError, match=sentence):
            ConsentRecord.load(path)


def test_half_of_a_surrogate_pair_is_no_text(record):
    with pytest.raises(ConsentError, match="without control characters"):
        ConsentRecord.from_json(record.to_json() | {"subject": "\ud800"})


def test_the_schema_is_in_step_with_the_record(record):
    names = {item.name for item in fields(ConsentRecord)}
    properties = SCHEMA["properties"]
    assert properties.keys() == names == set(SCHEMA["required"]) and SCHEMA["additionalProperties"] is False
    assert properties["schema"]["const"] == rules.SCHEMA
    assert tuple(properties["purposes"]["items"]["enum"]) == rules.PURPOSES
    assert tuple(properties["media"]["items"]["enum"]) == rules.MEDIA
    assert tuple(properties["subject_kind"]["enum"]) == rules.SUBJECT_KINDS
    assert properties["territory"]["oneOf"][0]["const"] == rules.WORLDWIDE
    for name, limit in (
        ("subject", "NAME"),
        ("recorded_by", "NAME"),
        ("purpose_note", "NOTE"),
        ("revocation", "NOTE"),
    ):
        assert properties[name]["maxLength"] == getattr(rules, limit), name
    for name in ("purposes", "media", "reference_sha256"):
        assert properties[name]["minItems"] == 1 and properties[name]["uniqueItems"] is True
    assert properties["reference_sha256"]["maxItems"] == rules.REFERENCES
    for name, pattern in (("id", "ID"), ("starts", "DAY"), ("expires", "DAY"), ("created", "MOMENT")):
        assert properties[name]["pattern"] == f"^{getattr(rules, pattern)}$", name
    for place in (properties["reference_sha256"]["items"], properties["statement_sha256"]):
        assert place["pattern"] == f"^{rules.SHA256}$"
    revoked = properties["revoked"]["oneOf"][1]
    assert revoked["properties"].keys() == {item.name for item in fields(Revocation)} == set(revoked["required"])
    signature = SCHEMA["$defs"]["signature"]
    assert signature["properties"].keys() == {item.name for item in fields(Signature)} == set(signature["required"])
    for name in ("public_key", "value"):
        assert re.fullmatch(signature["properties"][name]["pattern"], getattr(record.signature, name))


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


def mutated(data: bytes, rng: random.Random) -> bytes:
    """Damage bytes as disks, editors and attackers do."""
    data, place = bytearray(data), rng.randrange(len(data))
    match rng.randrange(6):
        case 0:
            data[place] ^= 1 << rng.randrange(8)
        case 1:
            data[place] = ord(rng.choice(string.printable))
        case 2:
            del data[place : place + rng.randint(1, 40)]
        case 3:
            data[place:place] = data[rng.randrange(len(data)) :][: rng.randint(1, 60)]
        case 4:
            data[place:place] = rng.choice([b'"', b"{", b"]", b"NaN", b"1e999", b"\\ud800", b"\x00", b",", b"null"])
        case 5:
            data[place:] = b""
    return bytes(data)


def with_another_value(value: dict, rng: random.Random) -> dict:
    """Put something else into one place of a JSON object."""
    value = json.loads(json.dumps(value))
    place = value
    while isinstance(place, dict):
        holder, key = place, rng.choice(sorted(place))
        place = place[key]
    odd = [None, True, 0, -1, 1.5, "", "a", HASH, "2026-01-02", [], {}, ["research"], ["JP"], [[]], "x" * 300, 10**30]
    holder[key] = rng.choice([*odd, str(place)[:-1], [place], {key: place}])
    return value


def test_no_mutation_crashes_the_reader_or_passes(record):
    rng = random.Random(0)
    noted = record.revoke("Enough", signing_key())
    refused = read = 0
    for original in (record, noted):
        data = json.dumps(original.to_json(), indent=2, ensure_ascii=False).encode()
        for turn in range(3000):
            changed = with_another_value(original.to_json(), rng)
            try:
                loaded = ConsentRecord.from_bytes(mutated(data, rng) if turn % 2 else json.dumps(changed).encode())
                read += 1
                loaded.verify()
            except UserError as error:
                refused += 1
                assert "\n" not in str(error)
                continue
            stripped = replace(noted, revoked=None)  # a removed revocation is what home()/revoked.json is for
            assert loaded in (original, stripped), "something signed was changed and passed"
    assert refused > 4500 and read > 400


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

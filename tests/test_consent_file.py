"""Files of consent records: what they may say, and that nothing forged or damaged gets through."""

import json
import random
import re
import string
from dataclasses import fields, replace
from pathlib import Path

import pytest
from records import HASH

from perfclone.errors import UserError
from perfclone.governance.consent import rules
from perfclone.governance.consent.record import LIMIT, ConsentError, ConsentRecord, Revocation
from perfclone.governance.keys import Signature, signing_key

SCHEMA = json.loads((Path(rules.__file__).parent / "schema.json").read_text())


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

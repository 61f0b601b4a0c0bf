"""The operator's key: owner-only, one of its kind, and remembered after it was replaced."""

import copy
import logging
import os
import pickle
import stat
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from perfclone.errors import UserError
from perfclone.governance import keys
from perfclone.governance.home import home
from perfclone.governance.keys import Signature, SigningKey, canonical, known, rotate, signing_key, verify

pytestmark = pytest.mark.usefixtures("own_home")

ROOT = Path(__file__).resolve().parents[1]


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_home_is_made_for_its_owner_only(own_home, monkeypatch, tmp_path):
    assert home() == own_home and mode(own_home) == 0o700
    monkeypatch.delenv("PERFCLONE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert home() == tmp_path / ".local/share/perfclone" and mode(home()) == 0o700
    (tmp_path / "file").touch()
    monkeypatch.setenv("PERFCLONE_HOME", str(tmp_path / "file" / "home"))
    with pytest.raises(UserError, match="set PERFCLONE_HOME to a folder you can write to"):
        home()


def test_the_key_is_made_once_and_signs(own_home):
    key = signing_key()
    signature = key.sign(b"words")
    assert verify(signature, b"words") and not verify(signature, b"other words")
    assert signing_key().public_key == key.public_key == signature.public_key
    assert known(key.public_key) and not known(SigningKey.new().public_key) and not known("nonsense")
    other = SigningKey.new().sign(b"words")
    assert not verify(replace(signature, public_key=other.public_key), b"words")
    assert not verify(replace(signature, value=other.value), b"words")


def test_nobody_else_can_read_what_is_in_the_folder(own_home):
    signing_key()
    assert mode(own_home / "keys") == 0o700
    assert mode(own_home / "keys" / "signing.pem") == 0o600
    assert [mode(file) for file in (own_home / "keys" / "public").iterdir()] == [0o600]


@pytest.mark.parametrize(("name", "bad", "good"), [("signing.pem", 0o640, "600"), (".", 0o711, "700")])
def test_a_key_that_others_can_read_is_refused(own_home, name, bad, good):
    signing_key()
    place = own_home / "keys" / name
    place.chmod(bad)
    with pytest.raises(UserError, match=f"run: chmod {good} ") as refusal:
        signing_key()
    subprocess.run(str(refusal.value).partition("run: ")[2], shell=True, check=True)
    assert signing_key()


def test_where_modes_say_nothing_they_are_not_asked(own_home, monkeypatch):
    """As on Windows, where every file seems to be open to everybody and nobody has a number."""
    key = signing_key()
    (own_home / "keys" / "signing.pem").chmod(0o666)
    monkeypatch.delattr(os, "geteuid")
    assert signing_key().public_key == key.public_key


def test_a_damaged_key_is_named(own_home):
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key

    signing_key()
    path = own_home / "keys" / "signing.pem"
    formats = (serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    other_kind = generate_private_key(SECP256R1()).private_bytes(serialization.Encoding.PEM, *formats)
    for damage in (b"", b"nonsense", path.read_bytes()[:60], other_kind):
        path.write_bytes(damage)
        with pytest.raises(UserError, match=r"signing\.pem is not an Ed25519 key; put a copy back"):
            signing_key()


def test_rotation_keeps_what_the_old_key_signed(own_home):
    old = signing_key()
    signature = old.sign(b"words")
    new = rotate()
    assert new.public_key != old.public_key and signing_key().public_key == new.public_key
    assert known(old.public_key) and known(new.public_key)
    assert verify(signature, b"words")


def test_a_lost_key_invalidates_nothing_and_its_public_half_can_be_forgotten(own_home):
    signature = signing_key().sign(b"words")
    (own_home / "keys" / "signing.pem").unlink()
    assert signing_key().public_key != signature.public_key
    assert verify(signature, b"words") and known(signature.public_key)
    (own_home / "keys" / "public" / keys.fingerprint(signature.public_key)).unlink()
    assert verify(signature, b"words") and not known(signature.public_key)


def test_processes_that_make_the_first_key_at_once_end_with_one(own_home):
    code = (
        "import sys; from perfclone.governance.keys import signing_key; import cryptography.hazmat.primitives."
        "asymmetric.ed25519; print('ready', flush=True); sys.stdin.readline(); print(signing_key().public_key)"
    )
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", code], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(4)
    ]
    for process in processes:
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()
    found = {process.communicate(timeout=60)[0].strip() for process in processes}
    assert found == {signing_key().public_key}
    names = sorted(file.name for file in (own_home / "keys").iterdir())
    assert names == ["public", "signing.pem"]
    assert len(list((own_home / "keys" / "public").iterdir())) == 1


def test_the_loser_of_the_race_takes_the_winners_key(own_home, monkeypatch):
    winner = SigningKey.new()
    write = keys.write_private

    def late(path, data, **how):
        if path.name == "signing.pem" and not path.exists():
            path.write_bytes(winner._pem())
            path.chmod(0o600)
        return write(path, data, **how)

    monkeypatch.setattr(keys, "write_private", late)
    assert signing_key().public_key == winner.public_key


def test_the_private_half_does_not_leak(caplog):
    key = signing_key()
    secret = key._pem().decode().splitlines()[1]
    with caplog.at_level(logging.DEBUG):
        logging.getLogger("perfclone").debug("%s %r", key, key)
        signing_key().sign(b"words")
    assert keys.fingerprint(key.public_key) in caplog.text and secret not in caplog.text
    for leave in (pickle.dumps, copy.deepcopy):
        with pytest.raises(TypeError, match="does not leave"):
            leave(key)


@pytest.mark.parametrize(
    "change",
    [
        {"algorithm": "none"},
        {"public_key": "AAAA"},
        {"public_key": None},
        {"value": "é"},
        {"value": "A" * 85 + "B=="},
        {"value": ["A"]},
        {"extra": 1},
    ],
)
def test_a_signature_has_one_spelling(change):
    good = signing_key().sign(b"words").to_json()
    assert Signature.from_json(good).to_json() == good
    with pytest.raises(UserError):
        Signature.from_json(good | change)
    with pytest.raises(UserError):
        Signature.from_json([good])


def test_canonical_form():
    assert canonical({"b": [1, None, True], "a": "é"}) == '{"a":"é","b":[1,null,true]}'.encode()
    deep: list = []
    for _ in range(100_000):
        deep = [deep]
    for value in (float("nan"), float("inf"), "\ud800", {1, 2}, b"x", deep):
        with pytest.raises(UserError, match="cannot be signed"):
            canonical(value)

"""`manifest.json`: what it lists, and that nothing else passes for it."""

import hashlib
import json
import shutil
from pathlib import Path

import pytest
from tiny import edit_json, untrained_actor

from perfclone.actor import Actor
from perfclone.actor.layout import CONFIG, FORMAT_VERSION, LOADED, MANIFEST, README, WEIGHTS
from perfclone.actor.manifest import Manifest
from perfclone.errors import UserError
from perfclone.files.writing import write_together
from perfclone.governance.consent.record import CONSENT
from perfclone.governance.keys import SigningKey

#: One actor of each version of the format, as it was written then; never made anew.
FORMATS = Path(__file__).with_name("formats")


@pytest.fixture
def folder(tmp_path):
    """An actor with a card and a manifest of both, as it comes from the Hub."""
    files = {**untrained_actor().files(), README: b"about"}
    write_together(tmp_path / "actor", {**files, MANIFEST: Manifest.of(files).to_bytes()})
    return tmp_path / "actor"


def test_it_lists_every_file_it_is_given(folder):
    manifest = Manifest.load(folder / MANIFEST)
    assert sorted(manifest.files) == [README, CONFIG, CONSENT, WEIGHTS]
    assert manifest.format_version == FORMAT_VERSION
    manifest.check({name: folder / name for name in manifest.files})
    Actor.from_pretrained(folder)


@pytest.mark.parametrize("name", [WEIGHTS, CONFIG, README])
def test_bytes_that_were_swapped_are_found_though_the_size_is_the_same(folder, name):
    data = bytearray((folder / name).read_bytes())
    data[-1] ^= 1
    (folder / name).write_bytes(data)
    with pytest.raises(UserError, match=f"{name} is not the file"):
        Manifest.load(folder / MANIFEST).check({name: folder / name})


@pytest.mark.parametrize("name", [WEIGHTS, CONFIG, CONSENT])
def test_a_file_that_the_manifest_does_not_list_is_refused(folder, name):
    listed = {each: (folder / each).read_bytes() for each in (WEIGHTS, CONFIG, CONSENT) if each != name}
    (folder / MANIFEST).write_bytes(Manifest.of(listed).to_bytes())
    with pytest.raises(UserError, match=f"does not list {name}"):
        Actor.from_pretrained(folder)


def test_a_missing_record_and_another_ones_record_are_found(folder):
    (folder / CONSENT).write_bytes(untrained_actor().consent.to_bytes())
    with pytest.raises(UserError, match=f"{CONSENT} is not the file"):
        Actor.from_pretrained(folder)
    (folder / CONSENT).unlink()
    with pytest.raises(UserError, match=f"{CONSENT} is missing"):
        Actor.from_pretrained(folder)


def test_a_record_that_was_revoked_here_is_not_called_another_file(folder):
    actor = Actor.from_pretrained(folder)
    actor.consent.revoke("enough", SigningKey.new()).save(folder / CONSENT)
    assert Actor.from_pretrained(folder).consent.revoked


def test_a_card_may_be_edited(folder):
    (folder / README).write_text("better")
    assert Actor.from_pretrained(folder)


def test_saving_an_actor_over_a_pulled_one_drops_its_manifest(folder):
    untrained_actor(seed=5).save_pretrained(folder)
    assert not (folder / MANIFEST).exists() and Actor.from_pretrained(folder)


def test_a_newer_format_is_refused_with_advice(folder):
    edit_json(folder / MANIFEST, format_version=FORMAT_VERSION + 1)
    with pytest.raises(UserError, match=f"version {FORMAT_VERSION + 1}, .* up to {FORMAT_VERSION}; update perfclone"):
        Manifest.load(folder / MANIFEST)


@pytest.mark.parametrize("version", range(1, FORMAT_VERSION + 1))
def test_an_actor_of_each_format_loads(version, tmp_path):
    kept = FORMATS / str(version)
    manifest = Manifest.load(kept / MANIFEST)
    manifest.check({name: kept / name for name in LOADED[:-1]})
    assert manifest.format_version == Actor.from_pretrained(kept).config.format_version == version
    bare = Path(shutil.copytree(kept, tmp_path / "bare"))
    (bare / MANIFEST).unlink()  # an actor that was never pushed has none
    assert Actor.from_pretrained(bare).config.format_version == version


BAD_NAMES = ("../up", "a/b", "/etc/passwd", "", ".x", MANIFEST)
GOOD = {"sha256": "0" * 64, "size": 1}
BAD_ENTRIES = (None, {}, "0" * 64, GOOD | {"sha256": "0" * 63}, *(GOOD | {"size": size} for size in (-1, True, "1")))


@pytest.mark.parametrize(
    "change",
    [
        *({"format_version": version} for version in (None, 0, True, "1")),
        *({"files": files} for files in (None, {}, [])),
        *({"files": {name: GOOD}} for name in BAD_NAMES),
        *({"files": {"a": entry}} for entry in (*BAD_ENTRIES, GOOD | {"url": "http://x"})),
    ],
)
def test_what_is_no_manifest_is_refused(folder, change):
    edit_json(folder / MANIFEST, **change)
    with pytest.raises(UserError):
        Manifest.load(folder / MANIFEST)


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"\xff", b" " * 70000, b'{"format_version": 1, "format_version": 1}']
)
def test_a_damaged_manifest_is_refused(folder, content):
    (folder / MANIFEST).write_bytes(content)
    with pytest.raises(UserError):
        Manifest.load(folder / MANIFEST)


def test_its_form_is_what_others_can_read(folder):
    value = json.loads((folder / MANIFEST).read_text())
    assert value.keys() == {"format_version", "files"}
    assert value["files"][README] == {"sha256": hashlib.sha256(b"about").hexdigest(), "size": 5}

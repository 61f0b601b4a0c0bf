"""`manifest.json`: what it lists, and that nothing else passes for it."""

import json
import shutil
from pathlib import Path

import pytest
from tiny import edit_json, untrained_actor

from hub.manifest import FORMAT_VERSION, MANIFEST, Manifest
from perfclone.actor import Actor
from perfclone.errors import UserError

#: One actor of each version of the format, as it was written then; never made anew.
FORMATS = Path(__file__).with_name("formats")


@pytest.fixture
def folder(tmp_path):
    folder = untrained_actor().save_pretrained(tmp_path / "actor")
    (folder / "README.md").write_text("about")
    (folder / ".hidden").write_text("not ours")
    Manifest.of(folder).save(folder)
    return folder


def test_it_lists_every_file_but_itself_and_what_is_hidden(folder):
    manifest = Manifest.load(folder / MANIFEST)
    assert sorted(manifest.files) == ["README.md", "config.json", "consent.json", "model.safetensors"]
    assert manifest.format_version == FORMAT_VERSION
    assert manifest == Manifest.of(folder)
    manifest.check(folder)


@pytest.mark.parametrize("name", ["model.safetensors", "config.json", "README.md"])
def test_bytes_that_were_swapped_are_found_though_the_size_is_the_same(folder, name):
    data = bytearray((folder / name).read_bytes())
    data[-1] ^= 1
    (folder / name).write_bytes(data)
    with pytest.raises(UserError, match=f"{name} is not the file"):
        Manifest.load(folder / MANIFEST).check(folder)


def test_a_missing_file_and_a_link_in_its_place_are_found(folder, tmp_path):
    moved = (folder / "README.md").rename(tmp_path / "elsewhere")
    with pytest.raises(UserError, match=r"no file README\.md"):
        Manifest.load(folder / MANIFEST).check(folder)
    (folder / "README.md").symlink_to(moved)
    with pytest.raises(UserError, match=r"no file README\.md"):
        Manifest.load(folder / MANIFEST).check(folder)


def test_a_newer_format_is_refused_with_advice(folder):
    edit_json(folder / MANIFEST, format_version=FORMAT_VERSION + 1)
    with pytest.raises(UserError, match=f"version {FORMAT_VERSION + 1}, .* up to {FORMAT_VERSION}; update perfclone"):
        Manifest.load(folder / MANIFEST)


@pytest.mark.parametrize("version", range(1, FORMAT_VERSION + 1))
def test_an_actor_of_each_format_loads(version, tmp_path):
    kept = FORMATS / str(version)
    manifest = Manifest.load(kept / MANIFEST)
    assert manifest.format_version == version
    manifest.check(kept)
    assert Actor.from_pretrained(kept).config.format_version == version
    bare = Path(shutil.copytree(kept, tmp_path / "bare"))
    (bare / MANIFEST).unlink()  # before actors were pushed, none had one
    assert Actor.from_pretrained(bare).config.format_version == version


@pytest.mark.parametrize(
    "change",
    [
        {"format_version": None}, {"format_version": 0}, {"format_version": True}, {"format_version": "1"},
        {"files": None}, {"files": {}}, {"files": []},
        *({"files": {name: {"sha256": "0" * 64, "size": 1}}} for name in ("../up", "a/b", "/etc/passwd", "", ".x", MANIFEST)),
        *(
            {"files": {"a": entry}}
            for entry in (
                {}, None, "0" * 64, {"sha256": "0" * 63, "size": 1}, {"sha256": "0" * 64, "size": -1},
                {"sha256": "0" * 64, "size": True}, {"sha256": "0" * 64, "size": 1, "url": "http://x"},
            )
        ),
    ],
)  # fmt: skip
def test_what_is_no_manifest_is_refused(folder, change):
    edit_json(folder / MANIFEST, **change)
    with pytest.raises(UserError):
        Manifest.load(folder / MANIFEST)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff", b" " * 70000, b'{"format_version": 1, "format_version": 1}'])
def test_a_damaged_manifest_is_refused(folder, content):
    (folder / MANIFEST).write_bytes(content)
    with pytest.raises(UserError):
        Manifest.load(folder / MANIFEST)


def test_its_form_is_what_others_can_read(folder):
    value = json.loads((folder / MANIFEST).read_text())
    assert value.keys() == {"format_version", "files"}
    assert value["files"]["README.md"] == {
        "sha256": "f8b1dee47c8d1abf56139ef4ed0a3281e9ef67df8b7c74c6efe16a8f3e1ffe67", "size": 5,
    }  # fmt: skip

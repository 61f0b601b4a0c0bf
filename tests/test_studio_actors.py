"""Which actors the page offers, what they are called, and what is shown of them."""

import io
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image
from tiny import untrained_actor

from perfclone import builtin
from perfclone.actor.layout import POSTER
from perfclone.errors import UserError
from studio.actors import VARIABLE, find_actors

ROOT = Path(__file__).resolve().parents[1]


def test_the_built_in_actors_have_a_still_and_copy_nobody():
    found = find_actors(builtin.actors(), [])
    assert list(found) == list(builtin.actors())
    assert all(actor.still.ndim == 3 and actor.synthetic for actor in found.values())


def test_finding_actors_loads_no_model():
    code = (
        "import sys; from perfclone import builtin; from studio.actors import find_actors\n"
        "find_actors(builtin.actors()); print('torch' in sys.modules, 'mediapipe' in sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert run.stdout.split() == ["False", "False"], run.stderr


def test_actors_of_the_hub_are_offered_with_their_posters(loopback, tmp_path, monkeypatch, caplog):
    from published import files_of, publish

    Image.new("RGB", (30, 20), (200, 0, 0)).save(tmp_path / "red.jpg")
    publish(loopback, files_of(**{POSTER: (tmp_path / "red.jpg").read_bytes()}))
    here = untrained_actor().save_pretrained(tmp_path / "here")
    monkeypatch.setenv(VARIABLE, f"owner/anna, {here},owner/nobody")
    found = find_actors({})
    assert list(found) == ["owner/anna", "here"] and found["owner/anna"].place == "owner/anna"
    assert found["owner/anna"].still.shape == (20, 30, 3) and found["owner/anna"].still[0, 0, 0] > 190
    assert "owner/nobody is left out: Cannot load owner/nobody from the Hub" in caplog.text


def test_an_actor_trained_here_is_offered_by_its_folders_name_and_shown_by_its_plate(tmp_path, monkeypatch):
    actor = untrained_actor()
    actor.save_pretrained(tmp_path / "actors" / "me")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(VARIABLE, "actors/me")
    found = find_actors({})
    assert list(found) == ["me"] and (found["me"].still == actor.plate.numpy()).all()


def test_actors_of_one_name_are_told_apart_and_none_is_offered_twice(tmp_path):
    mine = untrained_actor().save_pretrained(tmp_path / "anna")
    built_in = builtin.actors()
    found = find_actors(built_in, [mine, "ben"])
    first, ben, other = found
    assert ben == "ben" and first.startswith("anna (") and other == "anna (actors)"  # no path of this machine
    assert found[first].still.shape == (160, 160, 3)  # not the built-in anna's clip


def jpeg_of(width, height):
    """A JPEG that claims to be as large as it likes, in a few hundred bytes."""
    file = io.BytesIO()
    Image.new("RGB", (8, 8)).save(file, "jpeg")
    data = bytearray(file.getvalue())
    at = data.index(b"\xff\xc0") + 5
    data[at : at + 4] = height.to_bytes(2, "big") + width.to_bytes(2, "big")
    return bytes(data)


@pytest.mark.parametrize(
    "poster",
    [b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n", jpeg_of(5000, 8), jpeg_of(60000, 60000)],
)
def test_a_poster_that_is_meant_to_harm_is_not_opened(tmp_path, monkeypatch, poster):
    (tmp_path / "gs").write_text(f"#!/bin/sh\ntouch {tmp_path}/executed\n")
    (tmp_path / "gs").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setattr("PIL.EpsImagePlugin.gs_binary", None)
    here = untrained_actor().save_pretrained(tmp_path / "here")
    (here / POSTER).write_bytes(poster)
    with pytest.raises(UserError, match="no actor"):
        find_actors({}, [here])
    assert not (tmp_path / "executed").exists()

"""Names as people's machines make them: they are read and written, and what is said of them is one plain line."""

import os

import pytest
from clips import clip, numbered, numbers, read

from perfclone.errors import UserError
from perfclone.files.reading import plain_name
from perfclone.video import VideoWriter, probe

NAMES = [
    "Screen Recording 2026-01-05 at 3.14.15\u202fPM",
    "no\u00a0break",
    "\U0001f469\u200d\U0001f4bb dancing \u2764\ufe0f",
    "\u200fright to left\u200e",
    "\u05e8\u05d9\u05e7\u05d5\u05d3",
    "-rf",
    "--help",
    "100% %d %05d",
    "a'b\"c`$(d)",
    "zero\u200bwidth\ufeff",
    "e\u0301 and \u00e9",
    "#1 [final] {v2}",
    "long " * 48,
    "\u9577" * 82,
    " ",
    "two\nlines",
    os.fsdecode(b"latin-\xe9"),
]


@pytest.mark.parametrize("name", NAMES, ids=ascii)
def test_any_name_is_read_and_written(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    driving = f"{name}.mp4"
    clip(tmp_path / "clip.mp4", 4).rename(tmp_path / driving)
    assert probe(driving).frames == 4
    (tmp_path / "out").mkdir()
    with VideoWriter(f"out/{driving}", rate=30, audio_from=driving, metadata={"title": plain_name(name)}) as writer:
        for frame in read(driving):
            writer.write(frame.pixels, frame.time)
    assert numbers(read(f"out/{driving}")) == list(range(4))
    assert os.listdir("out") == [driving]
    with pytest.raises(RuntimeError), VideoWriter(f"out/{driving}", rate=30, force=True) as writer:
        writer.write(numbered(1)[0])
        raise RuntimeError
    assert probe(writer.partial_path).frames == 1
    assert sorted(os.listdir("out")) == sorted([driving, writer.partial_path.name])


@pytest.mark.parametrize("name", NAMES, ids=ascii)
def test_a_name_is_said_in_one_plain_line(name):
    said = plain_name(name)
    assert said and said.isprintable() and said == said.strip() and len(said) <= 200
    said.encode("utf-8")


def test_what_a_name_says_stays():
    assert plain_name("at 3.14\u202fPM") == "at 3.14 PM"
    assert plain_name("\u200fab\u200ec\u2028d") == "abc d"
    assert plain_name("\u200b") == "untitled"
    assert plain_name("\u05e8\u05d9\u05e7 \u2764\ufe0f") == "\u05e8\u05d9\u05e7 \u2764\ufe0f"


def test_a_name_that_no_disk_takes_is_refused_in_a_sentence(tmp_path):
    with pytest.raises(UserError, match="longer than"):
        probe(tmp_path / f"{'x' * 300}.mp4")
    with pytest.raises(UserError, match="longer than"):
        VideoWriter(tmp_path / f"{'x' * 300}.mp4", rate=30)

"""Tags of a clone: what the rules ask for, kept by a real file, read without trust."""

import json

import av
import numpy as np
import pytest

from perfclone.errors import UserError
from perfclone.governance.marks.metadata import AIGC_KEYS, SOURCE_TYPE, aigc, read_tags, say_synthetic, tags
from perfclone.video.probe import probe
from perfclone.video.writer import VideoWriter


@pytest.fixture
def video(tmp_path):
    def make(metadata):
        path = tmp_path / "clone.mp4"
        with VideoWriter(path, rate=10, metadata=metadata, force=True) as writer:
            for n in range(3):
                writer.write(np.full((64, 64, 3), 40 * n, np.uint8))
        return path

    return make


def test_a_file_keeps_every_tag(video):
    made = tags(0xDEADBEEF, "anna@9f2d7fee", title="Anna 踊る", producer="スタジオ")
    assert read_tags(video(made)) == made
    assert made["digitalSourceType"] == SOURCE_TYPE and made["org.perfclone.id"] == "deadbeef"
    assert "AI-generated" in made["comment"] and "anna@9f2d7fee did not perform this" in made["comment"]


def test_the_aigc_field_is_the_standards_object(video):
    value = json.loads(read_tags(video(tags(7, "anna", producer="Studio")))["AIGC"])
    assert tuple(value) == AIGC_KEYS
    assert value == dict(zip(AIGC_KEYS, ["1", "Studio", "00000007", "", "", "", ""])), (
        "who publishes it is not known when it is made"
    )
    published = aigc(tags(7, "anna", propagator="Portal", reserved="sig"))
    assert published["ContentPropagator"] == "Portal" and published["PropagateID"] == "00000007"
    assert published["ReservedCode1"] == "sig"


def test_the_keys_lie_where_other_programs_look(video):
    content = video(tags(1, "anna")).read_bytes()
    keys = content.index(b"mdta", content.index(b"udta"))
    assert content.index(b"mdtaAIGC", keys) < content.index(b"mdat")


def test_tags_of_others_are_told_apart(video):
    assert say_synthetic(tags(1, "anna")) and not say_synthetic({}) and not say_synthetic({"comment": "synthetic"})
    assert say_synthetic({"AIGC": '{"Label": 1}'}) and not say_synthetic({"AIGC": '{"Label": "0"}'})
    assert say_synthetic(
        {"digitalSourceType": "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"}
    )
    assert not say_synthetic({"digitalSourceType": "http://cv.iptc.org/newscodes/digitalsourcetype/digitalCapture"})
    with av.open(str(video({}))) as plain:
        assert "comment" in plain.metadata
    assert not say_synthetic(read_tags(video({})))


@pytest.mark.parametrize("bad", ["", "{", "[]", "null", '{"a": 1}', "[" * 100_000, '{"Label": ' + "9" * 5000 + "}"])
def test_a_hostile_aigc_field_is_none_or_text(bad):
    assert aigc({"AIGC": bad}) is None


def test_nested_values_are_left_out():
    assert aigc({"AIGC": '{"Label": "1", "ProduceID": {"x": 1}, "other": "y"}'}) == {"Label": "1"}


def test_damaged_files_give_tags_or_a_sentence(video, tmp_path):
    content = video(tags(1, "anna")).read_bytes()
    rng, read = np.random.default_rng(0), 0
    start, end = content.index(b"udta"), content.index(b"mdat")
    for n in range(150):
        hurt = bytearray(content)
        for at in rng.integers(start, end, 4) if n % 2 else rng.integers(0, len(hurt), 8):
            hurt[at] = rng.integers(256)
        path = tmp_path / "hurt.mp4"
        path.write_bytes(hurt[: rng.integers(1, len(hurt))] if n % 10 == 0 else hurt)
        try:
            found = read_tags(path)
        except UserError:
            continue
        read += 1
        assert all(isinstance(part, str) for pair in found.items() for part in pair)
        say_synthetic(found)
    assert read > 50


def test_tags_in_another_encoding_do_not_keep_a_video_from_being_read(video):
    path = video({"title": "Jose Perez"})
    path.write_bytes(path.read_bytes().replace(b"Jose Perez", b"Jos\xe9 P\xe9rez"))
    assert read_tags(path)["title"] == "Jos\ufffd P\ufffdrez"
    assert probe(path).width == 64


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        ({"actor": " "}, "actor must be one line"),
        ({"actor": "a\nb"}, "actor"),
        ({"title": "x" * 513}, "title must be one line of 1 to 512"),
        ({"producer": ""}, "producer"),
    ],
)
def test_texts_are_checked(bad, words):
    with pytest.raises(UserError, match=words):
        tags(1, **{"actor": "anna", **bad})


def test_ids_are_checked():
    for bad in (-1, 2**32):
        with pytest.raises(ValueError, match="id must be"):
            tags(bad, "anna")

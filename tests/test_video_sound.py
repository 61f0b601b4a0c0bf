"""The sound of the driving video stays with the picture."""

import av
import numpy as np
import pytest
from clips import clip, hear, numbered, numbers, read, tone_packets

from perfclone.video import VideoWriter, probe


def dub(driving, path, count=15):
    with VideoWriter(path, rate=30, audio_from=driving) as writer:
        for pixels in numbered(count):
            writer.write(pixels)
    return path


@pytest.mark.parametrize(
    ("suffix", "codec", "kept"),
    [("mp4", "aac", "aac"), ("mkv", "libopus", "opus"), ("mkv", "flac", "flac"), ("mkv", "pcm_s16le", "aac")],
)
def test_longer_sound_is_kept_whole_and_re_encoded_only_where_it_must_be(tmp_path, suffix, codec, kept):
    driving = clip(tmp_path / f"driving.{suffix}", 15, sound={"codec": codec, "end": 1.5, "onset": 0.3})
    assert probe(driving).has_audio
    out = dub(driving, tmp_path / "out.mp4")
    codec, onset, end = hear(out)
    assert codec == kept
    assert onset == pytest.approx(0.3, abs=0.005)
    assert end == pytest.approx(1.5, abs=0.05)
    assert probe(out).duration == pytest.approx(0.5)
    assert not probe(out).truncated


@pytest.mark.parametrize(("codec", "suffix"), [("aac", "mkv"), ("pcm_s16le", "mkv"), ("aac", "ts")])
def test_sound_stays_with_the_picture_when_the_picture_starts_late(tmp_path, codec, suffix):
    stamps = [90_000 + 3000 * number for number in range(15)]
    driving = clip(tmp_path / f"driving.{suffix}", 15, stamps=stamps, sound={"codec": codec, "end": 2, "onset": 1.3})
    _, onset, end = hear(dub(driving, tmp_path / "out.mp4"))
    assert onset == pytest.approx(0.3, abs=0.005)
    assert end == pytest.approx(1.0, abs=0.05)


def test_sound_can_come_late_or_from_a_sound_file_or_not_at_all(tmp_path):
    with av.open(str(tmp_path / "sound.wav"), "w") as out:
        for packet in tone_packets(
            out.add_stream("pcm_s16le", rate=48_000, layout="mono"), {"end": 0.4, "onset": 0.2}
        ):
            out.mux(packet)
    assert hear(dub(tmp_path / "sound.wav", tmp_path / "a.mp4"))[1] == pytest.approx(0.2, abs=0.005)
    silent = dub(clip(tmp_path / "silent.mp4", 15), tmp_path / "b.mp4")
    assert not probe(silent).has_audio
    with pytest.raises(FileNotFoundError, match="gone"):
        VideoWriter(tmp_path / "c.mp4", rate=30, audio_from=tmp_path / "gone.mp4")


@pytest.mark.parametrize(("codec", "suffix"), [("aac", "ts"), ("libopus", "mkv"), ("mp2", "mkv")])
def test_damaged_sound_does_not_cost_the_picture(tmp_path, codec, suffix):
    driving = clip(tmp_path / f"driving.{suffix}", 15, sound={"codec": codec, "end": 2})
    data = bytearray(driving.read_bytes())
    third = len(data) // 3
    data[third : 2 * third] = np.random.default_rng(0).bytes(third)
    driving.write_bytes(data)
    assert numbers(read(dub(driving, tmp_path / "out.mp4"))) == list(range(15))


def test_sound_whose_clock_jumps_back_ends_there(tmp_path, caplog):
    part = clip(tmp_path / "part.ts", 15, sound={"codec": "aac", "end": 1, "onset": 0.3})
    joined = tmp_path / "joined.ts"
    joined.write_bytes(2 * part.read_bytes())
    codec, onset, end = hear(dub(joined, tmp_path / "out.mp4"))
    assert (codec, onset, end) == ("aac", pytest.approx(0.3, abs=0.005), pytest.approx(1, abs=0.05))
    assert "jumps back" in caplog.text

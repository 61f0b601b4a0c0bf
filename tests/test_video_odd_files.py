"""What is no video, was cut off, is damaged or has an odd name."""

import logging
import os
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from clips import QUADRANTS, clip, draw, noise, read, tone_packets

from perfclone.errors import UserError
from perfclone.video import VideoReader, VideoWriter, probe, sample_frames

ROOT = Path(__file__).resolve().parents[1]


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"gone\.mp4 does not exist"):
        probe(tmp_path / "gone.mp4")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("zero.mp4", b"", "empty"),
        ("notes.mp4", b"not a video\n" * 200, "not a video"),
        ("notes.txt", b"text art is a video to ffmpeg\n" * 200, "not a video"),
        ("noise.mov", np.random.default_rng(0).bytes(20_000), "not a video"),
    ],
)
def test_what_is_no_video_is_said_to_be_none(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    for use in (probe, VideoReader, lambda path: sample_frames(path, 3)):
        with pytest.raises(UserError, match=f"{name} .*{message}"):
            use(tmp_path / name)


def test_a_folder_and_sound_alone_are_no_video(tmp_path):
    with pytest.raises(UserError, match="not a file"):
        probe(tmp_path)
    with av.open(str(tmp_path / "sound.wav"), "w") as out:
        for packet in tone_packets(out.add_stream("pcm_s16le", rate=48_000, layout="mono"), {"end": 0.2}):
            out.mux(packet)
    with pytest.raises(UserError, match="only sound"):
        probe(tmp_path / "sound.wav")


def test_a_playlist_does_not_open_other_files(tmp_path):
    clip(tmp_path / "private.mp4", 5)
    playlist = tmp_path / "clip.mp4"
    playlist.write_text("ffconcat version 1.0\nfile private.mp4\n")
    with pytest.raises(UserError, match="not a video"):
        probe(playlist)


def test_a_picture_is_no_video(tmp_path):
    with av.open(str(tmp_path / "still.png"), "w", format="image2", options={"update": "1"}) as out:
        stream = out.add_stream("png", rate=1)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "rgb24"
        frame = av.VideoFrame.from_ndarray(QUADRANTS, "rgb24")
        out.mux([*stream.encode(frame), *stream.encode(None)])
    with pytest.raises(UserError, match="not a video"):
        probe(tmp_path / "still.png")


def test_a_cut_off_file_gives_what_is_there_and_says_so(tmp_path, caplog):
    whole = draw(tmp_path / "whole.mp4", noise(30), movflags="faststart")
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    with caplog.at_level(logging.WARNING):
        frames = read(cut)
    assert 5 < len(frames) < 25
    assert probe(cut).truncated and probe(cut).frames == len(frames)
    assert f"first {len(frames)} frames" in caplog.text
    for got, true in zip(frames, read(whole), strict=False):
        assert (got.time, got.pixels.tolist()) == (true.time, true.pixels.tolist())


def test_a_cut_off_file_without_index_is_refused(tmp_path):
    whole = clip(tmp_path / "whole.mp4", 30)
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    with pytest.raises(UserError, match=r"cut\.mp4 was cut off or damaged"):
        probe(cut)


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "ts"])
def test_damage_in_the_middle_is_passed_over(tmp_path, suffix):
    path = draw(tmp_path / f"clip.{suffix}", noise(40), g=5, bf=0)
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 4000] = bytes(4000)
    path.write_bytes(data)
    frames = read(path)
    assert 20 <= len(frames) <= 40
    assert frames[-1].time > 0.9


def grown(path, codec, sizes, **options):
    """A stream that goes on in another size, joined of whole streams: a picture of each (width, height)."""
    with av.open(str(path), "w") as out:
        stream = out.add_stream(codec, rate=25)
        (stream.width, stream.height), stream.pix_fmt = sizes[0], "yuv420p"
        for part, (width, height) in enumerate(sizes):
            encoder = av.CodecContext.create(codec, "w")
            encoder.width, encoder.height, encoder.pix_fmt = width, height, "yuv420p"
            encoder.time_base, encoder.options = Fraction(1, 25), options
            picture = av.VideoFrame(width, height, "yuv420p")
            for plane in picture.planes:
                plane.update(bytes(plane.buffer_size))
            for number, data in enumerate(map(bytes, encoder.encode(picture) + encoder.encode(None))):
                packet = av.Packet(data)
                packet.pts = packet.dts = part + number
                packet.time_base, packet.stream, packet.is_keyframe = Fraction(1, 25), stream, True
                out.mux(packet)
    return path


READ_IN_LITTLE_MEMORY = """
import re, sys
from perfclone.errors import UserError
from perfclone.video import VideoReader
def most_held():
    return int(re.search(r"VmHWM:\\s+(\\d+) kB", open("/proc/self/status").read())[1]) // 1024
before = most_held()
try:
    with VideoReader(sys.argv[1], max_side=64) as reader:
        for frame in reader:
            print(frame.pixels.shape)
except UserError as error:
    print(error)
print(most_held() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="asks Linux how much memory a process held")
@pytest.mark.parametrize(
    ("codec", "suffix", "options"),
    [("mpeg4", "avi", {}), ("libx264", "mkv", {"preset": "ultrafast", "tune": "zerolatency"})],
)
def test_a_stream_that_becomes_enormous_on_its_way_is_refused_before_it_takes_the_memory(
    tmp_path, codec, suffix, options
):
    """A decoder would take 96 MB for each picture of 8000x8000 or more."""
    path = grown(tmp_path / f"small.{suffix}", codec, [(320, 240)] * 12 + [(8000, 8000)], **options)
    command = [sys.executable, "-c", READ_IN_LITTLE_MEMORY, str(path)]
    run = subprocess.run(command, env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True)
    *shapes, said, mebibytes = run.stdout.splitlines()
    assert set(shapes) == {"(48, 64, 3)"} and said.startswith(f"{path} turns into far larger pictures"), run.stderr
    assert int(mebibytes) < 150, mebibytes


def test_a_stream_that_grows_within_reason_is_read_in_the_size_that_it_began_with(tmp_path):
    path = grown(tmp_path / "clip.avi", "mpeg4", [(64, 48), (64, 48), (1920, 1080)])
    assert [frame.pixels.shape for frame in read(path)] == [(48, 64, 3)] * 3


def test_nothing_that_decodes_is_an_error(tmp_path):
    path = draw(tmp_path / "clip.mp4", noise(5), movflags="faststart")
    data = bytearray(path.read_bytes())
    start = data.index(b"mdat") + 4
    data[start:] = bytes(len(data) - start)
    path.write_bytes(data)
    with pytest.raises(UserError, match="decoded"):
        probe(path)


def test_a_name_with_a_colon_is_a_file(tmp_path, monkeypatch):
    clip(tmp_path / "at.mp4", 2).rename(tmp_path / "12:30.mp4")
    monkeypatch.chdir(tmp_path)
    with VideoWriter("12:31.mp4", rate=30, audio_from="12:30.mp4") as writer:
        for frame in read("12:30.mp4"):
            writer.write(frame.pixels)
    assert len(read("12:31.mp4")) == 2

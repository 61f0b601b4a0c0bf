"""The gate: what is uploaded is judged by what it is, and refused in a sentence within two seconds."""

import resource
import shutil
import struct
import zipfile
import zlib
from fractions import Fraction
from types import SimpleNamespace

import av
import numpy as np
import pytest
from clips import clip, draw, noise, tone_packets

from perfclone.errors import UserError
from studio import uploads
from studio.limits import Limits
from studio.phrases import LANGUAGES, phrases
from studio.uploads import judge

LIMITS = Limits()
JAPANESE = SimpleNamespace(headers={"accept-language": "ja,en;q=0.5"})


@pytest.fixture(scope="module")
def wave(tmp_path_factory):
    return clip(tmp_path_factory.mktemp("wave") / "wave.mp4", 30)


def refused(path, limits=LIMITS, request=None):
    before = computed()
    with pytest.raises(UserError) as error:
        judge(path, limits, request)
    sentence = str(error.value)
    assert computed() - before < 3.5  # seconds: two for the look, and what its process needs to begin
    assert path.name in sentence and str(path.parent) not in sentence
    return sentence


def computed():
    """Seconds that the processes which ended have computed; the clock's depend on what else the machine does."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def remuxed(source, path, format, length=1.0):
    """The packets in another container, their times so many times as long."""
    with av.open(str(source)) as given, av.open(str(path), "w", format=format) as out:
        stream = out.add_stream_from_template(given.streams.video[0])
        for packet in given.demux(given.streams.video[0]):
            if packet.dts is not None:
                packet.pts, packet.dts = int(packet.pts * length), int(packet.dts * length)
                packet.stream = stream
                out.mux(packet)
    return path


@pytest.mark.parametrize(
    ("format", "name"),
    [("mp4", "clip.jpg"), ("mov", "clip"), ("matroska", "clip.mp4"), ("mpegts", "%03d.html"), ("mp4", "舞 1;'.mkv")],
)
def test_a_video_passes_whatever_its_name(wave, tmp_path, format, name):
    seen = judge(remuxed(wave, tmp_path / name, format), LIMITS)
    assert (seen.width, seen.height) == (64, 48) and seen.seconds == pytest.approx(1.0, abs=0.06)


def test_webm_and_gif_pass(tmp_path):
    for codec, format in (("libvpx", "webm"), ("gif", "gif")):
        path = tmp_path / f"clip.{format}"
        with av.open(str(path), "w", format=format) as out:
            stream = out.add_stream(codec, rate=10)
            stream.width, stream.height = 64, 48
            stream.pix_fmt = "rgb8" if codec == "gif" else "yuv420p"
            for pixels in noise(10):
                out.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, "rgb24")))
            out.mux(stream.encode(None))
        assert judge(path, LIMITS).seconds == pytest.approx(1.0, abs=0.11)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\nfile:///etc/passwd\n", "not a video alone"),
        ("ffconcat version 1.0\nfile private.mp4\n", "not a video alone"),
        ('<?xml version="1.0"?><MPD><BaseURL>private.mp4</BaseURL></MPD>', "not a video alone"),
        ("file 'private.mp4'\n", "not a video that can be read"),
        ("[playlist]\nFile1=private.mp4\n", "not a video that can be read"),
        ("v=0\nm=video 5004 RTP/AVP 96\n", "not a video that can be read"),
        ("text art is a video to some\n" * 200, "not a video that can be read"),
        ("", "empty"),
    ],
)
def test_what_names_other_files_or_is_none_is_refused(tmp_path, wave, content, said):
    shutil.copy(wave, tmp_path / "private.mp4")
    (tmp_path / "clip.mp4").write_text(content)
    assert said in refused(tmp_path / "clip.mp4")


def test_a_track_that_lies_in_another_file_is_refused(wave, tmp_path):
    """An MP4 whose data reference says where its frames are instead of "in this file"."""
    shutil.copy(wave, tmp_path / "private.mp4")
    data = wave.read_bytes()
    here = struct.pack(">I4sI", 12, b"url ", 1)
    there = b"private.mp4"
    alias = bytes(10 + 28 + 12) + bytes([len(there)]) + there.ljust(63, b"\0") + bytes(16 + 2 + 2 + 16)
    alias += struct.pack(">HH", 2, len(there) + 1) + there + b"\0" + struct.pack(">hH", -1, 0)
    link = struct.pack(">I4sI", 12 + len(alias), b"alis", 0) + alias
    linked = bytearray(data.replace(here, link))
    for box in (b"moov", b"trak", b"mdia", b"minf", b"dinf", b"dref"):
        at = linked.index(box) - 4
        linked[at : at + 4] = struct.pack(">I", struct.unpack(">I", linked[at : at + 4])[0] + len(link) - len(here))
    (tmp_path / "clip.mp4").write_bytes(linked)
    assert "no pictures of its own" in refused(tmp_path / "clip.mp4")


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def bomb(path, side):
    """An animated PNG of a few kilobytes that wants a gigabyte."""
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0))
    frames = chunk(b"acTL", struct.pack(">II", 1, 0)) + chunk(
        b"fcTL", struct.pack(">IIIIIHHBB", 0, side, side, 0, 0, 1, 10, 0, 0)
    )
    packer, empty, parts = zlib.compressobj(9), bytes(3 * side + 1), 100
    begin = packer.compress(b"") + packer.flush(zlib.Z_FULL_FLUSH)
    some = packer.compress(empty * (side // parts)) + packer.flush(zlib.Z_FULL_FLUSH)
    check = (len(empty) * side % 65521) << 16 | 1  # Adler's, of so many zeros
    body = begin + some * parts + b"\x03\0" + struct.pack(">I", check)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + head + frames + chunk(b"IDAT", body) + chunk(b"IEND", b""))
    return path


def test_a_bomb_is_refused(tmp_path):
    path = bomb(tmp_path / "small.mp4", 16000)
    assert path.stat().st_size < 1_000_000 and ("in time" in refused(path) or "16000x16000" in refused(path))


def test_a_gif_that_claims_a_wall_of_pixels_is_refused(tmp_path):
    data = b"GIF89a" + struct.pack("<HHBBB", 16000, 16000, 0x80, 0, 0) + bytes(6)
    data += b"\x2c" + struct.pack("<HHHHB", 0, 0, 16000, 16000, 0) + b"\x02\x02\x4c\x01\x00\x3b"
    (tmp_path / "clip.mp4").write_bytes(data)
    assert "16000x16000 pixels" in refused(tmp_path / "clip.mp4")


@pytest.mark.parametrize("format", ["mp4", "matroska", "mpegts", "avi"])
def test_ten_hours_are_refused(tmp_path, format):
    path = tmp_path / "clip.mp4"
    with av.open(str(path), "w", format=format) as out:
        stream = out.add_stream("mpeg4", rate=1)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        coded = stream.encode(av.VideoFrame.from_ndarray(np.zeros((48, 64, 3), np.uint8), "rgb24"))
        data = bytes((coded or stream.encode(None))[0])
        for second in range(0, 36_000, 1 if format == "avi" else 10):
            packet = av.Packet(data)
            packet.pts = packet.dts = second
            packet.time_base, packet.stream, packet.is_keyframe = Fraction(1), stream, True
            out.mux(packet)
    assert "longer than the 600 seconds" in refused(path)


def test_a_header_that_lies_about_the_length_does_not_help(wave, tmp_path):
    long = remuxed(wave, tmp_path / "clip.mkv", "matroska", length=36_000)
    data = long.read_bytes()
    at = data.index(b"\x44\x89\x88") + 3  # Duration, eight bytes
    long.write_bytes(data[:at] + struct.pack(">d", 1000.0) + data[at + 8 :])
    assert "longer than the 600 seconds" in refused(long)


@pytest.mark.parametrize("where", ["head", "tail"])
def test_what_is_something_else_as_well_is_refused(wave, tmp_path, where):
    path = tmp_path / "clip.mp4"
    data = wave.read_bytes()
    if where == "head":
        page = b"<html><script>alert(1)</script>"
        free = struct.pack(">I4s", 8 + len(page), b"free") + page
        size = struct.unpack(">I", data[:4])[0]
        path.write_bytes(data[:size] + free + data[size:])
    else:
        path.write_bytes(data)
        with zipfile.ZipFile(path, "a") as archive:
            archive.writestr("run.py", "print(1)")
    assert "not a video alone" in refused(path)


def test_sound_alone_and_a_picture_are_refused(tmp_path):
    with av.open(str(tmp_path / "sound.wav"), "w") as out:
        for packet in tone_packets(out.add_stream("pcm_s16le", rate=48_000, layout="mono"), {"end": 0.2}):
            out.mux(packet)
    assert "only sound" in refused(tmp_path / "sound.wav")


def test_the_limits_are_those_that_were_set(wave):
    assert "more than the 1 MB" in refused(wave, Limits(bytes=100))
    assert "64x48 pixels" in refused(wave, Limits(pixels=64 * 47))
    assert "受け付けられる上限" in refused(wave, Limits(bytes=100), JAPANESE)


def test_a_file_that_takes_too_long_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(uploads, "LOOK", 0.001)
    path = draw(tmp_path / "wave.mp4", noise(3) * 200)
    assert "in time" in refused(path)


def test_limits_are_set_by_the_environment_and_checked(monkeypatch):
    monkeypatch.setenv("PERFCLONE_LIMIT_SECONDS", "90")
    assert Limits.from_environment() == Limits(seconds=90)
    for wrong in ("0", "-1", "many", "1.5"):
        monkeypatch.setenv("PERFCLONE_LIMIT_SECONDS", wrong)
        with pytest.raises(UserError, match="PERFCLONE_LIMIT_SECONDS must be a whole number from 1"):
            Limits.from_environment()
    with pytest.raises(ValueError, match="jobs must be"):
        Limits(jobs=0)


def test_every_phrase_is_there_in_every_language_with_the_same_values():
    import string

    fields = {
        language: {
            key: sorted(name for _, name, *_ in string.Formatter().parse(text) if name is not None)
            for key, text in phrases(language).items()
        }
        for language in LANGUAGES
    }
    told = {key for key, text in phrases("en").items() if "{message}" in text}  # the library's own English sentence
    assert fields["en"].keys() == fields["ja"].keys()
    assert all(fields["en"][key] == fields["ja"][key] for key in fields["en"] if key not in told)
    between = {"clone_space"}  # what stands between two sentences
    assert all(text.strip() or key in between for each in LANGUAGES for key, text in phrases(each).items())

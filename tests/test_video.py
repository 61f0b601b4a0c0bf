"""Video in and out: every frame at its time, upright, in the right colours, whatever the file and whatever happens."""

import errno
import logging
import os
import signal
import subprocess
import sys
import textwrap
from fractions import Fraction

import av
import numpy as np
import pytest

from perfclone.errors import UserError
from perfclone.video import VideoReader, VideoWriter, key_frames, probe, sample_frames
from perfclone.video import hdr as tone
from perfclone.video.assemble import assemble
from perfclone.video.container import decoded_frames

TICK = 1 / 90_000


def numbered(count, height=48, width=64):
    """Frames that tell their number by their grey level."""
    return [np.full((height, width, 3), level(number), np.uint8) for number in range(count)]


def level(number):
    return 16 + 10 * (number % 22)


def numbers(frames):
    return [round((frame.pixels.mean() - 16) / 10) for frame in frames]


def read(path, **options):
    with VideoReader(path, **options) as reader:
        return list(reader)


def draw(path, frames, stamps=None, *, tick=Fraction(1, 90_000), codec="libx264", sound=None, setup=None, **options):
    """Encode with PyAV alone, so that the reader is not tested against our own writer."""
    stamps = [3000 * number for number in range(len(frames))] if stamps is None else stamps
    container = {"movflags": options.pop("movflags")} if "movflags" in options else {}
    with av.open(str(path), "w", container_options=container) as out:
        stream = out.add_stream(codec, rate=30, options={key: str(value) for key, value in options.items()})
        stream.height, stream.width = frames[0].shape[:2]
        stream.codec_context.time_base = tick
        stream.pix_fmt = "yuv420p"
        if setup is not None:
            setup(stream)
        if sound is not None:
            track = out.add_stream(sound["codec"], rate=48_000, layout="mono")
        for pixels, stamp in zip(frames, stamps, strict=True):
            frame = pixels if isinstance(pixels, av.VideoFrame) else av.VideoFrame.from_ndarray(pixels, "rgb24")
            frame.pts, frame.time_base = stamp, tick
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
        if sound is not None:
            for packet in tone_packets(track, sound):
                out.mux(packet)
    return path


def tone_packets(track, sound):
    """A 440 Hz tone from `onset` to `end` seconds, silence before it."""
    seconds = np.arange(round(sound["end"] * 48_000)) / 48_000
    samples = 0.5 * np.sin(2 * np.pi * 440 * seconds) * (seconds >= sound.get("onset", 0.0))
    for first in range(0, len(samples), 1024):
        frame = av.AudioFrame.from_ndarray(samples[None, first : first + 1024].astype(np.float32), "fltp", "mono")
        frame.sample_rate, frame.pts, frame.time_base = 48_000, first, Fraction(1, 48_000)
        yield track.encode(frame)
    yield track.encode(None)


def hear(path):
    """The first sound track: its codec, the second at which it becomes loud, and the second at which it ends."""
    with av.open(str(path)) as container:
        track = container.streams.audio[0]
        onset, end = None, 0.0
        for frame in container.decode(track):
            samples = np.abs(frame.to_ndarray()).max(axis=0).astype(float)
            samples /= 32768 if frame.format.name.startswith("s16") else 1
            loud = np.flatnonzero(samples > 0.1)
            if onset is None and len(loud):
                onset = frame.time + loud[0] / frame.sample_rate
            end = frame.time + frame.samples / frame.sample_rate
        return track.codec_context.codec.canonical_name, onset, end


def clip(path, count=30, **options):
    return draw(path, numbered(count), **options)


def litter(folder):
    return sorted(path.name for path in folder.iterdir() if path.name.startswith("."))


# --- reading -----------------------------------------------------------------------------------------------------


def test_a_clip_is_read_frame_by_frame(tmp_path):
    path = clip(tmp_path / "clip.mp4", 20)
    info, frames = probe(path), read(path)
    assert (info.width, info.height, info.frames, info.fps) == (64, 48, 20, 30)
    assert info.duration == pytest.approx(20 / 30)
    assert not (info.has_audio or info.variable_rate or info.hdr or info.truncated or info.rotation)
    assert numbers(frames) == list(range(20))
    assert [frame.time for frame in frames] == pytest.approx(np.arange(20) / 30)
    assert all(frame.pixels.flags.c_contiguous and frame.pixels.dtype == np.uint8 for frame in frames)


def test_loops_over_a_reader_are_independent_and_end_with_it(tmp_path):
    with VideoReader(clip(tmp_path / "clip.mp4", 8)) as reader:
        first, second = iter(reader), iter(reader)
        assert numbers([next(first), next(second), next(first), *reader, *second]) == [
            0,
            0,
            1,
            *range(8),
            *range(1, 8),
        ]
    assert list(first) == []
    with pytest.raises(ValueError, match="closed"):
        next(iter(reader))


@pytest.mark.parametrize("fps", [1, 24, 120])
def test_no_frame_is_lost_at_any_rate(tmp_path, fps):
    path = clip(tmp_path / "clip.mp4", 12, stamps=[number * 90_000 // fps for number in range(12)])
    info, frames = probe(path), read(path)
    assert (info.frames, len(frames), info.variable_rate) == (12, 12, False)
    assert info.fps == pytest.approx(fps)
    assert [frame.time for frame in frames] == pytest.approx(np.arange(12) / fps, abs=TICK)


def test_uneven_times_are_kept(tmp_path):
    stamps = [0, 3000, 6000, 30_000, 31_000, 60_000]
    path = clip(tmp_path / "clip.mp4", 6, stamps=stamps, bf=2)
    assert probe(path).variable_rate
    assert [frame.time for frame in read(path)] == pytest.approx(np.array(stamps) / 90_000)


def test_times_that_jump_back_still_rise(tmp_path):
    first, second = (clip(tmp_path / f"{name}.ts", 5) for name in "ab")
    path = tmp_path / "joined.ts"
    path.write_bytes(first.read_bytes() + second.read_bytes())
    frames = read(path)
    assert numbers(frames) == [*range(5), *range(5)]
    assert (np.diff([frame.time for frame in frames]) > 0.02).all()


def test_a_stream_without_clock_gets_one(tmp_path):
    frames = read(clip(tmp_path / "clip.h264", 10))
    assert numbers(frames) == list(range(10))
    assert np.diff([frame.time for frame in frames]) == pytest.approx(frames[1].time)


QUADRANTS = np.zeros((48, 64, 3), np.uint8)
QUADRANTS[:24, :32], QUADRANTS[:24, 32:], QUADRANTS[24:, :32] = (200, 40, 40), (40, 200, 40), (40, 40, 200)


@pytest.mark.parametrize(
    ("degrees", "hflip", "vflip", "rotation", "upright"),
    [
        (-90, False, False, 90, lambda stored: np.rot90(stored, -1)),
        (90, False, False, 270, lambda stored: np.rot90(stored)),
        (180, False, False, 180, lambda stored: np.rot90(stored, 2)),
        (0, True, False, 180, lambda stored: stored[:, ::-1]),
        (0, False, True, 0, lambda stored: stored[::-1]),
        (-90, True, False, 90, lambda stored: np.rot90(stored, -1)[:, ::-1]),  # as the ffmpeg program shows it
    ],
)
def test_a_turned_video_stands_upright(tmp_path, degrees, hflip, vflip, rotation, upright):
    def turn(stream):
        stream.set_display_rotation(degrees, hflip=hflip, vflip=vflip)

    path = draw(tmp_path / "clip.mp4", [QUADRANTS] * 2, setup=turn, crf=1)
    expected, info = upright(QUADRANTS), probe(path)
    assert (info.height, info.width) == expected.shape[:2]
    assert info.rotation == rotation
    for frame in read(path):
        assert frame.pixels.shape == expected.shape
        assert np.abs(frame.pixels.astype(int) - expected).mean() < 4
    half = read(path, max_side=32)[0].pixels
    assert np.abs(half.astype(int) - expected[1::2, 1::2]).mean() < 6


def test_pixels_become_square_and_odd_sizes_stay(tmp_path):
    def wide(stream):
        stream.pix_fmt = "yuv444p"
        stream.codec_context.sample_aspect_ratio = Fraction(4, 3)

    path = draw(tmp_path / "clip.mp4", numbered(2, 33, 45), setup=wide)
    assert (probe(path).width, probe(path).height) == (60, 33)
    assert read(path)[0].pixels.shape == (33, 60, 3)


def test_4k_is_read_small(tmp_path):
    path = draw(tmp_path / "clip.mp4", numbered(2, 2160, 3840), preset="ultrafast")
    assert (probe(path).width, probe(path).height) == (3840, 2160)
    frames = read(path, max_side=512)
    assert frames[0].pixels.shape == (288, 512, 3)
    assert numbers(frames) == [0, 1]
    assert read(clip(tmp_path / "small.mp4", 1), max_side=512)[0].pixels.shape == (48, 64, 3)


@pytest.mark.parametrize(("height", "tag", "matrix"), [(96, 1, 709), (96, 2, 601), (720, 2, 709)])
def test_the_colour_matrix_is_the_stated_one_or_goes_by_the_size(tmp_path, height, tag, matrix):
    red, blue = {709: (0.2126, 0.0722), 601: (0.299, 0.114)}[matrix]
    r, g, b = 0.8, 0.3, 0.1
    y = red * r + (1 - red - blue) * g + blue * b
    cb, cr = (b - y) / (2 - 2 * blue), (r - y) / (2 - 2 * red)

    frame = av.VideoFrame(height, height, "yuv420p")
    for plane, value in zip(frame.planes, (16 + 219 * y, 128 + 224 * cb, 128 + 224 * cr), strict=True):
        plane.update(bytes([round(value)]) * plane.buffer_size)
    frame.colorspace = tag

    class Sized:  # what `draw` asks of its first frame
        shape = (height, height)

    def tagged(stream):
        stream.codec_context.colorspace = tag

    with av.open(str(tmp_path / "clip.mp4"), "w") as out:
        stream = out.add_stream("libx264", rate=30, options={"crf": "1"})
        stream.width = stream.height = height
        tagged(stream)
        out.mux([*stream.encode(frame), *stream.encode(None)])
    pixels = read(tmp_path / "clip.mp4")[0].pixels
    assert np.abs(pixels.mean(axis=(0, 1)) - 255 * np.array([r, g, b])).max() < 3


# --- high dynamic range ------------------------------------------------------------------------------------------


def test_transfer_curves_pass_through_published_points():
    assert tone.light_to_pq(np.array([0, 100, 203, 1000, 10_000])) == pytest.approx(
        [0, 0.5081, 0.5807, 0.7518, 1], abs=1e-4
    )
    light = np.array([0.01, 1, 50, 203, 4000])
    assert tone.pq_to_light(tone.light_to_pq(light)) == pytest.approx(light)
    assert tone.hlg_to_scene(np.array([0, 0.5, 0.75, 1])) == pytest.approx([0, 1 / 12, 0.265, 1], abs=1e-3)


def test_the_tone_curve_keeps_what_is_dark_and_rolls_off_what_is_bright():
    assert tone.tone_curve(np.array([0.1, 1, 10, 80])) == pytest.approx([0.1, 1, 10, 80], rel=1e-6)
    light = np.linspace(0, tone.PEAK, 2001)
    curve = tone.tone_curve(light)
    assert (np.diff(curve) > 0).all()
    assert curve[-1] == pytest.approx(tone.WHITE)
    assert (np.diff(curve) <= np.diff(light) * 1.0001).all()


def hdr_clip(path, transfer, signals):
    """A lossless BT.2020 clip of one column for each (R, G, B) signal in [0, 1]."""
    red, green, blue = (np.array(signals) @ np.eye(3)).T
    y = 0.2627 * red + 0.6780 * green + 0.0593 * blue
    frame = av.VideoFrame(16 * len(signals), 16, "yuv420p10le")
    values = (64 + 876 * y, 512 + 896 * (blue - y) / 1.8814, 512 + 896 * (red - y) / 1.4746)
    for plane, value, step in zip(frame.planes, values, (16, 8, 8), strict=True):
        rows = np.zeros((plane.height, plane.line_size // 2), np.uint16)
        rows[:, : plane.width] = np.repeat(np.round(value).astype(np.uint16), step)
        plane.update(rows.tobytes())
    frame.color_trc, frame.color_primaries, frame.colorspace, frame.color_range = transfer, 9, 9, 1
    frame.pts = 0

    with av.open(str(path), "w") as out:
        stream = out.add_stream("ffv1", rate=30)
        stream.width, stream.height, stream.pix_fmt = frame.width, frame.height, "yuv420p10le"
        context = stream.codec_context
        context.color_trc, context.color_primaries, context.colorspace, context.color_range = transfer, 9, 9, 1
        out.mux([*stream.encode(frame), *stream.encode(None)])
    return path


@pytest.mark.parametrize("transfer", [tone.PQ, tone.HLG])
def test_hdr_becomes_an_ordinary_picture(tmp_path, transfer):
    greys = [(s, s, s) for s in (0.0, 0.2, 0.4, 0.5, 0.6, 0.7)]
    colours = [(0.5, 0.4, 0.35), (0.35, 0.45, 0.4), (0.4, 0.4, 0.55)]
    path = hdr_clip(tmp_path / "clip.mkv", transfer, greys + colours)
    assert probe(path).hdr
    shown = read(path)[0].pixels[8, 8::16].astype(float)
    assert np.abs(shown - expected_sdr(np.array(greys + colours), transfer)).max() < 3
    assert np.ptp(shown[:6], axis=1).max() <= 2
    assert (np.diff(shown[:6, 0]) > 0).all()
    assert shown[6, 0] - shown[6, 2] > 1.2 * 255 * 0.15, "BT.2020 signals look paler than they are until converted"


def expected_sdr(signal, transfer):
    """The published formulas, one after another, in double precision."""
    if transfer == tone.PQ:
        light = tone.pq_to_light(signal)
    else:
        scene = tone.hlg_to_scene(signal)
        light = tone.PEAK * scene * (scene @ [0.2627, 0.6780, 0.0593])[:, None] ** 0.2
    to_709 = [[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]]
    light = np.clip(light @ np.transpose(to_709), 0, tone.PEAK)
    return 255 * (tone.tone_curve(light) / tone.WHITE) ** (1 / 2.4)


# --- bad files ---------------------------------------------------------------------------------------------------


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


def noisy(count, height=48, width=64):
    rng = np.random.default_rng(0)
    return [rng.integers(0, 255, (height, width, 3), dtype=np.uint8) for _ in range(count)]


def test_a_cut_off_file_gives_what_is_there_and_says_so(tmp_path, caplog):
    whole = draw(tmp_path / "whole.mp4", noisy(30), movflags="faststart")
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
    path = draw(tmp_path / f"clip.{suffix}", noisy(40), g=5, bf=0)
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 4000] = bytes(4000)
    path.write_bytes(data)
    frames = read(path)
    assert 20 <= len(frames) <= 40
    assert frames[-1].time > 0.9


def test_nothing_that_decodes_is_an_error(tmp_path):
    path = draw(tmp_path / "clip.mp4", noisy(5), movflags="faststart")
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


# --- samples -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("suffix", "gop"), [("mp4", 250), ("mp4", 12), ("mkv", 12), ("ts", 12), ("h264", 12)])
def test_samples_are_the_frames_at_the_middle_of_equal_parts(tmp_path, suffix, gop):
    path = clip(tmp_path / f"clip.{suffix}", 90, g=gop, keyint_min=gop, sc_threshold=0)
    frames = read(path)
    picked = sample_frames(path, 6)
    assert len(frames) == 90
    assert numbers(picked) == [round((frames[index].pixels.mean() - 16) / 10) for index in (7, 22, 37, 52, 67, 82)]
    assert [frame.time for frame in picked] == pytest.approx([frames[index].time for index in (7, 22, 37, 52, 67, 82)])


def test_key_frames_are_those_coded_on_their_own(tmp_path):
    path = clip(tmp_path / "clip.mp4", 40, g=12, keyint_min=12, sc_threshold=0)
    frames, keys = read(path), key_frames(path, 10)
    assert numbers(keys) == [round((frames[index].pixels.mean() - 16) / 10) for index in (0, 12, 24, 36)]
    assert [frame.time for frame in keys] == pytest.approx([frames[index].time for index in (0, 12, 24, 36)])
    assert key_frames(path, 2, max_side=16)[1].pixels.shape[1] == 16
    with pytest.raises(ValueError, match="at least 1, not 0"):
        key_frames(path, 0)


def test_a_short_video_gives_all_its_frames_once(tmp_path):
    assert numbers(sample_frames(clip(tmp_path / "clip.mp4", 5), 20, max_side=32)) == list(range(5))


def test_samples_are_reached_by_key_frames(tmp_path, monkeypatch):
    decoded = []

    def counting(container, stream):
        for frame in decoded_frames(container, stream):
            decoded.append(frame.pts)
            yield frame

    path = clip(tmp_path / "clip.mp4", 240, g=12, keyint_min=12, sc_threshold=0)
    monkeypatch.setattr("perfclone.video.reader.decoded_frames", counting)
    assert len(sample_frames(path, 4)) == 4
    assert len(decoded) <= 4 * 12


# --- writing -----------------------------------------------------------------------------------------------------


def test_what_is_written_is_read_again(tmp_path):
    path = tmp_path / "out.mp4"
    with VideoWriter(path, rate=30, crf=1) as writer:
        for _ in range(5):
            writer.write(QUADRANTS)
    frames, info = read(path), probe(path)
    assert (len(frames), info.frames, info.fps, info.duration) == (5, 5, 30, pytest.approx(5 / 30))
    assert np.abs(frames[3].pixels[4:20, 4:28] - (200, 40, 40)).max() <= 3
    assert np.abs(frames[3].pixels.astype(int) - QUADRANTS).mean() < 4
    assert (writer.frames, writer.partial_path, litter(tmp_path)) == (5, None, [])


def test_the_file_is_one_that_browsers_play(tmp_path):
    path = tmp_path / "out.mp4"
    with VideoWriter(path, rate=30) as writer:
        writer.write(QUADRANTS)
    with av.open(str(path)) as container:
        context = container.streams.video[0].codec_context
        assert (context.codec.canonical_name, context.pix_fmt) == ("h264", "yuv420p")
        assert (context.colorspace, context.color_primaries, context.color_trc, context.color_range) == (1, 1, 1, 1)
        assert container.metadata["comment"] == "Synthetic performance made with perfclone"
    data = path.read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")
    assert b"moof" not in data


def test_any_tag_can_be_added_and_the_notice_stays(tmp_path):
    with VideoWriter(tmp_path / "out.mp4", rate=30, metadata={"AIGC": '{"Label": "1"}'}) as writer:
        writer.write(QUADRANTS)
    with av.open(str(tmp_path / "out.mp4")) as container:
        assert container.metadata["AIGC"] == '{"Label": "1"}'
        assert "Synthetic" in container.metadata["comment"]


@pytest.mark.parametrize("rate", [1, 24, Fraction(24_000, 1001), 59.94005994005994, 120])
def test_a_constant_rate_is_exact(tmp_path, rate):
    path = tmp_path / "out.mp4"
    with VideoWriter(path, rate=rate) as writer:
        for pixels in numbered(15):
            writer.write(pixels)
    exact = Fraction(rate).limit_denominator(1001)
    frames = read(path)
    assert numbers(frames) == list(range(15))
    assert [frame.time for frame in frames] == pytest.approx([float(n / exact) for n in range(15)], abs=1e-12)
    assert probe(path).duration == pytest.approx(float(15 / exact), abs=1e-12)
    assert probe(path).fps == pytest.approx(float(exact))


def test_uneven_times_and_the_whole_length_survive(tmp_path):
    stamps = [0, 512, 1024, 5000, 5333, 11_111, 11_200, 19_999]
    driving = clip(tmp_path / "driving.mp4", 8, stamps=stamps, tick=Fraction(1, 12_288))
    info = probe(driving)
    with VideoWriter(tmp_path / "out.mp4", rate=info.fps, duration=2.5) as writer:
        for frame in VideoReader(driving):
            writer.write(frame.pixels, frame.time)
    frames, made = read(tmp_path / "out.mp4"), probe(tmp_path / "out.mp4")
    assert numbers(frames) == list(range(8))
    assert [frame.time for frame in frames] == pytest.approx(np.array(stamps) / 12_288, abs=TICK)
    assert made.duration == pytest.approx(2.5, abs=TICK)
    assert made.variable_rate


def test_a_last_frame_shorter_than_the_others_stays_short(tmp_path):
    with VideoWriter(tmp_path / "out.mp4", rate=20, duration=0.31) as writer:
        for pixels, time in zip(numbered(4), (0, 0.1, 0.2, 0.3)):
            writer.write(pixels, time)
    assert probe(tmp_path / "out.mp4").duration == pytest.approx(0.31, abs=1e-3)


@pytest.mark.parametrize(("height", "width"), [(33, 47), (33, 48), (32, 47), (1, 1)])
def test_odd_sizes_are_made_even_by_doubling_the_edge(tmp_path, height, width):
    pixels = np.full((height, width, 3), 40, np.uint8)
    pixels[-1], pixels[:, -1] = 200, 200
    with VideoWriter(tmp_path / "out.mp4", rate=30, crf=1) as writer:
        writer.write(pixels)
    got = read(tmp_path / "out.mp4")[0].pixels
    assert got.shape == (height + height % 2, width + width % 2, 3)
    assert np.abs(got[:height, :width].astype(int) - pixels).max() <= 4
    assert np.abs(got[-1].astype(int) - 200).max() <= 4


def test_views_and_read_only_pictures_are_written_as_they_look(tmp_path):
    frozen = QUADRANTS.copy()
    frozen.flags.writeable = False
    with VideoWriter(tmp_path / "out.mp4", rate=np.float32(30), crf=1) as writer:
        writer.write(QUADRANTS[:, ::-1], np.float32(0))
        writer.write(frozen, np.float32(0.1))
    first, second = read(tmp_path / "out.mp4")
    assert np.abs(first.pixels.astype(int) - QUADRANTS[:, ::-1]).mean() < 4
    assert np.abs(second.pixels.astype(int) - QUADRANTS).mean() < 4


def test_frames_that_do_not_fit_are_refused(tmp_path):
    with VideoWriter(tmp_path / "out.mp4", rate=30) as writer:
        writer.write(QUADRANTS, 0.0)
        with pytest.raises(ValueError, match="size of the first"):
            writer.write(QUADRANTS[:20])
        with pytest.raises(ValueError, match="uint8"):
            writer.write(QUADRANTS.astype(np.float32))
        writer.write(QUADRANTS, 1.0)
        with pytest.raises(ValueError, match="must rise"):
            writer.write(QUADRANTS, 0.5)
    assert [frame.time for frame in read(tmp_path / "out.mp4")] == [0, 1]
    for rate in (0, -1, float("nan"), float("inf")):
        with pytest.raises(ValueError, match="rate"):
            VideoWriter(tmp_path / "new.mp4", rate=rate)


# --- sound -------------------------------------------------------------------------------------------------------


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


# --- what goes wrong ---------------------------------------------------------------------------------------------


def test_an_existing_file_is_replaced_only_on_request_and_only_when_whole(tmp_path):
    path = clip(tmp_path / "out.mp4", 3)
    before = path.read_bytes()
    with pytest.raises(UserError, match=r"out\.mp4 exists already; use --force"):
        VideoWriter(path, rate=30)
    with VideoWriter(path, rate=30, force=True) as writer:
        for pixels in numbered(7):
            writer.write(pixels)
            assert path.read_bytes() == before
    assert probe(path).frames == 7


@pytest.mark.parametrize(
    ("name", "message"),
    [("out.avi", "must end in .mp4"), ("file/out.mp4", "cannot be made"), ("a.mp4", "is a folder")],
)
def test_a_target_that_cannot_be_is_refused_at_once(tmp_path, name, message):
    (tmp_path / "a.mp4").mkdir()
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match=message):
        VideoWriter(tmp_path / name, rate=30)


def test_a_folder_that_is_not_there_is_made(tmp_path):
    with VideoWriter(tmp_path / "new" / "folder" / "out.mp4", rate=30) as writer:
        writer.write(next(iter(numbered(1))))
    assert probe(tmp_path / "new" / "folder" / "out.mp4").frames == 1


def test_the_video_that_is_read_is_never_written_over(tmp_path):
    driving = clip(tmp_path / "driving.mp4", 3)
    (tmp_path / "link.mp4").symlink_to(driving)
    before = driving.read_bytes()
    for name in ("driving.mp4", "link.mp4"):
        with pytest.raises(UserError, match="is the video that is read"):
            VideoWriter(tmp_path / name, rate=30, audio_from=driving, force=True)
    assert driving.read_bytes() == before


def test_no_frame_makes_no_file(tmp_path):
    with pytest.raises(UserError, match="no frame"), VideoWriter(tmp_path / "out.mp4", rate=30):
        pass
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_what_was_done_before_an_error_is_kept_with_its_sound(tmp_path, error):
    driving = clip(tmp_path / "driving.mp4", 60, sound={"codec": "aac", "end": 2, "onset": 0.3})
    path = clip(tmp_path / "out.mp4", 3)
    before = path.read_bytes()
    with pytest.raises(error), VideoWriter(path, rate=30, audio_from=driving, duration=2, force=True) as writer:
        for number, pixels in enumerate(numbered(60)):
            if number == 20:
                raise error
            writer.write(pixels)
    assert path.read_bytes() == before
    assert writer.partial_path == tmp_path / "out.partial.mp4"
    assert numbers(read(writer.partial_path)) == list(range(20))
    assert probe(writer.partial_path).duration == pytest.approx(20 / 30)
    _, onset, end = hear(writer.partial_path)
    assert (onset, end) == (pytest.approx(0.3, abs=0.005), pytest.approx(20 / 30, abs=0.05))
    assert litter(tmp_path) == []


def test_what_an_earlier_run_left_is_kept_too(tmp_path):
    for count in (5, 3, 4):
        with pytest.raises(RuntimeError), VideoWriter(tmp_path / "out.mp4", rate=30) as writer:
            for pixels in numbered(count):
                writer.write(pixels)
            raise RuntimeError
    kept = {path.name: len(read(path)) for path in tmp_path.iterdir()}
    assert kept == {"out.partial.mp4": 5, "out.partial-2.mp4": 3, "out.partial-3.mp4": 4}
    assert writer.partial_path == tmp_path / "out.partial-3.mp4"


def test_an_error_before_the_first_frame_leaves_nothing(tmp_path):
    with pytest.raises(RuntimeError), VideoWriter(tmp_path / "out.mp4", rate=30) as writer:
        raise RuntimeError
    assert writer.partial_path is None
    assert list(tmp_path.iterdir()) == []


ENDLESS = """
    import itertools, resource, sys
    import numpy as np
    from perfclone.video import VideoWriter

    rng = np.random.default_rng(0)
    frames = [rng.integers(0, 255, (96, 128, 3), dtype=np.uint8) for _ in range(10)]
    {setup}
    try:
        with VideoWriter(sys.argv[1], rate=30, force=True, {options}) as writer:
            for number in {numbers}:
                writer.write(frames[number % 10])
                if number == 100:
                    print("busy", flush=True)
    except ValueError as error:
        print(type(error).__name__, error)
    print("partial", writer.partial_path)
"""


@pytest.fixture
def start():
    """Run the script above in a process of its own, which does not outlive the test."""
    running = []

    def run(path, *, setup="", options="", numbers="itertools.count()"):
        code = textwrap.dedent(ENDLESS).format(setup=setup, options=options, numbers=numbers)
        command = [sys.executable, "-c", code, str(path)]
        running.append(subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True))
        return running[-1]

    yield run
    for process in running:
        process.kill()
        process.wait()


def test_a_killed_run_leaves_a_file_that_plays(start, tmp_path):
    path = clip(tmp_path / "out.mp4", 3)
    before = path.read_bytes()
    # Plain pictures make small fragments, which a buffer would hold back.
    process = start(path, setup="frames = [np.full((96, 128, 3), 20 * n, np.uint8) for n in range(10)]")
    assert process.stdout.readline() == "busy\n"
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=30)
    assert len(read(tmp_path / ".out.part.mp4")) >= 30
    assert path.read_bytes() == before


def test_ctrl_c_leaves_a_file_that_plays(start, tmp_path):
    process = start(tmp_path / "out.mp4")
    assert process.stdout.readline() == "busy\n"
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert process.returncode != 0 and "KeyboardInterrupt" in errors
    assert len(read(tmp_path / "out.partial.mp4")) >= 100
    assert sorted(os.listdir(tmp_path)) == ["out.partial.mp4"]


def test_a_second_ctrl_c_waits_until_what_was_done_is_kept(tmp_path, monkeypatch):
    def impatient(*args, **options):
        signal.raise_signal(signal.SIGINT)
        assemble(*args, **options)

    monkeypatch.setattr("perfclone.video.writer.assemble", impatient)
    with pytest.raises(KeyboardInterrupt), VideoWriter(tmp_path / "out.mp4", rate=30) as writer:
        for pixels in numbered(40):
            writer.write(pixels)
        raise KeyboardInterrupt
    assert len(read(tmp_path / "out.partial.mp4")) == 40
    assert sorted(os.listdir(tmp_path)) == ["out.partial.mp4"]


def test_a_full_disk_is_said_in_one_sentence_and_keeps_what_was_there(start, tmp_path):
    path = clip(tmp_path / "out.mp4", 3)
    before = path.read_bytes()
    limit = "resource.setrlimit(resource.RLIMIT_FSIZE, (1_500_000, 1_500_000))"
    output, errors = start(path, setup=limit).communicate(timeout=60)
    assert "UserError The disk is full" in output and "free some space" in output and "Traceback" not in errors
    assert path.read_bytes() == before
    assert len(read(tmp_path / "out.partial.mp4")) > 30
    assert sorted(os.listdir(tmp_path)) == ["out.mp4", "out.partial.mp4"]


def test_a_disk_that_is_full_from_the_start_is_said_and_leaves_nothing(start, tmp_path):
    limit = "resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))"
    process = start(tmp_path / "out.mp4", setup=limit)
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    assert "UserError The disk is full" in output and not os.listdir(tmp_path)


def test_a_disk_that_fills_in_the_last_step_loses_nothing(start, tmp_path):
    sound = clip(tmp_path / "sound.mkv", 60, sound={"codec": "flac", "end": 30})
    assert sound.stat().st_size > 250_000
    limit = "resource.setrlimit(resource.RLIMIT_FSIZE, (250_000, 250_000))"
    output, _ = start(
        tmp_path / "out.mp4", setup=limit, options=f"audio_from={str(sound)!r}", numbers="range(5)"
    ).communicate(timeout=60)
    assert "UserError The disk is full" in output
    assert len(read(tmp_path / "out.partial.mp4")) == 5
    assert sorted(os.listdir(tmp_path)) == ["out.partial.mp4", "sound.mkv"]


def test_without_room_for_a_copy_the_part_file_itself_is_kept(tmp_path, monkeypatch):
    def full(*args, **options):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("perfclone.video.writer.assemble", full)
    with pytest.raises(UserError, match="disk is full"), VideoWriter(tmp_path / "out.mp4", rate=30) as writer:
        for pixels in numbered(40):
            writer.write(pixels)
    assert len(read(writer.partial_path)) == 40
    assert os.listdir(tmp_path) == ["out.partial.mp4"]

"""Video in: every frame at its time, upright, in the right colours; all of them, or a few spread over the length."""

from fractions import Fraction

import av
import numpy as np
import pytest
from clips import QUADRANTS, TICK, clip, draw, numbered, numbers, read

from perfclone.video import VideoReader, key_frames, probe, sample_frames
from perfclone.video.container import decoded_frames


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

    with av.open(str(tmp_path / "clip.mp4"), "w") as out:
        stream = out.add_stream("libx264", rate=30, options={"crf": "1"})
        stream.width = stream.height = height
        stream.codec_context.colorspace = tag
        out.mux([*stream.encode(frame), *stream.encode(None)])
    pixels = read(tmp_path / "clip.mp4")[0].pixels
    assert np.abs(pixels.mean(axis=(0, 1)) - 255 * np.array([r, g, b])).max() < 3


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

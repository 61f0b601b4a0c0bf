"""Video out: exact times, even sizes, a file that browsers play."""

from fractions import Fraction

import av
import numpy as np
import pytest
from clips import QUADRANTS, TICK, clip, litter, numbered, numbers, read

from perfclone.video import VideoReader, VideoWriter, probe


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

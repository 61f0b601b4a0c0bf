"""Interlaced material, pictures that are see-through, and animations of the web."""

from fractions import Fraction

import av
import numpy as np
import pytest
from clips import QUADRANTS, clip, draw, read
from PIL import Image

from perfclone.video import VideoWriter, probe, sample_frames

INTERLACED = 1 << 18 | 1 << 29  # of a codec's flags: interlaced DCT and motion estimation
FIELDS = Fraction(1, 25)


def fields(count, height=64, width=96, step=4, bottom_first=False):
    """A bar that moves on between the two fields of a frame: its edge is a comb. Frames, and their pixels."""
    frames = []
    for number in range(count):
        pixels = np.full((height, width, 3), 20, np.uint8)
        for row in range(height):
            left = 2 * step * number + step * ((row % 2) ^ bottom_first)
            pixels[row, left : left + 16] = 220
        frames.append(pixels)
    return flagged(frames, "bff" if bottom_first else "tff"), frames


def flagged(pixels, order):
    """Frames that say that they are interlaced, and which field is first."""
    graph = av.filter.Graph()
    source = graph.add_buffer(width=pixels[0].shape[1], height=pixels[0].shape[0], format="rgb24", time_base=FIELDS)
    mode, sink = graph.add("setfield", f"mode={order}"), graph.add("buffersink")
    source.link_to(mode)
    mode.link_to(sink)
    graph.configure()
    frames = []
    for picture in pixels:
        graph.push(av.VideoFrame.from_ndarray(picture, "rgb24"))
        frames.append(graph.pull())
    return frames


def comb(pixels):
    """How much a row differs from both its neighbours, in levels."""
    rows = pixels[..., 1].astype(float)
    return np.abs(rows[1:-1] - (rows[:-2] + rows[2:]) / 2).mean()


def weave(stream):
    stream.codec_context.flags |= INTERLACED


@pytest.mark.parametrize("bottom_first", [False, True])
@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("clip.mts", {"codec": "libx264", "crf": 5}),
        ("clip.mp4", {"codec": "libx264", "crf": 5}),
        ("clip.ts", {"codec": "mpeg2video", "bf": 2, "qscale": 2, "b": "3M"}),
        ("clip.vob", {"codec": "mpeg2video", "b": "3M"}),
        ("clip.mkv", {"codec": "ffv1"}),
    ],
)
def test_two_half_pictures_become_a_whole_one(tmp_path, name, options, bottom_first, caplog):
    frames, woven = fields(9, bottom_first=bottom_first)
    path = draw(tmp_path / name, frames, list(range(9)), tick=FIELDS, setup=weave, **options)
    info, frames = probe(path), read(path)
    assert info.interlaced and info.fps == pytest.approx(25)
    assert len(frames) == info.frames == 9
    assert [frame.time for frame in frames] == pytest.approx(np.arange(9) / 25, abs=0.001)
    for number, frame in enumerate(frames):
        assert comb(frame.pixels) < comb(woven[number]) / 4
        bar = np.flatnonzero(frame.pixels[32, :, 1] > 120)
        assert abs(bar[0] - 8 * number) <= 1 and abs(bar[-1] - 8 * number - 15) <= 1
    assert caplog.text.count("interlaced") == 1
    for sample, index in zip(sample_frames(path, 2), (2, 6), strict=True):
        assert np.array_equal(sample.pixels, frames[index].pixels)


def test_a_dv_tape_is_interlaced(tmp_path):
    frames, woven = fields(3, 576, 720, step=20, bottom_first=True)
    path = draw(tmp_path / "tape.dv", frames, [0, 1, 2], tick=FIELDS, codec="dvvideo")
    info, frames = probe(path), read(path)
    assert (info.interlaced, info.frames, info.fps) == (True, 3, pytest.approx(25))
    assert all(comb(frame.pixels) < comb(pixels) / 4 for frame, pixels in zip(frames, woven, strict=True))


def test_whole_pictures_stay_as_they_are(tmp_path, caplog):
    _, fine = fields(3)
    path = draw(tmp_path / "clip.mp4", fine, crf=1)
    assert not probe(path).interlaced and not probe(path).alpha and "interlaced" not in caplog.text
    assert all(comb(f.pixels) > 0.9 * comb(pixels) for f, pixels in zip(read(path), fine, strict=True))


def test_one_interlaced_frame_is_enough_to_be_read(tmp_path):
    path = draw(tmp_path / "clip.ts", fields(1)[0], [0], tick=FIELDS, setup=weave, codec="mpeg2video")
    assert len(read(path)) == probe(path).frames == 1


SEE_THROUGH = np.dstack([QUADRANTS, np.full((48, 64), 255, np.uint8)])
SEE_THROUGH[:, 32:, 3] = 0
SEE_THROUGH[24:, :32, 3] = 128


def drawn_with_alpha(path, codec, pixels, container=None, **options):
    with av.open(str(path), "w", format=container) as out:
        stream = out.add_stream(codec, rate=25, options=options)
        stream.height, stream.width, stream.pix_fmt = 48, 64, pixels
        for number in range(3):
            frame = av.VideoFrame.from_ndarray(SEE_THROUGH, "rgba")
            frame.pts, frame.time_base = number, FIELDS
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return path


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("clip.webm", {"codec": "libvpx-vp9", "pixels": "yuva420p", "crf": "4", "b": "0"}),
        ("clip.webm", {"codec": "libvpx", "pixels": "yuva420p", "auto-alt-ref": "0", "crf": "4", "b": "4M"}),
        ("clip.mov", {"codec": "prores_ks", "pixels": "yuva444p10le"}),
        ("clip.mov", {"codec": "qtrle", "pixels": "argb"}),
        ("clip.mov", {"codec": "png", "pixels": "rgba"}),
        ("clip.png", {"codec": "apng", "pixels": "rgba", "container": "apng"}),
        ("clip.mkv", {"codec": "ffv1", "pixels": "yuva444p"}),
    ],
)
def test_mid_grey_is_seen_through_what_is_see_through(tmp_path, name, options, caplog):
    path = drawn_with_alpha(tmp_path / name, **options)
    info, frames = probe(path), read(path)
    assert info.alpha and (info.frames, len(frames), info.fps) == (3, 3, pytest.approx(25))
    for frame in frames:
        assert np.abs(frame.pixels[4:20, 36:60] - 128.0).max() <= 3
        assert np.abs(frame.pixels[4:20, 4:28] - (200.0, 40, 40)).mean() <= 6
        assert np.abs(frame.pixels[28:44, 4:28] - (84.0, 84, 164)).mean() <= 6
    assert caplog.text.count("see-through") == 1
    assert np.abs(read(path, max_side=32)[0].pixels[2:10, 20:30] - 128.0).max() <= 3


def gif(path, delays, transparent=False):
    """A GIF whose frames (grey, brighter and brighter) each last some hundredths of a second."""
    pictures = [Image.new("P", (64, 48)) for _ in delays]
    for number, picture in enumerate(pictures):
        picture.putpalette([level for index in range(256) for level in [index] * 3])
        picture.paste(40 + 10 * number, (0, 0, 64, 48))
        picture.paste(0, (0, 0, 32, 48))
    hole = {"transparency": 0, "disposal": 2} if transparent else {}
    pictures[0].save(
        path, save_all=True, append_images=pictures[1:], duration=[10 * d for d in delays], loop=0, **hole
    )
    return path


@pytest.mark.parametrize(("delays", "shown"), [([4] * 10, 4), ([0] * 5, 10), ([1] * 5, 10), ([2] * 6, 2)])
def test_a_gif_is_as_fast_as_browsers_show_it(tmp_path, delays, shown):
    path = gif(tmp_path / "clip.gif", delays)
    info, frames = probe(path), read(path)
    assert (info.frames, len(frames)) == (len(delays), len(delays))
    assert info.fps == pytest.approx(100 / shown)
    assert info.duration == pytest.approx(len(delays) * shown / 100)
    assert [frame.time for frame in frames] == pytest.approx(np.arange(len(delays)) * shown / 100)
    assert [frame.pixels[24, 48, 0] for frame in frames] == [40 + 10 * n for n in range(len(delays))]
    assert not info.alpha


def test_a_gif_may_be_uneven_and_see_through(tmp_path):
    path = gif(tmp_path / "clip.gif", [5, 5, 50, 5, 7], transparent=True)
    info, frames = probe(path), read(path)
    assert info.alpha and info.variable_rate and info.duration == pytest.approx(0.72)
    assert [frame.time for frame in frames] == pytest.approx([0, 0.05, 0.1, 0.6, 0.65])
    for number, frame in enumerate(frames):
        assert np.all(frame.pixels[:, :32] == 128) and np.all(frame.pixels[:, 32:] == 40 + 10 * number)


def test_a_still_gif_and_a_cut_off_one(tmp_path):
    assert len(read(gif(tmp_path / "still.gif", [10]))) == probe(tmp_path / "still.gif").frames == 1
    whole = gif(tmp_path / "whole.gif", [4] * 10).read_bytes()
    (tmp_path / "cut.gif").write_bytes(whole[: len(whole) // 2])
    assert 1 <= len(read(tmp_path / "cut.gif")) <= 6


def test_a_clone_of_an_animation_is_an_ordinary_video(tmp_path):
    path = gif(tmp_path / "clip.gif", [4, 4, 40, 4])
    info = probe(path)
    with VideoWriter(tmp_path / "out.mp4", rate=info.fps, duration=info.duration, audio_from=path) as writer:
        for frame in read(path):
            writer.write(frame.pixels, frame.time)
    made = probe(tmp_path / "out.mp4")
    assert (made.frames, made.duration) == (4, pytest.approx(0.52))


def test_an_ordinary_video_is_told_from_all_these(tmp_path):
    info = probe(clip(tmp_path / "clip.mp4", 3))
    assert (info.interlaced, info.alpha, info.variable_rate) == (False, False, False)

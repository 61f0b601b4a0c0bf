"""Files whose clock is missing, repeats, jumps or counts in the order of coding: each frame still at its time."""

from fractions import Fraction

import av
import numpy as np
import pytest
from clips import clip, draw, hear, numbered, numbers, read, tone_packets

from perfclone.video import VideoReader, VideoWriter, probe, sample_frames

THIRTIETHS = Fraction(1, 30)


def steady(path, count=24, **options):
    """A clip of 30 frames a second."""
    return draw(path, numbered(count), list(range(count)), tick=THIRTIETHS, **options)


def same_again(path, out):
    """Write a clip anew, as cloning does, and give what is read of that."""
    with VideoReader(path) as reader:
        info = reader.info
        with VideoWriter(out, rate=info.fps, duration=info.duration, audio_from=path) as writer:
            for frame in reader:
                writer.write(frame.pixels, frame.time)
    return read(out)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("clip.avi", {"codec": "libx264", "bf": 3}),
        ("clip.avi", {"codec": "mpeg4", "bf": 2}),
        ("clip.avi", {"codec": "mjpeg", "strict": -2}),
        ("clip.mkv", {"codec": "libx264", "bf": 3}),
        ("clip.mpg", {"codec": "mpeg2video", "bf": 2}),
        ("clip.vob", {"codec": "mpeg2video", "bf": 2}),
        ("clip.ts", {"codec": "mpeg2video", "bf": 2}),
        ("clip.m2ts", {"codec": "libx264", "bf": 3}),
        ("clip.mts", {"codec": "libx264", "bf": 3}),
        ("clip.m4v", {"codec": "mpeg4", "bf": 2}),
        ("clip.3gp", {"codec": "mpeg4"}),
        ("clip.wmv", {"codec": "wmv2"}),
        ("clip.asf", {"codec": "mpeg4", "bf": 2}),
        ("clip.flv", {"codec": "flv"}),
        ("clip.flv", {"codec": "libx264", "bf": 3}),
        ("clip.webm", {"codec": "libvpx", "auto-alt-ref": 1, "lag-in-frames": 8, "b": "300k"}),
        ("clip.webm", {"codec": "libvpx-vp9"}),
        ("clip.h264", {"codec": "libx264", "bf": 3}),
        ("clip.m2v", {"codec": "mpeg2video", "bf": 2}),
        ("clip.mxf", {"codec": "mpeg2video", "bf": 2}),
        ("clip.ogv", {"codec": "libvpx"}),
        ("clip.y4m", {"codec": "wrapped_avframe"}),
    ],
)
def test_thirty_frames_a_second_are_read_so_from_any_container(tmp_path, name, options):
    path = steady(tmp_path / name, **options)
    info, frames = probe(path), read(path)
    assert (info.frames, len(frames), info.variable_rate, info.truncated) == (24, 24, False, False)
    assert np.abs(np.array(numbers(frames)) - np.arange(24) % 22).max() <= 1
    assert info.fps == pytest.approx(30)
    assert info.duration == pytest.approx(24 / 30, abs=0.002)
    assert [frame.time for frame in frames] == pytest.approx(np.arange(24) / 30, abs=0.0011)
    assert [frame.time for frame in sample_frames(path, 16)] == pytest.approx(
        np.floor(0.75 + 1.5 * np.arange(16)) / 30, abs=0.0011
    )


def recording(path, stamps, *, sound=False, **container):
    """What the MediaRecorder of a browser writes: stamps in milliseconds, no duration, no cues, no rate."""
    with av.open(str(path), "w", format="webm", container_options={"live": "1", **container}) as out:
        stream = out.add_stream("libvpx", rate=1000, options={"deadline": "realtime", "lag-in-frames": "0"})
        stream.height, stream.width, stream.pix_fmt = 48, 64, "yuv420p"
        stream.codec_context.time_base = Fraction(1, 1000)
        track = out.add_stream("libopus", rate=48_000, layout="mono") if sound else None
        for number, (pixels, stamp) in enumerate(zip(numbered(len(stamps)), stamps)):
            frame = av.VideoFrame.from_ndarray(pixels, "rgb24")
            frame.pts, frame.time_base = number, Fraction(1, 1000)
            for packet in stream.encode(frame):
                packet.pts = packet.dts = stamp
                out.mux(packet)
        out.mux(stream.encode(None))
        if sound:
            for packet in tone_packets(track, {"end": stamps[-1] / 1000, "onset": 0.3}):
                out.mux(packet)
    return path


def test_a_recording_of_a_browser_has_the_rate_of_its_frames(tmp_path):
    stamps = [round(1000 * number / 30) + number % 3 for number in range(30)]
    path = recording(tmp_path / "recorded.webm", stamps, sound=True)
    with av.open(str(path)) as container:
        assert container.duration is None and float(container.streams.video[0].guessed_rate) > 50
    info, frames = probe(path), read(path)
    assert info.fps == pytest.approx(30, rel=0.01)
    assert (info.frames, numbers(frames)) == (30, [number % 22 for number in range(30)])
    assert info.duration == pytest.approx(1, abs=0.005)
    assert [frame.time for frame in frames] == pytest.approx(np.array(stamps) / 1000)
    again = same_again(path, tmp_path / "out.mp4")
    assert [frame.time for frame in again] == pytest.approx([frame.time for frame in frames], abs=2e-5)
    assert hear(tmp_path / "out.mp4")[1] == pytest.approx(0.3, abs=0.01)


def test_stamps_that_repeat_are_spread_and_nothing_drifts(tmp_path):
    stamps = [0, 33, 33, 100, 133, 133, 200, 233, 267, 267, 333, 367]
    path = recording(tmp_path / "recorded.webm", stamps)
    info, frames = probe(path), read(path)
    assert (info.frames, len(frames)) == (12, 12)
    assert info.fps == pytest.approx(30, rel=0.01)
    assert info.duration == pytest.approx(0.4, abs=0.002)
    assert [frame.time for frame in frames] == pytest.approx(np.arange(12) / 30, abs=0.0011)
    assert [frame.time for frame in same_again(path, tmp_path / "out.mp4")] == pytest.approx(
        np.arange(12) / 30, abs=0.0011
    )


def test_a_long_hold_keeps_its_length_and_leaves_the_rate_alone(tmp_path):
    stamps = [round(1000 * number / 30) + (0 if number < 15 else 7000) for number in range(30)]
    path = recording(tmp_path / "screen.webm", stamps)
    info, frames = probe(path), read(path)
    assert info.variable_rate
    assert info.fps == pytest.approx(30, rel=0.01)
    assert info.duration == pytest.approx(8, abs=0.005)
    assert [frame.time for frame in frames] == pytest.approx(np.array(stamps) / 1000)
    again = same_again(path, tmp_path / "out.mp4")
    assert [frame.time for frame in again] == pytest.approx(np.array(stamps) / 1000, abs=2e-5)
    assert probe(tmp_path / "out.mp4").duration == pytest.approx(8, abs=0.005)


def test_frames_that_are_held_in_an_avi_are_no_damage(tmp_path, caplog):
    stamps = [0, 1, 2, 10, 11, 12, 13, 14]
    path = draw(tmp_path / "clip.avi", numbered(8), stamps, tick=THIRTIETHS, codec="mpeg4")
    info, frames = probe(path), read(path)
    assert (info.frames, info.variable_rate, info.truncated) == (8, True, False)
    assert (info.fps, info.duration) == (pytest.approx(30), pytest.approx(0.5))
    assert [frame.time for frame in frames] == pytest.approx(np.array(stamps) / 30)
    assert [frame.time for frame in sample_frames(path, 5)] == pytest.approx(np.array([1, 2, 10, 13]) / 30)
    assert not caplog.text


@pytest.mark.parametrize(("stamps", "duration"), [([0], 0.04), ([0, 0], 0.08), ([0, 40], 0.08)])
def test_a_recording_of_hardly_a_frame_has_a_length(tmp_path, stamps, duration):
    info = probe(recording(tmp_path / "recorded.webm", stamps))
    assert (info.fps, info.duration) == (pytest.approx(25), pytest.approx(duration))


@pytest.mark.parametrize(
    ("gaps", "fps"),
    [
        ([1501, 2250, 1502, 2250] * 6, 48),  # 2:3 pulldown, which a median alone takes for 60 or 40
        ([3000] * 10 + [6000] + [3000] * 10, 30),  # a frame dropped
        ([3000, 6000] * 10, 20),
        ([90] * 20, 1000),
        ([90_000] * 5, 1),
    ],
)
def test_the_rate_is_the_usual_one(tmp_path, gaps, fps):
    path = clip(tmp_path / "clip.mp4", len(gaps) + 1, stamps=np.cumsum([0, *gaps]).tolist())
    assert probe(path).fps == pytest.approx(fps, rel=0.002)


def test_a_clock_that_jumps_goes_on(tmp_path):
    parts = [
        clip(tmp_path / f"{n}.ts", 9, stamps=[start + 3000 * k for k in range(9)], bf=2)
        for n, start in enumerate((90_000, 90_000_000, 900_000))
    ]
    path = tmp_path / "joined.ts"
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    info, frames = probe(path), read(path)
    assert (info.frames, numbers(frames)) == (27, [*range(9)] * 3)
    assert (info.fps, info.variable_rate, info.duration) == (pytest.approx(30), False, pytest.approx(0.9))
    assert [frame.time for frame in frames] == pytest.approx(np.arange(27) / 30)


def test_a_clock_that_wraps_goes_on(tmp_path):
    stamps = [2**33 - 15_000 + 3000 * number for number in range(15)]
    path = clip(tmp_path / "clip.ts", 15, stamps=stamps, bf=2, sound={"codec": "aac", "end": 0.2})
    frames = read(path)
    assert numbers(frames) == list(range(15))
    assert [frame.time for frame in frames] == pytest.approx(np.arange(15) / 30)


@pytest.mark.parametrize(
    ("name", "codec"),
    [("clip.ts", "libx264"), ("clip.ts", "libx265"), ("clip.ts", "mpeg4"), ("clip.mpg", "mpeg2video")],
)
def test_frames_between_two_stamps_have_a_time(tmp_path, name, codec):
    with av.open(str(tmp_path / name), "w") as out:
        stream = out.add_stream(codec, rate=30, options={"bf": "2", "x265-params": "log-level=none"})
        stream.height, stream.width, stream.pix_fmt = 48, 64, "yuv420p"
        coded = []
        for number, pixels in enumerate(numbered(20)):
            frame = av.VideoFrame.from_ndarray(pixels, "rgb24")
            frame.pts, frame.time_base = number, THIRTIETHS
            coded += stream.encode(frame)
        coded += stream.encode(None)
        for first in range(0, 20, 4):
            some = coded[first : first + 4]
            packet = av.Packet(b"".join(map(bytes, some)))
            packet.stream, packet.time_base, packet.is_keyframe = stream, some[0].time_base, some[0].is_keyframe
            packet.pts, packet.dts = some[0].pts, some[0].dts
            out.mux(packet)
    info, frames = probe(tmp_path / name), read(tmp_path / name)
    assert (info.frames, info.fps, info.variable_rate) == (20, pytest.approx(30), False)
    assert [frame.time for frame in frames] == pytest.approx(np.arange(20) / 30)
    assert np.abs(np.array(numbers(frames)) - np.arange(20)).max() <= 1


def test_frames_before_zero_are_shown_from_zero(tmp_path):
    path = clip(tmp_path / "clip.mkv", 12, stamps=[3000 * number - 12_000 for number in range(12)], bf=0)
    assert [frame.time for frame in read(path)] == pytest.approx(np.arange(12) / 30, abs=0.0011)


def test_two_pictures_in_one_packet_are_two_frames(tmp_path):
    """DivX and old Xvid pack a B-frame behind the frame it follows from, and leave an empty one in its place."""
    whole = steady(tmp_path / "whole.m4v", codec="mpeg4", bf=1)
    with av.open(str(whole)) as source, av.open(str(tmp_path / "packed.avi"), "w") as out:
        stream = source.streams.video[0]
        into = out.add_stream_from_template(stream)
        coded = [bytes(packet) for packet in source.demux(stream) if packet.size]
        into.codec_context.extradata = stream.codec_context.extradata
        mark = b"\x00\x00\x01\xb2DivX503b1393p"
        packed = [stream.codec_context.extradata + mark + coded[0]]
        for later, between in zip(coded[1::2], coded[2::2]):
            packed += [later + between, b"\x00\x00\x01\xb6\x50\x00\x7f"]
        packed += coded[len(packed) :]
        for number, data in enumerate(packed):
            packet = av.Packet(data)
            packet.stream, packet.pts, packet.dts, packet.time_base = into, number, number, THIRTIETHS
            packet.is_keyframe = number == 0
            out.mux(packet)
    info, frames = probe(tmp_path / "packed.avi"), read(tmp_path / "packed.avi")
    assert info.fps == pytest.approx(30)
    assert len(frames) == info.frames == 24
    assert [frame.time for frame in frames] == pytest.approx(np.arange(24) / 30)
    assert np.abs(np.array(numbers(frames)) - np.arange(24) % 22).max() <= 1


def loud(path):
    """The seconds at which a sound track becomes loud."""
    with av.open(str(path)) as container:
        heard = [
            (frame.time, np.abs(frame.to_ndarray()).max() > 0.1)
            for frame in container.decode(container.streams.audio[0])
        ]
    return [time for (_, before), (time, now) in zip([(0, False), *heard], heard) if now and not before]


@pytest.mark.parametrize("starts", [(90_000, 90_000_000), (90_000_000, 900_000)])
def test_sound_goes_on_with_the_pictures_where_the_clock_jumps(tmp_path, starts):
    path = tmp_path / "joined.ts"
    with path.open("wb") as joined:
        for start in starts:
            part = tmp_path / "part.ts"
            joined.write(recorded(part, start).read_bytes())
    frames = same_again(path, tmp_path / "out.mp4")
    assert [frame.time for frame in frames] == pytest.approx(np.arange(60) / 30, abs=0.001)
    assert loud(tmp_path / "out.mp4") == pytest.approx([0.4, 1.4], abs=0.03)
    assert probe(tmp_path / "out.mp4").duration == pytest.approx(2, abs=0.05)


def recorded(path, start):
    """A second of MPEG-TS that begins at `start` ticks and sounds from 0.4 s on."""
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=30, options={"bf": "2"})
        stream.height, stream.width, stream.pix_fmt = 48, 64, "yuv420p"
        track = out.add_stream("aac", rate=48_000, layout="mono")
        packets = []
        for number, pixels in enumerate(numbered(30)):
            frame = av.VideoFrame.from_ndarray(pixels, "rgb24")
            frame.pts, frame.time_base = number, THIRTIETHS
            packets += stream.encode(frame)
        packets += stream.encode(None)
        packets += [packet for some in tone_packets(track, {"end": 1, "onset": 0.4}) for packet in some]
        for packet in sorted(packets, key=lambda packet: packet.dts * packet.time_base):
            packet.pts += round(start / 90_000 / packet.time_base)
            packet.dts += round(start / 90_000 / packet.time_base)
            out.mux(packet)
    return path


def test_sound_whose_stamps_repeat_is_kept_whole(tmp_path):
    with av.open(str(tmp_path / "recorded.webm"), "w") as out:
        track = out.add_stream("libopus", rate=48_000, layout="mono")
        before = None
        for packet in (one for some in tone_packets(track, {"end": 1, "onset": 0.3}) for one in some):
            stamp = packet.pts
            if before is not None and round(stamp / 960) % 5 == 4:
                packet.pts = packet.dts = before
            before = stamp
            out.mux(packet)
    with VideoWriter(tmp_path / "out.mp4", rate=30, audio_from=tmp_path / "recorded.webm") as writer:
        for pixels in numbered(30):
            writer.write(pixels)
    codec, onset, end = hear(tmp_path / "out.mp4")
    assert (codec, onset, end) == ("opus", pytest.approx(0.3, abs=0.03), pytest.approx(1, abs=0.05))


@pytest.mark.parametrize("codec", ["pcm_s16le", "mp2"])
def test_the_sound_of_an_avi_with_b_frames_stays_in_step(tmp_path, codec):
    path = clip(
        tmp_path / "clip.avi",
        30,
        stamps=list(range(30)),
        tick=THIRTIETHS,
        bf=3,
        sound={"codec": codec, "end": 1, "onset": 0.4},
    )
    same_again(path, tmp_path / "out.mp4")
    assert hear(tmp_path / "out.mp4")[1] == pytest.approx(0.4, abs=0.03)

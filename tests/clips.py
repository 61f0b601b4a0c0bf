"""Clips that tell the number of each frame, encoded with PyAV alone, and what is read and heard of them."""

from fractions import Fraction

import av
import numpy as np

from perfclone.video import VideoReader

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
        first = frames[0]
        drawn = isinstance(first, av.VideoFrame)
        stream.height, stream.width = (first.height, first.width) if drawn else first.shape[:2]
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


def noise(count, height=48, width=64):
    rng = np.random.default_rng(0)
    return [rng.integers(0, 255, (height, width, 3), dtype=np.uint8) for _ in range(count)]


QUADRANTS = np.zeros((48, 64, 3), np.uint8)
QUADRANTS[:24, :32], QUADRANTS[:24, 32:], QUADRANTS[24:, :32] = (200, 40, 40), (40, 200, 40), (40, 40, 200)

"""Whether a browser plays a video, and a copy for looking where it does not; what is cloned is always the original."""

from __future__ import annotations

from pathlib import Path

#: What browsers play: containers, as FFmpeg calls them, and codecs.
_CONTAINERS = ("mp4", "webm")
_CODECS = {"h264", "vp8", "vp9", "av1"}
#: Longest side of a copy, pixels.
_SIDE = 640
COPY = "look.mp4"


def plays(path: Path) -> bool:
    """Whether every browser plays a video as it is.

    Raises:
        UserError: It is no video that can be read.
    """
    from perfclone.video.container import open_media

    with open_media(path) as media:
        stream = next(iter(media.streams.video), None)
        if stream is None or not hasattr(media, "format"):
            return False
        known = any(name in media.format.name for name in _CONTAINERS) and path.suffix.lower() != ".mkv"
        return known and stream.codec_context.name in _CODECS and stream.codec_context.pix_fmt == "yuv420p"


def write_copy(path: Path, copy: Path, tell) -> None:
    """Write a small copy of a video that browsers play, with its sound and timing."""
    from perfclone.video import VideoReader, VideoWriter

    with VideoReader(path, max_side=_SIDE) as reader:
        info = reader.info
        comment = {"comment": f"A copy of {path.name}, for looking at it"}
        writer = VideoWriter(
            copy, rate=info.fps, duration=info.duration, audio_from=path, crf=26, metadata=comment, force=True
        )
        with writer:
            for done, frame in enumerate(reader, 1):
                writer.write(frame.pixels, frame.time)
                tell("look", done, max(done, info.frames))

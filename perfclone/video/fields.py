"""Interlaced material: two half pictures in one frame, taken one after the other, made into one whole picture."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

import av
from av.filter import Graph

Timed = tuple[av.VideoFrame, float]


def is_interlaced(stream: av.VideoStream, frame: av.VideoFrame) -> bool:
    """Tell whether a decoded frame consists of two half pictures; those that a PNG calls so come one after another."""
    return frame.interlaced_frame and stream.codec_context.codec.canonical_name not in ("png", "apng")


def progressive(stream: av.VideoStream, frames: Iterator[Timed]) -> Iterator[Timed]:
    """Deinterlace the frames that say they are interlaced, with FFmpeg's bwdif; as many come out, each at its time.

    The picture of the earlier field is kept, and the lines of the later one filled in from it and from the frames
    beside; frames of whole pictures pass unchanged. One frame is looked ahead.

    Args:
        stream: what they are decoded from.
        frames: decoded frames and their times, in order.
    """
    weaver = None
    for frame, time in frames:
        if weaver is not None and not weaver.takes(frame):
            yield from weaver.rest()
            weaver = None
        if weaver is None and is_interlaced(stream, frame):
            weaver = _Deinterlacer(frame)
        if weaver is None:
            yield frame, time
        else:
            yield from weaver.push(frame, time)
    if weaver is not None:
        yield from weaver.rest()


class _Deinterlacer:
    """FFmpeg's filter graph for frames of one kind; times wait beside it, since it rewrites stamps."""

    def __init__(self, first: av.VideoFrame):
        self._kind, self._times = _kind(first), deque()
        self._graph = Graph()
        width, height, pixels = self._kind
        source = self._graph.add_buffer(width=width, height=height, format=pixels, time_base=first.time_base)
        bwdif = self._graph.add("bwdif", "mode=send_frame:deint=interlaced")
        source.link_to(bwdif)
        bwdif.link_to(self._graph.add("buffersink"))
        self._graph.configure()

    def takes(self, frame: av.VideoFrame) -> bool:
        """Tell whether a frame has the size and format that the graph was made for."""
        return _kind(frame) == self._kind

    def push(self, frame: av.VideoFrame, time: float) -> Iterator[Timed]:
        """Put a frame in and give what is ready."""
        self._times.append(time)
        self._graph.push(frame)
        return self._ready()

    def rest(self) -> Iterator[Timed]:
        """End the stream and give what is left."""
        self._graph.push(None)
        return self._ready()

    def _ready(self) -> Iterator[Timed]:
        while self._times:
            try:
                yield self._graph.pull(), self._times.popleft()
            except (av.error.BlockingIOError, av.error.EOFError):
                return


def _kind(frame: av.VideoFrame) -> tuple[int, int, str]:
    return frame.width, frame.height, frame.format.name

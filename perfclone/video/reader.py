"""Frames out of a video file: as a stream, or a few spread over its length."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import av
import numpy as np

from perfclone.errors import UserError
from perfclone.video.container import decoded_frames, open_media, video_stream
from perfclone.video.fields import progressive
from perfclone.video.picture import Picture
from perfclone.video.probe import VideoInfo, inspect
from perfclone.video.timeline import Timeline

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Frame:
    """One picture of a video.

    Attributes:
        pixels: (H, W, 3) uint8 RGB, upright, contiguous.
        time: seconds since the first frame.
    """

    pixels: np.ndarray
    time: float


class VideoReader:
    """Stream the frames of a video, upright, as ordinary RGB with square pixels.

        with VideoReader("driving.mp4", max_side=512) as reader:
            for frame in reader:
                ...

    A few frames are held at a time; none is dropped or repeated. Times always rise. What cannot be decoded is passed
    over, and a warning logged at the end. Each loop starts at the first frame; those under way end with the `with`.

    Args:
        path: the video.
        max_side: the longest side wanted, in pixels; larger pictures are scaled down while they are converted.

    Attributes:
        info: what the file holds, at its own size.

    Raises:
        FileNotFoundError: there is no such file.
        UserError: it is not a video, is empty, or nothing in it can be decoded.
        ValueError: `max_side` is below 1, or a loop is begun after the `with`.
    """

    def __init__(self, path: str | Path, *, max_side: int | None = None):
        if max_side is not None and max_side < 1:
            raise ValueError(f"max_side must be at least 1 pixel, not {max_side}.")
        self.info, self._timeline = inspect(path)
        self._max_side = max_side
        self._closed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._closed = True

    def __iter__(self) -> Iterator[Frame]:
        if self._closed:
            raise ValueError(f"The reader of {self.info.path} is closed; make another.")
        # Each loop has a container of its own: one closed under a running decoder takes the process down.
        with open_media(self.info.path) as container:
            stream = video_stream(container, self.info.path)
            picture, count = None, 0
            for frame, time in _timed(container, stream, self._timeline):
                picture = picture or Picture(frame, stream.sample_aspect_ratio, self._max_side)
                yield Frame(picture(frame), time)
                count += 1
                if self._closed:
                    return
        self._report(count)

    def _report(self, count: int) -> None:
        if count == 0:
            raise UserError(f"{self.info.path} holds no picture that can be decoded; copy or record it again.")
        if self.info.truncated:
            logger.warning("%s is cut off: the first %d frames could be read.", self.info.path, count)
        elif count < self.info.frames:
            logger.warning("%s is damaged: %d of %d frames could be read.", self.info.path, count, self.info.frames)


def _timed(
    container: av.container.InputContainer, stream: av.VideoStream, timeline: Timeline
) -> Iterator[tuple[av.VideoFrame, float]]:
    """Yield the whole frames from where the container stands, and their times."""
    clock = timeline.clock()
    return progressive(stream, ((frame, clock(frame)) for frame in decoded_frames(container, stream)))


def sample_frames(path: str | Path, count: int, *, max_side: int | None = None) -> list[Frame]:
    """Read up to `count` frames, evenly spread over the video, jumping to key frames where that is quicker.

    Args:
        path: the video.
        count: how many, at least 1; a video with fewer frames gives all it has.
        max_side: as for `VideoReader`.

    Returns:
        The frames on show in the middle of each of `count` equal parts of the video, in order, each once.

    Raises:
        FileNotFoundError: there is no such file.
        UserError: it is not a video, is empty, or nothing in it can be decoded.
        ValueError: `count` is below 1.
    """
    if count < 1:
        raise ValueError(f"count must be at least 1, not {count}.")
    info, timeline = inspect(path)
    with open_media(path) as container:
        stream = video_stream(container, path)
        picture, samples = None, []
        for frame, time in _spread(container, stream, info, timeline, count):
            picture = picture or Picture(frame, stream.sample_aspect_ratio, max_side)
            samples.append(Frame(picture(frame), time))
    return samples


def key_frames(path: str | Path, count: int, *, max_side: int | None = None) -> list[Frame]:
    """Read the first up to `count` frames that were coded on their own; the others are not decoded, which is quick.

    An encoder spends most on these: what is fine and faint is left in them where it is lost between.

    Args:
        path: the video.
        count: how many, at least 1.
        max_side: as for `VideoReader`.

    Returns:
        The frames, in order.

    Raises:
        FileNotFoundError: there is no such file.
        UserError: it is not a video, is empty, or nothing in it can be decoded.
        ValueError: `count` is below 1.
    """
    if count < 1:
        raise ValueError(f"count must be at least 1, not {count}.")
    clock = inspect(path)[1].clock()
    with open_media(path) as container:
        stream = video_stream(container, path)
        stream.codec_context.skip_frame = "NONKEY"
        picture, found = None, []
        for frame in itertools.islice(decoded_frames(container, stream), count):
            picture = picture or Picture(frame, stream.sample_aspect_ratio, max_side)
            found.append(Frame(picture(frame), clock(frame)))
    return found


def _spread(
    container: av.container.InputContainer, stream: av.VideoStream, info: VideoInfo, timeline: Timeline, count: int
) -> Iterator[tuple[av.VideoFrame, float]]:
    """Yield the frames on show at `count` moments, or the next that decodes, and their times."""
    frames, position = _timed(container, stream, timeline), 0.0
    seekable = container.file is None and timeline.seekable
    held = stream.codec_context.has_b_frames / info.fps  # some indexes say when a key frame is coded, not shown
    moments = (np.arange(count) + 0.5) * info.duration / count
    for shown in timeline.times[np.unique(np.searchsorted(timeline.times, moments, side="right") - 1)]:
        early = timeline.stamp_at(shown - held)
        if seekable and _key_frame_between(stream, timeline.stamp_at(position), early):
            container.seek(early, stream=stream)
            frames = _timed(container, stream, timeline)
        found = next(((frame, time) for frame, time in frames if time >= shown), None)
        if found is None:
            return
        position = found[1]
        yield found


def _key_frame_between(stream: av.VideoStream, position: int, target: int) -> bool:
    """Tell whether the file's index, if it has one, knows a key frame after `position` and up to `target`, stamps."""
    found = stream.index_entries.search_timestamp(target)
    return found >= 0 and stream.index_entries[found].timestamp > position

"""What is in a video file, or one clear sentence about why it cannot be used."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np

from perfclone.video.container import first_frame, nominal_rate, open_media, readable_packets, video_stream
from perfclone.video.picture import Picture

_SLACK = 0.5  # seconds by which a header may promise more than the file holds


@dataclass(frozen=True)
class VideoInfo:
    """What a video file holds.

    Attributes:
        path: the file.
        width: of the upright picture, in square pixels.
        height: of the upright picture, in square pixels.
        fps: mean frames per second.
        frames: how many frames the file holds (exactly; fewer than its header says if it was cut off).
        duration: seconds from the first frame to the end of the last one.
        has_audio: whether there is a sound track.
        variable_rate: whether the frames are unevenly spaced.
        rotation: degrees clockwise, 0, 90, 180 or 270, by which the stored picture is turned to stand upright.
        hdr: whether the picture is PQ or HLG (it is read as an ordinary one).
        start: seconds on the file's own clock at which the first frame is shown.
        truncated: whether the file ends before its header says.
    """

    path: Path
    width: int
    height: int
    fps: float
    frames: int
    duration: float
    has_audio: bool
    variable_rate: bool
    rotation: int
    hdr: bool
    start: float = 0.0
    truncated: bool = False


def probe(path: str | Path) -> VideoInfo:
    """Read what a video file holds: decodes the first frame and walks, without decoding, over all the others.

    Raises:
        FileNotFoundError: there is no such file.
        UserError: it is empty, cut off, not a video, or has no picture that can be decoded.
    """
    path = Path(path)
    with open_media(path) as container:
        stream = video_stream(container, path)
        frame = first_frame(container, stream, path)
        picture = Picture(frame, stream.sample_aspect_ratio)
        has_audio, rate = bool(container.streams.audio), nominal_rate(stream)
    times, last, truncated = _walk(path, rate)
    even, fps = _rate(times, rate, float(frame.time_base))
    return VideoInfo(
        path=path,
        width=picture.size[0],
        height=picture.size[1],
        fps=fps,
        frames=len(times),
        duration=float(times[-1] - times[0]) + (last or 1 / fps),
        has_audio=has_audio,
        variable_rate=not even,
        rotation=picture.rotation,
        hdr=picture.hdr,
        start=frame.time or 0.0,
        truncated=truncated,
    )


def _walk(path: Path, rate: float) -> tuple[np.ndarray, float, bool]:
    """Read all packets: when each frame is shown, in order, how long the last one is, and whether the end is missing.

    Times are in seconds. Nothing is decoded.
    """
    stamps, stored, end = [], 0, 0.0
    with open_media(path) as container:
        stream = video_stream(container, path)
        for packet in readable_packets(container):
            if packet.pts is not None:
                end = max(end, float((packet.pts + (packet.duration or 0)) * packet.time_base))
            if packet.stream_index != stream.index:
                continue
            stored += 1
            if not packet.is_discard:  # cut away by an edit list
                stamps.append((packet.pts, packet.duration or 0))
        tick, promised, seconds = float(stream.time_base), stream.frames, (container.duration or 0) / av.time_base
    truncated = stored < promised if promised else seconds > end + _SLACK
    if len({pts for pts, _ in stamps} - {None}) < len(stamps):  # no clock, or one that jumps back
        return np.arange(len(stamps)) / rate, 1 / rate, truncated
    stamps.sort()
    return np.array([pts for pts, _ in stamps]) * tick, stamps[-1][1] * tick, truncated


def _rate(times: np.ndarray, nominal: float, tick: float) -> tuple[bool, float]:
    """Tell whether frames at these times are evenly spaced, and their rate in frames per second."""
    if len(times) < 2:
        return True, nominal
    gaps = np.diff(times)
    mean = gaps.mean()
    even = bool(np.abs(gaps - mean).max() <= 1.5 * tick + 0.05 * mean)
    # A clock of milliseconds cannot spell 30 fps; the header can.
    return even, nominal if even and abs(nominal * mean - 1) < 0.005 else float(1 / mean)

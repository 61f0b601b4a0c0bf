"""What is in a video file, or one clear sentence about why it cannot be used."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np

from perfclone.video.container import first_frame, nominal_rate, open_media, readable_packets, say_once, video_stream
from perfclone.video.fields import is_interlaced
from perfclone.video.picture import Picture, see_through
from perfclone.video.timeline import Timeline, animation, timeline, without_clock

_SLACK = 0.5  # seconds by which a header may promise more than the file holds
_CODING_ORDER = {"avi", "asf"}  # containers whose stamps rise from packet to packet, whichever is shown first
_BROADCAST = {"mpegts", "mpeg"}  # containers whose clock may jump
_LENGTHS = {"mov,mp4,m4a,3gp,3g2,mj2", "apng"}  # containers that hold how long each frame is shown
_FIELDS = {"h264", "hevc"}  # codecs that may code the two fields of a frame as packets of their own
_SHOWN = 0x10  # in the first byte of a VP8 frame


@dataclass(frozen=True)
class VideoInfo:
    """What a video file holds.

    Attributes:
        path: the file.
        width: of the upright picture, in square pixels.
        height: of the upright picture, in square pixels.
        fps: frames per second; of unevenly spaced frames, the rate at which they usually come.
        frames: how many frames the file holds (exactly; fewer than its header says if it was cut off).
        duration: seconds from the first frame to the end of the last one.
        has_audio: whether there is a sound track.
        variable_rate: whether the frames are unevenly spaced.
        rotation: degrees clockwise, 0, 90, 180 or 270, by which the stored picture is turned to stand upright.
        hdr: whether the picture is PQ or HLG (it is read as an ordinary one).
        interlaced: whether the first frame consists of two half pictures (those are made into one).
        alpha: whether the first frame is see-through in places (mid grey is seen there).
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
    interlaced: bool = False
    alpha: bool = False
    start: float = 0.0
    truncated: bool = False


def probe(path: str | Path) -> VideoInfo:
    """Read what a video file holds: decodes the first frame and walks, without decoding, over all the others.

    Raises:
        FileNotFoundError: there is no such file.
        UserError: it is empty, cut off, not a video, or has no picture that can be decoded.
    """
    return inspect(path)[0]


def inspect(path: str | Path) -> tuple[VideoInfo, Timeline]:
    """Read what a video file holds, and when each of its frames is shown; see :func:`probe`."""
    path = Path(path)
    with open_media(path) as container:
        stream = video_stream(container, path)
        frame = first_frame(container, stream, path)
        picture = Picture(frame, stream.sample_aspect_ratio)
        interlaced = is_interlaced(stream, frame)
        has_audio = bool(container.streams.audio)
    times, last, truncated = _walk(path, frame)
    info = VideoInfo(
        path=path,
        width=picture.size[0],
        height=picture.size[1],
        fps=times.fps,
        frames=len(times.times),
        duration=float(times.times[-1]) + (last or 1 / times.fps),
        has_audio=has_audio,
        variable_rate=not times.even,
        rotation=picture.rotation,
        hdr=picture.hdr,
        interlaced=interlaced,
        alpha=see_through(frame),
        start=times.shifts[0],
        truncated=truncated,
    )
    if info.interlaced:
        say_once(f"{path} is interlaced; each frame's two half pictures are made into a whole one.")
    if info.alpha:
        say_once(f"{path} is see-through in places; mid grey is put behind it.")
    return info, times


def _walk(path: Path, first: av.VideoFrame) -> tuple[Timeline, float, bool]:
    """Read all packets: when each frame is shown, for how many seconds the last one, and whether the end is missing.

    Nothing is decoded. Where it is not known how long the last frame is shown, that is 0.
    """
    packets, stored, end = [], 0, 0.0
    with open_media(path) as container:
        stream = video_stream(container, path)
        vp8 = stream.codec_context.codec.canonical_name == "vp8"
        for packet in readable_packets(container):
            if packet.pts is not None:
                end = max(end, float((packet.pts + (packet.duration or 0)) * packet.time_base))
            if packet.stream_index != stream.index:
                continue
            stored += 1
            # Not shown: what an edit list cuts away, and what VP8 keeps for later.
            if not packet.is_discard and not (vp8 and not memoryview(packet)[0] & _SHOWN):
                packets.append((packet.pts, packet.dts, packet.duration or 0))
        promised, seconds = stream.frames, (container.duration or 0) / av.time_base
        times = _timeline(packets, container.format.name, stream, first)
        last = max((pts or 0, duration) for pts, _, duration in packets)[1] * float(stream.time_base)
        if container.format.name not in _LENGTHS and last < 0.75 / times.fps:  # guessed, from the rate of a header
            last = 0.0
    if container.format.name == "avi":  # where a frame is held, empty packets are counted too
        stored = max(stored, round((times.times[-1] + 1 / times.fps) / times.tick))
    truncated = stored < promised if promised else seconds > end + _SLACK
    return times, last, truncated


def _timeline(
    packets: list[tuple[int | None, int | None, int]], container: str, stream: av.VideoStream, first: av.VideoFrame
) -> Timeline:
    """Work out when the frames in some packets (pts, dts, duration) are shown; `first` is the first frame shown."""
    tick, reordered = float(stream.time_base), stream.codec_context.has_b_frames
    if all(pts is None and dts is None for pts, dts, _ in packets):
        return without_clock(len(packets), float(stream.guessed_rate or 25))
    if container == "gif":
        stamps, delays = np.array(packets, np.int64)[:, [0, 2]].T
        return animation(stamps, delays, tick)
    if first.interlaced_frame and stream.codec_context.codec.canonical_name in _FIELDS:
        packets = [packet for packet in packets if packet[0] is not None] or packets  # those without: second fields
    lag = None
    if container in _CODING_ORDER or any(pts is None for pts, _, _ in packets):
        stamps = order = _filled(packets)
        if container not in _CODING_ORDER and first.pts is not None:
            stamps = stamps + (first.pts - stamps[0])
        lag = 0 if first.dts is None else first.dts - int(stamps[0])
    else:
        stamps = np.array([pts for pts, _, _ in packets], np.int64)
        order = _filled(packets) if reordered else stamps
    joined = container in _BROADCAST
    return timeline(stamps, order, tick, nominal_rate(stream), lag, reordered=bool(reordered), joined=joined)


def _filled(packets: list[tuple[int | None, int | None, int]]) -> np.ndarray:
    """The packets' stamps in the order of coding, (T,) int64; one that is missing follows from the one before."""
    stamps, following = [], packets[0][0] or 0
    for _, dts, duration in packets:
        stamps.append(following if dts is None else dts)
        following = stamps[-1] + duration
    return np.array(stamps, np.int64)

"""Opening media files and getting at their packets and frames, past any damage."""

from __future__ import annotations

import functools
import itertools
import logging
from collections.abc import Iterator
from pathlib import Path

import av

from perfclone.errors import UserError
from perfclone.files.sequence import IMAGES, video_files
from perfclone.video.images import open_images

logger = logging.getLogger(__name__)

_FASTEST = 240  # frames per second that a header is believed
_GROWN = 8192 * 4320  # pixels of a picture to which a stream may grow on its way, or to twice what it began with
_WITH_ALPHA = {"vp8": "libvpx", "vp9": "libvpx-vp9"}  # the decoders that read a second picture of alpha

# Containers we open. Left out on purpose: playlists, which could name other files, still pictures, and text art.
_FORMATS = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,mpegvideo,flv,gif,apng,asf,ogg,h264,hevc,ivf,mxf,m4v,av1,"
    "obu,yuv4mpegpipe,dv,wav,mp3,aac,flac"
)


@functools.lru_cache(maxsize=256)
def say_once(sentence: str) -> None:
    """Warn of what is found each time that a file is opened, the first time."""
    logger.warning(sentence)


def open_media(path: str | Path) -> av.container.InputContainer:
    """Open a local media file, or a sequence of images (see `video_files`), for reading.

    Raises:
        FileNotFoundError: there is no such file.
        UserError: the file is empty, cut off, or no audio or video.
    """
    path = Path(path)
    files = video_files(path)
    if files != [path]:
        return open_images(path, files, say_once)
    if path.stat().st_size == 0:
        raise UserError(f"{path} is empty (0 bytes); copy or record it again.")
    try:
        # "file:" keeps a name such as "12:30.mp4" from being taken for an address. Tags may be in any encoding.
        return av.open(f"file:{path}", container_options={"format_whitelist": _FORMATS}, metadata_errors="replace")
    except PermissionError as error:
        raise UserError(f"{path} cannot be read: permission denied; check who owns the file.") from error
    except av.error.FFmpegError as error:
        if _is_mp4(path):
            raise UserError(
                f"{path} was cut off or damaged: its index is missing; copy or record it again."
            ) from error
        if path.suffix.lower() in IMAGES:
            raise UserError(
                f"{path} is a picture, not a video; give a video, or the folder of a sequence of pictures."
            ) from error
        raise UserError(f"{path} is not a video that can be read; use an MP4, MOV, MKV or WebM file.") from error


def _is_mp4(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(8)[4:] == b"ftyp"


def video_stream(container: av.container.InputContainer, path: str | Path) -> av.VideoStream:
    """Return the container's moving picture, decoded with threads, or raise `UserError` if it has none."""
    cover = av.stream.Disposition.attached_pic
    streams = [stream for stream in container.streams.video if not stream.disposition & cover]
    if not streams:
        raise UserError(f"{path} has no picture, only sound; give a video file.")
    if streams[0].codec_context is None:
        raise UserError(f"{path} is coded in a way that cannot be decoded here; convert it to H.264.")
    streams[0].thread_type = "AUTO"
    decoder = streams[0].codec_context
    decoder.options = {"max_pixels": str(_most_pixels(decoder))}  # what is larger it refuses before it takes memory
    return streams[0]


def _most_pixels(decoder: av.VideoCodecContext) -> int:
    """Of a picture of a stream, by the size with which it begins."""
    return max(_GROWN, 2 * decoder.width * decoder.height)


def readable_packets(container: av.container.InputContainer, *streams: av.stream.Stream) -> Iterator[av.Packet]:
    """Yield the whole packets of some streams, or of all, to the end of the file or to where it cannot be read on."""
    # Elsewhere "corrupt" is the packet in which a cut-off file ends; MPEG-TS says it too where two recordings join.
    joined = container.format.name == "mpegts"
    try:
        for packet in container.demux(*streams):
            if packet.size and (joined or not packet.is_corrupt):
                yield packet
    except av.error.FFmpegError as error:
        logger.warning("%s cannot be read to its end: %s", container.name, error)


def decoded_frames(
    container: av.container.InputContainer, stream: av.VideoStream | av.AudioStream
) -> Iterator[av.VideoFrame | av.AudioFrame]:
    """Yield every frame that decodes, in order of display; :mod:`perfclone.video.timeline` tells their times.

    Raises:
        UserError: the pictures become far larger than the file says of itself.
    """
    decoder = _decoder(stream)
    most = _most_pixels(decoder) if stream.type == "video" and decoder.width else None
    for packet in itertools.chain(_stamped(readable_packets(container, stream)), [None]):  # None drains the decoder
        try:
            frames = decoder.decode(packet)
        except av.error.FFmpegError as error:
            logger.debug("%s: %s", container.name, error)
            if most:
                _require_size(decoder, most, container.name, error)
            continue
        for frame in frames:
            frame.time_base = stream.time_base
            yield frame
    if most:
        _require_size(decoder, most, container.name)  # of what comes last no error is told


def _require_size(decoder: av.VideoCodecContext, most: int, name: str, error: Exception | None = None) -> None:
    """Raise `UserError` if a decoder refused a size: that of AV1 says so, others keep that size, or none."""
    if isinstance(error, av.error.OverflowError) or not 0 < decoder.width * decoder.height <= most:
        raise UserError(
            f"{name.removeprefix('file:')} turns into far larger pictures than it begins with; "
            "cut it off before that, or convert it to one size."
        ) from error


def _stamped(packets: Iterator[av.Packet]) -> Iterator[av.Packet]:
    """Say when each packet is decoded, also where a container stamps only the first of some."""
    following = None
    for packet in packets:
        if packet.dts is None:
            packet.dts = following
        following = None if packet.dts is None else packet.dts + (packet.duration or 0)
        yield packet


def _decoder(stream: av.VideoStream | av.AudioStream) -> av.CodecContext:
    """The stream's own decoder, or the one that reads the alpha of a WebM too."""
    context = stream.codec_context
    if stream.metadata.get("alpha_mode") == "1" and context.codec.canonical_name in _WITH_ALPHA:
        decoder = av.CodecContext.create(_WITH_ALPHA[context.codec.canonical_name], "r")
        decoder.width, decoder.height, decoder.options = context.width, context.height, context.options
        return decoder
    return context


def first_frame(container: av.container.InputContainer, stream: av.VideoStream, path: str | Path) -> av.VideoFrame:
    """Return the first frame that decodes, or raise `UserError` if none does."""
    frame = next(decoded_frames(container, stream), None)
    if frame is None:
        raise UserError(f"{path} holds no picture that can be decoded; copy or record it again.")
    return frame


def nominal_rate(stream: av.VideoStream) -> float:
    """Return the frames per second that the file claims, 25 if it claims none or means its clock of milliseconds."""
    rate = float(stream.average_rate or stream.guessed_rate or 25)
    return rate if rate <= _FASTEST else 25.0

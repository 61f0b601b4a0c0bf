"""The last step of writing: pictures and sound joined, without coding the pictures again."""

from __future__ import annotations

import heapq
import logging
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

import av

from perfclone.errors import UserError
from perfclone.video.container import decoded_frames, open_media, readable_packets
from perfclone.video.probe import inspect
from perfclone.video.timeline import JUMP

logger = logging.getLogger(__name__)

_CARRIED = {"aac", "mp3", "ac3", "eac3", "alac", "opus", "flac"}  # sound that MP4 holds and that players know there
_AAC_RATES = {8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000, 64000, 88200, 96000}
_PLAIN_TAGS = {"title", "artist", "album", "comment", "copyright", "date", "description", "genre"}
_PREROLL = 0.1  # seconds of sound before the first frame that a decoder may need; an edit list hides them
_OVERLAP = 0.25  # seconds by which two recordings that were joined may sound at once


def assemble(
    pictures: Path,
    output: Path,
    *,
    duration: float,
    audio_from: str | Path | None,
    metadata: Mapping[str, str],
    trim: bool = False,
) -> None:
    """Copy the pictures of one file and the sound of another into an MP4 that plays before all of it has arrived.

    Args:
        pictures: an MP4 file without B-frames; a cut-off one is copied as far as it goes.
        output: the file to write; one that exists is replaced.
        duration: seconds until which the last frame is shown.
        audio_from: a media file; its first sound track, if it has one, keeps its place relative to the first frame.
        metadata: tags; any beyond the usual ones are written in QuickTime's `mdta` form.
        trim: whether the sound ends with the pictures.

    Raises:
        OSError: the disk is full.
    """
    flags = "+faststart" if set(metadata) <= _PLAIN_TAGS else "+faststart+use_metadata_tags"
    with ExitStack() as stack:
        picture_in = stack.enter_context(open_media(pictures))
        out = stack.enter_context(av.open(f"file:{output}", "w", format="mp4", container_options={"movflags": flags}))
        out.metadata.update(metadata)
        tracks = [_pictures(picture_in, out, duration)]
        if audio_from is not None:
            sound_in = stack.enter_context(open_media(audio_from))
            if sound_in.streams.audio:
                tracks.append(_sound(sound_in, out, _shifts(audio_from), duration if trim else None))
        for packet in heapq.merge(*tracks, key=lambda packet: float(packet.dts * packet.time_base)):
            out.mux_one(packet)


def _pictures(
    container: av.container.InputContainer, out: av.container.OutputContainer, duration: float
) -> Iterator[av.Packet]:
    """Add a picture track to `out` and return its packets, the last one lasting until `duration` seconds."""
    stream = container.streams.video[0]
    into = out.add_stream_from_template(stream)

    def packets() -> Iterator[av.Packet]:
        held = None
        for packet in readable_packets(container, stream):
            if held is not None:
                yield held
            packet.stream = into
            held = packet
        if held is not None:
            held.duration = max(1, round(duration / held.time_base) - held.pts)
            yield held

    return packets()


def _sound(
    container: av.container.InputContainer,
    out: av.container.OutputContainer,
    shifts: tuple[float, ...],
    end: float | None,
) -> Iterator[av.Packet]:
    """Add a sound track to `out` and return its packets; for `shifts` see `Timeline`."""
    stream = container.streams.audio[0]
    if stream.codec_context is None:
        logger.warning("%s: the sound is coded in an unknown way and was left out.", container.name)
        return iter(())
    codec = stream.codec_context.codec.canonical_name
    if codec in _CARRIED:
        into = out.add_stream_from_template(stream)
        packets = readable_packets(container, stream)
    else:
        logger.info("%s: MP4 does not carry %s sound; it is re-encoded to AAC.", container.name, codec)
        rate = stream.rate if stream.rate in _AAC_RATES else 48000
        into = out.add_stream("aac", rate=rate, layout="mono" if stream.channels == 1 else "stereo")
        packets = _encoded(decoded_frames(container, stream), into)
    return _placed(packets, into, shifts, end)


def _encoded(frames: Iterator[av.AudioFrame], into: av.AudioStream) -> Iterator[av.Packet]:
    for frame in frames:
        yield from into.encode(frame)
    yield from into.encode(None)


def _placed(
    packets: Iterator[av.Packet], into: av.AudioStream, shifts: tuple[float, ...], end: float | None
) -> Iterator[av.Packet]:
    """Move packets of sound to the output's clock, without those that end well before 0 or begin after `end`.

    Where the clock jumps, that of the pictures did too: the sound goes on with them. A stamp that repeats is moved to
    the end of the sound before it.
    """
    (shift, *later), read, written = shifts, None, None
    for packet in packets:
        if packet.pts is None:
            continue
        tick, length = packet.time_base, packet.duration or 0
        step = 0 if read is None else packet.pts - read
        read, jumps = packet.pts, step < -2 * length or (bool(later) and step * tick > JUMP)
        if jumps and later:
            shift = later.pop(0)
        packet.pts -= round(shift / tick)
        if jumps and (packet.pts - written) * tick < -_OVERLAP:
            logger.warning("The sound's clock jumps back at %.1f s; the rest is left out.", written * tick)
            return
        if written is not None and packet.pts <= written:
            packet.pts = written + max(1, length)
        packet.dts = written = packet.pts
        if end is not None and packet.pts * tick >= end:
            return
        packet.stream = into
        if (packet.pts + length) * tick >= -_PREROLL:
            yield packet


def _shifts(path: str | Path) -> tuple[float, ...]:
    """Return the times, on the file's own clock, that its pictures count from; 0 for a file of sound only."""
    try:
        return inspect(path)[1].shifts
    except UserError:  # no picture, or only that of a cover
        return (0.0,)

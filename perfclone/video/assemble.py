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
from perfclone.video.probe import probe

logger = logging.getLogger(__name__)

_CARRIED = {"aac", "mp3", "ac3", "eac3", "alac", "opus", "flac"}  # sound that MP4 holds and that players know there
_AAC_RATES = {8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000, 64000, 88200, 96000}
_PLAIN_TAGS = {"title", "artist", "album", "comment", "copyright", "date", "description", "genre"}
_PREROLL = 0.1  # seconds of sound before the first frame that a decoder may need; an edit list hides them


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
                tracks.append(_sound(sound_in, out, _start(audio_from), duration if trim else None))
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
    container: av.container.InputContainer, out: av.container.OutputContainer, start: float, end: float | None
) -> Iterator[av.Packet]:
    """Add a sound track to `out` and return its packets, where `start` seconds of the input become 0."""
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
    return _placed(packets, into, start, end)


def _encoded(frames: Iterator[av.AudioFrame], into: av.AudioStream) -> Iterator[av.Packet]:
    for frame in frames:
        yield from into.encode(frame)
    yield from into.encode(None)


def _placed(
    packets: Iterator[av.Packet], into: av.AudioStream, start: float, end: float | None
) -> Iterator[av.Packet]:
    """Move packets of sound to the output's clock, without those that end well before 0 or begin after `end`."""
    last = None
    for packet in packets:
        if packet.pts is None:
            continue
        packet.pts -= round(start / packet.time_base)
        packet.dts = packet.pts
        if last is not None and packet.pts <= last:
            logger.warning("The sound's clock jumps back at %.1f s; the rest is left out.", last * packet.time_base)
            return
        last = packet.pts
        if end is not None and packet.pts * packet.time_base >= end:
            return
        packet.stream = into
        if (packet.pts + (packet.duration or 0)) * packet.time_base >= -_PREROLL:
            yield packet


def _start(path: str | Path) -> float:
    """Return the time, on the file's own clock, of its first picture; 0 for a file of sound only."""
    try:
        return probe(path).start
    except UserError:  # no picture, or only that of a cover
        return 0.0

"""A look at an upload before anything decodes it: ``python -m studio.judge FILE SECONDS PIXELS``.

It is a process of its own with little memory and time, as the file may have been made to harm whoever reads it. It
says "ready" once it begins, then one line of JSON: what the clip is, or what is wrong with it.
"""

from __future__ import annotations

import json
import logging
import math
import resource
import sys
import time
import zipfile
from pathlib import Path

from perfclone.errors import UserError
from perfclone.video.container import nominal_rate, open_media, readable_packets, video_stream

#: Bytes of memory that may be asked for, and seconds of computing, on a busy machine more of the clock's.
_MEMORY, _COMPUTING = 4 << 30, 2
#: More frames a second than this are not believed: many of them are long whatever their times say.
_FASTEST = 240
#: What files of other kinds begin with, somewhere in the first kilobyte; a browser or a reader goes by that.
_FOREIGN = (b"%pdf-", b"<!doctype", b"<html", b"<script", b"<svg", b"<?xml", b"<?php", b"#!/", b"#extm3u", b"ffconcat")


class _Wrong(Exception):
    """A phrase's key, and its values."""


def look(path: Path, seconds: float, pixels: int) -> dict:
    """Tell what a clip is, without decoding it."""
    _require_one_kind(path)
    with open_media(path) as container:
        claimed = (container.duration or 0) / 1e6
        if claimed > seconds:
            raise _Wrong("upload_long", claimed, seconds)
        stream = video_stream(container, path)
        width, height = stream.codec_context.width, stream.codec_context.height
        if width * height > pixels:
            raise _Wrong("upload_large", width, height, pixels / 1e6)
        lasts = _walk(container, stream, seconds)
    return {"seconds": lasts, "width": width, "height": height}


def _require_one_kind(path: Path) -> None:
    """Refuse what is a video and something else as well."""
    with path.open("rb") as file:
        head = file.read(1024).lower()
    if any(mark in head for mark in _FOREIGN) or zipfile.is_zipfile(path):
        raise _Wrong("upload_foreign")


def _walk(container, stream, seconds: float) -> float:
    """How long the pictures last: what a header says need not be so."""
    rate, first, last, lasts = nominal_rate(stream), None, None, 0.0
    for count, packet in enumerate(readable_packets(container, stream), 1):
        if packet.pts is not None:
            time = float(packet.pts * packet.time_base)
            first, last = min(time, time if first is None else first), max(time, time if last is None else last)
        lasts = max(count / _FASTEST, last - first + 1 / rate if last is not None else count / rate)
        if lasts > seconds:
            raise _Wrong("upload_long", lasts, seconds)
    if not lasts:
        raise _Wrong("upload_empty")
    return lasts


def main(argv: list[str]) -> None:
    """Print what there is to say."""
    path, seconds, pixels = Path(argv[0]), float(argv[1]), int(argv[2])
    logging.disable(logging.WARNING)
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    computed = math.ceil(time.process_time()) + _COMPUTING
    resource.setrlimit(resource.RLIMIT_CPU, (computed, computed + 1))
    print("ready", flush=True)
    try:
        said = look(path, seconds, pixels)
    except _Wrong as wrong:
        said = {"wrong": wrong.args}
    except UserError as error:
        said = {"sentence": str(error).replace(str(path), path.name)}
    print(json.dumps(said), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])

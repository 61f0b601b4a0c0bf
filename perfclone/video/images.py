"""Images numbered in order, opened as one video."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from pathlib import Path

import av

from perfclone.errors import UserError

# FFmpeg's readers of images one after the other. All but that of JPEG, which finds the next image by itself, would
# take the following image for the rest of one that is cut off: by its bytes, tell whether it is whole.
_READERS: dict[str, tuple[str, Callable[[bytes], bool]]] = {
    ".png": ("png_pipe", lambda data: b"IEND" in data[-64:]),
    ".jpg": ("jpeg_pipe", bool),
    ".jpeg": ("jpeg_pipe", bool),
    ".webp": ("webp_pipe", lambda data: len(data) >= 8 + int.from_bytes(data[4:8], "little")),
    ".bmp": ("bmp_pipe", lambda data: len(data) >= int.from_bytes(data[2:6], "little")),
}
_FPS = 25.0
_NAMED_FPS = re.compile(r"(\d+(?:\.\d+)?)[ _-]?fps", re.IGNORECASE)


def open_images(path: Path, files: list[Path], say: Callable[[str], None]) -> av.container.InputContainer:
    """Open a sequence of images as one video.

    Args:
        path: the sequence, for the sentences.
        files: its images, in order.
        say: called with a sentence about each that is not whole and left out.

    Raises:
        UserError: they cannot be read as images of their kind.
    """
    reader, whole = _READERS[files[0].suffix.lower()]
    try:
        return av.open(
            _Chain(path, files, whole, say), format=reader, container_options={"framerate": str(_fps(path))}
        )
    except (OSError, av.error.FFmpegError) as error:
        raise UserError(f"{path} is no sequence of images that can be read; check {files[0].name}.") from error


def _fps(path: Path) -> float:
    """Frames per second: what the name of the images or of their folder says ("30fps"), else 25."""
    for name in (path.name, path.absolute().parent.name):
        said = _NAMED_FPS.search(name)
        if said and 0 < float(said[1]) <= 1000:
            return float(said[1])
    return _FPS


class _Chain(io.RawIOBase):
    """The bytes of some images, one after the other."""

    def __init__(self, path: Path, files: list[Path], whole: Callable[[bytes], bool], say: Callable[[str], None]):
        self.name = str(path)
        self._waiting, self._whole, self._say = iter(files), whole, say
        self._image = io.BytesIO()

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        """Return up to `size` bytes, none at the end of the last image."""
        while not (data := self._image.read(size)):
            file = next(self._waiting, None)
            if file is None:
                return b""
            content = file.read_bytes()
            if content and self._whole(content):
                self._image = io.BytesIO(content)
            else:
                self._say(f"{file} is not a whole picture and was left out; copy or render it again.")
        return data

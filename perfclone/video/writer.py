"""A video file that appears under its name once it is whole, and survives whatever happens while it is written."""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from itertools import chain, count
from pathlib import Path
from types import TracebackType
from typing import Self

import av
import numpy as np

from perfclone.errors import UserError
from perfclone.files.sequence import check_length
from perfclone.files.writing import beside, ensure_parent, full_disk_explained, sibling
from perfclone.video.assemble import assemble
from perfclone.video.container import open_media
from perfclone.video.encoder import Encoder
from perfclone.video.interrupt import interrupt_held
from perfclone.video.probe import probe

logger = logging.getLogger(__name__)

SYNTHETIC = "Synthetic performance made with perfclone"


class VideoWriter:
    """Write frames as an MP4 (H.264, yuv420p, BT.709), which appears under its name only once it is whole.

        with VideoWriter("out.mp4", rate=info.fps, duration=info.duration, audio_from="driving.mp4") as writer:
            for frame in frames:
                writer.write(pixels, frame.time)

    Until then the pictures go to `.out.part.mp4` beside it, in fragments, so that even after a SIGKILL it plays, all
    but its last second or two (or 20 frames, where those last longer). An exception inside the `with`, Ctrl-C
    included, leaves what was done, playable, as `out.partial.mp4` (`out.partial-2.mp4`, where there is one already),
    and a file that was there before as it was.

    Args:
        path: the file to write; it must end in .mp4.
        rate: frames per second; for uneven times, their mean.
        audio_from: a media file whose first sound track is laid under the pictures, whole: copied where MP4 can carry
            it, else re-encoded to AAC.
        duration: seconds from the first frame to the end of the last; None shows the last frame for `1 / rate`.
        force: whether to replace a file that exists.
        crf: x264's constant rate factor, 0 (lossless) to 51.
        preset: x264's preset.
        metadata: tags of the file; a comment says that the video is synthetic unless another is given.
        seal: called with the whole file before it takes its place, to change it there: to sign it.

    Attributes:
        path: the file to write.
        partial_path: where the work of a run that failed was kept; None otherwise.
        frames: how many frames were written so far.

    Raises:
        UserError: the file exists and `force` is off, it is `audio_from` itself, or its name or folder will not do.
        FileNotFoundError: there is no file `audio_from`.
        ValueError: `rate` is out of range.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        rate: Fraction | float,
        audio_from: str | Path | None = None,
        duration: float | None = None,
        force: bool = False,
        crf: int = 18,
        preset: str = "veryfast",
        metadata: Mapping[str, str] | None = None,
        seal: Callable[[Path], None] | None = None,
    ):
        self.path, self.partial_path = Path(path), None
        self._part = sibling(self.path, ".", ".part.mp4")
        self._encoder = Encoder(self._part, rate, crf, preset)
        _check_target(self.path, force)
        if audio_from is not None:
            _check_sound(Path(audio_from), self.path)
        self._audio_from, self._duration = audio_from, duration
        self._metadata, self._seal = {"comment": SYNTHETIC, **(metadata or {})}, seal
        self._cut = False

    def __enter__(self) -> Self:
        return self

    @property
    def frames(self) -> int:
        """How many frames were written so far."""
        return self._encoder.frames

    def write(self, pixels: np.ndarray, time: float | None = None) -> None:
        """Append a frame.

        Args:
            pixels: (H, W, 3) uint8 RGB, the same size every time. H.264 needs even sizes: an odd last row or column
                is doubled.
            time: seconds since the first frame, later than the frame before; None keeps the constant rate.

        Raises:
            ValueError: `pixels` is no such picture, or `time` does not rise.
            UserError: the disk is full.
        """
        with interrupt_held(), self._disk_errors():
            self._encoder.write(pixels, time)

    def end_here(self) -> None:
        """Let the video end, sound and all, with the last frame that was written, however long it was to be."""
        self._cut = True

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            self._keep()
            return
        try:
            self._finish()
        except BaseException:
            self._keep()
            raise

    def _finish(self) -> None:
        """Put the whole video in its place."""
        if not self.frames:
            raise UserError(f"{self.path} was not written: there was no frame to write.")
        asked = 0.0 if self._cut else self._duration or 0.0
        with self._disk_errors():
            self._encoder.close()
            self._assemble(self.path, asked if asked > self._encoder.last else self._encoder.end, trim=self._cut)

    def _keep(self) -> None:
        """Keep what was done before a failure, playable, under another name; leave nothing else behind.

        Impatient users press Ctrl-C again and again: the second one waits until this is done.
        """
        with interrupt_held():
            with contextlib.suppress(OSError, av.error.FFmpegError):  # what reached the disk before is what there is
                self._encoder.close()
            if self.frames and _plays(self._part):
                self._keep_part()
            self._part.unlink(missing_ok=True)

    def _keep_part(self) -> None:
        self.partial_path = self._free_name()
        try:
            self._assemble(self.partial_path, self._encoder.end, trim=True)
        except (OSError, ValueError, av.error.FFmpegError) as reason:  # no room for a copy: the part file plays too
            logger.debug("%s: %s", self.partial_path, reason)
            os.replace(self._part, self.partial_path)
        logger.warning("%s was not finished; what was done is in %s.", self.path, self.partial_path)

    def _free_name(self) -> Path:
        """A name for an unfinished video that takes nothing from an earlier one."""
        endings = (f".partial{more}.mp4" for more in chain([""], (f"-{n}" for n in count(2))))
        names = (sibling(self.path, after=ending) for ending in endings)
        return next(path for path in names if not path.exists())

    def _assemble(self, target: Path, duration: float, trim: bool) -> None:
        """Turn the part file into `target`."""
        with beside(target) as whole:
            assemble(
                self._part,
                whole,
                duration=duration,
                audio_from=self._audio_from,
                metadata=self._metadata,
                trim=trim,
            )
            if self._seal:
                self._seal(whole)
        self._part.unlink()

    @contextlib.contextmanager
    def _disk_errors(self) -> Iterator[None]:
        """Turn what the disk says into one clear sentence."""
        try:
            with full_disk_explained(self.path, "run again"):
                yield
        except OSError as error:
            raise UserError(f"{self.path} cannot be written: {error.strerror}.") from error


def _check_target(path: Path, force: bool) -> None:
    """Refuse a target that cannot be written, before any work is done."""
    if path.suffix.lower() != ".mp4":
        raise UserError(f"The output {path} must end in .mp4.")
    check_length(path)
    if path.is_dir():
        raise UserError(f"The output {path} is a folder; give the name of a file in it.")
    if path.exists() and not force:
        raise UserError(f"{path} exists already; replace it with force, or choose another name.")
    ensure_parent(path)


def _check_sound(path: Path, output: Path) -> None:
    """Refuse a file of sound that is the output, or that cannot be opened."""
    if output.exists() and path.exists() and output.samefile(path):
        raise UserError(f"The output {output} is the video that is read; choose another name, or it would be lost.")
    open_media(path).close()


def _plays(path: Path) -> bool:
    """Tell whether a file holds a picture that can be decoded."""
    try:
        probe(path)
    except (UserError, FileNotFoundError):
        return False
    return True

"""Frames into an H.264 file that survives whatever happens while it is written."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from itertools import chain, count
from pathlib import Path
from types import TracebackType
from typing import Self

import av
import numpy as np
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc, VideoReformatter

from perfclone.errors import UserError
from perfclone.files.writing import FULL, ensure_parent
from perfclone.video.assemble import assemble
from perfclone.video.container import open_media
from perfclone.video.probe import probe

logger = logging.getLogger(__name__)

SYNTHETIC = "Synthetic performance made with perfclone"
_TICKS = 90_000  # a second is divided at least so finely
# Fragments of a second, each pushed to the disk at once, so that a killed run leaves a file that plays.
_FRAGMENTS = {
    "movflags": "frag_keyframe+empty_moov+default_base_moof",
    "frag_duration": "1000000",
    "flush_packets": "1",
}
_BT709 = 1  # the colour matrix, as ITU-T H.273 numbers it


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
        if not 0.01 <= rate <= 10_000:
            raise ValueError(f"rate must be from 0.01 to 10000 frames per second, not {rate}.")
        self.path = Path(path)
        _check_target(self.path, force)
        if audio_from is not None and _same_file(self.path, Path(audio_from)):
            raise UserError(f"The output {path} is the video that is read; choose another name, or it would be lost.")
        if audio_from is not None:
            open_media(audio_from).close()
        self.partial_path: Path | None = None
        self.frames = 0
        self._rate = Fraction(float(rate)).limit_denominator(1001)
        # A tick that spells both the exact rate and, to about 5 microseconds, any other time.
        self._tick = Fraction(1, self._rate.numerator * -(-_TICKS // self._rate.numerator))
        self._audio_from, self._duration = audio_from, duration
        # Without B-frames: with them, MP4 states a wrong length for uneven times, and a killed run loses more.
        self._options = {"crf": str(crf), "preset": preset, "bf": "0"}
        self._metadata, self._seal = {"comment": SYNTHETIC, **(metadata or {})}, seal
        self._part = self.path.with_name(f".{self.path.stem}.part.mp4")
        self._container: av.container.OutputContainer | None = None
        self._shape: tuple[int, ...] | None = None
        self._pts = -1
        self._reformatter = VideoReformatter()

    def __enter__(self) -> Self:
        return self

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
        if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3:
            raise ValueError(f"pixels must be (H, W, 3) uint8, not {pixels.shape} {pixels.dtype}.")
        if self._shape not in (None, pixels.shape):
            raise ValueError(f"Every frame must have the size of the first, {self._shape}, not {pixels.shape}.")
        pts = self._next_pts(time)
        with _interrupt_held(), self._disk_errors():
            if self._container is None:
                self._open(pixels.shape)
            frame = self._encodable(pixels)
            frame.pts, frame.time_base = pts, self._tick
            self._container.mux(self._stream.encode(frame))
            self._pts = pts
            self.frames += 1

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

    def _next_pts(self, time: float | None) -> int:
        pts = round((self.frames / self._rate if time is None else float(time)) / self._tick)
        if pts < self._pts or pts < 0:
            raise ValueError(
                f"time must rise from frame to frame; {time} s comes after {float(self._pts * self._tick)} s."
            )
        return max(pts, self._pts + 1)

    def _open(self, shape: tuple[int, ...]) -> None:
        """Start the part file and its encoder for pictures of this shape."""
        height, width = shape[0] + shape[0] % 2, shape[1] + shape[1] % 2
        if (height, width) != shape[:2]:
            logger.info("%s: H.264 needs even sizes; written as %dx%d.", self.path, width, height)
        self._shape = shape
        container = av.open(f"file:{self._part}", "w", format="mp4", container_options=_FRAGMENTS)
        self._stream = container.add_stream("libx264", rate=self._rate, options=self._options)
        self._stream.width, self._stream.height, self._stream.pix_fmt = width, height, "yuv420p"
        context = self._stream.codec_context
        context.time_base = self._tick
        context.gop_size = max(2, round(2 * self._rate))
        context.color_primaries, context.color_trc = ColorPrimaries.BT709, ColorTrc.BT709
        context.colorspace, context.color_range = _BT709, ColorRange.MPEG
        container.start_encoding()  # where the header finds no room, any further packet would crash the process
        self._container = container

    def _encodable(self, pixels: np.ndarray) -> av.VideoFrame:
        height, width = pixels.shape[:2]
        if height % 2 or width % 2:
            pixels = np.pad(pixels, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
        return self._reformatter.reformat(
            av.VideoFrame.from_numpy_buffer(np.ascontiguousarray(pixels), "rgb24"),
            format="yuv420p",
            dst_colorspace=Colorspace.ITU709,
            dst_color_range=ColorRange.MPEG,
            threads=1,
        )

    def _finish(self) -> None:
        """Put the whole video in its place."""
        if not self.frames:
            raise UserError(f"{self.path} was not written: there was no frame to write.")
        with self._disk_errors():
            self._close()
            self._assemble(self.path, self._whole, trim=False)

    def _keep(self) -> None:
        """Keep what was done before a failure, playable, under another name; leave nothing else behind.

        Impatient users press Ctrl-C again and again: the second one waits until this is done.
        """
        with _interrupt_held():
            self._keep_at_once()

    def _keep_at_once(self) -> None:
        with contextlib.suppress(OSError, av.error.FFmpegError):  # what reached the disk before is what there is
            self._close()
        if self.frames and _plays(self._part):
            self.partial_path = self._free_name()
            try:
                self._assemble(self.partial_path, self._end, trim=True)
            except (
                OSError,
                ValueError,
                av.error.FFmpegError,
            ) as reason:  # no room for a copy: the part file plays too
                logger.debug("%s: %s", self.partial_path, reason)
                os.replace(self._part, self.partial_path)
            logger.warning("%s was not finished; what was done is in %s.", self.path, self.partial_path)
        self._part.unlink(missing_ok=True)

    def _free_name(self) -> Path:
        """A name for an unfinished video that takes nothing from an earlier one."""
        names = (f"{self.path.stem}.partial{more}.mp4" for more in chain([""], (f"-{n}" for n in count(2))))
        return next(path for path in map(self.path.with_name, names) if not path.exists())

    @property
    def _whole(self) -> float:
        """Seconds until which the last frame is shown: as asked, unless that lies before it."""
        asked = self._duration or 0.0
        return asked if asked > self._pts * self._tick else self._end

    @property
    def _end(self) -> float:
        return float(self._pts * self._tick + 1 / self._rate)

    def _close(self) -> None:
        """Write what the encoder still holds and close the part file."""
        container, self._container = self._container, None
        if container is None:
            return
        try:
            container.mux(self._stream.encode(None))
        finally:
            container.close()

    def _assemble(self, target: Path, duration: float, trim: bool) -> None:
        """Turn the part file into `target`, by way of a file beside it."""
        beside = self.path.with_name(f".{self.path.stem}.whole.mp4")
        try:
            assemble(
                self._part,
                beside,
                duration=duration,
                audio_from=self._audio_from,
                metadata=self._metadata,
                trim=trim,
            )
            if self._seal:
                self._seal(beside)
            os.replace(beside, target)
        finally:
            beside.unlink(missing_ok=True)
        self._part.unlink()

    @contextlib.contextmanager
    def _disk_errors(self) -> Iterator[None]:
        """Turn a full disk into one clear sentence."""
        try:
            yield
        except OSError as error:
            if error.errno not in FULL:
                raise UserError(f"{self.path} cannot be written: {error.strerror}.") from error
            raise UserError(
                f"The disk is full: {self.path} cannot be written; free some space and run again."
            ) from error


@contextlib.contextmanager
def _interrupt_held() -> Iterator[None]:
    """Hold Ctrl-C until the encoder has returned: cut short, it would lose the frames it holds."""
    handler = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(handler):
        yield
        return
    held: list[tuple] = []
    signal.signal(signal.SIGINT, lambda *at: held.append(at))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)
        if held:
            handler(*held[0])


def _check_target(path: Path, force: bool) -> None:
    """Refuse a target that cannot be written, before any work is done."""
    if path.suffix.lower() != ".mp4":
        raise UserError(f"The output {path} must end in .mp4.")
    if path.is_dir():
        raise UserError(f"The output {path} is a folder; give the name of a file in it.")
    if path.exists() and not force:
        raise UserError(f"{path} exists already; use --force (force=True) to replace it, or choose another name.")
    ensure_parent(path)


def _same_file(path: Path, other: Path) -> bool:
    return path.exists() and other.exists() and path.samefile(other)


def _plays(path: Path) -> bool:
    """Tell whether a file holds a picture that can be decoded."""
    try:
        probe(path)
    except (UserError, FileNotFoundError):
        return False
    return True

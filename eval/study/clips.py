"""Short clips cut out of the methods' videos, coded alike and small enough to go into one page."""

from __future__ import annotations

import tempfile
from itertools import islice
from pathlib import Path

from perfclone.errors import UserError

from .plan import Excerpt, Side

#: Longest side in px and x264's constant rate factor, from the best to the smallest; one for the whole study.
CODINGS = ((720, 18), (720, 22), (640, 24), (540, 26), (480, 28), (360, 30))
_PAGE = 50_000  # bytes of a page besides its clips, with room to spare
Clips = dict[tuple[Excerpt, Side], bytes]


def cut_clips(excerpts: list[Excerpt], megabytes: float) -> tuple[Clips, tuple[int, int]]:
    """Cut every excerpt out of both methods' videos, at the best coding at which all of them fit.

    Args:
        excerpts: Which; those of one clip must not overlap.
        megabytes: The page that holds them in base64 stays below so many millions of bytes.

    Returns:
        The clips as MP4 (H.264), and the coding: longest side in px and constant rate factor, the same for all, so
        that neither method is told by it.

    Raises:
        UserError: They do not fit, or a video is damaged.
    """
    limit = (megabytes * 1e6 - _PAGE) * 3 / 4
    for coding in CODINGS:
        clips = _cut_all(excerpts, coding, limit)
        if clips is not None:
            return clips, coding
    raise UserError(
        f"{len(excerpts)} pairs do not fit into {megabytes:g} MB; lower --pairs or --seconds, or raise --size."
    )


def _cut_all(excerpts: list[Excerpt], coding: tuple[int, int], limit: float) -> Clips | None:
    """Cut all excerpts; None as soon as they do not fit."""
    clips: Clips = {}
    for shared in dict.fromkeys(excerpt.clip for excerpt in excerpts):
        wanted = sorted((each for each in excerpts if each.clip == shared), key=lambda each: each.start)
        for side, path in (("a", shared.a), ("b", shared.b)):
            clips |= {(excerpt, side): clip for excerpt, clip in zip(wanted, _cut(path, wanted, coding))}
            if sum(map(len, clips.values())) > limit:
                return None
    return clips


def _cut(path: Path, excerpts: list[Excerpt], coding: tuple[int, int]) -> list[bytes]:
    """Cut excerpts, in the order of their starts, out of one video in one pass."""
    from perfclone.video import VideoReader, VideoWriter

    max_side, crf = coding
    clips, position = [], 0
    with tempfile.TemporaryDirectory() as folder, VideoReader(path, max_side=max_side) as reader:
        frames = iter(reader)
        for excerpt in excerpts:
            stretch = islice(frames, excerpt.start - position, excerpt.start - position + excerpt.frames)
            target = Path(folder, "clip.mp4")
            with VideoWriter(target, rate=reader.info.fps, crf=crf, preset="medium", force=True) as writer:
                for frame in stretch:
                    writer.write(frame.pixels)
                if writer.frames != excerpt.frames:
                    raise UserError(f"{path} is damaged from frame {excerpt.start + writer.frames} on; make it anew.")
            clips.append(target.read_bytes())
            position = excerpt.start + excerpt.frames
    return clips

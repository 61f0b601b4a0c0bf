"""Which videos of two reports show the same moments."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

from perfclone.errors import UserError

from ..results import Report

logger = logging.getLogger(__name__)
_REAL = "real"  # the floors of the real video: compared only where asked for by name


@dataclass(frozen=True)
class MethodVideos:
    """One method's videos in one report.

    Attributes:
        method: Its name.
        report: The report as it was given.
        kind: "output" (the method's own pictures) or "video" (side by side with the others).
        videos: Clip -> file.
    """

    method: str
    report: Path
    kind: str
    videos: dict[str, Path]


@dataclass(frozen=True)
class SharedClip:
    """A clip that both sides have.

    Attributes:
        name: As both reports have it.
        a: The first method's video.
        b: The second method's video, of the same length, rate and size.
        frames: In either.
        fps: Of either.
    """

    name: str
    a: Path
    b: Path
    frames: int
    fps: float


def videos_of(report: Path, method: str | None = None) -> MethodVideos:
    """Find the videos of a method in a report.

    Args:
        report: Its folder, or its report.json.
        method: Whose; may be None where the report holds one method besides "real".

    Raises:
        FileNotFoundError: There is no such report, or a video it names is gone.
        UserError: It does not hold this method, holds several, or names no videos.
    """
    rows, folder = Report.load(report).rows, report if report.is_dir() else report.parent
    names = sorted({row.method for row in rows})
    own = [name for name in names if name != _REAL] or names
    if method is None and len(own) != 1:
        raise UserError(f"{report} holds {len(own)} methods ({', '.join(own)}); choose with --methods A B.")
    method = method or own[0]
    if method not in names:
        raise UserError(f"{report} holds no method {method!r}; choose one of {', '.join(names)}.")
    rows = [row for row in rows if row.method == method]
    kind = "output" if any("output" in row.files for row in rows) else "video"
    videos = {row.clip: folder / row.files[kind] for row in rows if kind in row.files}
    if not videos:
        raise UserError(f"{report} names no videos of {method}; make the report anew with its videos.")
    if gone := [path for path in videos.values() if not path.is_file()]:
        raise FileNotFoundError(f"{report} names the video {gone[0]}, which is not there; make the report anew.")
    return MethodVideos(method, report, kind, videos)


def shared_clips(a: MethodVideos, b: MethodVideos) -> list[SharedClip]:
    """Pair the clips that two methods have in common, by name.

    Raises:
        UserError: There are none, both are the same, or their lengths, rates, sizes or kinds differ.
    """
    if (a.method, a.report.resolve()) == (b.method, b.report.resolve()):
        raise UserError(f"Both sides are {a.method} of {a.report}; give another report, or choose with --methods A B.")
    common = sorted(a.videos.keys() & b.videos.keys())
    if not common:
        raise UserError(
            f"The reports have no clip in common: {a.report} has {', '.join(sorted(a.videos))}; "
            f"{b.report} has {', '.join(sorted(b.videos))}."
        )
    if a.kind != b.kind:
        raise UserError(f"{a.report} holds {a.kind} videos and {b.report} {b.kind} videos; make both reports anew.")
    if a.kind == "video":
        logger.warning("The reports hold no plain output videos: their side-by-side videos are compared instead.")
    for name in sorted(a.videos.keys() ^ b.videos.keys()):
        logger.warning("The clip %s is in one report only and is left out.", name)
    return [_share(clip, a.videos[clip], b.videos[clip]) for clip in common]


def _share(clip: str, a: Path, b: Path) -> SharedClip:
    from perfclone.video import probe

    one, two = probe(a), probe(b)
    if one.frames != two.frames:
        raise UserError(
            f"The videos of {clip} differ in length ({one.frames} and {two.frames} frames); "
            "compare reports made of the same clip."
        )
    if (one.width, one.height) != (two.width, two.height):
        raise UserError(
            f"The videos of {clip} differ in size ({one.width}x{one.height} and {two.width}x{two.height}), "
            "which would give them away; make both at one size."
        )
    if abs(one.fps - two.fps) > 0.01 * one.fps:
        raise UserError(
            f"The videos of {clip} differ in rate ({one.fps:g} and {two.fps:g} fps); make both at one rate."
        )
    return SharedClip(clip, a, b, one.frames, one.fps)

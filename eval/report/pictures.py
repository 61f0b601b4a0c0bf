"""Pictures of a row for people: a contact sheet, the worst frames, and a side-by-side video, in one pass.

Frames come as a stream; what is kept of them is small, so memory does not grow with the length of the clip.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from perfclone.pose import PoseSequence
from perfclone.pose.body import measure_body
from perfclone.pose.draw import draw_pose
from perfclone.pose.sequence import Pose
from perfclone.video import VideoReader, VideoWriter

from ..results import Row
from ..scoring.regions import SIDE, hand_squares, head_square
from .canvas import PAPER, captioned, fit, grid, headings, save_jpeg, scale_of_colours
from .table import metric, number
from .words import PERCEPTUAL

#: Rows of the contact sheet, and frames of the gallery.
SHEET, WORST = 6, 10
#: Heights of a picture in the sheet and in the video, pixels.
SHEET_HEIGHT, VIDEO_HEIGHT = 190, 360
#: The largest width and height of a picture in the gallery, whose frames stand in rows of five, pixels.
WORST_WIDTH, WORST_HEIGHT, WORST_ACROSS = 250, 320, 5
#: Side of an enlarged face or hand, pixels; pairs of them stand in rows of three.
PART_SIDE, PARTS_ACROSS = 150, 3
#: The video is no wider than this, pixels.
VIDEO_WIDTH = 1920
#: Differences are shown this many times as large; 255 / AMPLIFIED levels are the brightest.
AMPLIFIED = 4
#: Height of the headings, gap between pictures, and width of the column of instants, pixels.
_HEAD, _GAP, _SIDE = 26, 4, 92
#: Share of the square in which a face or a hand is looked for that is shown.
_MIDDLE = 0.65


class Instant(NamedTuple):
    """One frame of everything that is shown side by side. What is None has no column.

    Attributes:
        index: Number of the frame, from 0.
        time: Seconds since the first frame.
        output: (H, W, 3) uint8 RGB.
        driving: The performance, (H', W', 3) uint8 RGB.
        pose: Picture of the pose that the output should show, (H', W', 3) uint8 RGB.
        truth: (H, W, 3) uint8 RGB.
        parts: The squares around head, right and left hand where they should be, as `eval.scoring.regions` has them;
            empty where that is not known.
    """

    index: int
    time: float
    output: np.ndarray
    driving: np.ndarray | None = None
    pose: np.ndarray | None = None
    truth: np.ndarray | None = None
    parts: tuple[np.ndarray | None, ...] = ()


def read_instants(
    output: Path, truth: Path | None = None, driving: Path | None = None, poses: PoseSequence | None = None
) -> Iterator[Instant]:
    """Read videos in step, as many frames as the shortest has.

    Args:
        output: The video that is judged.
        truth: What it should look like.
        driving: The performance.
        poses: What the output should show, in the pixels of ``poses.size``.

    Yields:
        Instants with the columns that were given.
    """
    paths = {name: path for name, path in (("truth", truth), ("driving", driving)) if path is not None}
    torso = measure_body(poses).torso if poses is not None else 0.0
    with ExitStack() as stack:
        readers = {name: stack.enter_context(VideoReader(path)) for name, path in {"output": output, **paths}.items()}
        for t, frames in enumerate(zip(*readers.values())):
            shown = dict(zip(readers, (frame.pixels for frame in frames)))
            if poses is not None and t < len(poses):
                width, height = poses.size
                shown["parts"] = _parts(poses, t, torso)
                shown["pose"] = draw_pose(Pose(poses.keypoints[t], poses.scores[t]), height, width)
            yield Instant(t, frames[0].time, **shown)


def difference_picture(output: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Where two frames differ: the largest |output - truth| of the three colours, amplified, from black to yellow.

    Args:
        output: (H, W, 3) uint8 RGB.
        truth: (H, W, 3) uint8 RGB.

    Returns:
        (H, W, 3) uint8 RGB; black where they are equal, brightest from 255 / :data:`AMPLIFIED` levels on.
    """
    apart = cv2.absdiff(output, truth).max(axis=2)
    grey = np.minimum(apart.astype(np.uint16) * AMPLIFIED, 255).astype(np.uint8)
    return cv2.applyColorMap(grey, cv2.COLORMAP_INFERNO)[..., ::-1]


def panels(instant: Instant) -> dict[str, np.ndarray]:
    """Heading -> picture, for what an instant has, in the order of the video."""
    found = {"driving": instant.driving, "pose": instant.pose, "output": instant.output, "truth": instant.truth}
    return {heading: picture for heading, picture in found.items() if picture is not None}


def columns(instant: Instant) -> dict[str, np.ndarray]:
    """Heading -> picture, for what an instant has, in the order of the sheet."""
    found = panels(instant)
    if instant.truth is not None:
        found[f"difference x {AMPLIFIED}"] = difference_picture(instant.output, instant.truth)
    return found


def worst_frames(row: Row, count: int = WORST) -> tuple[str, dict[int, float]]:
    """The frames with the largest perceptual distance in the whole frame.

    Returns:
        The metric's name ("" where the row has none), and frame number -> its value, the worst first.
    """
    for name in PERCEPTUAL:
        series = row.series.get(name, {}).get("whole", [])
        known = sorted((-value, t) for t, value in enumerate(series) if value is not None)
        if known:
            return name, {t: -value for value, t in known[:count]}
    return "", {}


def make_pictures(instants: Iterable[Instant], row: Row, folder: Path, stem: str) -> dict[str, str]:
    """Write the sheet, the worst frames and the side-by-side video of a row.

    Args:
        instants: Every frame of the clip, in order.
        row: What was found; says how many frames there are and which are the worst.
        folder: Where the files go; files of the same names are replaced.
        stem: What their names begin with.

    Returns:
        Kind ("sheet", "parts", "worst", "video") -> file name, for ``Row.files``.
    """
    name, worst = worst_frames(row)
    wanted = set(np.linspace(0, row.frames - 1, min(SHEET, row.frames)).round().astype(int).tolist())
    kept: list[_Kept] = []
    parts: list[np.ndarray] = []
    gallery: dict[int, np.ndarray] = {}
    with _Video(folder / f"{stem}.mp4", row.fps) as video:
        for instant in instants:
            video.write(instant)
            if instant.index in wanted:
                small = {heading: fit(each, SHEET_HEIGHT) for heading, each in columns(instant).items()}
                kept.append(_Kept(instant.index, instant.time, small))
                parts += part_tiles(instant)
            if instant.index in worst:
                value = number(worst[instant.index], metric(name).digits)
                gallery[instant.index] = _worst_tile(instant, value)
    files = {"video": f"{stem}.mp4"}
    if kept:
        files["sheet"] = save_jpeg(_sheet(kept), folder / f"{stem}-sheet.jpg").name
    if parts:
        files["parts"] = save_jpeg(grid(parts, PARTS_ACROSS), folder / f"{stem}-parts.jpg").name
    if gallery:
        tiles = [gallery[t] for t in worst if t in gallery]
        files["worst"] = save_jpeg(grid(tiles, WORST_ACROSS), folder / f"{stem}-worst.jpg").name
    return files


def part_tiles(instant: Instant) -> list[np.ndarray]:
    """Faces and hands of an instant, enlarged, output beside truth; none where truth or place is not known."""
    if instant.truth is None:
        return []
    tiles = []
    for name, square in zip(("face", "right hand", "left hand"), instant.parts):
        if square is None:
            continue
        pair = [_close(frame, square) for frame in (instant.output, instant.truth)]
        tiles.append(captioned(np.concatenate(pair, axis=1), f"{name} · frame {instant.index}"))
    return tiles


def _close(frame: np.ndarray, square: np.ndarray) -> np.ndarray:
    """The middle of a square of a frame, enlarged."""
    scale = PART_SIDE / (_MIDDLE * SIDE)
    close = scale * square
    close[:, 2] -= (scale * SIDE - PART_SIDE) / 2
    return cv2.warpAffine(frame, close, (PART_SIDE, PART_SIDE), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)


def _parts(poses: PoseSequence, t: int, torso: float) -> tuple[np.ndarray | None, ...]:
    joints = poses.keypoints[t], poses.scores[t]
    return head_square(*joints), *hand_squares(*joints, torso)


def clock(seconds: float) -> str:
    """Minutes, seconds and hundredths, as in "1:04.20"."""
    minutes, rest = divmod(round(seconds * 100), 6000)
    return f"{minutes}:{rest / 100:05.2f}"


class _Kept(NamedTuple):
    """An instant as the sheet has it, its pictures small."""

    index: int
    time: float
    pictures: dict[str, np.ndarray]


class _Video:
    """The side-by-side video: the panels of each instant, with headings burnt in."""

    def __init__(self, path: Path, fps: float):
        self._writer, self._heads, self._height = VideoWriter(path, rate=fps, force=True, crf=20), None, 0

    def __enter__(self) -> _Video:
        self._writer.__enter__()
        return self

    def __exit__(self, *error) -> None:
        self._writer.__exit__(*error)

    def write(self, instant: Instant) -> None:
        """Append an instant."""
        shown = panels(instant)
        if self._heads is None:
            height = min(VIDEO_HEIGHT, instant.output.shape[0])
            width = sum(each.shape[1] / each.shape[0] * height for each in shown.values())
            self._height = max(2, int(height * min(1, VIDEO_WIDTH / width)) // 2 * 2)
        pictures = [fit(each, self._height) for each in shown.values()]
        if self._heads is None:
            self._heads = headings(list(shown), [each.shape[1] for each in pictures], _HEAD)
        self._writer.write(np.concatenate([self._heads, np.concatenate(pictures, axis=1)]), instant.time)


def _worst_tile(instant: Instant, value: str) -> np.ndarray:
    """Output above truth of a bad frame, with its number, time and value below."""
    height, width = instant.output.shape[:2]
    height = max(2, min(WORST_HEIGHT, height * WORST_WIDTH // width))
    pair = [fit(each, height) for each in (instant.output, instant.truth) if each is not None]
    return captioned(np.concatenate(pair), f"frame {instant.index} · {clock(instant.time)} · {value}")


def _sheet(kept: list[_Kept]) -> np.ndarray:
    """The contact sheet: a row an instant, its time and number at the left, headings above, the legend below."""
    heads = list(kept[0].pictures)
    widths = [_SIDE, *(picture.shape[1] + _GAP for picture in kept[0].pictures.values())]
    parts = [headings(["", *heads], widths, _HEAD)]
    for instant in kept:
        words = [headings([text], [_SIDE], 20) for text in (clock(instant.time), f"frame {instant.index}")]
        room = np.full((SHEET_HEIGHT - 40 >> 1, _SIDE, 3), PAPER, np.uint8)
        line = [np.concatenate([room, *words, room])]
        for picture in instant.pictures.values():
            line += [picture, np.full((SHEET_HEIGHT, _GAP, 3), PAPER, np.uint8)]
        parts += [np.concatenate(line, axis=1), np.full((_GAP, sum(widths), 3), PAPER, np.uint8)]
    if heads[-1].startswith("difference"):
        parts.append(_legend(sum(widths)))
    return np.concatenate(parts)


def _legend(width: int) -> np.ndarray:
    """What the colours of the difference mean."""
    levels = np.arange(256 // AMPLIFIED, dtype=np.uint8)
    bar = difference_picture(np.repeat(levels[None, :, None], 3, axis=2), np.zeros((1, len(levels), 3), np.uint8))
    return scale_of_colours(bar[0], "equal", f"{255 // AMPLIFIED} of 255 levels or more apart", width)

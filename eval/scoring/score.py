"""Scoring: a video beside the truth, frame by frame, as a stream.

First P looks at each video, for where the person is and what they do; then both videos are read in step, and each
meter of `eval/scoring/meters.py` takes what it needs of a frame. Nothing holds a whole video.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import cv2
import numpy as np

from perfclone.background.camera import find_camera
from perfclone.background.margin import size_within
from perfclone.errors import UserError
from perfclone.pose import PoseSequence, build_extractor
from perfclone.pose.body import measure_body
from perfclone.pose.mattes import Mattes
from perfclone.pose.perform import read_poses
from perfclone.progress import Progress, titled
from perfclone.retarget import retarget_to
from perfclone.video import VideoReader, probe

from ..results import METRICS, Row
from ..statistics.intervals import block_bootstrap, drift
from .meters import FaceMeter, FramePair, Meter, MotionMeter, PictureMeter, PooledMeter, performance
from .regions import cut_square, person_square

#: Motion needs two frames.
FEWEST = 2
_LOOKS = 60  # frames, evenly spread, by which the camera is judged
_LOOK_SIDE = 960  # longest side of these
_KERNEL = np.ones((9, 9), np.uint8)
_MOVING = "The camera moves: temporal flickering and background change mean something in static shots only."


@dataclass(frozen=True)
class ScoreOptions:
    """Choices for scoring.

    Attributes:
        seed: Of the bootstrap and of what is sampled.
        faces: Measure the distance of faces, where the optional packages are installed.
        person: Which person of the videos performs, 0 the largest.
        device: Where the networks run.
    """

    seed: int = 0
    faces: bool = True
    person: int = 0
    device: str = "cpu"

    def __post_init__(self):
        if not 0 <= self.seed < 2**31:
            raise ValueError(f"seed must lie in 0-{2**31 - 1}, got {self.seed}")
        if not 0 <= self.person <= 20:
            raise ValueError(f"person must lie in 0-20, got {self.person}")


@dataclass(frozen=True)
class Detected:
    """What P finds in a video.

    Attributes:
        poses: Cleaned, in the video's own pixels.
        mattes: (T, h, w) uint8, small, on disk.
        still: Whether the camera stands still.
    """

    poses: PoseSequence
    mattes: np.ndarray
    still: bool


@dataclass(frozen=True)
class Scored:
    """A row of the report, and the poses that the output should show, in its own pixels."""

    row: Row
    wanted: PoseSequence


def score_videos(
    output: Path,
    truth: Path,
    driving: Path | None = None,
    *,
    method: str = "output",
    clip: str | None = None,
    options: ScoreOptions | None = None,
    progress: Progress | None = None,
) -> Scored:
    """Score a video against the truth.

    Args:
        output: The video to judge.
        truth: What it should look like, of the same size and number of frames.
        driving: The performance that it should follow; without one the truth's own.
        method: What made the output, for the row.
        clip: Name of the clip, for the row; the truth's file name if None.
        options: Choices.
        progress: Called with what is going on, how much is done and how much there is.

    Raises:
        FileNotFoundError: One of the videos is not there.
        UserError: They differ in length or size, are too short, or nobody is seen in the truth.
    """
    options = options or ScoreOptions()
    _check(output, truth, driving)
    with tempfile.TemporaryDirectory() as scratch:
        real = detect_person(truth, Path(scratch, "truth.raw"), options, progress)
        if not (real.poses.scores > 0).any():
            raise UserError(f"Nobody was found in {truth}; give footage of one person, whole in the picture.")
        fake = detect_person(output, Path(scratch, "output.raw"), options, progress)
        wanted = real.poses if driving is None else retarget_driving(driving, real.poses, options, progress)
        meters = [PictureMeter(options.device), MotionMeter(real.still), PooledMeter(options.device, options.seed)]
        if options.faces and FaceMeter.available():
            meters.append(FaceMeter(len(real.poses)))
        _run(paired_frames(output, truth, real.mattes, fake.mattes), meters, len(real.poses), progress)
    row = Row(method, clip or truth.stem, len(real.poses), round(real.poses.fps, 4))
    if not real.still:
        row.notes.append(_MOVING)
    for meter in meters:
        meter.finish(row)
    performance(row, fake.poses, wanted, measure_body(real.poses).torso)
    summarise(row, options.seed)
    return Scored(row, wanted)


def detect_person(video: Path, scratch: Path, options: ScoreOptions, progress: Progress | None = None) -> Detected:
    """Let P find the person in a video; the mattes lie in a scratch file."""
    mattes, looked_at, seen = Mattes(scratch), [], count()
    extractor, every = build_extractor("blazepose", matte=True), max(1, probe(video).frames // _LOOKS)

    def watch(frame, pose) -> None:
        matte = mattes.take(frame.pixels, pose)
        if next(seen) % every == 0:
            size = size_within(_LOOK_SIDE, matte)
            looked_at.append([cv2.resize(each, size, interpolation=cv2.INTER_AREA) for each in (frame.pixels, matte)])

    poses = read_poses(video, extractor, options.person, titled(progress, f"poses of {video.name}"), watch)
    return Detected(poses, mattes.all(), find_camera(*zip(*looked_at)).kind == "still")


def retarget_driving(
    driving: Path, real: PoseSequence, options: ScoreOptions, progress: Progress | None
) -> PoseSequence:
    """The driving performance as the truth's person would give it: retargeted to their body and place."""
    poses = read_poses(driving, None, options.person, titled(progress, f"poses of {driving.name}"))
    if len(poses) != len(real):
        raise UserError(f"{driving} has {len(poses)} frames and the truth {len(real)}; cut both to the same moments.")
    if not (poses.scores > 0).any():
        raise UserError(f"Nobody was found in {driving}; give footage of one person, whole in the picture.")
    return retarget_to(poses, real)


def paired_frames(output: Path, truth: Path, real_mattes: np.ndarray, fake_mattes: np.ndarray) -> Iterator[FramePair]:
    """Both videos in step, with the person's region of each frame.

    Raises:
        UserError: They differ in length.
    """
    if len(real_mattes) != len(fake_mattes):
        raise UserError(
            f"{output} holds {len(fake_mattes)} frames and {truth} {len(real_mattes)}; cut them to the same moments."
        )
    with VideoReader(output) as outputs, VideoReader(truth) as truths:
        for t, (fake, real) in enumerate(zip(outputs, truths)):
            size = real.pixels.shape[1::-1]
            real_matte, fake_matte = (cv2.resize(mattes[t], size) for mattes in (real_mattes, fake_mattes))
            square = person_square(real_matte)
            crops = None if square is None else tuple(cut_square(each.pixels, square) for each in (fake, real))
            nearby = cv2.dilate(np.maximum(real_matte, fake_matte), _KERNEL)
            yield FramePair(fake.pixels, real.pixels, real_matte > 127, nearby, crops)


def summarise(row: Row, seed: int) -> None:
    """Turn the series of a row into means with intervals, and slopes; a series without any value is left out."""
    for metric, by_region in list(row.series.items()):
        for region, series in list(by_region.items()):
            if all(value is None for value in series):
                del by_region[region]
                continue
            values = row.values.setdefault(metric, {})
            values[region] = block_bootstrap(series, seed).within(METRICS[metric])
            slope = drift(series, row.fps, seed=seed)
            if slope is not None:
                row.drift.setdefault(metric, {})[region] = slope


def _run(pairs: Iterator[FramePair], meters: list[Meter], total: int, progress: Progress | None) -> None:
    for done, pair in enumerate(pairs, 1):
        for meter in meters:
            meter.update(pair)
        if progress:
            progress("scoring", done, total)


def _check(output: Path, truth: Path, driving: Path | None) -> None:
    infos = {path: probe(path) for path in (output, truth, driving) if path is not None}
    sizes = {path: (info.width, info.height) for path, info in infos.items() if path != driving}
    if len(set(sizes.values())) > 1:
        told = " and ".join(f"{path} is {width}x{height}" for path, (width, height) in sizes.items())
        raise UserError(f"The videos must have one size, and {told}; render the output at the truth's size.")
    counts = {path: info.frames for path, info in infos.items()}
    if len(set(counts.values())) > 1:
        told = ", ".join(f"{path} has {count} frames" for path, count in counts.items())
        raise UserError(f"The videos must have one length, and {told}; cut them to the same moments.")
    if min(counts.values()) < FEWEST:
        raise UserError(f"{truth} has {min(counts.values())} frame; motion needs at least {FEWEST}, so give a clip.")

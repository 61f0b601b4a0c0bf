"""Scoring: videos beside the truth, frame by frame, as a stream.

First P looks at each video, for where the person is and what they do; then all videos are read in step, and each
meter of `eval/scoring/meters.py` takes what it needs of a frame. Nothing holds a whole video.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
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
from perfclone.progress import Progress, counted, titled
from perfclone.retarget import retarget_to
from perfclone.video import VideoReader, probe

from ..metrics.identity import FaceDistance
from ..results import METRICS, Row
from ..statistics.intervals import block_bootstrap, drift
from .meters import Meter, PictureMeter, PooledMeter, performance
from .motion import MotionMeter
from .parts import PartMeter
from .regions import person_square
from .sight import FramePair, Sight

#: Motion needs two frames.
FEWEST = 2
#: In less than this a drift mostly follows the motion, seconds.
SHORTEST_DRIFT = 10.0
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
        still: Whether the camera was judged and stands still.
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
    """Score a video against the truth; see :func:`score_methods`."""
    how = {"clip": clip, "options": options, "progress": progress}
    return score_methods({method: output}, truth, driving, **how)[0]


def score_methods(
    outputs: Mapping[str, Path],
    truth: Path,
    driving: Path | None = None,
    *,
    clip: str | None = None,
    options: ScoreOptions | None = None,
    progress: Progress | None = None,
) -> list[Scored]:
    """Score videos against the same truth, which is looked at once for all of them.

    Args:
        outputs: What made it -> the video to judge.
        truth: What it should look like, of the same size and number of frames.
        driving: The performance that it should follow; without one the truth's own.
        clip: Name of the clip, for the rows; the truth's file name if None.
        options: Choices.
        progress: Called with what is going on, how much is done and how much there is.

    Returns:
        One for each output, in their order.

    Raises:
        FileNotFoundError: One of the videos is not there.
        UserError: They differ in length or size, are too short, or nobody is seen in the truth.
    """
    options, clip = options or ScoreOptions(), clip or truth.stem
    for output in outputs.values():
        _check(output, truth, driving)
    with tempfile.TemporaryDirectory() as scratch:
        real = detect_person(truth, Path(scratch, "truth.raw"), options, progress, camera=True)
        if not (real.poses.scores > 0).any():
            raise UserError(f"Nobody was found in {truth}; give footage of one person, whole in the picture.")
        found = {
            method: detect_person(output, Path(scratch, f"{n}.raw"), options, progress)
            for n, (method, output) in enumerate(outputs.items())
        }
        wanted = real.poses if driving is None else retarget_driving(driving, real.poses, options, progress)
        meters = {method: _meters(real, options) for method in outputs}
        mattes = {method: each.mattes for method, each in found.items()}
        pairs = paired_frames(outputs, truth, real, mattes)
        _run(counted(pairs, progress, f"scoring {clip}", len(real.poses)), meters)
    torso, scored = measure_body(real.poses).torso, []
    for method in outputs:
        row = Row(method, clip, len(real.poses), round(real.poses.fps, 4))
        if not real.still:
            row.notes.append(_MOVING)
        for meter in meters[method]:
            meter.finish(row)
        performance(row, found[method].poses, wanted, torso)
        summarise(row, options.seed)
        scored.append(Scored(row, wanted))
    return scored


def _meters(real: Detected, options: ScoreOptions) -> list[Meter]:
    """The meters of one method."""
    frames, device = len(real.poses), options.device
    parts = [PartMeter("face", frames, device, options.faces and FaceDistance.available())]
    parts.append(PartMeter("hands", frames, device))
    return [PictureMeter(device), MotionMeter(real.still), PooledMeter(device, options.seed), *parts]


def detect_person(
    video: Path, scratch: Path, options: ScoreOptions, progress: Progress | None = None, camera: bool = False
) -> Detected:
    """Let P find the person in a video; the mattes lie in a scratch file; judge the camera if that is wanted."""
    mattes, looked_at, seen = Mattes(scratch), [], count()
    extractor, every = build_extractor("blazepose", matte=True), max(1, probe(video).frames // _LOOKS)

    def watch(frame, pose) -> None:
        matte = mattes.take(frame.pixels, pose)
        if camera and next(seen) % every == 0:
            size = size_within(_LOOK_SIDE, matte)
            looked_at.append([cv2.resize(each, size, interpolation=cv2.INTER_AREA) for each in (frame.pixels, matte)])

    poses = read_poses(video, extractor, options.person, titled(progress, f"poses of {video.name}"), watch)
    return Detected(poses, mattes.all(), camera and find_camera(*zip(*looked_at)).kind == "still")


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


def paired_frames(
    outputs: Mapping[str, Path], truth: Path, real: Detected, mattes: Mapping[str, np.ndarray]
) -> Iterator[dict[str, FramePair]]:
    """All videos in step, with the person's region of each frame: method -> pair.

    Args:
        outputs: Method -> its video.
        truth: The truth's video.
        real: What P found in the truth.
        mattes: Method -> what P found in its video, (T, h, w) uint8.

    Raises:
        UserError: They differ in length.
    """
    for method, each in mattes.items():
        if len(each) != len(real.mattes):
            raise UserError(
                f"{outputs[method]} holds {len(each)} frames and {truth} {len(real.mattes)}; "
                "cut them to the same moments."
            )
    torso = measure_body(real.poses).torso
    with ExitStack() as stack:
        readers = [stack.enter_context(VideoReader(path)) for path in (truth, *outputs.values())]
        for t, (filmed, *made) in enumerate(zip(*readers)):
            size = filmed.pixels.shape[1::-1]
            matte = cv2.resize(real.mattes[t], size)
            seen, square = Sight(filmed.pixels), person_square(matte)
            shared = (square, real.poses.keypoints[t], real.poses.scores[t], torso)
            pairs = {}
            for method, frame in zip(outputs, made):
                nearby = cv2.dilate(np.maximum(matte, cv2.resize(mattes[method][t], size)), _KERNEL)
                pairs[method] = FramePair(Sight(frame.pixels), seen, matte > 127, nearby, *shared)
            yield pairs


def summarise(row: Row, seed: int) -> None:
    """Turn the series of a row into means with intervals, and slopes; a series without any value is left out."""
    for metric, by_region in list(row.series.items()):
        for region, series in list(by_region.items()):
            if all(value is None for value in series):
                del by_region[region]
                continue
            values, pooled = row.values.setdefault(metric, {}), METRICS[metric].pooled
            found = block_bootstrap(series, seed).within(METRICS[metric])
            values[region] = replace(values[region], low=found.low, high=found.high) if pooled else found
            if pooled or row.frames < SHORTEST_DRIFT * row.fps:
                continue
            if slope := drift(series, row.fps, seed=seed):
                row.drift.setdefault(metric, {})[region] = slope
        if not by_region:
            del row.series[metric]


def _run(moments: Iterable[dict[str, FramePair]], meters: Mapping[str, list[Meter]]) -> None:
    for pairs in moments:
        for method, pair in pairs.items():
            for meter in meters[method]:
                meter.update(pair)


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

"""Judging videos and actors, and writing the report: what the commands and the studio do alike."""

from __future__ import annotations

import re
import shutil
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from perfclone.progress import Progress
from perfclone.terminal.arguments import settings

from .results import Kind, Report

if TYPE_CHECKING:
    from .scoring.score import Scored, ScoreOptions


class Shown(NamedTuple):
    """What was scored, and the videos that the report shows of it."""

    scored: Scored
    output: Path
    truth: Path
    driving: Path | None = None


def judge_actor(
    actor: str,
    reference: Path,
    folder: Path,
    *,
    holdout: float | None = None,
    options: ScoreOptions | None = None,
    prices: Mapping[str, float | None] | None = None,
    progress: Progress | None = None,
) -> Report:
    """Judge an actor on the part of a reference video that was kept out of training, beside the nearest filmed frame.

    Args:
        actor: The actor, as ``Actor.from_pretrained`` takes it.
        reference: Its reference video.
        folder: Of the report.
        holdout: The share at the end to measure on; None takes what was kept out of the actor's training.
        options: How it is scored.
        prices: From which the cost is reckoned, as ``Cost`` takes them.
        progress: Called with what is going on, how much is done and how much there is.

    Raises:
        UserError: The video is not this actor's, or too short.
    """
    from .benchmark.holdout import perform_holdout
    from .report.cost import Cost
    from .scoring.score import ScoreOptions

    options = options or ScoreOptions()
    report = begin("actor", {"actor": str(actor), "reference": reference.name}, options.seed)
    with tempfile.TemporaryDirectory() as scratch:
        with timed(report, "performing"):
            held = perform_holdout(actor, reference, holdout, Path(scratch), progress)
        report.settings["holdout"] = held.holdout
        how = {"clip": reference.stem, "options": options, "progress": progress}
        with timed(report, "scoring"):
            shown = scored(held.videos, held.truth, **how)
        for each in shown:
            each.scored.row.notes += held.notes
        cost = {"stages": held.stages, "fps": held.actor.fps, "training_minutes": held.actor.minutes}
        report.cost = settings(Cost, **cost, **(prices or {})).to_dict()
        keep(report, folder, shown)
    return report


def judge_videos(
    videos: Mapping[str, Path],
    truth: Path,
    folder: Path,
    driving: Path | None = None,
    *,
    options: ScoreOptions | None = None,
    progress: Progress | None = None,
) -> Report:
    """Judge videos beside what they should look like; of several, the first is the one that the report is about.

    Args:
        videos: What made it -> the video.
        truth: What they should look like, of the same size and number of frames.
        folder: Of the report.
        driving: The performance that they should follow; without one the truth's own.
        options: How they are scored.
        progress: Called with what is going on, how much is done and how much there is.

    Raises:
        UserError: They differ in length or size, are too short, or nobody is seen in the truth.
    """
    from .scoring.score import ScoreOptions

    options = options or ScoreOptions()
    named = {name: path.name for name, path in (("truth", truth), ("driving", driving)) if path}
    whose = {"video": next(iter(videos.values())).name} if len(videos) == 1 else {n: v.name for n, v in videos.items()}
    report = begin("score", whose | named, options.seed)
    with timed(report, "scoring"):
        shown = scored(videos, truth, driving, options=options, progress=progress)
    keep(report, folder, shown)
    return report


def begin(kind: Kind, described: dict[str, Any], seed: int) -> Report:
    """A report of what is described, made on this machine, without rows as yet."""
    from . import circumstances

    return Report(kind, described, seed, versions=circumstances.versions(), machine=circumstances.machine())


def scored(outputs: Mapping[str, Path], truth: Path, driving: Path | None = None, **how: Any) -> list[Shown]:
    """Score videos as ``score_methods`` does; each with what the report shows of it."""
    from .scoring.score import score_methods

    found = score_methods(outputs, truth, driving, **how)
    return [Shown(each, output, truth, driving) for each, output in zip(found, outputs.values())]


def keep(report: Report, folder: Path, shown: Iterable[Shown]) -> Path:
    """Write the report of what was scored with its pictures, and each output beside it; gives the page."""
    from .report import write_report
    from .report.pictures import read_instants

    folder.mkdir(exist_ok=True)
    pictures = {}
    for each in shown:
        row = each.scored.row
        report.rows.append(row)
        name = re.sub(r"[^A-Za-z0-9_-]+", "-", f"{row.clip}-{row.method}") + "-output.mp4"
        shutil.copyfile(each.output, folder / name)
        row.files["output"] = name
        pictures[row.method, row.clip] = read_instants(each.output, each.truth, each.driving, each.scored.wanted)
    with timed(report, "pictures"):
        return write_report(report, folder, pictures)


@contextmanager
def timed(report: Report, stage: str) -> Iterator[None]:
    """Note how many seconds a stage of the evaluation took."""
    began = time.monotonic()
    yield
    report.times[stage] = report.times.get(stage, 0.0) + time.monotonic() - began

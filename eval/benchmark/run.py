"""The benchmark: every method on every clip of a suite, same splits, same poses, same minutes, each into a video."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from perfclone.errors import UserError
from perfclone.files.reading import file_sha256
from perfclone.governance.consent.kinds import evaluation_record, synthetic_record
from perfclone.governance.consent.record import ConsentRecord
from perfclone.governance.keys import signing_key
from perfclone.progress import Progress, counted
from perfclone.video import probe

from ..suite.description import Suite, Trial
from ..suite.detection import Found, find_poses
from .methods import Budget, Lesson, Nearest, Perfclone, SkeletonPix2Pix, wanted_poses
from .videos import clocked, write_frames

METHODS = ("perfclone", "nearest", "pix2pix")


@dataclass(frozen=True)
class Produced:
    """A method's video of a trial.

    Attributes:
        method: One of `METHODS`.
        trial: The trial.
        output: The video, nearly lossless, of the truth's length and size.
        minutes: Of training; None where nothing is trained.
        steps: Of training; None where nothing is trained.
        stages: Stage -> seconds a frame: "poses" of the driving video, which all methods share, and "painting".
        notes: What a reader must know.
    """

    method: str
    trial: Trial
    output: Path
    minutes: float | None
    steps: int | None
    stages: dict[str, float]
    notes: tuple[str, ...]


def run_methods(
    suite: Suite,
    methods: Sequence[str],
    budget: Budget,
    folder: Path,
    progress: Progress | None = None,
    *,
    actors: Mapping[str, Path] | None = None,
    preset: str = "base",
) -> list[Produced]:
    """Train each method on each target's reference and let it paint the target's trials.

    P looks once at each video, and all methods get the same poses: those of the reference to train on, and those that
    it found in the driving video, never the true ones. Training time counts the optimisation only, for all methods.
    With steps everything is repeatable on one machine.

    Args:
        suite: The suite.
        methods: Some of `METHODS`.
        budget: Of training, for each method and target.
        folder: Work folder, made if it is not there: METHOD/CLIP.mp4, actors, what P found. Delete it after measuring
            where the suite is not synthetic: its actors may be measured, and nothing else.
        progress: Called with what is going on, how much is done and how much there is.
        actors: Target -> a trained actor's folder, which perfclone uses instead of training.
        preset: perfclone's, as in :class:`TrainConfig`.

    Returns:
        For each trial in the suite's order each method in the order given.

    Raises:
        UserError: An unknown method or target, or a video in which nobody is seen.
    """
    actors = dict(actors or {})
    _check(suite, methods, actors)
    results: dict[tuple[str, str], Produced] = {}
    for target in dict.fromkeys(trial.target for trial in suite.trials):
        trials = [trial for trial in suite.trials if trial.target == target]
        found = {trial.name: find_poses(trial.driving, folder / "poses", progress) for trial in trials}
        lesson = _lesson(suite, trials, found, folder, progress)
        for name in methods:
            method = _learn(name, lesson, budget, preset, actors.get(target), progress)
            for trial in trials:
                results[trial.name, name] = _produce(name, method, trial, lesson, found[trial.name], folder, progress)
    return [results[trial.name, name] for trial in suite.trials for name in methods]


def _check(suite: Suite, methods: Sequence[str], actors: Mapping[str, Path]) -> None:
    unknown = [name for name in methods if name not in METHODS]
    if unknown or not methods:
        raise UserError(f"There is no method {', '.join(unknown) or 'given'}; choose some of {', '.join(METHODS)}.")
    targets = {trial.target for trial in suite.trials}
    strangers = sorted(set(actors) - targets)
    if strangers:
        raise UserError(f"The suite has no target {strangers[0]!r} for an actor; it has {', '.join(sorted(targets))}.")


def _lesson(
    suite: Suite, trials: list[Trial], found: dict[str, Found], folder: Path, progress: Progress | None
) -> Lesson:
    reference = find_poses(trials[0].reference, folder / "poses", progress, mattes=True)
    scratch = folder / "training" / trials[0].target
    scratch.mkdir(parents=True, exist_ok=True)
    wanted = {trial.name: wanted_poses(found[trial.name].poses, reference.poses) for trial in trials}
    return Lesson(trials[0].target, trials[0].reference, reference, wanted, scratch, _consent(suite, trials[0]))


def _consent(suite: Suite, trial: Trial) -> ConsentRecord:
    """Give the record to train a target with: that nobody is shown, or else to measure alone, until tomorrow."""
    if suite.parameters:
        return synthetic_record(trial.target, file_sha256(trial.reference), signing_key())
    return evaluation_record(trial.reference)


def _learn(
    name: str, lesson: Lesson, budget: Budget, preset: str, actor: Path | None, progress: Progress | None
) -> Perfclone | Nearest | SkeletonPix2Pix:
    if name == "perfclone":
        return Perfclone(lesson, budget, preset, actor, progress)
    return Nearest(lesson) if name == "nearest" else SkeletonPix2Pix(lesson, budget, progress)


def _produce(
    name: str, method, trial: Trial, lesson: Lesson, found: Found, folder: Path, progress: Progress | None
) -> Produced:
    output, spent = folder / name / f"{trial.name}.mp4", []
    output.parent.mkdir(parents=True, exist_ok=True)
    wanted = lesson.wanted[trial.name]
    frames = clocked(method.paint(found.poses, wanted), spent)
    frames = counted(frames, progress, f"{name}: {trial.name}", len(wanted))
    write_frames(frames, wanted, probe(trial.truth), output)
    stages = {"poses": found.seconds, "painting": sum(spent) / len(spent)}
    return Produced(name, trial, output, method.minutes, method.steps, stages, method.notes)

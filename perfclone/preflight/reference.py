"""Is this reference video good enough to train an actor from?"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from perfclone.pose.extractor import PoseExtractor, build_extractor
from perfclone.pose.skeleton import BODY_18, INDEX
from perfclone.preflight.coverage import coverage
from perfclone.preflight.picture import camera, light, sharpness_of
from perfclone.preflight.report import Finding, Report, graded
from perfclone.survey.sample import Sample, take_sample, visible
from perfclone.survey.verdict import Verdict, judge
from perfclone.training.config import holdout_told, usual_holdout

if TYPE_CHECKING:
    from perfclone.progress import Progress

_LONGER = "Film the actor for 20 to 60 seconds."
_WHOLE_BODY = "Step back until head, hands and feet stay inside the picture, and film upright for a standing person."


def check_reference(
    path: str | Path, extractor: PoseExtractor | None = None, *, progress: Progress | None = None
) -> Report:
    """Judge footage of a target actor from a few frames spread over it; nothing is trained.

    What fails here is what training refuses, by the same judge; all else is a warning.

    Args:
        path: The reference video.
        extractor: Finds the people; None takes BlazePose. It should give mattes.
        progress: Called with "reference", frames done and frames in all.

    Raises:
        FileNotFoundError: There is no such file.
        UserError: It is no video that can be read.
    """
    extractor = extractor or build_extractor("blazepose", matte=True)
    sample = take_sample(path, extractor, "reference", progress)
    verdict = judge(sample)
    findings = [*_usable(sample, verdict), *_file(sample), *_people(sample)]
    if sample.found.any():
        for look in (_framing, sharpness_of, light):
            findings += look(sample)
        findings += [*camera(sample, verdict), *coverage(sample.performer)]
    return Report(sample.title, tuple(findings), purpose="training")


def _usable(sample: Sample, verdict: Verdict) -> Iterator[Finding]:
    """Why training refuses it, if it does."""
    if verdict.refusal:
        yield Finding("usable", "fail", float(sample.found.sum()), verdict.refusal, _LONGER)


def _file(sample: Sample) -> Iterator[Finding]:
    """Length, frame rate and resolution."""
    info = sample.info
    usable = round(info.frames * float(sample.found.mean()))
    shown = f"{info.duration:.1f} s, about {usable} frames show the person"
    yield graded("length", info.duration * usable / info.frames, shown, _LONGER, warn=15)
    share = usual_holdout(info.duration)
    yield Finding("hold-out", "pass", share, f"{holdout_told(share, info.duration)} (`train --holdout` changes it)")
    rate = f"{info.fps:.4g} a second" + (", unevenly spaced" if info.variable_rate else "")
    yield graded(
        "frame rate",
        info.fps,
        rate,
        "Film at 25 or 30 frames a second: motion between frames cannot be learned.",
        warn=20,
    )
    short = min(info.width, info.height)
    yield graded("resolution", short, f"{info.width}x{info.height}", "Film at 1280x720 or more.", warn=480)


def _people(sample: Sample) -> Iterator[Finding]:
    """Whether the person is there, and alone."""
    share = float(sample.found.mean())
    yield graded(
        "person visible",
        share,
        visible(share),
        "Cut the video to the part with the actor, and film the whole body in good light.",
        warn=0.9,
    )
    company, rival = float((sample.others > 0.15).mean()), float((sample.others > 0.6).mean())
    message = f"somebody else is in the picture in {company:.0%} of the frames"
    if rival > 0.25:
        message = f"a second person, about as large, is there in {rival:.0%} of the frames"
    elif company <= 0.1:
        message = f"somebody else may be there in {company:.0%} of the frames"
    yield graded(
        "one person",
        company,
        message if company else "nobody else large enough to be mistaken for the actor was found",
        "Film the actor alone; whoever else is in the picture is taken for the actor when they come close.",
        warn=0.1,
        low=True,
    )


def _framing(sample: Sample) -> Iterator[Finding]:
    """Whether head, hands and feet are inside the picture, and how large the person is."""
    poses = sample.performer
    tall = float(np.median(_extent(poses.keypoints, poses.scores)))
    skull = 0.1 * tall  # above the nose
    head = (poses.scores[:, INDEX["nose"]] > 0) & (poses.keypoints[:, INDEX["nose"], 1] > skull)
    shares = {
        "head": float(head.mean()),
        "hands": float((poses.scores[:, [INDEX["right_wrist"], INDEX["left_wrist"]]] > 0).mean()),
        "feet": float((poses.scores[:, [INDEX["right_ankle"], INDEX["left_ankle"]]] > 0).mean()),
    }
    worst = min(shares.values())
    words = ", ".join(f"{part} {share:.0%}" for part, share in shares.items())
    yield graded("whole body", worst, f"seen in the picture: {words} of the time", _WHOLE_BODY, warn=0.85)
    tall *= sample.scale
    share = tall / sample.info.height
    yield graded(
        "size",
        tall,
        f"the person is {tall:.0f} px tall, {share:.0%} of the picture's height",
        "Move closer until the person fills two thirds of the picture's height, with room for raised arms.",
        warn=256,
    )


def _extent(keypoints: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """(T,) height of the body joints seen, pixels."""
    y, seen = keypoints[:, :BODY_18, 1], scores[:, :BODY_18] > 0
    return np.where(seen, y, -np.inf).max(1) - np.where(seen, y, np.inf).min(1)

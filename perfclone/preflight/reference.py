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
from perfclone.preflight.sample import Sample, take_sample, visible

if TYPE_CHECKING:
    from perfclone.progress import Progress

#: Frames of the sample.
SAMPLES = 40
_WHOLE_BODY = "Step back until head, hands and feet stay inside the picture, and film upright for a standing person."


def check_reference(
    path: str | Path, extractor: PoseExtractor | None = None, *, progress: Progress | None = None
) -> Report:
    """Judge footage of a target actor from a few frames spread over it; nothing is trained.

    Args:
        path: The reference video.
        extractor: Finds the people; None takes BlazePose. It should give mattes.
        progress: Called with "reference", frames done and frames in all.

    Raises:
        FileNotFoundError: There is no such file.
        UserError: It is no video that can be read.
    """
    extractor = extractor or build_extractor("blazepose", matte=True)
    sample = take_sample(path, extractor, SAMPLES, "reference", progress)
    findings = [*_file(sample), *_people(sample)]
    if sample.found.any():
        for judge in (_framing, sharpness_of, light, camera):
            findings += judge(sample)
        findings += coverage(sample.performer)
    return Report(sample.title, tuple(findings), purpose="training")


def _file(sample: Sample) -> Iterator[Finding]:
    """Length, frame rate and resolution."""
    info = sample.info
    usable = round(info.frames * float(sample.found.mean()))
    status = "fail" if info.duration < 3 or usable < 60 else "warn" if info.duration < 15 else "pass"
    advice = "Film the actor for 20 to 60 seconds (3 seconds and 60 frames are the least)."
    message = f"{info.duration:.1f} s, about {usable} frames show the person"
    yield Finding("length", status, round(info.duration, 2), message, "" if status == "pass" else advice)
    rate = f"{info.fps:.4g} a second" + (", unevenly spaced" if info.variable_rate else "")
    yield graded(
        "frame rate",
        info.fps,
        rate,
        "Film at 25 or 30 frames a second: motion between frames cannot be learned.",
        warn=20,
        fail=4,
    )
    short = min(info.width, info.height)
    yield graded("resolution", short, f"{info.width}x{info.height}", "Film at 1280x720 or more.", warn=480, fail=240)


def _people(sample: Sample) -> Iterator[Finding]:
    """Whether the person is there, and alone."""
    share = float(sample.found.mean())
    yield graded(
        "person visible",
        share,
        visible(share),
        "Cut the video to the part with the actor, and film the whole body in good light.",
        warn=0.9,
        fail=0.5,
    )
    company, rival = float((sample.others > 0.15).mean()), float((sample.others > 0.6).mean())
    status = "fail" if rival > 0.25 else "warn" if company > 0.1 else "pass"
    message = {
        "pass": "nobody else large enough to be mistaken for the actor was found",
        "warn": f"somebody else is in the picture in {company:.0%} of the frames",
        "fail": f"a second person, about as large, is there in {rival:.0%} of the frames",
    }[status]
    if status == "pass" and company:
        message = f"somebody else may be there in {company:.0%} of the frames"
    advice = "Film the actor alone; whoever else is in the picture gets into the plate or is taken for the actor."
    yield Finding("one person", status, round(company, 4), message, "" if status == "pass" else advice)


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
        fail=100,
    )


def _extent(keypoints: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """(T,) height of the body joints seen, pixels."""
    y, seen = keypoints[:, :BODY_18, 1], scores[:, :BODY_18] > 0
    return np.where(seen, y, -np.inf).max(1) - np.where(seen, y, np.inf).min(1)

"""Will this driving video work for that actor, and what will it cost?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from perfclone.errors import UserError
from perfclone.pose.body import Body, measure_body
from perfclone.pose.extractor import PoseExtractor, build_extractor
from perfclone.pose.sequence import Moment, PoseSequence
from perfclone.pose.skeleton import BODY_18, KEYPOINTS
from perfclone.pose.space import normalise, pose_distances
from perfclone.preflight.cost import cost
from perfclone.preflight.report import Finding, Report, graded
from perfclone.preflight.timeline import Stretch, timeline
from perfclone.retarget import retarget_sequence
from perfclone.survey.sample import Sample, take_sample, visible

if TYPE_CHECKING:
    from perfclone.actor import Actor
    from perfclone.pipeline import PerformanceCloner
    from perfclone.progress import Progress

#: Frames of the sample.
SAMPLES = 60
_NEIGHBOURS = 0.05  # share of the bank, on either side, that was filmed in the same moment as a pose
_LEAST, _MOST = 0.12, 0.35  # bounds of the distance that still counts as filmed, torso lengths
_RANGES = 5


@dataclass(frozen=True)
class Inspection:
    """What was seen of a driving video.

    Attributes:
        report: What was found, for people and machines.
        sample: The frames that were looked at.
        moved: The performer's poses in them, in the actor's frame; None where they cannot be measured.
        timeline: The whole video in stretches, by what they will come to.
    """

    report: Report
    sample: Sample
    moved: PoseSequence | None
    timeline: tuple[Stretch, ...]


def check_driving(
    path: str | Path,
    actor: Actor,
    extractor: PoseExtractor | None = None,
    price_per_hour: float | None = None,
    *,
    device: str | None = None,
    progress: Progress | None = None,
) -> Report:
    """Judge a driving video for an actor from frames spread over it, and time a few frames of a run on this machine.

    What fails here is what cloning refuses; all else is a warning.

    Args:
        path: The driving video.
        actor: Who shall perform it.
        extractor: Finds the people; None takes BlazePose.
        price_per_hour: What an hour of this machine costs, in any currency; None leaves the cost out.
        device: Where G would run; None takes an accelerator where there is one.
        progress: Called with "driving" or "timing", what is done and what there is in all.

    Raises:
        FileNotFoundError: There is no such file.
        UserError: It is no video that can be read, or the device will not do.
    """
    from perfclone.pipeline import PerformanceCloner

    cloner = PerformanceCloner(actor, extractor or build_extractor("blazepose"), device)
    return inspect_driving(path, cloner, price_per_hour, progress=progress).report


def inspect_driving(
    path: str | Path,
    cloner: PerformanceCloner,
    price_per_hour: float | None = None,
    *,
    purpose: str = "evaluation",
    progress: Progress | None = None,
    watch: Callable[[Moment, np.ndarray], None] | None = None,
) -> Inspection:
    """The same for whoever wants to show what was seen.

    Args:
        path: The driving video.
        cloner: Who would clone it.
        price_per_hour: As for :func:`check_driving`.
        purpose: What the actor's record must allow, as a few frames are painted to time them.
        progress: As for :func:`check_driving`.
        watch: What is going to be done with each frame besides, to be timed with the rest.
    """
    actor, sample = cloner.actor, take_sample(path, cloner.extractor, "driving", progress, SAMPLES)
    driver, ranges, moved = _measured(sample.poses), [], None
    distances, limit = np.full(len(sample.poses), np.nan), 0.0
    findings = [_performer(sample), _company(sample), _rate(sample)]
    if isinstance(driver, Finding):
        findings.insert(0, driver)
    else:
        moved = retargeted(sample.poses, driver, actor)
        distances, limit = bank_distances(sample.poses, driver, actor), filmed_distance(actor)
        findings += [_joints(sample), _proportions(driver, actor.body), _filmed(distances, limit)]
        ranges = worst_ranges(sample.poses.times, distances, limit, sample.info.duration)
        findings += cost(sample, cloner, price_per_hour, progress, purpose, watch)
    report = Report(f"{sample.title}, for this actor", tuple(findings), tuple(ranges), purpose="cloning")
    return Inspection(report, sample, moved, timeline(sample, distances > limit))


def _measured(poses: PoseSequence) -> Body | Finding:
    """The driver's body, or why cloning refuses the video."""
    try:
        return measure_body(poses)
    except UserError as error:
        return Finding("usable", "fail", 0.0, str(error), "Cut the video to the part with the performer.")


def _performer(sample: Sample) -> Finding:
    share = float(sample.found.mean())
    return graded(
        "person visible",
        share,
        visible(share),
        "Cut the video to the part with the performer: where nobody is found, the actor is absent.",
        warn=0.9,
    )


def _company(sample: Sample) -> Finding:
    share = float((sample.others > 0.5).mean())
    message = f"somebody else, large enough to be mistaken, is there in {share:.0%} of the frames"
    return graded(
        "one person",
        share,
        message if share else "nobody else large enough to be mistaken was found",
        "The largest person of the first frame is followed; choose another (--person 1, person=1), or film one person "
        "alone.",
        warn=0.1,
        low=True,
    )


def _rate(sample: Sample) -> Finding:
    """Whether there are frames enough to follow the motion."""
    return graded(
        "frame rate",
        sample.info.fps,
        f"{sample.info.fps:.4g} frames a second",
        "Film at 25 or 30 frames a second: the clone moves no more smoothly than the performance was filmed.",
        warn=15,
    )


def _joints(sample: Sample) -> Finding:
    """How many body joints are lost, of those that make the pose."""
    limbs = slice(0, 14)  # nose to ankles
    lost = 1 - float((sample.poses.scores[sample.found, limbs] > 0).mean())
    worst = np.argmin((sample.poses.scores[sample.found, limbs] > 0).mean(0))
    detail = f", most often the {KEYPOINTS[worst].replace('_', ' ')}" if lost > 0.005 else ""
    return graded(
        "joints",
        lost,
        f"{lost:.0%} of the joints are hidden or outside the picture{detail}",
        "Film the performer whole, from head to feet, without things in front.",
        warn=0.1,
        low=True,
    )


def _proportions(driver: Body, actor: Body) -> Finding:
    """The limb whose share of the body differs most; retargeting evens it out, up to a point."""
    theirs, ours = driver.proportions(), actor.proportions()
    ratios = {name: theirs[name] / ours[name] for name in ("torso", "upper_arm", "forearm", "thigh", "shin")}
    worst = max(ratios, key=lambda name: abs(np.log(ratios[name])))
    off = abs(ratios[worst] - 1)
    than = f"{off:.0%} {'longer' if ratios[worst] > 1 else 'shorter'}"
    return graded(
        "proportions",
        off,
        f"the performer's {worst.replace('_', ' ')} is {than} than the actor's, for their height",
        "Film both from the same height and distance; the actor keeps their own limb lengths, so hands and feet may "
        "miss what they touch.",
        warn=0.2,
        low=True,
    )


def filmed_distance(actor: Actor) -> float:
    """How far from the nearest filmed pose a pose may lie and still count as filmed, torso lengths.

    Each pose of the actor's bank is compared with those filmed at other times (the bank is in order of time; 5 % on
    either side are left out). The 95th percentile of these distances, held within 0.12-0.35, is the limit: a driving
    pose inside it is no stranger than the actor's own poses are to one another.
    """
    bank, scores = np.asarray(actor.pose_bank, np.float32), np.asarray(actor.pose_bank_scores)
    distances = pose_distances(bank, scores, bank, scores)
    at = np.arange(len(bank))
    distances[np.abs(at[:, None] - at) <= max(1, round(_NEIGHBOURS * len(bank)))] = np.inf
    nearest = distances.min(1, initial=np.inf)
    nearest = nearest[np.isfinite(nearest)]
    return min(max(float(np.quantile(nearest, 0.95)), _LEAST), _MOST) if len(nearest) else _LEAST


def retargeted(poses: PoseSequence, driver: Body, actor: Actor) -> PoseSequence:
    """The driving poses in the actor's frame."""
    size = actor.config.width, actor.config.height
    return retarget_sequence(poses, actor.body, size, actor.stance(actor.body), driver=driver)


def bank_distances(poses: PoseSequence, driver: Body, actor: Actor) -> np.ndarray:
    """Distance of each driving pose, retargeted to the actor, from the nearest filmed one.

    Returns:
        (T,) float32, torso lengths; NaN where nobody was found, infinite where nothing can be compared.
    """
    moved = retargeted(poses, driver, actor)
    bank, bank_scores = np.asarray(actor.pose_bank, np.float32), np.asarray(actor.pose_bank_scores)
    wanted = normalise(moved.keypoints, moved.scores)
    nearest = pose_distances(wanted, moved.scores, bank, bank_scores).min(1, initial=np.inf)
    return np.where((poses.scores[:, :BODY_18] > 0).any(1), nearest, np.nan)


def _filmed(distances: np.ndarray, limit: float) -> Finding:
    known = distances[~np.isnan(distances)]
    outside = float((known > limit).mean())
    return graded(
        "filmed poses",
        outside,
        f"{outside:.0%} of the poses lie more than {limit:.2f} torso lengths a joint from all that the actor was "
        f"filmed doing (the median pose lies {np.median(known):.2f} away)",
        "Film the actor doing such movements and train again, or cut the stretches below.",
        warn=0.1,
        low=True,
    )


def worst_ranges(times: np.ndarray, distances: np.ndarray, limit: float, end: float) -> list[tuple[float, float, str]]:
    """Stretches of neighbouring samples that lie outside what was filmed, worst first.

    Args:
        times: (T,) seconds.
        distances: (T,) torso lengths, as :func:`bank_distances` gives them.
        limit: As :func:`filmed_distance` gives it.
        end: Of the video, seconds.

    Returns:
        At most five of (start s, end s, why).
    """
    borders = np.concatenate([[0.0], (times[1:] + times[:-1]) / 2, [end]])
    outside = np.concatenate([[False], distances > limit, [False]])
    starts, ends = (np.flatnonzero(d) for d in (outside[1:] & ~outside[:-1], outside[:-1] & ~outside[1:]))
    worst = sorted(zip(starts, ends), key=lambda r: -distances[r[0] : r[1]].max() * (borders[r[1]] - borders[r[0]]))
    return [
        (round(float(borders[a]), 2), round(float(borders[b]), 2), _why(float(distances[a:b].max())))
        for a, b in worst[:_RANGES]
    ]


def _why(distance: float) -> str:
    return f"{distance:.2f} from the nearest filmed pose" if np.isfinite(distance) else "too few joints to compare"

"""The driver as the footage shows them: measured anew in each shot, and followed where it zooms."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import chain, groupby

import numpy as np

from perfclone.errors import UserError
from perfclone.pose.body import BONES, Body, find_root, measure_body
from perfclone.pose.sequence import Moment, PoseSequence
from perfclone.pose.skeleton import HIPS, NECK
from perfclone.pose.stage import sliding

#: A shot's driver is measured on so many moments that show the torso, or twice as many that show anything.
MEASURED = 120
#: Half the times over which sizes are compared, and over which what comes of it is averaged; seconds.
_COMPARED_S, _AVERAGED_S = 1.0, 0.5
ZOOM_AHEAD_S = _COMPARED_S + _AVERAGED_S
#: Changes of scale that three in four bones agree on, natural logarithm: so little is nothing, so much a zoom.
_NOTHING, _CLEAR = 0.04, 0.1
#: Bones that tell a scale: hands and feet are too short.
_TELLING = [bone for bone in BONES if bone[2] not in ("hand", "foot")]
_GROUP = np.array([bone[2] for bone in _TELLING])
_GROUPS = list(dict.fromkeys(_GROUP))
_ENDS = np.array([bone[:2] for bone in _TELLING])


def driven(moments: Iterable[Moment], count: int | None = MEASURED) -> Iterator[tuple[Moment, Body]]:
    """Each moment with the driver's body as the picture shows it then.

    A shot in which nobody can be measured takes the body of the shot before, or of the first that can be.

    Args:
        moments: The performance.
        count: How many moments of a shot it is measured on; None takes all.

    Raises:
        UserError: Nobody can be measured in any shot.
    """
    body, waiting = None, []
    for _, shot in groupby(moments, lambda moment: moment.shot):
        first, rest = _until_measurable(shot, count)
        try:
            body = measure_body(PoseSequence.from_moments(first), body)
        except UserError:
            if body is None:
                waiting += chain(first, rest)
                continue
        usual = _median([(moment.time, _log_lengths(moment)) for moment in first])
        zooms = any(scale != 1 for scale, _ in _zoom(first, usual))
        if zooms:
            body = measure_body(_unzoomed(first, [scale for scale, _ in _zoom(first, usual, zooms)]), body)
        yield from ((moment, body) for moment in waiting)
        waiting = []
        for scale, moment in _zoom(chain(first, rest), usual, zooms):
            yield moment, body.nearer(scale)
    if body is None:
        measure_body(PoseSequence.from_moments(waiting))


def _until_measurable(shot: Iterator[Moment], count: int | None) -> tuple[list[Moment], Iterator[Moment]]:
    """Moments until enough of them show the driver, however long nobody is there at first, and the rest of them."""
    taken, shown = [], 0
    while (count is None or shown < 2 * count) and (moment := next(shot, None)) is not None:
        taken.append(moment)
        torso = bool((moment.pose.scores[[NECK, *HIPS]] > 0).all())
        shown += 2 if torso else moment.pose.seen
    return taken, shot


def _zoom(shot: Iterable[Moment], usual: np.ndarray, zooms: bool = False) -> Iterator[tuple[float, Moment]]:
    """How many times its usual size a stream shows the driver, and its moments.

    Poses shorten some bones, a zoom or a step towards the camera changes all: where three in four agree on a change,
    the scale is the median one, from then on. Each bone's is a median over time against its usual length.

    Args:
        shot: Moments of one shot.
        usual: (G,) logarithms of the usual lengths in pixels; NaN is not known.
        zooms: Whether the shot is known to zoom.
    """
    sizes = ((moment.time, _log_lengths(moment), moment) for moment in shot)
    compared = sliding(sizes, _COMPARED_S, _median)
    agreed = ((time, _agreed(size - usual), moment) for time, size, moment in compared)
    averaged = sliding(agreed, _AVERAGED_S, lambda window: np.mean([change for _, change in window], axis=0))
    followed = float(zooms)
    for _, (change, least), moment in averaged:
        clear = np.clip((abs(least) - _NOTHING) / (_CLEAR - _NOTHING), 0, 1)
        followed = max(followed, clear * clear * (3 - 2 * clear))
        yield float(np.exp(change * followed)), moment


def _agreed(changes: np.ndarray) -> np.ndarray:
    """(2,) the median of the changes that are known, and the least that three in four of them come to."""
    changes = changes[np.isfinite(changes)]
    if len(changes) < 2:
        return np.zeros(2)
    low, middle, high = np.quantile(changes, (0.25, 0.5, 0.75))
    return np.array([middle, max(low, 0) + min(high, 0)])


def _median(window: list[tuple[float, np.ndarray]]) -> np.ndarray:
    """(G,) medians of what is known; NaN where nothing is."""
    ordered = np.sort([size for _, size in window], axis=0)  # NaN come last
    known = np.isfinite(ordered).sum(0)
    return np.stack([ordered[(known - n) // 2, np.arange(ordered.shape[1])] for n in (0, 1)]).mean(0)


def _log_lengths(moment: Moment) -> np.ndarray:
    """(G,) logarithm of the length in pixels of the longest bone of each kind; NaN where none is seen."""
    keypoints, scores = moment.pose.keypoints, moment.pose.scores
    points = np.concatenate([keypoints, keypoints[HIPS].mean(0, keepdims=True)])  # the root is the last, -1
    seen = np.append(scores > 0, (scores[HIPS] > 0).all())
    lengths = np.linalg.norm(points[_ENDS[:, 1]] - points[_ENDS[:, 0]], axis=1) * seen[_ENDS].all(1)
    longest = np.array([lengths[_GROUP == group].max() for group in _GROUPS])
    return np.log(np.where(longest > 0, longest, np.nan))


def _unzoomed(moments: list[Moment], scales: list[float]) -> PoseSequence:
    """The moments as if they had all been filmed at the usual scale, each where it was."""
    poses = PoseSequence.from_moments(moments)
    root, _ = find_root(poses.keypoints, poses.scores, torso=0.0)
    moved = root[:, None] + (poses.keypoints - root[:, None]) / np.array(scales)[:, None, None]
    return replace(poses, keypoints=moved.astype(np.float32))

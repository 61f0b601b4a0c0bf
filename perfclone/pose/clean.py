"""Cleaning poses as they stream by: swaps repaired, jumps removed, gaps filled, jitter smoothed without lag."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import groupby

import numpy as np

from perfclone.pose.details import Details
from perfclone.pose.sequence import Moment, Pose, PoseSequence
from perfclone.pose.sides import KeepSides
from perfclone.pose.skeleton import HIPS, INDEX, MIRROR, NECK, SHOULDERS
from perfclone.pose.smoothing import clean_details, fill_gaps, smooth

_LEGS = ("hip", "knee", "ankle", "heel", "toe")
_IS_LEG = [any(part in name for part in _LEGS) for name in INDEX]
#: Joints that an extractor swaps together: (pairs, 2) J indices of the upper and of the lower body.
_SWAP_GROUPS = tuple(np.array([pair for pair in MIRROR if _IS_LEG[pair[0]] == leg]) for leg in (False, True))
#: Times are counted in usual frames to so many digits, which makes whole numbers of those at an even rate.
_DIGITS = 6
#: Runs of so many frames are recognised as one jump away and back.
_JUMP_FRAMES = 3


@dataclass(frozen=True)
class CleanOptions:
    """How poses are cleaned. Lengths of the body are measured in torso lengths, neck to mid-hip.

    Attributes:
        min_score: Joints with a lower score are dropped, 0-1.
        max_gap_s: Gaps of a joint up to this long are filled by interpolation, seconds.
        max_swap_s: Left and right of the legs or of the arms exchanged for up to this long is a mistake, longer is
            left alone; seconds.
        max_turned_s: Left and right of the whole body exchanged in a moment, without a turn, is a mistake for up to
            this long; seconds.
        jump: A joint that leaves and returns within three frames by more than this has jumped, torso lengths...
        max_acceleration: ... beyond what this acceleration explains, torso lengths per second squared.
        window_s: Half width of the smoothing window, seconds.
        jitter: What the window smooths away is at most about this large, torso lengths; what is larger is motion.
    """

    min_score: float = 0.3
    max_gap_s: float = 0.5
    max_swap_s: float = 0.2
    max_turned_s: float = 2.0
    jump: float = 0.25
    max_acceleration: float = 300.0
    window_s: float = 0.16
    jitter: float = 0.025

    def __post_init__(self):
        if not 0 <= self.min_score <= 1:
            raise ValueError(f"min_score must lie in [0, 1], got {self.min_score}")
        for name in ("max_gap_s", "max_swap_s", "max_turned_s", "window_s"):
            if not 0 <= getattr(self, name) <= 10:
                raise ValueError(f"{name} must lie in [0, 10] seconds, got {getattr(self, name)}")
        for name in ("jump", "max_acceleration", "jitter"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be positive, got {getattr(self, name)}")


@dataclass(frozen=True)
class Clean:
    """The stage that cleans the poses of one performer; a joint that is not known comes out with score 0.

    Moments are ``Pose.missing()`` where the performer is absent. Mattes pass through untouched. Gaps, runs and windows
    go by the moments' own times, so that a frame that was held for seconds is no neighbour of the next; and nothing
    goes across a cut.

    Attributes:
        fps: Usual frames a second.
        options: How to clean.
    """

    fps: float
    options: CleanOptions = CleanOptions()

    @property
    def ahead_s(self) -> float:
        """How far it looks ahead, seconds: 2 s at 25 frames a second with the default options."""
        return self._sides.ahead_s + (self._reach + self._reach // 2) / self.fps

    @property
    def _sides(self) -> KeepSides:
        return KeepSides(self.fps, self.options.min_score, longest_s=self.options.max_turned_s)

    @property
    def _reach(self) -> int:
        """Frames around one that say what it should be."""
        seconds = self.options.max_swap_s + self.options.max_gap_s + self.options.window_s
        return int(np.ceil(seconds * self.fps)) + _JUMP_FRAMES + 1

    def __call__(self, moments: Iterable[Moment]) -> Iterator[Moment]:
        """The cleaned moments; see :class:`perfclone.pose.stage.Stage`. Half a reach of them at a time."""
        for _, shot in groupby(self._sides(moments), lambda moment: moment.shot):
            yield from self._clean(shot)

    def _clean(self, shot: Iterator[Moment]) -> Iterator[Moment]:
        """The cleaned moments of one shot."""
        reach = self._reach
        past: list[Moment] = []
        ahead: list[Moment] = []
        for moment in shot:
            ahead.append(moment)
            if self._frames(ahead[0], moment) >= reach + reach // 2 - 1:
                past, ahead = yield from self._give_out(past, ahead)
        while ahead:
            past, ahead = yield from self._give_out(past, ahead)

    def _give_out(
        self, past: list[Moment], ahead: list[Moment]
    ) -> Generator[Moment, None, tuple[list[Moment], list[Moment]]]:
        """Clean those that see a reach ahead, or all at the end of a shot; what is past and ahead then."""
        reach, window = self._reach, past + ahead
        count = sum(self._frames(moment, ahead[-1]) >= reach for moment in ahead) or len(ahead)
        keypoints, scores, details = _clean_window(window, self.fps, self.options)
        done = len(past) + count
        for i in range(len(past), done):
            yield window[i]._replace(pose=Pose(keypoints[i], scores[i], window[i].pose.matte, details[i]))
        if done == len(window):
            return [], []
        past = [
            moment._replace(pose=replace(moment.pose, matte=None))
            for moment in window[:done]
            if self._frames(moment, window[done]) <= reach
        ]
        return past, window[done:]

    def _frames(self, before: Moment, after: Moment) -> float:
        """Time from one moment to another in usual frames."""
        return round((after.time - before.time) * self.fps, _DIGITS)


def clean_sequence(sequence: PoseSequence, options: CleanOptions | None = None) -> PoseSequence:
    """Clean a whole sequence; see :class:`Clean`."""
    stage = Clean(sequence.fps, options or CleanOptions())
    return PoseSequence.from_moments(list(stage(sequence.moments())), sequence.size, sequence.extractor)


def _clean_window(moments: list[Moment], fps: float, options: CleanOptions) -> tuple[np.ndarray, np.ndarray, Details]:
    """Cleaned keypoints (T, J, 2) and scores (T, J), float32, and details; ``fps`` is for a single moment.

    Times are counted in the usual frames of these moments, which a held frame among them does not lengthen.
    """
    poses, times = [moment.pose for moment in moments], np.array([moment.time for moment in moments])
    fps = 1 / float(np.median(np.diff(times))) if len(times) > 1 else fps
    frames = np.round((times - times[0]) * fps, _DIGITS)
    points = np.stack([pose.keypoints for pose in poses]).astype(np.float64)
    scores = np.stack([pose.scores for pose in poses]).astype(np.float64)
    torso = _torso_length(points, scores >= options.min_score)
    points[(scores < options.min_score) | (scores <= 0)] = np.nan
    _unswap(points, scores, frames, torso, int(options.max_swap_s * fps + 1e-6))
    points[_jumps(points, frames / fps, torso, options)] = np.nan
    longest, half = int(options.max_gap_s * fps + 1e-6), max(1, round(options.window_s * fps))
    fill_gaps(points, scores, frames, longest)
    points = smooth(points, frames, options.jitter * torso, half)
    missing = np.isnan(points[..., 0])
    points[missing], scores[missing] = 0, 0
    details = Details.stack([pose.details for pose in poses])
    if details.known:
        details = clean_details(details, ~missing, frames, torso, longest, half)
    return points.astype(np.float32), scores.astype(np.float32), details


def _torso_length(points: np.ndarray, seen: np.ndarray) -> float:
    """Median length of the torso in pixels; from the shoulders' width or the height where no hips are seen."""
    known = np.where(seen[..., None], points, np.nan)
    right, left = SHOULDERS
    torso = np.linalg.norm(known[:, NECK] - known[:, HIPS].sum(1) / 2, axis=1)
    shoulders = 1.3 * np.linalg.norm(known[:, right] - known[:, left], axis=1)
    lengths = np.fmax(torso, shoulders)
    if np.isfinite(lengths).any():
        return max(float(np.nanmedian(lengths)), 1.0)
    places = points[seen]
    return max(0.3 * float(np.ptp(places, axis=0).max()), 1.0) if len(places) else 1.0


def _unswap(points: np.ndarray, scores: np.ndarray, frames: np.ndarray, torso: float, longest: int) -> None:
    """Exchange left and right back, in place, in runs of at most ``longest`` usual frames.

    A run begins and ends where the mirrored body continues the motion much better than the body as it is. Where a
    performer really turns, the two sides pass through one another instead, and neither is better.
    """
    for pairs in _SWAP_GROUPS:
        right, left = points[:, pairs[:, 0]], points[:, pairs[:, 1]]
        kept = _mean_length(np.concatenate([right[1:] - right[:-1], left[1:] - left[:-1]], axis=1))
        mirrored = _mean_length(np.concatenate([right[1:] - left[:-1], left[1:] - right[:-1]], axis=1))
        apart = _mean_length(right - left)
        clear = np.fmin(apart[1:], apart[:-1]) > 0.25 * torso
        starts = np.flatnonzero(clear & (mirrored < 0.5 * kept)) + 1
        i = 0
        while i + 1 < len(starts):
            start, end = starts[i], starts[i + 1]
            if frames[end] - frames[start] <= longest:
                for values in (points, scores):
                    values[start:end, pairs] = values[start:end, pairs[:, ::-1]]
                i += 1
            i += 1


def _mean_length(vectors: np.ndarray) -> np.ndarray:
    """(T,) mean length of the known vectors of (T, N, 2); NaN where none is known."""
    lengths = np.linalg.norm(vectors, axis=2)
    known = np.isfinite(lengths)
    return np.where(known.any(1), np.where(known, lengths, 0).sum(1) / np.maximum(known.sum(1), 1), np.nan)


def _jumps(points: np.ndarray, times: np.ndarray, torso: float, options: CleanOptions) -> np.ndarray:
    """(T, J) whether a joint is somewhere else than both shortly before and shortly after; times in seconds."""
    jumped = np.zeros(points.shape[:2], bool)
    for k in range(1, min(_JUMP_FRAMES, (len(points) - 1) // 2) + 1):
        now, before, after = points[k:-k], points[: -2 * k], points[2 * k :]
        since, until = times[k:-k] - times[: -2 * k], times[2 * k :] - times[k:-k]
        share = (since / (since + until))[:, None, None]
        ways = np.stack([now - before, now - after, now - (before * (1 - share) + after * share)])
        limit = options.jump + options.max_acceleration * since * until / 2
        jumped[k:-k] |= np.linalg.norm(ways, axis=-1).min(axis=0) > limit[:, None] * torso
    return jumped

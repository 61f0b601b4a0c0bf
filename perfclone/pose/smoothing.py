"""Gaps filled and jitter smoothed away without lag, in joints and in what else is known of a pose."""

from __future__ import annotations

import numpy as np

from perfclone.pose.details import Details

#: What is smoothed away as jitter: of depths and of the points of hands, torso lengths; of expressions and of the
#: head's angles, their own units, which a blink or a word exceeds many times.
_DEPTH, _HAND, _FACE = 0.1, 0.012, 0.02


def clean_details(
    details: Details, known: np.ndarray, frames: np.ndarray, torso: float, longest: int, half: int
) -> Details:
    """The details of T frames of one shot with short gaps filled, jitter smoothed away and scores of hands evened.

    Args:
        details: Those of T frames.
        known: (T, J) bool, whose depths mean anything.
        frames: (T,) times in usual frames.
        torso: Length of the torso, pixels.
        longest: Usual frames that a gap may last.
        half: Half the width of the window, usual frames.
    """
    count = len(details)
    depths = np.where(known & details.depths.any(1)[:, None], details.depths, np.nan).astype(np.float64)[..., None]
    fill_gaps(depths, np.zeros(known.shape), frames, longest)
    depths = smooth(depths, frames, _DEPTH * torso, half)[..., 0]
    faces = np.concatenate([details.expression, details.head], 1)[..., None]
    faces, face_score = _cleaned(faces, details.face_score[:, None], frames, _FACE, longest, half)
    split = details.expression.shape[1]
    hands = details.hands.reshape(count, -1, 2)
    hands, hand_scores = _cleaned(hands, details.hand_scores, frames, _HAND * torso, longest, half)
    near = (np.abs(frames[:, None] - frames) <= half).astype(np.float64)
    even = near @ hand_scores / np.maximum(near @ (hand_scores > 0), 1)
    return Details(
        np.where(known, np.nan_to_num(depths), 0),
        faces[:, :split, 0].clip(0, 1),
        faces[:, split:, 0],
        face_score[:, 0],
        hands.reshape(details.hands.shape),
        np.where(hand_scores > 0, even, 0),
    )


def _cleaned(
    values: np.ndarray, scores: np.ndarray, frames: np.ndarray, jitter: float, longest: int, half: int
) -> tuple[np.ndarray, np.ndarray]:
    """Cleaned values (T, N, D), 0 where not known, and scores (T, K), each that of N / K values in a row."""
    each = values.shape[1] // scores.shape[1]
    scores = np.repeat(scores, each, 1).astype(np.float64)
    values = np.where(scores[..., None] > 0, values, np.nan).astype(np.float64)
    fill_gaps(values, scores, frames, longest)
    values = smooth(values, frames, jitter, half)
    return np.nan_to_num(values), scores[:, ::each]


def fill_gaps(points: np.ndarray, scores: np.ndarray, frames: np.ndarray, longest: int) -> None:
    """Interpolate each joint, in place, over gaps between two frames that know it.

    Args:
        points: (T, N, D), NaN where it is not known.
        scores: (T, N), interpolated too.
        frames: (T,) times in usual frames.
        longest: Usual frames that a gap may last.
    """
    order = np.arange(len(points))
    known = np.isfinite(points[..., 0])
    for j in np.flatnonzero(known.any(0) & ~known.all(0)):
        at = order[known[:, j]]
        after = np.searchsorted(at, order)
        inner = ~known[:, j] & (after > 0) & (after < len(at))
        gap = frames[at[after.clip(max=len(at) - 1)]] - frames[at[(after - 1).clip(0)]] - 1
        fill = inner & (gap <= longest)
        for values in (*points[:, j].T, scores[:, j]):
            values[fill] = np.interp(frames[fill], frames[at], values[at])


def smooth(points: np.ndarray, frames: np.ndarray, jitter: float, half: int) -> np.ndarray:
    """Zero-lag smoothing: a local parabola, from which motion that it cannot follow is given back.

    The parabola is fitted by weighted least squares in a window symmetric in time (local regression; Cleveland, 1979,
    tricube weights), over the frames that know the joint, so that it needs no special case at gaps and ends. What it
    takes away is given back in the measure in which it is larger than ``jitter``, so fast motion keeps its amplitude.

    Args:
        points: (T, N, D), NaN where it is not known.
        frames: (T,) times in usual frames.
        jitter: In the unit of the points.
        half: Half the width of the window, usual frames.
    """
    known = np.isfinite(points[..., 0])
    values = np.where(known[..., None], points, 0.0)
    count, joints = known.shape
    width = min(half, count - 1) + 1
    moments, products = np.zeros((count, joints, 5)), np.zeros((count, joints, 3, points.shape[2]))
    most = int((np.searchsorted(frames, frames + width) - np.arange(count)).max()) - 1
    for k in range(-most, most + 1):
        here, there = slice(max(0, -k), count - max(0, k)), slice(max(0, k), count - max(0, -k))
        apart = frames[there] - frames[here]
        weight = (1 - np.minimum(np.abs(apart / width), 1) ** 3)[:, None] ** 3 * known[there]
        powers = np.vander(apart, 5, increasing=True)[:, None]
        moments[here] += weight[..., None] * powers
        products[here] += (weight[..., None] * powers[..., :3])[..., None] * values[there, :, None]
    normal = moments[..., np.add.outer(np.arange(3), np.arange(3))]
    normal += np.diag([1e-9, 1e-6, 1e-6])
    fitted = np.linalg.solve(normal, products)[..., 0, :]
    taken = np.where(known[..., None], values - fitted, 0.0)
    size = _average_of_three((taken**2).sum(-1), known, np.diff(frames) < width)
    return np.where(known[..., None], fitted + taken * (size / (size + jitter**2))[..., None] ** 2, np.nan)


def _average_of_three(values: np.ndarray, known: np.ndarray, near: np.ndarray) -> np.ndarray:
    """(T, J) mean of each value with its known neighbours in time; (T-1,) whether each is near the next."""
    total, count = values * known, known.astype(float)
    sums = np.stack([total, count])
    before, after = np.zeros_like(sums), np.zeros_like(sums)
    before[:, 1:], after[:, :-1] = sums[:, :-1] * near[:, None], sums[:, 1:] * near[:, None]
    total, count = before + sums + after
    return total / np.maximum(count, 1)

"""Whether the person does what was asked: joints found in the output against joints wanted, in torso lengths.

Joints are (T, J, 2) pixels, x then y, with scores (T, J), 0 where a joint was not seen; only BODY_18 counts, because
not every extractor gives feet and hands.
"""

from __future__ import annotations

import numpy as np

from perfclone.errors import UserError
from perfclone.pose import BODY_18

#: Two shifts whose errors differ by less, in torso lengths, fit equally well: a still person has no lag.
_EQUAL = 1e-9


def within(keypoints: np.ndarray, scores: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Take back the wanted joints that lie outside of the picture, where no output can show them.

    Args:
        keypoints: (T, J, 2) pixels.
        scores: (T, J).
        size: (width, height) of the picture, pixels.

    Returns:
        (T, J) scores, 0 for joints outside.
    """
    return np.where(((keypoints >= 0) & (keypoints <= size)).all(-1), scores, 0)


def pck(
    found: np.ndarray,
    found_scores: np.ndarray,
    wanted: np.ndarray,
    wanted_scores: np.ndarray,
    torso: float,
    threshold: float,
) -> np.ndarray:
    """Percentage of correct keypoints, as a share: of the wanted joints, those found near enough.

    |found - wanted| <= threshold * torso, Yang and Ramanan, TPAMI 2013. A wanted joint that is not found counts as
    wrong. From 0 to 1, higher is better.

    Args:
        found: (T, J, 2) joints of the output, pixels.
        found_scores: (T, J).
        wanted: (T, J, 2) joints that it should show, in the same pixels.
        wanted_scores: (T, J).
        torso: Length of the actor's torso, pixels.
        threshold: What counts as near, in torso lengths.

    Returns:
        (T,) float64, NaN where no joint is wanted. ``np.nanmean`` gives the clip's.

    Raises:
        UserError: The shapes do not fit, or the torso has no length.
    """
    distances = _distances(found, found_scores, wanted, wanted_scores, torso)
    right = (distances <= threshold).sum(1)  # NaN, not found, is never near
    asked = (wanted_scores[:, :BODY_18] > 0).sum(1)
    return np.where(asked > 0, right / np.maximum(asked, 1), np.nan)


def joint_error(
    found: np.ndarray, found_scores: np.ndarray, wanted: np.ndarray, wanted_scores: np.ndarray, torso: float
) -> np.ndarray:
    """Mean distance of joints seen in both, |found - wanted| / torso. From 0, lower is better.

    Joints that are not found do not count; :func:`pck` counts them.

    Args:
        found: (T, J, 2) joints of the output, pixels.
        found_scores: (T, J).
        wanted: (T, J, 2) joints that it should show, in the same pixels.
        wanted_scores: (T, J).
        torso: Length of the actor's torso, pixels.

    Returns:
        (T,) float64, torso lengths; NaN where no joint is seen in both.

    Raises:
        UserError: The shapes do not fit, or the torso has no length.
    """
    distances = _distances(found, found_scores, wanted, wanted_scores, torso)
    seen = np.isfinite(distances)
    return np.where(seen.any(1), np.where(seen, distances, 0).sum(1) / np.maximum(seen.sum(1), 1), np.nan)


def lag(
    found: np.ndarray,
    found_scores: np.ndarray,
    wanted: np.ndarray,
    wanted_scores: np.ndarray,
    torso: float,
    most: int = 15,
) -> int | None:
    """How many frames the output comes late: the shift with the least mean distance over all joints seen in both.

    found[t + lag] fits wanted[t]; below 0 the output comes early. Of shifts that fit equally well the smallest counts.

    Args:
        found: (T, J, 2) joints of the output, pixels.
        found_scores: (T, J).
        wanted: (T, J, 2) joints that it should show, in the same pixels.
        wanted_scores: (T, J).
        torso: Length of the actor's torso, pixels.
        most: Largest shift tried, frames; never more than half the clip, so that enough is left to compare.

    Returns:
        The lag in frames, -most to most; None where nothing can be compared.

    Raises:
        UserError: The shapes do not fit, or the torso has no length.
    """
    _distances(found, found_scores, wanted, wanted_scores, torso)  # for its checks
    frames = len(found)
    most, best, least = min(most, frames // 2), None, np.inf
    for shift in sorted(range(-most, most + 1), key=abs):
        late, early = slice(max(shift, 0), frames + min(shift, 0)), slice(max(-shift, 0), frames - max(shift, 0))
        distances = _distances(found[late], found_scores[late], wanted[early], wanted_scores[early], torso)
        seen = np.isfinite(distances)
        if seen.any() and distances[seen].mean() < least - _EQUAL:
            best, least = shift, distances[seen].mean()
    return best


def _distances(found, found_scores, wanted, wanted_scores, torso) -> np.ndarray:
    """(T, 18) distances in torso lengths, NaN where a joint is not seen in both."""
    shapes = [np.shape(x) for x in (found, found_scores, wanted, wanted_scores)]
    if shapes[0] != shapes[2] or {shapes[1], shapes[3]} != {shapes[0][:2]} or shapes[0][1] < BODY_18:
        raise UserError(
            f"Performances are compared joint by joint and frame by frame, so both need (T, J, 2) joints and (T, J) "
            f"scores with at least {BODY_18} joints, and these are {shapes[0]} with {shapes[1]} and {shapes[2]} with "
            f"{shapes[3]}; cut both to the same moments."
        )
    if not (np.isfinite(torso) and torso > 0):
        raise UserError(
            f"Distances are told in torso lengths, and the torso given is {torso} pixels long; "
            "measure it in frames that show shoulders and hips."
        )
    difference = np.asarray(found, np.float64)[:, :BODY_18] - np.asarray(wanted, np.float64)[:, :BODY_18]
    seen = (np.asarray(found_scores)[:, :BODY_18] > 0) & (np.asarray(wanted_scores)[:, :BODY_18] > 0)
    return np.where(seen, np.linalg.norm(difference, axis=-1) / torso, np.nan)

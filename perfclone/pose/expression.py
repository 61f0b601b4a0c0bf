"""Expressions of one face brought to another: what a face does is told against what it looks like at rest."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import chain, groupby

import numpy as np

from perfclone.pose.details import Details
from perfclone.pose.sequence import Moment

#: A face at rest shows so little of each action: this share of its frames show less.
_REST = 0.2


def at_rest(expressions: np.ndarray) -> np.ndarray:
    """A face at rest (52,), out of (N, 52): a low quantile of each action, since most only ever add to it."""
    return np.quantile(expressions, _REST, axis=0).astype(np.float32)


def find_neutral(details: Details) -> np.ndarray | None:
    """A face at rest; see :func:`at_rest`.

    Args:
        details: Those of T frames of one person.

    Returns:
        (52,) float32 in [0, 1], or None where no face was ever found.
    """
    found = details.face_score > 0
    return at_rest(details.expression[found]) if found.any() else None


def expressed(moments: Iterable[Moment], neutral: np.ndarray, count: int | None) -> Iterator[Moment]:
    """Moments whose faces do to the actor's face at rest what they do to the driver's own.

    The driver's is measured anew in each shot; in one that shows no face, nothing is done.

    Args:
        moments: The performance.
        neutral: (52,) the actor's face at rest.
        count: How many moments of a shot with a face it is measured on; None takes all.
    """
    for _, shot in groupby(moments, lambda moment: moment.shot):
        first: list[Moment] = []
        faces = 0
        while (count is None or (faces < count and len(first) < 2 * count)) and (moment := next(shot, None)):
            first.append(moment)
            faces += moment.pose.details.face_score > 0
        own = find_neutral(Details.stack([moment.pose.details for moment in first]))
        for moment in chain(first, shot):
            yield moment if own is None else _shifted(moment, neutral - own)


def _shifted(moment: Moment, shift: np.ndarray) -> Moment:
    """The moment with so much more of each action, if it shows a face."""
    details = moment.pose.details
    if not details.face_score > 0:
        return moment
    expression = (details.expression + shift).clip(0, 1)
    return moment._replace(pose=replace(moment.pose, details=replace(details, expression=expression)))

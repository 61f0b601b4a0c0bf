"""What each stretch of a driving video will come to."""

from __future__ import annotations

from itertools import groupby
from typing import Literal, NamedTuple

import numpy as np

from perfclone.survey.sample import Sample

#: "good" will work; in "unusual" the actor was never filmed in such a pose; in "half" much of the body is not shown
#: and the actor's own stance stands in for it; in "nobody" the actor is absent.
Kind = Literal["good", "unusual", "half", "nobody"]
#: Nose to ankles; where more than this share of them is not seen, half of a person is.
_LIMBS, _HALF = slice(0, 14), 0.25


class Stretch(NamedTuple):
    """A part of a video.

    Attributes:
        start: Seconds.
        end: Seconds.
        kind: What it will come to.
    """

    start: float
    end: float
    kind: Kind


def timeline(sample: Sample, unusual: np.ndarray) -> tuple[Stretch, ...]:
    """The whole of a video in stretches, as the frames of a sample tell.

    Args:
        sample: Of the video.
        unusual: (T,) bool, frames whose pose is far from all that the actor was filmed in.
    """
    times, end = sample.poses.times, sample.info.duration
    borders = np.concatenate([[0.0], (times[1:] + times[:-1]) / 2, [max(end, times[-1])]])
    lost = (sample.poses.scores[:, _LIMBS] == 0).mean(1)
    kinds = [_kind(*each) for each in zip(sample.found, lost, unusual)]
    stretches = []
    for kind, run in groupby(range(len(kinds)), kinds.__getitem__):
        run = list(run)
        stretches.append(Stretch(round(float(borders[run[0]]), 2), round(float(borders[run[-1] + 1]), 2), kind))
    return tuple(stretches)


def _kind(found: bool, lost: float, unusual: bool) -> Kind:
    if not found:
        return "nobody"
    if lost > _HALF:
        return "half"
    return "unusual" if unusual else "good"

"""The worst thing about a method, in one plain sentence: what an eye would see first."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from ..results import Row

#: What weighs less than this is not worth the first sentence.
SLIGHT, NONE = 0.15, 0.02
#: What these count beside the face and the person, which count 1.
_HANDS, _JUMPS, _JOINTS, _LAG = 0.7, 0.9, 0.9, 0.7
#: Faces, or hands, of the real video below which it says little that they were not found.
_FEW = 5
#: dlib's descriptors of one person in two pictures are about this far apart, and those of two people this far.
_SAME, _OTHER = 0.4, 0.8
#: Frames from which a clone counts as late, and seconds at which that is the worst there can be.
_LAGS, _LATE = 2, 0.5
#: Times the real video's warp error, and 8-bit levels a frame more in the background than there, at which flicker is
#: the worst there can be.
_FLICKER, _RESTLESS = 4.0, 8.0


class Complaint(NamedTuple):
    """Something that is wrong.

    Attributes:
        weight: From 0, nothing, to 1, the worst.
        sentence: In plain words.
    """

    weight: float
    sentence: str


def worst(rows: list[Row]) -> str:
    """The first sentence of a report.

    Args:
        rows: Of the method that it is about, one a clip; they count alike.

    Returns:
        The worst thing, or that nothing stands out; empty where nothing of the kind was measured.
    """
    complaints = sorted(_complaints(rows), reverse=True)
    if not complaints:
        return ""
    if complaints[0].weight < NONE:
        return "Nothing stands out."
    if complaints[0].weight < SLIGHT:
        return f"Nothing stands out. The least good: {_lowered(complaints[0].sentence)}"
    return complaints[0].sentence


def _complaints(rows: list[Row]) -> Iterator[Complaint]:
    """Everything that can be said, however slight."""
    for region, what, weight in (("face", "face", 1.0), ("hands", "hand", _HANDS)):
        if (found := _mean(rows, "found_again", region)) is not None:
            frames = f"{_percent(1 - found)} of the frames in which the real video shows one"
            known = sum(row.values["found_again"][region].n for row in rows if region in row.values["found_again"])
            yield Complaint(weight * (1 - found) * min(1.0, known / _FEW), f"No {what} was found in {frames}.")
    named = (("person", "person is", 1.0), ("face", "face is", 1.0), ("hands", "hands are", _HANDS))
    for region, what, weight in named:
        if (sharp := _mean(rows, "sharpness", region)) is not None:
            yield Complaint(weight * (1 - sharp), f"The {what} blurred: {sharp:.2f} of the real sharpness.")
    if (moves := _mean(rows, "moves", "person")) is not None:
        frames = f"{_percent(1 - moves)} of the frames in which the real person moves"
        yield Complaint(1 - moves, f"The person stands still in {frames}.")
    if (joints := _mean(rows, "pck_0.2", "person")) is not None:
        away = "are further than a fifth of the torso's length from where they should be"
        yield Complaint(
            _JOINTS * (1 - joints), f"The person does something else: {_percent(1 - joints)} of the joints {away}."
        )
    yield from _in_time(rows)
    if (apart := _mean(rows, "face_distance", "face")) is not None:
        weight = (apart - _SAME) / (_OTHER - _SAME)
        yield Complaint(
            weight, f"The face is somebody else's: {apart:.2f} from the real one, where 0.6 is a stranger's."
        )


def _in_time(rows: list[Row]) -> Iterator[Complaint]:
    """Jumps, flicker, lag."""
    if (jumps := _mean(rows, "jumps", "person")) is not None:
        real = _floor(rows, "jumps/person") or 0.0
        weight = min(1.0, 4 * max(jumps - real, 0.0) / 100)
        yield Complaint(_JUMPS * weight, f"The person jumps in {jumps:.0f} of 100 frames, the real one in {real:.0f}.")
    found, real = _mean(rows, "warp_error", "person"), _floor(rows, "warp_error/person")
    if found is not None and real:
        weight = min(1.0, (found / real - 1) / (_FLICKER - 1))
        yield Complaint(_JUMPS * weight, f"The person flickers {found / real:.1f} times as much as the real one.")
    found, real = _mean(rows, "background_change", "whole"), _floor(rows, "background_change/whole")
    if found is not None and real is not None:
        levels = f"by {found:.1f} levels a frame, the real one by {real:.1f}"
        yield Complaint(min(1.0, (found - real) / _RESTLESS), f"The background flickers: {levels}.")
    if abs(lag := _mean(rows, "lag", "person") or 0) >= _LAGS:
        seconds = abs(lag) / rows[0].fps
        when = "late" if lag > 0 else "early"
        yield Complaint(_LAG * min(1.0, seconds / _LATE), f"It comes {seconds:.2f} s {when}.")


def _mean(rows: list[Row], metric: str, region: str) -> float | None:
    """Mean over the clips that have it."""
    found = [row.values[metric][region].mean for row in rows if region in row.values.get(metric, {})]
    return sum(found) / len(found) if found else None


def _floor(rows: list[Row], name: str) -> float | None:
    found = [row.floors[name] for row in rows if name in row.floors]
    return sum(found) / len(found) if found else None


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _lowered(sentence: str) -> str:
    return sentence[0].lower() + sentence[1:]

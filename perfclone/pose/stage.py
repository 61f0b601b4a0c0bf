"""Stages: what the stream of a performance passes through, one moment after another."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import Protocol, TypeVar

from perfclone.pose.sequence import Moment

V, M = TypeVar("V"), TypeVar("M")


class Stage(Protocol):
    """A stage of the way from P to the painter.

    Attributes:
        ahead_s: How far it looks ahead, seconds: a moment comes out once so much more has gone in, or at the end. A
            live stream is late by the sum of these, and takes stages that look ahead less.
    """

    @property
    def ahead_s(self) -> float:
        """See above."""

    def __call__(self, moments: Iterable[Moment]) -> Iterator[Moment]:
        """As many moments as come in, at the same times and in the same order."""


def neighbours(moments: Iterable[Moment]) -> Iterator[tuple[Moment, Moment, Moment]]:
    """Each moment between those before and after it; the first and the last stand for their missing neighbours."""
    before = now = None
    for after in moments:
        if now is not None:
            yield before, now, after
        before, now = now or after, after
    if now is not None:
        yield before, now, now


def opening(moments: Iterator[Moment], seconds: float) -> tuple[list[Moment], Iterator[Moment]]:
    """The first seconds of a stream, none for 0, and the whole stream, from which nothing is missing."""
    first: list[Moment] = []
    while seconds and (not first or first[-1].time - first[0].time < seconds):
        if (moment := next(moments, None)) is None:
            break
        first.append(moment)
    return first, chain(first, moments)


def sliding(
    stream: Iterable[tuple[float, V, M]],
    half_s: float,
    reduce: Callable[[list[tuple[float, V]]], V],
    slack_s: float = 0.0,
) -> Iterator[tuple[float, V, M]]:
    """Each value of a stream replaced by what a window in time around it comes to.

    Args:
        stream: Times in seconds, increasing, values, and what goes with them.
        half_s: Half the width of the window, seconds.
        reduce: Given the times from the middle, seconds, and the values in the window; gives the new value.
        slack_s: A window that reaches so close to its end is full, seconds: half a frame waits for no further one.
    """
    held: deque[tuple[float, V, M]] = deque()
    at = 0  # the place in it of the next to be given out

    def take() -> tuple[float, V, M]:
        nonlocal at
        time, _, more = held[at]
        while time - held[0][0] > half_s:
            held.popleft()
            at -= 1
        at += 1
        return time, reduce([(t - time, value) for t, value, _ in held if t - time <= half_s]), more

    for item in stream:
        held.append(item)
        while at < len(held) and item[0] - held[at][0] >= half_s - slack_s:
            yield take()
    while at < len(held):
        yield take()

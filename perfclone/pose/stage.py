"""Stages: what the stream of a performance passes through, one moment after another."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol

from perfclone.pose.sequence import Moment


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

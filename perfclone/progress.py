"""How a long job tells how far it is: one shape for all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")
#: Called with the stage, such as "poses", with what is done of it and with how much there is of it, 0 where that is
#: not known; as often as one likes, and with a new stage where the next begins.
Progress = Callable[[str, int, int], None]


def titled(progress: Progress | None, stage: str) -> Progress | None:
    """What a job within a job tells, under a name of one's own instead of the stage's."""
    return progress and (lambda _, done, total: progress(stage, done, total))


def counted(things: Iterable[T], progress: Progress | None, stage: str, total: int) -> Iterator[T]:
    """Pass things on, telling after each how many there were."""
    for done, thing in enumerate(things, 1):
        yield thing
        if progress:
            progress(stage, done, total)

"""Streams in windows that overlap: what the windows say of the frames that they share is cross-faded."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import groupby
from typing import TypeVar

from torch import Tensor

T = TypeVar("T")
#: Frames that are refined together, as many as motion modules are trained with, and how many of them the next shares.
LENGTH, OVERLAP = 16, 4


def windowed(
    stream: Iterable[T],
    begins: Callable[[T], bool],
    refine: Callable[[list[T]], list[Tensor]],
    length: int = LENGTH,
    overlap: int = OVERLAP,
) -> Iterator[tuple[T, Tensor]]:
    """Refine a stream window by window; of the stream, no more is held than a window.

    A run that is longer than a window ends with a full one too, which shares more with the one before.

    Args:
        stream: Of frames, in order.
        begins: Whether a frame begins a run of its own, and is in no window with those before it.
        refine: What a window, a list of frames, comes to: one tensor for each.
        length: Frames of a window.
        overlap: How many of them it shares with the next, at least 1, at most half of them.

    Returns:
        Each frame and its tensor, in order.
    """
    if not 1 <= overlap <= length // 2:
        raise ValueError(f"overlap must lie in 1-{length // 2}, half of the length, got {overlap}")
    run = 0

    def number(frame: T) -> int:
        nonlocal run
        run += begins(frame)
        return run

    for _, frames in groupby(stream, number):
        yield from _of_run(frames, refine, length, overlap)


def _of_run(frames: Iterable[T], refine, length: int, overlap: int) -> Iterator[tuple[T, Tensor]]:
    """The same of frames that all belong together, of which there is one at least."""
    window: list[T] = []
    made: list[Tensor] = []  # what the window before says of the first of those that wait
    waiting, done = 0, length - overlap
    for frame in frames:
        window, waiting = [*window, frame][-length:], waiting + 1
        if waiting == length:
            made = _faded(made, refine(window))
            yield from zip(window[:done], made)
            made, waiting = made[done:], overlap
    if waiting > len(made):
        made = _faded(made, refine(window)[-waiting:])
    yield from zip(window[-waiting:], made)


def _faded(old: list[Tensor], new: list[Tensor]) -> list[Tensor]:
    """From one window to the next, over the frames that both know."""
    shares = [(n + 1) / (len(old) + 1) for n in range(len(old))]
    return [a + share * (b - a) for a, b, share in zip(old, new, shares)] + new[len(old) :]

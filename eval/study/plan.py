"""Which stretches are shown, on which sides and in which order: all of it from one seed."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Literal

from .sources import SharedClip

Side = Literal["a", "b"]
Kind = Literal["pair", "same", "repeat"]


@dataclass(frozen=True)
class Excerpt:
    """A stretch of a clip that both methods show.

    Attributes:
        clip: Where it is from.
        start: Its first frame.
        frames: How many.
    """

    clip: SharedClip
    start: int
    frames: int


@dataclass(frozen=True)
class Pair:
    """What is shown at once.

    Attributes:
        id: Says nothing about the rest.
        kind: "pair" counts; "same" shows one clip twice; "repeat" shows a pair again with its sides swapped.
        excerpt: Which.
        left: Whose clip is on the left.
        right: Whose is on the right.
        of: The id of the pair that is repeated.
    """

    id: str
    kind: Kind
    excerpt: Excerpt
    left: Side
    right: Side
    of: str | None = None


def choose_excerpts(clips: list[SharedClip], pairs: int, seconds: float, rng: random.Random) -> list[Excerpt]:
    """Spread excerpts evenly over the clips, and within a clip over its length; none overlaps another.

    Args:
        clips: The clips.
        pairs: How many excerpts are wanted; fewer come where there is no room.
        seconds: Length of each; a shorter clip is shown whole.
        rng: Places each within its part of the clip.
    """
    lengths = [min(max(1, round(seconds * clip.fps)), clip.frames) for clip in clips]
    rooms = [clip.frames // length for clip, length in zip(clips, lengths)]
    counts = [0] * len(clips)
    while sum(counts) < min(pairs, sum(rooms)):
        open_ones = [i for i, room in enumerate(rooms) if counts[i] < room]
        counts[min(open_ones, key=lambda i: (counts[i], i))] += 1
    found = []
    for clip, length, count in zip(clips, lengths, counts):
        for k in range(count):
            first, end = k * clip.frames // count, (k + 1) * clip.frames // count
            found.append(Excerpt(clip, rng.randint(first, end - length), length))
    return found


def arrange(excerpts: list[Excerpt], rng: random.Random) -> list[Pair]:
    """Give excerpts their sides and their order, and add the two checks.

    Each method stands on the left in half of the pairs (to one, where their number is odd), so that somebody who
    always answers "left" prefers neither. The repeated pair comes from the first half and returns in the last third.
    """
    sides: list[Side] = ["a", "b"] * (len(excerpts) // 2) + [rng.choice("ab")] * (len(excerpts) % 2)
    rng.shuffle(sides)
    ids = iter(_ids(len(excerpts) + 2, rng))
    pairs = [Pair(next(ids), "pair", excerpt, side, _other(side)) for excerpt, side in zip(excerpts, sides)]
    rng.shuffle(pairs)
    again = rng.choice(pairs[: (len(pairs) + 1) // 2])
    twice: Side = rng.choice("ab")
    same = Pair(next(ids), "same", rng.choice(excerpts), twice, twice)
    pairs.insert(rng.randint(1, len(pairs)), same)
    repeat = Pair(next(ids), "repeat", again.excerpt, again.right, again.left, of=again.id)
    pairs.insert(rng.randint(len(pairs) - len(pairs) // 3, len(pairs)), repeat)
    return pairs


def _other(side: Side) -> Side:
    return "b" if side == "a" else "a"


def _ids(count: int, rng: random.Random) -> list[str]:
    """Return distinct names of eight hexadecimal digits."""
    return [f"{number:08x}" for number in rng.sample(range(16**8), count)]


def name_clips(pairs: list[Pair], rng: random.Random) -> dict[tuple[Excerpt, Side], str]:
    """Name every clip that is shown, in an order that says nothing."""
    shown = list(dict.fromkeys((pair.excerpt, side) for pair in pairs for side in (pair.left, pair.right)))
    rng.shuffle(shown)
    return dict(zip(shown, _ids(len(shown), rng)))

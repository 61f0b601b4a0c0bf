"""Backends: ways to paint an actor, each in a folder of its own behind the two protocols of this file.

``layered`` is the project's own generator. A new one brings a module with a class like
:class:`perfclone.backends.layered.backend.Layered` and a line in ``_WHERE``; nothing else knows them by name.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from perfclone.errors import UserError

if TYPE_CHECKING:
    import numpy as np
    from torch import nn

    from perfclone.actor import Actor
    from perfclone.devices import Precision
    from perfclone.pose.body import Body
    from perfclone.pose.sequence import Moment

#: Name of a backend -> the class that is it.
_WHERE = {"layered": ("perfclone.backends.layered.backend", "Layered")}
BACKENDS = tuple(_WHERE)


class Painted(NamedTuple):
    """A frame of a clone.

    Attributes:
        pixels: (H, W, 3) uint8 RGB.
        time: Seconds from the start.
    """

    pixels: np.ndarray
    time: float


class Painter(Protocol):
    """Paints streams of poses that are in the actor's frame.

    Attributes:
        body: The actor's body in the frames that come out.
        size: (width, height) of these, pixels.
    """

    body: Body
    size: tuple[int, int]

    def paint(self, moments: Iterator[Moment]) -> Iterator[Painted]:
        """One frame for each moment, as a stream; it looks one moment ahead."""

    def step(self, before: Moment, now: Moment, after: Moment, state: Any = None) -> tuple[Painted, Any]:
        """Paint one moment.

        Args:
            before: The moment before it; itself at the start of a stream.
            now: What is painted.
            after: The moment after it; itself at the end.
            state: What the step before gave; None at the start.

        Returns:
            The frame, and what the next step is to be given.
        """


class Backend(Protocol):
    """One way to paint an actor; making it imports nothing heavy, its methods do.

    Attributes:
        name: As in :func:`backend`.
        config: The frozen dataclass of its network's sizes, flat and JSON-native; in an actor's ``config.json`` its
            fields stand beside those of :class:`perfclone.actor.ActorConfig`.
    """

    name: str
    config: type

    def network(self, config: Any) -> nn.Module:
        """Build the network that an instance of ``config`` describes."""

    def painter(
        self, actor: Actor, size: int | None = None, device: str | None = None, mixed_precision: Precision = "auto"
    ) -> Painter:
        """Build the painter of an actor.

        Args:
            actor: Who is painted.
            size: Short side of the frames, pixels; None keeps the reference's.
            device: Where it computes; None takes an accelerator where there is one.
            mixed_precision: How it computes there; see :func:`perfclone.devices.choose_precision`.
        """


def backend(name: str) -> Backend:
    """Find a backend by its name.

    Raises:
        UserError: There is none of that name.
    """
    if name not in _WHERE:
        raise UserError(f"There is no backend {name!r} in this perfclone; there is {', '.join(BACKENDS)}.")
    module, kind = _WHERE[name]
    return getattr(importlib.import_module(module), kind)()

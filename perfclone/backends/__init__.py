"""Backends: ways to paint an actor, each in a folder of its own behind the two protocols of this file.

``layered`` is the project's own generator, ``diffusion`` refines what that paints with a pretrained image model. A new
one brings a module with a class like
:class:`perfclone.backends.layered.backend.Layered` and a line in ``_WHERE``; nothing else knows them by name.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from perfclone.errors import UserError

if TYPE_CHECKING:
    import numpy as np
    from torch import nn

    from perfclone.actor import Actor
    from perfclone.devices import Precision
    from perfclone.pose.body import Body
    from perfclone.pose.extractor import PoseExtractor
    from perfclone.pose.sequence import Moment, PoseSequence
    from perfclone.progress import Progress
    from perfclone.training.checkpoints import Checkpoints
    from perfclone.training.held import HeldRun
    from perfclone.training.request import TrainRequest

#: Name of a backend -> the class that is it.
_WHERE = {
    "layered": ("perfclone.backends.layered.backend", "Layered"),
    "diffusion": ("perfclone.backends.diffusion.backend", "Diffusion"),
}
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
        neutral: (52,) the actor's face at rest, to which a driver's expressions are brought; None leaves them alone.
    """

    body: Body
    size: tuple[int, int]
    neutral: np.ndarray | None

    def paint(self, moments: Iterator[Moment]) -> Iterator[Painted]:
        """One frame for each moment, as a stream; it looks at least one moment ahead."""

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


class Trained(NamedTuple):
    """What training gave so far: how far it came, and what an actor is made of.

    Attributes:
        done: Whether it came to its end; otherwise it goes on, or was told to stop and goes on from its checkpoint.
        steps: Steps done.
        seconds: Time of the loop.
        best: Validation score of the best weights, lower is better; infinite before any was scored.
        network: The network, with these weights where it is done or offered.
        plate: (H, W, 3) uint8 RGB, the empty background.
        poses: The poses that it was trained on, in the actor's frame.
        body: The actor's body there.
        side: Usual side of the person's crop, pixels.
        fps: Mean frame rate of the reference video.
    """

    done: bool
    steps: int
    seconds: float
    best: float
    network: nn.Module
    plate: np.ndarray
    poses: PoseSequence
    body: Body
    side: int
    fps: float


class Foundation(NamedTuple):
    """A model of others that an actor is painted with, and does not carry.

    Attributes:
        what: Its part in that, such as "ControlNet".
        repo: Hub repository; None for what comes with perfclone.
        commit: Of that, 40 hex digits; empty for what comes with perfclone.
        licence: Of its weights; empty where it is that of the one before.
    """

    what: str
    repo: str | None
    commit: str
    licence: str


class Backend(Protocol):
    """One way to paint an actor; making it imports nothing heavy, its methods do.

    Attributes:
        name: As in :func:`backend`.
        presets: Names of its sizes.
        usual: The one that is taken where nothing is said.
        config: The frozen dataclass of its network's sizes, flat and JSON-native; in an actor's ``config.json`` its
            fields stand beside those of :class:`perfclone.actor.ActorConfig`.
    """

    name: str
    presets: Sequence[str]
    usual: str
    config: type

    def network(self, config: Any) -> nn.Module:
        """Build the network that an instance of ``config`` describes."""

    def foundations(self, config: Any) -> Sequence[Foundation]:
        """Name the models of others that an actor of such a network is painted with; nothing is loaded."""

    def painter(
        self,
        actor: Actor,
        size: int | None = None,
        device: str | None = None,
        mixed_precision: Precision = "auto",
        memory: float | None = None,
    ) -> Painter:
        """Build the painter of an actor.

        Args:
            actor: Who is painted.
            size: Short side of the frames, pixels; None keeps the reference's.
            device: Where it computes; None takes an accelerator where there is one.
            mixed_precision: How it computes there; see :func:`perfclone.devices.choose_precision`.
            memory: GB of the device that large models may take; None is enough.
        """

    def material(
        self, request: TrainRequest, folder: Path, extractor: PoseExtractor, progress: Progress | None = None
    ) -> None:
        """Prepare what training needs of a reference video, whole or not at all.

        Args:
            request: What is to be trained.
            folder: Made for it.
            extractor: P, as the request names it, with mattes where it has them.
            progress: Called with the stage, what is done of it and how much there is.

        Raises:
            UserError: The video will not do, or the extractor's poses are those of another.
        """

    def train(
        self,
        run: HeldRun,
        checkpoints: Checkpoints,
        driving: Sequence[PoseSequence],
        progress: Progress,
        stop: Callable[[], bool],
        offer: Callable[[Trained], None],
    ) -> Trained:
        """Train from the last checkpoint on, until the run is as long as its request says or is told to stop.

        Args:
            run: The request, the material in ``run.material``, and the log.
            checkpoints: Where all is saved that going on needs, at the latest when it is told to stop; and the
                accelerator.
            driving: Poses for an unpaired branch, as they were filmed; none where the backend brings its own.
            progress: As for :meth:`material`.
            stop: Asked after each step, the same in all processes.
            offer: Called by the main process before the first step, and whenever the weights are better than all
                before: one can be cloned with already.
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

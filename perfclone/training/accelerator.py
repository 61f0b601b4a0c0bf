"""accelerate's accelerator, for one run among whatever else a process does."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from accelerate import Accelerator, InitProcessGroupKwargs
from accelerate.state import AcceleratorState, GradientState

from perfclone.devices import DTYPES, choose_device, choose_precision
from perfclone.errors import UserError
from perfclone.training.config import TrainConfig

#: What accelerate shares among all accelerators of a process, though precision and accumulation are a run's own. What
#: describes the process itself, its device and its rank, is in ``PartialState`` and stays shared.
_SHARED = (AcceleratorState, GradientState)
_ONE = threading.Lock()


@contextmanager
def accelerator_of_a_run(config: TrainConfig) -> Iterator[Accelerator]:
    """Give an accelerator whose state is its own; those that the process had before are as they were afterwards.

    Raises:
        UserError: Another run goes on in this process.
    """
    if not _ONE.acquire(blocking=False):
        raise UserError("Another run goes on in this process; wait for its end, or train in a process of its own.")
    before = [vars(kind)["_shared_state"] for kind in _SHARED]
    try:
        for kind in _SHARED:
            kind._shared_state = {}
        patience = InitProcessGroupKwargs(timeout=timedelta(hours=3))  # others wait while one extracts poses
        yield Accelerator(
            mixed_precision=_precision(config),
            gradient_accumulation_steps=config.accumulate,
            kwargs_handlers=[patience],
        )
    finally:
        for kind, state in zip(_SHARED, before):
            kind._shared_state = state
        _ONE.release()


def _precision(config: TrainConfig) -> str:
    """The run's precision on this machine, as accelerate names it."""
    dtype = choose_precision(choose_device(), config.mixed_precision)
    return next(name for name, each in DTYPES.items() if each == dtype)

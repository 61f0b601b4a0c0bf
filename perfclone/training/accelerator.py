"""accelerate's accelerator, for one run among whatever else a process does."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from datetime import timedelta

import torch
from accelerate import Accelerator, InitProcessGroupKwargs
from accelerate.state import AcceleratorState, GradientState, PartialState

from perfclone.devices import DTYPES, Precision, choose_device, choose_precision
from perfclone.errors import UserError
from perfclone.training.config import TrainConfig

#: What accelerate shares among all accelerators of a process, though precision and accumulation are a run's own. What
#: describes the process itself, its device and its rank, is in ``PartialState``; it stays shared unless a run names
#: its device, which accelerate reads from this variable.
_SHARED, _DEVICE = (AcceleratorState, GradientState), "ACCELERATE_TORCH_DEVICE"
_ONE = threading.Lock()


@contextmanager
def accelerator_of_a_run(config: TrainConfig) -> Iterator[Accelerator]:
    """Give an accelerator whose state is its own; those that the process had before are as they were afterwards.

    Raises:
        UserError: Another run goes on in this process, or the device will not do.
    """
    device = choose_device(config.device)
    if config.device and int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise UserError("`accelerate launch` gives each process its device; train without one of your own.")
    if not _ONE.acquire(blocking=False):
        raise UserError("Another run goes on in this process; wait for its end, or train in a process of its own.")
    shared = (*_SHARED, PartialState) if config.device else _SHARED
    before = [vars(kind)["_shared_state"] for kind in shared]
    try:
        for kind in shared:
            kind._shared_state = {}
        yield _accelerator(config, device)
    finally:
        for kind, state in zip(shared, before):
            kind._shared_state = state
        _ONE.release()


def _accelerator(config: TrainConfig, device: torch.device) -> Accelerator:
    patience = InitProcessGroupKwargs(timeout=timedelta(hours=3))  # others wait while one extracts poses
    with _told(device) if config.device else nullcontext():
        return Accelerator(
            cpu=bool(config.device) and device.type == "cpu",
            mixed_precision=_precision(device, config.mixed_precision),
            gradient_accumulation_steps=config.accumulate,
            kwargs_handlers=[patience],
        )


@contextmanager
def _told(device: torch.device) -> Iterator[None]:
    """Name the device in the variable that accelerate reads while it is built."""
    before = os.environ.get(_DEVICE)
    os.environ[_DEVICE] = str(device)
    try:
        yield
    finally:
        if before is None:
            del os.environ[_DEVICE]
        else:
            os.environ[_DEVICE] = before


def _precision(device: torch.device, wanted: Precision) -> str:
    """The run's precision on its device, as accelerate names it."""
    dtype = choose_precision(device, wanted)
    return next(name for name, each in DTYPES.items() if each == dtype)

"""Where networks run and in which precision, and a card that will not do explained in a sentence."""

from __future__ import annotations

import os
import re
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal, get_args

import torch

from perfclone.errors import UserError

if TYPE_CHECKING:
    from accelerate import Accelerator

#: How networks may compute, in accelerate's words: "no" is float32 throughout, "auto" what suits the device.
Precision = Literal["auto", "no", "fp16", "bf16"]
#: The type in which networks multiply, by precision.
DTYPES = {"bf16": torch.bfloat16, "fp16": torch.float16, "no": torch.float32}
_INSTEAD = '--device cpu (device="cpu" in Python) takes the processor instead, which is slower'
_SINCE = {"bf16": (8, 0), "fp16": (7, 0), "no": (0, 0)}  # compute capability of the first NVIDIA cards that have it
#: What PyTorch says, what that means, and what can be done about it.
_TROUBLES = (
    ("OutOfMemory|out of memory|ALLOC_FAILED",
     "is full", "Close what else uses it, or ask for less, such as a smaller size, preset or batch"),
    ("no kernel image|kernel image is invalid|invalid device function|ARCH_MISMATCH|unsupported toolchain",
     "is of a kind that this PyTorch has no kernels for", "Install a PyTorch that has some (see https://pytorch.org)"),
    ("driver on your system is too old|driver version is insufficient",
     "has a driver that is too old for this PyTorch", "Update the driver"),
    ("busy or unavailable", "is held by another program", "Wait until that has ended"),
)  # fmt: skip


def choose_device(name: str | None = None) -> torch.device:
    """Give the device on which networks shall run, once it has shown that it can.

    Args:
        name: As PyTorch names devices, such as "cpu", "cuda:1" or "mps"; None takes an accelerator where there is one.

    Raises:
        UserError: There is no such device, it is full, or this PyTorch has no kernels or driver for it.
    """
    wanted = name or _usual()
    try:
        tried = torch.zeros(1, device=wanted)
        tried.item()
    except (RuntimeError, AssertionError) as error:
        raise _explained(error, wanted) or UserError(
            f"The device {wanted} cannot be used here ({_quoted(error)}). This machine has {_there()}; {_INSTEAD}."
        ) from error
    return tried.device


def _usual() -> torch.device:
    """The accelerator, if there is one; of the processes that `accelerate launch` starts each has its own."""
    found = torch.accelerator.current_accelerator(check_available=True) or torch.device("cpu")
    own = found.type != "cpu" and os.environ.get("LOCAL_RANK")
    return torch.device(found.type, int(own)) if own else found


def choose_precision(device: torch.device, wanted: Precision = "auto") -> torch.dtype:
    """Give the type in which networks multiply on a device; float32 is no mixed precision.

    Args:
        device: Where they run.
        wanted: "auto" takes bfloat16 on NVIDIA cards of compute capability 8.0 and more, float16 from 7.0 on, and
            float32 on everything else.

    Raises:
        ValueError: There is no such precision.
        UserError: The device does not have it.
    """
    if wanted not in get_args(Precision):
        raise ValueError(f"mixed_precision must be one of {', '.join(get_args(Precision))}, got {wanted!r}")
    had = _precisions(device)
    if wanted != "auto" and wanted not in had:
        raise UserError(
            f"{_described(device)} does not compute in {wanted}; choose auto or one of {', '.join(had)} with "
            "--mixed-precision (mixed_precision in Python)."
        )
    return DTYPES[had[0] if wanted == "auto" else wanted]


def _precisions(device: torch.device) -> list[str]:
    """What a device computes in, the best first."""
    if device.type == "cuda":
        return [name for name, since in _SINCE.items() if torch.cuda.get_device_capability(device) >= since]
    return ["no", "bf16"] if device.type == "cpu" else ["no", "bf16", "fp16"]


def agree(accelerator: Accelerator, *values: float) -> list[float]:
    """Take the main process's word on some numbers, so that all that `accelerate launch` started do the same."""
    if accelerator.num_processes == 1:
        return [*values]
    from accelerate.utils import broadcast

    return broadcast(torch.tensor(values, device=accelerator.device, dtype=torch.float64)).tolist()


@contextmanager
def beside_others() -> Iterator[None]:
    """Leave a processor to whatever else goes on while this thread's networks compute in the block.

    On two processors a clone then takes four fifths of the time: P and the painter work at once, and a second thread
    of the painter's would bring it little.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(max(1, before - 1))
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def device_explained(device: torch.device | str) -> Iterator[None]:
    """Turn a device that fails inside the block into a sentence about it; other errors pass.

    Args:
        device: Where the block's networks run.

    Raises:
        UserError: The device is full, busy or not there, or this PyTorch has no kernels or driver for it.
    """
    try:
        yield
    except RuntimeError as error:
        if explained := _explained(error, device):
            raise explained from error
        raise


def _explained(error: Exception, device: torch.device | str) -> UserError | None:
    """The error for the user, where it is the device's fault."""
    said = f"{type(error).__name__}: {error}"
    for pattern, what, advice in _TROUBLES:
        if re.search(pattern, said):
            return UserError(f"{_described(device)} {what} ({_quoted(error)}). {advice}; {_INSTEAD}.")
    return None


def _described(device: torch.device | str) -> str:
    """A device by its name, and which card that is."""
    try:
        card = torch.cuda.get_device_properties(device)
    except (RuntimeError, AssertionError, ValueError):  # no card of NVIDIA's, or none that can be asked
        return f"The device {device}"
    return f"The card {card.name} ({device}, compute capability {card.major}.{card.minor})"


def _there() -> str:
    found = torch.accelerator.current_accelerator(check_available=True)
    return ", ".join([*(f"{found.type}:{n}" for n in range(torch.accelerator.device_count()) if found), "cpu"])


def _quoted(error: Exception) -> str:
    return textwrap.shorten(str(error) or type(error).__name__, 200, placeholder=" ...")

"""Where the parts of a base wait while they are not at work, so that it fits into the memory of a card."""

from __future__ import annotations

from typing import Literal

import torch
from torch import nn

Placement = Literal["whole", "models", "layers"]
#: Share of a base's memory that its largest part, with what a frame needs, takes.
_LARGEST = 0.6


def choose(needed: float, memory: float | None) -> Placement:
    """How to place a base that needs so much memory where there is so much, both in GB; None is enough.

    "whole" keeps all of it on the card, "models" the part that is at work, "layers" a few layers of that part.
    """
    if memory is None or memory >= needed:
        return "whole"
    return "models" if memory >= _LARGEST * needed else "layers"


def place(parts: list[nn.Module], device: torch.device, how: Placement) -> None:
    """Put the parts of a base, in the order in which a frame needs them, where they are to wait.

    Args:
        parts: Autoencoder, ControlNet, U-Net.
        device: Where they compute.
        how: As :func:`choose` says.
    """
    if how == "whole" or device.type == "cpu":
        for part in parts:
            part.to(device)
    elif how == "models":
        from accelerate import cpu_offload_with_hook

        hook = None
        for part in parts:
            part, hook = cpu_offload_with_hook(part, device, prev_module_hook=hook)
    else:
        from diffusers.hooks import apply_group_offloading

        for part in parts:
            apply_group_offloading(part, onload_device=device, offload_type="leaf_level")

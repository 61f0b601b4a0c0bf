"""What the speed benchmark times of networks: all of G on a frame, and any network in its faster memory layout."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import torch
from torch import nn

from benchmarks.common import interleaved_medians
from perfclone.actor import Actor
from perfclone.generator import Generator, Layers

LAYOUTS = {"contiguous": torch.contiguous_format, "channels_last": torch.channels_last}


def painter(
    generator: Generator, poses: torch.Tensor, seen: torch.Tensor, plate_size: tuple[int, int] | None = None
) -> Callable[[], torch.Tensor]:
    """All of G on a frame: maps, textures, U-Net, composite.

    Args:
        generator: G, on the device of the poses.
        poses: (N, J, 2) torso lengths around the hips; each call paints the next.
        seen: (N, J) bool.
        plate_size: (height, width) of a plate over which the crop is composited, scaled to its height; None is a plate
            of the crop's own size.

    Returns:
        A call that gives the frame, (1, 3, H, W).
    """
    side, device = generator.resolution, poses.device
    scale = torch.full((1,), side / 5.0, device=device)
    windows = torch.stack([poses.roll(1, 0), poses, poses.roll(-1, 0)], 1) * scale + side / 2  # (N, 3, J, 2)
    seen = torch.stack([seen.roll(1, 0), seen, seen.roll(-1, 0)], 1)
    plate = torch.rand(1, 3, *(plate_size or (side, side)), device=device)
    turn, memory = itertools.cycle(range(len(poses))), torch.zeros(1, 4, side, side, device=device)

    def paint() -> torch.Tensor:
        t = next(turn)
        layers = generator(windows[t : t + 1], seen[t : t + 1], scale, memory)
        memory.copy_(layers.memory())
        if plate_size:
            layers = Layers(*(nn.functional.interpolate(x, plate_size[0], mode="bilinear") for x in layers))
        frame = plate.clone()
        covered = frame[..., : layers.alpha.shape[-1]]
        covered.copy_(layers.over(covered))
        return frame

    return paint


def generator_at(actor: Actor, resolution: int) -> Generator:
    """The actor's G, set to a crop of so many pixels whatever its own is."""
    c = actor.config
    generator = Generator(resolution, c.widths, c.texture_channels, c.texture_side, c.memory, c.window)
    generator.load_state_dict(actor.generator.state_dict())
    return generator.eval().requires_grad_(False).to(memory_format=torch.channels_last)


def fastest_layout(network: nn.Module, picture: torch.Tensor) -> tuple[str, Callable[[], torch.Tensor]]:
    """Time a network in both memory layouts on a (1, 3, H, W) picture.

    Returns:
        The name of the faster layout, and a forward pass in it.
    """
    times = {}
    for name, layout in LAYOUTS.items():
        network.to(memory_format=layout)
        x = picture.contiguous(memory_format=layout)
        times[name] = interleaved_medians({"": lambda x=x: network(x)}, rounds=3, warm_up=1)[""]
    name = min(times, key=times.get)
    network.to(memory_format=LAYOUTS[name])
    x = picture.contiguous(memory_format=LAYOUTS[name])
    return name, lambda: network(x)

"""What the speed benchmark times of networks: G painting frame after frame, and any network in its faster layout."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable

import numpy as np
import torch
from torch import nn

from benchmarks.common import interleaved_medians
from perfclone.actor import Actor
from perfclone.painter import Painter
from perfclone.pipeline import Moment
from perfclone.pose import Pose, PoseSequence
from perfclone.retarget import measure_body, retarget
from perfclone.training import PRESETS

LAYOUTS = {"contiguous": torch.contiguous_format, "channels_last": torch.channels_last}


def actor_like(actor: Actor, preset: str, width: int, height: int) -> Actor:
    """An untrained actor of a preset, as fast as a trained one, with the body of `actor` in frames of another size."""
    old, size = actor.config, PRESETS[preset]
    scale = height / old.height
    config = dataclasses.replace(
        old, width=width, height=height, side=round(old.side * scale), preset=preset, poses=0,
        body_lengths=tuple(length * scale for length in old.body_lengths), body_centre_x=width / 2,
        body_floor_y=old.body_floor_y * scale, resolution=size.resolution, widths=size.widths,
        texture_channels=size.texture_channels, texture_side=size.texture_side,
    )  # fmt: skip
    return Actor(config).eval().requires_grad_(False).to(memory_format=torch.channels_last)


def painting(
    actor: Actor, poses: PoseSequence, size: int | None = None, device: str = "cpu"
) -> Callable[[], np.ndarray]:
    """All of G on a frame, as cloning runs it: maps, textures, U-Net, composite over the plate.

    Args:
        actor: Who is painted.
        poses: Of anybody; each call paints the next, there and back without end.
        size: Short side of the frame, pixels; None is the actor's own.
        device: Where G runs.

    Returns:
        A call that gives the next frame, (H, W, 3) uint8.
    """
    painter = Painter(actor, size, device)
    keypoints, scores = retarget(poses.keypoints, poses.scores, measure_body(poses), painter.body)
    order = itertools.cycle([*range(len(poses)), *range(len(poses) - 1, -1, -1)])
    fps = actor.config.fps
    frames = painter.paint(Moment(Pose(keypoints[t], scores[t]), n / fps) for n, t in enumerate(order))
    return lambda: next(frames)


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

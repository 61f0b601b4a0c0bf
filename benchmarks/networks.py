"""What the speed benchmark times of networks: G painting frame after frame, and any network in its faster layout."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from torch import nn

from benchmarks.common import interleaved_medians
from eval.benchmark.baselines import UNet, resnet_9blocks
from perfclone.actor import Actor
from perfclone.backends.layered.config import PRESETS
from perfclone.backends.layered.painter import LayeredPainter
from perfclone.pose import Pose, PoseSequence
from perfclone.pose.body import measure_body
from perfclone.pose.sequence import Moment
from perfclone.retarget import retarget

LAYOUTS = {"contiguous": torch.contiguous_format, "channels_last": torch.channels_last}


def actor_like(actor: Actor, preset: str, width: int, height: int) -> Actor:
    """An untrained actor of a preset, as fast as a trained one, with the body of `actor` in frames of another size."""
    old = actor.config
    scale = height / old.height
    config = dataclasses.replace(
        old,
        width=width,
        height=height,
        side=round(old.side * scale),
        preset=preset,
        poses=0,
        body_lengths=tuple(length * scale for length in old.body_lengths),
        body_centre_x=width / 2,
        body_floor_y=old.body_floor_y * scale,
        generator=PRESETS[preset].generator,
    )
    made = Actor(config).eval().requires_grad_(False).to(memory_format=torch.channels_last)
    made.consent = actor.consent
    return made


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
    painter = LayeredPainter(actor, size, device)
    keypoints, scores = retarget(poses.keypoints, poses.scores, measure_body(poses), painter.body)
    order = itertools.cycle([*range(len(poses)), *range(len(poses) - 1, -1, -1)])
    fps = actor.config.fps
    frames = painter.paint(Moment(Pose(keypoints[t], scores[t]), n / fps) for n, t in enumerate(order))
    return lambda: next(frames).pixels


def pix2pix_networks(size: int) -> tuple[dict[str, str], dict[str, Callable[[], torch.Tensor]]]:
    """pix2pix's two generators on a picture of size x size, on the CPU, each in the layout in which it is faster.

    Returns:
        Name -> layout, and name -> a forward pass in it.
    """
    picture, layouts, passes = torch.rand(1, 3, size, size) * 2 - 1, {}, {}
    for name, network in (("unet_256", UNet()), ("resnet_9", resnet_9blocks())):
        layouts[name], passes[name] = fastest_layout(network.eval(), picture)
    return layouts, passes


def fastest_layout(network: nn.Module, picture: torch.Tensor) -> tuple[str, Callable[[], torch.Tensor]]:
    """Time a network in both memory layouts on a (1, 3, H, W) picture.

    Returns:
        The name of the faster layout, and a forward pass in it, without gradients.
    """
    network.requires_grad_(False)
    times = {}
    for name, layout in LAYOUTS.items():
        times[name] = interleaved_medians({"": _forward(network, picture, layout)}, rounds=3, warm_up=1)[""]
    name = min(times, key=times.get)
    return name, _forward(network, picture, LAYOUTS[name])


def _forward(network: nn.Module, picture: torch.Tensor, layout: torch.memory_format) -> Callable[[], torch.Tensor]:
    network.to(memory_format=layout)
    return torch.inference_mode()(partial(network, picture.contiguous(memory_format=layout)))


def on_gpu(actor: Actor, poses: PoseSequence, size: int) -> dict[str, float | str]:
    """Milliseconds a frame on a GPU in bf16 and channels-last: G at 256, 512 and 1080p, and pix2pix's two.

    Args:
        actor: Whose body is painted.
        poses: What it performs.
        size: Side of the picture for pix2pix's networks, pixels.

    Returns:
        Name -> milliseconds, and the device's name; empty without a GPU.
    """
    if not torch.cuda.is_available():
        return {}
    torch.backends.cudnn.benchmark = True
    frames = {"256": ("base", 256, 256), "512": ("hd", 512, 512), "1080p": ("hd", 1920, 1080)}
    subjects = {
        f"generator_{name}_ms": painting(actor_like(actor, *shape), poses, device="cuda")
        for name, shape in frames.items()
    }
    picture = torch.rand(1, 3, size, size, device="cuda")
    for name, network in (("unet_256_ms", UNet()), ("resnet_9_ms", resnet_9blocks())):
        forward = _forward(network.eval().cuda(), picture, torch.channels_last)
        subjects[name] = lambda forward=forward: (forward(), torch.cuda.synchronize())
    with torch.autocast("cuda", torch.bfloat16):
        return {**interleaved_medians(subjects, rounds=50, warm_up=10), "device": torch.cuda.get_device_name()}

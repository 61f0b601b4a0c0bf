"""What a LoRA is taught with: filmed frames, and the same as G paints them, both as latents."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from perfclone.backends.diffusion.control import as_tensor, pose_picture
from perfclone.backends.diffusion.model import LatentModel
from perfclone.backends.diffusion.painter import whole
from perfclone.backends.layered.crop import Box
from perfclone.backends.layered.generator import Generator
from perfclone.backends.layered.recurrence import Rollout
from perfclone.backends.layered.training.footage import Footage
from perfclone.pose.sequence import Pose
from perfclone.progress import Progress

#: Most frames that are learnt from, evenly spread, and frames that G paints in a row before it starts anew.
MOST, RUN = 300, 6


class Frames(NamedTuple):
    """Crops of the reference video and the same as G paints them, (N, S, S, ...) uint8 each.

    Attributes:
        real: (N, S, S, 3) RGB, as they were filmed.
        drawn: (N, S, S, 3) RGB, as G paints them over the same plate, without what was filmed about then.
        mattes: (N, S, S) where the actor is, filmed or painted.
        alphas: (N, S, S) G's mattes.
        poses: (N, S, S, 3) RGB, pictures of the poses.
    """

    real: np.ndarray
    drawn: np.ndarray
    mattes: np.ndarray
    alphas: np.ndarray
    poses: np.ndarray

    def __len__(self) -> int:
        return len(self.real)


class Pairs(NamedTuple):
    """Frames as a base is taught with them.

    Attributes:
        frames: What they show, N of them.
        filmed: (N, C, s, s) latents of the crops as they were filmed.
        painted: (N, C, s, s) latents of what G makes of them.
        mattes: (N, 1, s, s) in [0, 1], where the actor is.
    """

    frames: Frames
    filmed: Tensor
    painted: Tensor
    mattes: Tensor


@torch.no_grad()
def paint_frames(
    generator: Generator,
    torso: float,
    footage: Footage,
    usable: np.ndarray,
    side: int,
    progress: Progress,
    thick: int = 1,
) -> Frames:
    """Let G paint usable frames of the reference video, evenly spread.

    Args:
        generator: G, with the exemplars.
        torso: The actor's torso length in frame pixels.
        footage: The reference video's, its crops of this side.
        usable: (n,) bool, frames that may be used.
        side: Of the crops, pixels.
        progress: Called with "pairs", frames done and in all.
        thick: How thick lines of pictures of poses are, as :func:`pose_picture` takes it.
    """
    length, rollout = max(1, footage.longest(usable, RUN)), Rollout(generator, torso)
    starts, made = _starts(footage, usable, length), []
    for n, start in enumerate(starts):
        progress("pairs", n * length, len(starts) * length)
        batch = footage.batch(np.array([start]), length, next(generator.parameters()).device)
        for k, step in enumerate(rollout(batch)):
            layers, at = whole(step.layers, side), start + k
            drawn = torch.where(batch.filmed[:, k], layers.over(batch.plates[:, k]), batch.frames[:, k])
            pose = Pose(footage.poses.keypoints[at], footage.poses.scores[at])
            matte = torch.maximum(layers.alpha, batch.mattes[:, k])
            pictures = (_bytes(each) for each in (batch.frames[:, k], drawn, matte, layers.alpha))
            made.append((*pictures, pose_picture(pose, Box(*footage.boxes[at].tolist()), side, thick)))
    real, drawn, mattes, alphas, poses = map(np.stack, zip(*made))
    return Frames(real, drawn, mattes[..., 0], alphas[..., 0], poses)


def _starts(footage: Footage, usable: np.ndarray, length: int) -> np.ndarray:
    """First frames of runs that hold about as many usable frames as are wanted."""
    starts = footage.starts(length, usable)
    wanted = max(1, min(MOST // length, -(-len(starts) // length)))
    return starts[np.unique(np.linspace(0, len(starts) - 1, wanted).round().astype(int))]


@torch.no_grad()
def code(model: LatentModel, frames: Frames) -> Pairs:
    """Code frames as a base does."""
    real, drawn = (
        torch.cat([model.encode(as_tensor(each[n : n + 8]).to(model.device)) for n in range(0, len(each), 8)])
        for each in (frames.real, frames.drawn)
    )
    mattes = F.interpolate(as_tensor(frames.mattes[..., None]).to(model.device), size=real.shape[-2:], mode="area")
    return Pairs(frames, real, drawn, mattes)


def batch_of(pairs: Pairs, chosen: np.ndarray) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Filmed and painted latents, mattes and pictures of poses of some frames."""
    at = torch.from_numpy(chosen).to(pairs.filmed.device)
    poses = as_tensor(pairs.frames.poses[chosen]).to(pairs.filmed.device)
    return pairs.filmed[at], pairs.painted[at], pairs.mattes[at], poses


def _bytes(picture: Tensor) -> np.ndarray:
    """(1, C, S, S) in [0, 1] -> (S, S, C) uint8."""
    return (picture[0].clamp(0, 1) * 255).round().byte().permute(1, 2, 0).cpu().numpy()

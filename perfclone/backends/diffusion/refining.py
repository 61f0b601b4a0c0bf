"""Refining a painted picture: a little way back into noise, and out again as the base, told of the actor, sees it.

Image to image (Meng et al., *SDEdit*, 2022). Only what the base changes enters the picture, since what the autoencoder
cannot code would be lost otherwise.
"""

from __future__ import annotations

import math
from inspect import signature

import torch
import torch.nn.functional as F
from torch import Tensor

from perfclone.backends.diffusion.model import LatentModel

#: How much a pixel must be changed before what it was counts for nothing, of [0, 1].
_CHANGED = 0.1
#: Seeds the noise that some samplers draw on their way.
_SEED = 0


def refine(
    model: LatentModel,
    picture: Tensor,
    matte: Tensor,
    poses: Tensor,
    noise: Tensor,
    correction: Tensor | None = None,
    strength: float = 0.4,
    passes: int = 2,
    together: bool = False,
) -> Tensor:
    """Say how a painted picture is to be changed.

    Args:
        model: The base, with the actor's LoRA.
        picture: (B, 3, S, S) in [0, 1], what was painted.
        matte: (B, 1, S, S) in [0, 1], where the actor is.
        poses: (B, 3, S, S) in [0, 1], pictures of the pose.
        noise: (B, C, s, s), standard normal.
        correction: (B, 3, S, S) the change of the frame before, where it is by now, to begin with; None at a start.
        strength: How far back into noise, (0, 1].
        passes: Denoising steps.
        together: Whether these are frames that follow each other, for a motion module to see.

    Returns:
        (B, 3, S, S), to be added to the picture; 0 where nobody is.
    """
    begun = picture if correction is None else (picture + correction * matte).clamp(0, 1)
    coded = model.encode(begun)
    kept = model.decode(coded)
    made = model.decode(denoise(model, coded, poses, noise, strength, passes, together))
    changed = made - kept
    lost = begun - kept
    keep = torch.exp(-(_soft(changed).square() / _CHANGED**2))
    refined = (made + keep * lost).clamp(0, 1)
    return (refined - picture) * matte


def denoise(
    model: LatentModel,
    latents: Tensor,
    poses: Tensor,
    noise: Tensor,
    strength: float,
    passes: int,
    together: bool = False,
) -> Tensor:
    """Take latents (B, C, s, s) back into noise and out of it again."""
    sampler = model.film_scheduler if together else model.scheduler
    drawn = [torch.Generator("cpu").manual_seed(_SEED) for _ in latents]  # alike, wherever in a window a frame is
    sampler.set_timesteps(math.ceil(passes / strength), device=model.device)
    times = sampler.timesteps[-passes:]
    if hasattr(sampler, "set_begin_index"):
        sampler.set_begin_index(len(sampler.timesteps) - passes)
    noisy = sampler.add_noise(latents, noise, times[:1].expand(len(latents)))
    more = {"generator": drawn} if "generator" in signature(sampler.step).parameters else {}  # draws on its way
    for n, at in enumerate(times, 1):
        said = model.predict(sampler.scale_model_input(noisy, at), at, model.caption, poses, together)
        made = sampler.step(said, at, noisy, **more)
        noisy = made.prev_sample
        if n < passes and hasattr(made, "denoised"):  # LCM begins anew, with noise that would stay where it is
            noisy = sampler.add_noise(made.denoised, noise.roll(n, 1), times[n : n + 1].expand(len(latents)))
    return noisy


def _soft(changed: Tensor) -> Tensor:
    """(B, 1, S, S) how much a place is changed, over its neighbourhood."""
    return F.avg_pool2d(changed.abs().mean(1, keepdim=True), 9, 1, 4, count_include_pad=False)

"""What ships for training to begin with: a generator that has painted synthetic people, and their motion."""

from __future__ import annotations

import logging
from importlib import resources

import numpy as np
from safetensors.torch import load as load_tensors
from torch import Tensor

from perfclone.backends.layered.generator import Generator
from perfclone.backends.layered.training.discriminator import PatchDiscriminator
from perfclone.pose.sequence import PoseSequence

log = logging.getLogger(__name__)

_DATA = resources.files("perfclone") / "data"


def warm_start(generator: Generator, preset: str) -> bool:
    """Load the shipped weights of a preset into a generator; False where none ship."""
    weights = _weights(preset, "unet")
    if not weights:
        log.info("No shipped weights for preset %s; starting as a mere copyist.", preset)
        return False
    generator.unet.load_state_dict(weights, strict=True)
    return True


def warm_start_critic(critic: PatchDiscriminator, preset: str) -> None:
    """Load the discriminator that was trained with them, where there are such weights."""
    if weights := _weights(preset, "critic"):
        critic.load_state_dict(weights, strict=True)


def _weights(preset: str, part: str) -> dict[str, Tensor]:
    file = _DATA / f"base_{preset}.safetensors"
    if not file.is_file():
        return {}
    weights = load_tensors(file.read_bytes())
    return {n.removeprefix(f"{part}."): v.float() for n, v in weights.items() if n.startswith(f"{part}.")}


def driving_poses() -> list[PoseSequence]:
    """Motion of synthetic people, for an unpaired branch that was given no driving video."""
    with resources.as_file(_DATA / "motion.npz") as path:
        with np.load(path, allow_pickle=False) as data:
            names = sorted({name.split("/")[0] for name in data.files})
            return [
                _sequence(data[f"{name}/keypoints"], data[f"{name}/scores"], data[f"{name}/size"]) for name in names
            ]


def _sequence(keypoints: np.ndarray, scores: np.ndarray, size: np.ndarray) -> PoseSequence:
    times = np.arange(len(keypoints)) / 30
    return PoseSequence(
        keypoints.astype(np.float32), scores.astype(np.float32), times, tuple(size.tolist()), "synthetic"
    )

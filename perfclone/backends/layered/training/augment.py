"""Poses made worse on purpose, so that G takes what a pose extractor gives on a bad day."""

from __future__ import annotations

import numpy as np
import torch

from perfclone.backends.layered.training.footage import Batch
from perfclone.pose.skeleton import INDEX

#: Spread of the jitter in torso lengths, constant over a sequence and anew in each frame.
STEADY, SHAKY = 0.006, 0.003
#: How often a group of joints is dropped from a sequence.
DROPPED = 0.06
#: Groups that some extractors do not have, or lose together.
_GROUPS = tuple(
    [INDEX[f"{side}_{part}"] for part in parts]
    for side in ("right", "left")
    for parts in (("thumb", "index", "pinky"), ("heel", "toe"), ("eye", "ear"))
)


def worsen(batch: Batch, torso: float, rng: np.random.Generator) -> Batch:
    """Jitter the joints of a batch and drop some of them; the frames stay as they are.

    Args:
        batch: What is made worse.
        torso: The actor's torso length in frame pixels.
        rng: Where the randomness comes from.
    """
    count, length, joints, _ = batch.keypoints.shape
    steady = rng.standard_normal((count, 1, joints, 2)) * STEADY
    shaky = rng.standard_normal((count, length, joints, 2)) * SHAKY
    some = rng.random((count, 1, 1, 1)) < 0.5
    device = batch.keypoints.device
    shift = torch.from_numpy(((steady + shaky) * some * torso).astype(np.float32)).to(device)
    keep = np.ones((count, joints), bool)
    for group in _GROUPS:
        keep[:, group] &= (rng.random(count) >= DROPPED)[:, None]
    seen = batch.seen & torch.from_numpy(keep).to(device)[:, None]
    return batch._replace(keypoints=batch.keypoints + shift, seen=seen)

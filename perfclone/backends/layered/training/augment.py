"""Poses made worse on purpose, so that G takes what a pose extractor gives on a bad day."""

from __future__ import annotations

import numpy as np
import torch

from perfclone.backends.layered.training.footage import Clip
from perfclone.pose.skeleton import INDEX

#: Spread of the jitter in torso lengths, constant over a clip and anew in each frame.
STEADY, SHAKY = 0.006, 0.003
#: How often a group of joints is dropped from a clip.
DROPPED = 0.06
#: Groups that some extractors do not have, or lose together.
_GROUPS = tuple(
    [INDEX[f"{side}_{part}"] for part in parts]
    for side in ("right", "left")
    for parts in (("thumb", "index", "pinky"), ("heel", "toe"), ("eye", "ear"))
)


def worsen(clip: Clip, torso: float, rng: np.random.Generator) -> Clip:
    """Jitter the joints of a clip and drop some of them; the frames stay as they are.

    Args:
        clip: A batch of clips.
        torso: The actor's torso length in frame pixels.
        rng: Where the randomness comes from.
    """
    batch, length, joints, _ = clip.keypoints.shape
    steady = rng.standard_normal((batch, 1, joints, 2)) * STEADY
    shaky = rng.standard_normal((batch, length, joints, 2)) * SHAKY
    some = rng.random((batch, 1, 1, 1)) < 0.5
    device = clip.keypoints.device
    shift = torch.from_numpy(((steady + shaky) * some * torso).astype(np.float32)).to(device)
    keep = np.ones((batch, joints), bool)
    for group in _GROUPS:
        keep[:, group] &= (rng.random(batch) >= DROPPED)[:, None]
    seen = clip.seen & torch.from_numpy(keep).to(device)[:, None]
    return clip._replace(keypoints=clip.keypoints + shift, seen=seen)

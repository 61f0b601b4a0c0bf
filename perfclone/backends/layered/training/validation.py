"""Which frames of the reference video serve what, and painting those that judge the weights."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from perfclone.backends.layered.generator import Generator
from perfclone.backends.layered.recurrence import Rollout
from perfclone.backends.layered.training.footage import Footage
from perfclone.errors import UserError

ALL_HELD_OUT = "The person is seen only in the part that is held out; train with a smaller holdout."


class Parts(NamedTuple):
    """Which frames serve what, (n,) bool each; no frame serves two."""

    train: np.ndarray
    validation: np.ndarray
    holdout: np.ndarray


def split(seen: np.ndarray, holdout: float) -> Parts:
    """Share out the frames: the last ``holdout`` aside, a short run in the middle of the rest to validate on.

    Args:
        seen: (n,) bool, the frames that show the person; the middle is theirs.
        holdout: Share of the frames.
    """
    index = np.arange(len(seen))
    held = index >= round(len(seen) * (1 - holdout))
    rest = np.flatnonzero(seen & ~held)
    if not len(rest):
        raise UserError(ALL_HELD_OUT)
    length = min(max(8, len(rest) // 25), max(1, len(rest) // 4))
    begin = rest[len(rest) * 45 // 100]
    validation = ~held & (index >= begin) & (index < begin + length)
    return Parts(~held & ~validation, validation, held)


@torch.no_grad()
def paint(generator: Generator, torso: float, footage: Footage, usable: np.ndarray) -> tuple[Tensor, Tensor]:
    """Real and painted frames, (N, 3, S, S) in [0, 1], of the longest run of usable frames."""
    length = int(usable.sum())
    while not len(starts := footage.starts(length, usable)) and length > 1:
        length -= 1
    device = next(generator.parameters()).device
    batch = footage.batch(starts[:1], length, device)
    painted = [step.layers.over(batch.plates[:, n]) for n, step in enumerate(Rollout(generator, torso)(batch))]
    return batch.frames[0], torch.where(batch.filmed[0], torch.cat(painted), batch.frames[0])

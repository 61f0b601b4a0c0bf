"""The training half of the backend: from the prepared material to what an actor is made of."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch

from perfclone.backends import Trained
from perfclone.backends.layered.config import PRESETS
from perfclone.backends.layered.exemplars import Exemplars
from perfclone.backends.layered.generator import Generator
from perfclone.backends.layered.training.base import driving_poses, warm_start
from perfclone.backends.layered.training.footage import Footage
from perfclone.backends.layered.training.loop import Trainer
from perfclone.backends.layered.training.prepare import Reference, driving_footage, load_exemplars, load_reference
from perfclone.backends.layered.training.validation import split
from perfclone.pose.sequence import PoseSequence
from perfclone.pose.space import normalise
from perfclone.pose.stance import Stance
from perfclone.progress import Progress

if TYPE_CHECKING:
    from perfclone.training.checkpoints import Checkpoints
    from perfclone.training.held import HeldRun

log = logging.getLogger(__name__)


def fit(
    run: HeldRun,
    checkpoints: Checkpoints,
    driving: Sequence[PoseSequence],
    progress: Progress,
    stop: Callable[[], bool],
    offer: Callable[[Trained], None],
) -> Trained:
    """Train G; see :meth:`perfclone.backends.Backend.train`."""
    config, main = run.request.config, checkpoints.accelerator.is_main_process
    facts, footage, plate = load_reference(run.material)
    size = PRESETS[config.preset].generator.resolution
    exemplars = load_exemplars(run.material, footage, facts.body.torso, size)
    generator = new_generator(exemplars, config.preset, config.seed, config.window, config.warm_start)
    seen = (footage.poses.scores > 0).any(1)
    parts = split(seen, config.holdout)
    made = (plate, footage.poses[parts.train & seen], facts.body, facts.side, facts.fps)
    if main and not checkpoints.last:
        offer(Trained(False, 0, 0.0, float("inf"), generator, *made))
    unpaired = _unpaired(driving or driving_poses(), facts, footage, plate, size) if config.unpaired else []
    trainer = Trainer(run, checkpoints, generator, footage, parts, unpaired, facts.body.torso)
    checkpoints.restore()
    state = trainer.progression
    if checkpoints.last:
        log.info("Resumed from step %d.", state.step)
    if main:
        run.forget_after(state.step if checkpoints.last else -1)
    better = lambda network: offer(Trained(False, state.step, state.seconds, state.best, network, *made))  # noqa: E731
    done = trainer.fit(progress, stop, better)
    if done and main:
        checkpoints.load_best(generator)
    return Trained(done, state.step, state.seconds, state.best, generator, *made)


def _unpaired(
    sequences: Sequence[PoseSequence], facts: Reference, footage: Footage, plate: np.ndarray, size: int
) -> list[Footage]:
    """Driving poses as the actor would perform them."""
    filmed = footage.poses
    stance = Stance.find(normalise(filmed.keypoints, filmed.scores), filmed.scores, facts.body)
    return [driving_footage(poses, facts, plate, size, stance) for poses in sequences]


def new_generator(exemplars: Exemplars, preset: str, seed: int, window: bool = True, warm: bool = True) -> Generator:
    """Build a G for an actor with these exemplars.

    Args:
        exemplars: The actor's.
        preset: Its size.
        seed: Of its weights, where it does not start warmly.
        window: Whether it is told the poses before and after.
        warm: Start from the generator that ships with perfclone.
    """
    torch.manual_seed(seed)
    held = {"exemplars": exemplars.count, "exemplar_bytes": len(exemplars.coded)}
    held["face_marks"] = 0 if exemplars.marks is None else exemplars.marks.shape[1]
    held["hand_points"] = 0 if exemplars.hands is None else exemplars.hands.shape[2]
    generator = Generator(dataclasses.replace(PRESETS[preset].generator, window=window, **held))
    generator.exemplars = exemplars
    if warm:
        warm_start(generator, preset)
    return generator

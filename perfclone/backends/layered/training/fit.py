"""The training half of the backend: from the prepared material to what an actor is made of."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import torch

from perfclone.backends import Trained
from perfclone.backends.layered.config import PRESETS
from perfclone.backends.layered.exemplars import Exemplars
from perfclone.backends.layered.generator import Generator
from perfclone.backends.layered.training.base import driving_poses, warm_start
from perfclone.backends.layered.training.loop import Trainer
from perfclone.backends.layered.training.prepare import driving_footage, load_exemplars, load_reference
from perfclone.pose.sequence import PoseSequence
from perfclone.pose.space import normalise
from perfclone.pose.stance import Stance
from perfclone.progress import Progress

if TYPE_CHECKING:
    from perfclone.training.checkpoints import Checkpoints
    from perfclone.training.config import TrainConfig
    from perfclone.training.held import HeldRun

log = logging.getLogger(__name__)


def fit(
    run: HeldRun,
    checkpoints: Checkpoints,
    driving: Sequence[PoseSequence],
    progress: Progress,
    stop: Callable[[], bool],
) -> Trained:
    """Train G; see :meth:`perfclone.backends.Backend.train`."""
    config = run.request.config
    facts, footage, plate = load_reference(run.material)
    sequences = (driving or driving_poses()) if config.unpaired else []
    size = PRESETS[config.preset].generator.resolution
    filmed = footage.poses
    stance = Stance.find(normalise(filmed.keypoints, filmed.scores), filmed.scores, facts.body)
    unpaired = [driving_footage(poses, facts, plate, size, stance) for poses in sequences]
    generator = _generator(config, load_exemplars(run.material, footage, facts.body.torso, size))
    trainer = Trainer(run, checkpoints, generator, footage, unpaired, facts.body.torso)
    checkpoints.restore()
    state = trainer.progression
    if checkpoints.last:
        log.info("Resumed from step %d.", state.step)
    if checkpoints.accelerator.is_main_process:
        run.forget_after(state.step)
    done = trainer.fit(progress, stop)
    if done and checkpoints.accelerator.is_main_process:
        checkpoints.load_best(generator)
    learnt = footage.poses[trainer.parts.train & (footage.poses.scores > 0).any(1)]
    made = (generator, plate, learnt, facts.body, facts.side, facts.fps)
    return Trained(done, state.step, state.seconds, state.best, *made)


def _generator(config: TrainConfig, exemplars: Exemplars) -> Generator:
    """G, new or warmly started, with the actor's exemplars."""
    torch.manual_seed(config.seed)
    held = {"exemplars": exemplars.count, "exemplar_bytes": len(exemplars.coded)}
    held["face_marks"] = 0 if exemplars.marks is None else exemplars.marks.shape[1]
    held["hand_points"] = 0 if exemplars.hands is None else exemplars.hands.shape[2]
    generator = Generator(dataclasses.replace(PRESETS[config.preset].generator, window=config.window, **held))
    generator.exemplars = exemplars
    if config.warm_start:
        warm_start(generator, config.preset)
    return generator

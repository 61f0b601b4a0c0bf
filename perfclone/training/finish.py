"""What comes of a run: the actor in its folder, and the training in the ledger."""

from __future__ import annotations

from pathlib import Path

import torch

from perfclone import __version__
from perfclone.actor import Actor, ActorConfig
from perfclone.actor.layout import WEIGHTS
from perfclone.actor.model import pose_bank
from perfclone.backends import Trained
from perfclone.files.reading import file_sha256, plain_name
from perfclone.files.writing import saved
from perfclone.governance.consent.record import ConsentRecord
from perfclone.governance.ledger.ledger import Ledger
from perfclone.pose.space import normalise
from perfclone.training.request import TrainRequest


def write_actor(request: TrainRequest, trained: Trained, record: ConsentRecord, folder: Path) -> ActorConfig:
    """Put an actor together in a folder, in the place of one that stands there; gives its config."""
    config, poses, body = request.config, trained.poses, trained.body
    bank, scores = pose_bank(normalise(poses.keypoints, poses.scores), poses.scores)
    height, width = trained.plate.shape[:2]
    actor = Actor(
        ActorConfig(
            width=width,
            height=height,
            fps=round(trained.fps, 4),
            side=trained.side,
            body_lengths=body.lengths,
            body_centre_x=body.centre_x,
            body_floor_y=body.floor_y,
            generator=trained.network.config,
            backend=config.backend,
            plate=config.plate,
            poses=len(bank),
            extractor=poses.extractor,
            preset=config.preset,
            steps=trained.steps,
            minutes=round(trained.seconds / 60, 2),
            seed=config.seed,
            holdout=config.holdout,
        )
    )
    actor.consent = record
    actor.generator.load_state_dict(trained.network.state_dict())
    actor.plate.copy_(torch.from_numpy(trained.plate))
    actor.pose_bank.copy_(bank)
    actor.pose_bank_scores.copy_(scores)
    actor.save_pretrained(folder)
    return actor.config


def note(config: ActorConfig, record: ConsentRecord, digest: str, name: str, folder: Path) -> None:
    """Write into the ledger that an actor of that name came into a folder; ``actor_sha256`` is that of the weights."""
    Ledger().append(
        "train",
        actor=plain_name(name),
        reference_sha256=digest,
        actor_sha256=file_sha256(saved(folder, WEIGHTS)),
        consent=record.digest(),
        consent_id=record.id,
        versions={"perfclone": __version__, "torch": str(torch.__version__)},
        preset=config.preset,
        steps=config.steps,
        minutes=config.minutes,
        seed=config.seed,
        width=config.width,
        height=config.height,
        fps=config.fps,
    )

"""Held-out footage: the end of a reference video, and what an actor and the paper's baseline make of its poses."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from perfclone.actor import Actor
from perfclone.errors import UserError
from perfclone.pipeline import PerformanceCloner
from perfclone.pose.perform import read_poses
from perfclone.progress import Progress, counted
from perfclone.video import VideoReader, probe

from .baselines import nearest
from .steady import laid, laid_poses, views_on
from .videos import frames_at, write_frames

FEWEST_FRAMES = 10
#: Share that is measured on where nothing was kept out of training.
HOLDOUT = 0.2


@dataclass(frozen=True)
class Held:
    """The held-out part of a reference video, and its rivals.

    Attributes:
        truth: The frames as they were filmed, in the steady view where the camera moved.
        videos: Method -> its video of the same poses.
        notes: What a reader must know.
        stages: Stage -> seconds a frame.
        actor: The actor's config, for its training minutes.
        holdout: The share at the end that was held out.
    """

    truth: Path
    videos: dict[str, Path]
    notes: list[str]
    stages: dict[str, float]
    actor: Any
    holdout: float


def perform_holdout(
    name: str, reference: Path, holdout: float | None, folder: Path, progress: Progress | None = None
) -> Held:
    """Paint the last part of a reference video from its poses, by the actor and by the nearest filmed frame.

    Args:
        name: The actor, as ``Actor.from_pretrained`` takes it.
        reference: Its reference video.
        holdout: The share at the end; None takes what was kept out of the actor's training, or else :data:`HOLDOUT`.
        folder: Where the videos go.
        progress: Called with what is going on, how much is done and how much there is.

    Raises:
        UserError: The video is not this actor's, or too short.
    """
    actor, info = Actor.from_pretrained(name), probe(reference)
    config = actor.config
    holdout = holdout or config.holdout or HOLDOUT
    if (config.width, config.height) != (info.width, info.height):
        raise UserError(
            f"{reference} is {info.width}x{info.height} and the actor was filmed at {config.width}x{config.height}; "
            "give the actor's own reference video."
        )
    began = time.monotonic()
    poses = read_poses(reference, progress=progress)
    stages = {"poses": (time.monotonic() - began) / len(poses)}
    first, notes = first_held(len(poses), holdout), []
    views = None if config.whole_frame else views_on(actor.plate.numpy(), reference, poses)
    if views is None:
        views = np.tile(np.eye(3), (len(poses), 1, 1))
    else:
        poses = laid_poses(poses, views)
        notes.append("The camera moves: the filmed frames were laid into the steady view in which the actor is shown.")
    test, cloner = poses[first:], PerformanceCloner(actor)
    with VideoReader(reference) as reader:
        filmed = (laid(frame.pixels, views[n]) for n, frame in enumerate(reader) if n >= first)
        truth = write_frames(filmed, test, info, folder / "truth.mp4")
    began = time.monotonic()
    painted = counted(cloner.render(test), progress, "performing", len(test))
    videos = {"perfclone": write_frames(painted, test, info, folder / "perfclone.mp4")}
    stages["generator and codec"] = (time.monotonic() - began) / len(test)
    chosen = nearest(poses[:first], test)
    copied = frames_at(reference, chosen, info, folder / "nearest.raw")
    steadied = (laid(pixels, views[n]) for pixels, n in zip(copied, chosen))
    videos["nearest"] = write_frames(steadied, test, info, folder / "nearest.mp4")
    if config.holdout < holdout:
        notes.append(
            f"The actor was trained with a holdout of {config.holdout:g}: it has seen some of these frames, so the "
            "numbers flatter it."
        )
    return Held(truth, videos, notes, stages, config, holdout)


def first_held(frames: int, holdout: float) -> int:
    """The first of so many frames that is held out.

    Args:
        frames: Of the reference.
        holdout: The share at the end.

    Raises:
        UserError: Too few frames would be left on either side.
    """
    first = round(frames * (1 - holdout))
    if min(first, frames - first) < FEWEST_FRAMES:
        raise UserError(
            f"The reference has {frames} frames and --holdout is {holdout}, leaving {first} to train on and "
            f"{frames - first} to measure on; {FEWEST_FRAMES} of each are needed, so give a longer clip."
        )
    return first

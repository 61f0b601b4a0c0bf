"""The methods of the benchmark: each learns a target from one reference video and paints driving performances."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from perfclone.actor import Actor
from perfclone.backends.layered.crop import Box
from perfclone.errors import UserError
from perfclone.governance.consent.record import ConsentRecord
from perfclone.governance.marks.marker import UNMARKED
from perfclone.pipeline import CloneOptions, PerformanceCloner
from perfclone.pose import BODY_18, PoseSequence
from perfclone.progress import Progress, titled
from perfclone.retarget import retarget_to
from perfclone.training import TrainConfig, TrainRequest, train
from perfclone.video import VideoReader, probe, sample_frames

from ..scoring.regions import square_around
from ..suite.detection import Found
from .baselines import Pix2Pix, draw_skeletons, nearest
from .videos import frames_at

#: pix2pix's unet_256 wants pictures of this size, pixels.
SIDE = 256
#: Frames whose median stands for the empty room around pix2pix's square.
PLATE_FRAMES = 25
#: What pix2pix learns from, while it does: files in the lesson's scratch folder.
MATERIAL = ("skeletons", "squares")


@dataclass(frozen=True)
class Budget:
    """How long each method trains: minutes by the clock or steps, one of them; and the seed."""

    minutes: float | None = None
    steps: int | None = None
    seed: int = 0

    def __post_init__(self):
        if (self.minutes is None) == (self.steps is None):
            raise ValueError(f"give minutes or steps, one of them, got {self.minutes} and {self.steps}")
        if not (self.minutes or self.steps) > 0:
            raise ValueError(f"minutes or steps must be over 0, got {self.minutes or self.steps}")
        if not 0 <= self.seed < 2**31:
            raise ValueError(f"seed must lie in 0-{2**31 - 1}, got {self.seed}")


@dataclass(frozen=True)
class Lesson:
    """What there is to learn a target from.

    Attributes:
        target: Their name.
        reference: The video.
        found: What P found in it, with mattes.
        wanted: Trial -> the performance to come, retargeted; pix2pix's square must hold them all.
        scratch: A folder of its own.
        consent: The record that covers the reference.
    """

    target: str
    reference: Path
    found: Found
    wanted: dict[str, PoseSequence]
    scratch: Path
    consent: ConsentRecord


def wanted_poses(driving: PoseSequence, reference: PoseSequence) -> PoseSequence:
    """A driving performance as the reference's person would give it, in their place: what every method is to show.

    It is what the cloner paints of saved poses, whose driver it measures on all of them.
    """
    return retarget_to(driving, reference)


class Perfclone:
    """perfclone: an actor trained on the reference, or one that is there.

    Attributes:
        minutes: Of training; None where the actor was there.
        steps: Of training.
        notes: What a reader must know.
    """

    def __init__(self, lesson: Lesson, budget: Budget, preset: str, actor: Path | None, progress: Progress | None):
        self.minutes, self.steps, self.notes = None, None, ()
        if actor is None:
            config = TrainConfig(preset, minutes=budget.minutes, steps=budget.steps, seed=budget.seed)
            request = TrainRequest(
                lesson.reference,
                lesson.scratch / "actor",
                consent=lesson.consent,
                config=config,
                poses=lesson.found.file,
            )
            result = train(request, force=True, progress=progress)
            actor, self.minutes, self.steps = result.actor_dir, result.minutes, result.steps
        self.actor, size = Actor.from_pretrained(actor), lesson.found.poses.size
        config = self.actor.config
        if (config.width, config.height) != size:
            raise UserError(
                f"The actor {actor} was filmed at {config.width}x{config.height} and {lesson.reference} is "
                f"{size[0]}x{size[1]}; render the suite at the actor's size, or let the benchmark train one."
            )
        if self.minutes is None:
            self.minutes, self.steps = config.minutes, config.steps
            self.notes = ("perfclone: a trained actor was given; its training was not part of this run.",)

    def paint(self, driving: PoseSequence, wanted: PoseSequence) -> Iterator[np.ndarray]:
        """Clone the performance, (H, W, 3) uint8 RGB each; perfclone retargets by itself."""
        return PerformanceCloner(self.actor).frames(driving, CloneOptions(purpose="evaluation", marks=UNMARKED))


class Nearest:
    """The paper's baseline: for each moment the reference frame whose pose is nearest the retargeted one."""

    minutes, steps, notes = None, None, ()

    def __init__(self, lesson: Lesson):
        self.lesson = lesson

    def paint(self, driving: PoseSequence, wanted: PoseSequence) -> Iterator[np.ndarray]:
        """Copy the nearest frames, (H, W, 3) uint8 RGB each."""
        lesson = self.lesson
        chosen = nearest(lesson.found.poses, wanted)
        kept = lesson.scratch / "nearest.raw"
        yield from frames_at(lesson.reference, chosen, probe(lesson.reference), kept)
        kept.unlink()


class SkeletonPix2Pix:
    """pix2pix on skeleton pictures of 256x256, frame by frame.

    A frame of 256x256 is taken as it is, nothing is resized. Of any other it sees and paints the square that holds the
    person in the reference and in every performance, scaled to 256x256; the painted square is scaled back and put on
    the median of the reference's frames.

    Attributes:
        minutes, steps: Of training.  notes: What a reader must know.
    """

    def __init__(self, lesson: Lesson, budget: Budget, progress: Progress | None):
        poses = lesson.found.poses
        self.size = poses.size
        self.box = _square((poses, *lesson.wanted.values()))
        self.notes = ()
        whole = self.size == (SIDE, SIDE)
        self.plate = None if whole else median_frame(lesson.reference)
        if not whole:
            self.notes = (
                f"pix2pix: a square of {self.box.side} pixels, scaled to {SIDE} and back, on a still plate.",
            )
        pictures, frames = self._material(lesson, progress)
        tell = titled(progress, f"training pix2pix on {lesson.target}")
        self.model = Pix2Pix(seed=budget.seed, device=_device())
        result = self.model.fit(pictures, frames, minutes=budget.minutes, steps=budget.steps, progress=tell)
        self.minutes, self.steps = result.minutes, result.steps
        for name in MATERIAL:
            (lesson.scratch / f"{name}.npy").unlink()

    def _material(self, lesson: Lesson, progress: Progress | None) -> tuple[np.ndarray, np.ndarray]:
        """Skeletons and frames, (T, 256, 256, 3) uint8 each, on disk."""
        shape = (len(lesson.found.poses), SIDE, SIDE, 3)
        pictures, frames = (
            np.lib.format.open_memmap(lesson.scratch / f"{name}.npy", "w+", np.uint8, shape) for name in MATERIAL
        )
        with VideoReader(lesson.reference) as reader:
            for n, (frame, picture) in enumerate(zip(reader, self._skeletons(lesson.found.poses))):
                pictures[n], frames[n] = picture, self.box.cut(frame.pixels, SIDE)
                if progress:
                    progress("skeletons for pix2pix", n + 1, shape[0])
        return pictures, frames

    def _skeletons(self, poses: PoseSequence) -> Iterator[np.ndarray]:
        moved = (poses.keypoints - np.array([self.box.x, self.box.y])) * (SIDE / self.box.side)
        return draw_skeletons(replace(poses, keypoints=moved.astype(np.float32), size=(SIDE, SIDE)))

    def paint(self, driving: PoseSequence, wanted: PoseSequence) -> Iterator[np.ndarray]:
        """Paint the retargeted skeletons, (H, W, 3) uint8 RGB each."""
        for square in self.model.render(self._skeletons(wanted)):
            if self.plate is None:
                yield square
                continue
            frame, (width, height) = self.plate.copy(), self.size
            inside, rows, columns = self.box.paste(square.astype(np.float32), height, width)
            frame[rows, columns] = np.clip(np.round(inside), 0, 255)
            yield frame


def _square(sequences: tuple[PoseSequence, ...]) -> Box:
    """The whole frame where it is a square no larger than 256, else the square that holds all joints."""
    width, height = sequences[0].size
    if width == height <= SIDE:
        return Box(0, 0, width)
    joints = np.concatenate([s.keypoints[:, :BODY_18][s.scores[:, :BODY_18] > 0] for s in sequences])
    return square_around(joints.min(0), joints.max(0), (width, height))


def median_frame(video: Path) -> np.ndarray:
    """The median of frames spread over a video, (H, W, 3) uint8 RGB: the room, where the person moves enough."""
    return np.median([frame.pixels for frame in sample_frames(video, PLATE_FRAMES)], axis=0).astype(np.uint8)


def _device() -> str:
    import torch

    return str(torch.accelerator.current_accelerator(check_available=True) or "cpu")

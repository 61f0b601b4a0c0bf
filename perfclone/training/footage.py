"""Training material: a reference or a driving video, turned once into crops on disk that training reads at random."""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import torch
from torch import Tensor

from perfclone.camera import Stabiliser, shift_of, stabilise
from perfclone.crop import Box, BoxFollower, usual_side
from perfclone.errors import UserError
from perfclone.plate import Plate, PlateBuilder
from perfclone.pose.sequence import PoseSequence
from perfclone.retarget import Body, measure_body, retarget

log = logging.getLogger(__name__)

#: Progress of a long job: what is going on, steps done, steps in all (0 if not known).
Progress = Callable[[str, int, int], None]
#: Frames kept for training; longer videos give evenly spread runs of consecutive frames.
MOST_FRAMES = 3000
RUN = 60
#: Reference videos faster than this are thinned to about this rate, frames a second.
MOST_FPS = 40
_MATTE_SIDE = 384
_FEWEST_FRAMES = 24
_MOVING = (
    "The camera moves too much for one empty background (about {shift:.0f} pixels at 720p); film with a tripod, or "
    "train with --no-plate, which paints whole frames and looks less steady."
)


class Clip(NamedTuple):
    """A batch of consecutive frames as tensors.

    Attributes:
        keypoints: (B, L + 2, J, 2) frame pixels, with one pose before and one after the L frames.
        seen: (B, L + 2, J) bool.
        boxes: (B, L, 3) x, y, side in frame pixels.
        plates: (B, L, 3, S, S) in [0, 1], the plate in each box.
        frames: (B, L, 3, S, S) in [0, 1], or None where there is no ground truth.
        mattes: (B, L, 1, S, S) in [0, 1], or None.
    """

    keypoints: Tensor
    seen: Tensor
    boxes: Tensor
    plates: Tensor
    frames: Tensor | None
    mattes: Tensor | None

    def to(self, device: torch.device) -> Clip:
        """The same on another device."""
        return Clip(*(None if value is None else value.to(device) for value in self))


@dataclass
class Footage:
    """Poses with their boxes and plates, and the frames and mattes where they were filmed.

    Attributes:
        poses: In the actor's frame, one for each kept frame.
        boxes: (n, 3) int32.
        follows: (n,) bool, whether the frame comes right after the one before it.
        plate_of: (n,) int, index into ``plates``.
        plates: (m, S, S, 3) uint8.
        frames: (n, S, S, 3) uint8, or None.
        mattes: (n, S, S) uint8, or None.
    """

    poses: PoseSequence
    boxes: np.ndarray
    follows: np.ndarray
    plate_of: np.ndarray
    plates: np.ndarray
    frames: np.ndarray | None = None
    mattes: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.poses)

    def starts(self, length: int, usable: np.ndarray) -> np.ndarray:
        """First frames of all runs of ``length`` consecutive usable frames in which the person is seen."""
        good = usable & (self.poses.scores > 0).any(1)
        first = np.ones(max(len(self) - length + 1, 0), bool)
        for n in range(length):
            first &= good[n : n + len(first)]
            if n:
                first &= self.follows[n : n + len(first)]
        return np.flatnonzero(first)

    def clip(self, starts: np.ndarray, length: int) -> Clip:
        """The runs that begin at ``starts`` (B,), as a batch."""
        at = starts[:, None] + np.arange(length)
        around = np.clip(starts[:, None] + np.arange(-1, length + 1), 0, len(self) - 1)
        around[:, 0] = np.where(self.follows[starts], around[:, 0], starts)
        last = around[:, -2]
        around[:, -1] = np.where(self.follows[around[:, -1]], around[:, -1], last)
        picture = lambda a: torch.from_numpy(np.ascontiguousarray(a)).float().div(255)  # noqa: E731
        colours = lambda a: picture(a).permute(0, 1, 4, 2, 3)  # noqa: E731
        return Clip(
            torch.from_numpy(self.poses.keypoints[around]), torch.from_numpy(self.poses.scores[around] > 0),
            torch.from_numpy(self.boxes[at]).float(), colours(self.plates[self.plate_of[at]]),
            None if self.frames is None else colours(self.frames[at]),
            None if self.mattes is None else picture(self.mattes[at])[:, :, None],
        )  # fmt: skip


@dataclass(frozen=True)
class Reference:
    """Everything that training needs to know of the reference video, besides its crops.

    Attributes:
        width: Of the frame, pixels.  height: Of the frame, pixels.  fps: Mean frame rate.
        side: Usual side of the crop, pixels.
        body: The actor's body in the frame.
        camera: "still" or "stabilised".
        plate_seen: Share of the plate that was really seen.
    """

    width: int
    height: int
    fps: float
    side: int
    body: Body
    camera: str
    plate_seen: float


def prepare_reference(
    video: Path, folder: Path, resolution: int, extractor, person: int = 0, with_plate: bool = True,
    progress: Progress | None = None,
) -> None:  # fmt: skip
    """Extract poses, mattes, plate and crops of a reference video into a folder; written beside, then renamed.

    Args:
        video: The reference video.
        folder: Where to put them; an existing one is replaced.
        resolution: Side S of G's crop.
        extractor: A pose extractor; where it gives no matte, BlazePose gives it.
        person: Which person, 0 the largest.
        with_plate: Otherwise whole frames are painted, and the camera may move.
        progress: Called with ("poses" | "crops", done, total).

    Raises:
        UserError: Too short, nobody in it, or the camera moves beyond repair.
    """
    beside = folder.with_name(f"{folder.name}.part")
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir(parents=True)
    watched = _watch(video, extractor, person, with_plate, beside, progress)
    reference, footage = _crops(video, watched, resolution, with_plate, beside, progress)
    np.save(beside / "plate.npy", watched.plate.image)
    footage.poses.save(beside / "poses.npz")
    np.savez(beside / "index.npz", boxes=footage.boxes, follows=footage.follows, plate_of=footage.plate_of)
    np.save(beside / "plates.npy", footage.plates)
    (beside / "reference.json").write_text(json.dumps(asdict(reference)))
    (beside / "small_mattes.npy").unlink()
    shutil.rmtree(folder, ignore_errors=True)
    beside.rename(folder)


def load_reference(folder: Path) -> tuple[Reference, Footage, np.ndarray]:
    """Open what :func:`prepare_reference` wrote: facts, crops (mapped, not read), full plate (H, W, 3) uint8."""
    facts = json.loads((folder / "reference.json").read_text())
    facts["body"]["lengths"] = tuple(facts["body"]["lengths"])
    index = np.load(folder / "index.npz")
    mapped = {name: np.load(folder / f"{name}.npy", mmap_mode="r") for name in ("plates", "frames", "mattes")}
    footage = Footage(PoseSequence.load(folder / "poses.npz"), **index, **mapped)
    return Reference(**{**facts, "body": Body(**facts["body"])}), footage, np.load(folder / "plate.npy")


def driving_footage(poses: PoseSequence, reference: Reference, plate: np.ndarray, resolution: int) -> Footage:
    """Poses of a driving video, retargeted to the actor: what the unpaired branch trains on."""
    keypoints, scores = retarget(poses.keypoints, poses.scores, measure_body(poses), reference.body)
    size = (reference.width, reference.height)
    moved = PoseSequence(keypoints, scores, poses.times, size, poses.extractor)
    boxes = follow_boxes(moved, reference.side, reference.body.torso)
    return Footage(moved, boxes, np.arange(len(moved)) > 0, *cut_plates(boxes, plate, resolution))


@dataclass
class _Watched:
    """What the first look at a reference video gives; mattes are small and on disk."""

    poses: PoseSequence
    transforms: np.ndarray
    small_mattes: np.ndarray
    plate: Plate
    fps: float


def _watch(video, extractor, person, with_plate, folder, progress) -> _Watched:
    from perfclone.pose import build_extractor, clean_sequence, extract
    from perfclone.video import VideoReader

    matting = None
    builder, stabiliser = PlateBuilder(), None
    poses, times, transforms, shares, mattes = [], [], [], [], []
    with VideoReader(video) as reader:
        info = reader.info
        for frame, pose in extract(extractor, reader, person):
            matte = pose.matte
            if matte is None and pose.seen:
                matting = matting or build_extractor("blazepose", matte=True)
                found = matting.people([frame.pixels])[0]
                matte = found[0].matte if found else None
            if matte is None:
                matte = np.zeros(frame.pixels.shape[:2], np.uint8)
            stabiliser = stabiliser or Stabiliser(frame.pixels, matte)
            transform, share = stabiliser.align(frame.pixels, matte) if with_plate else (np.eye(2, 3), 1.0)
            if pose.seen or not poses:
                builder.add(stabilise(frame.pixels, transform), stabilise(matte, transform, 255))
            poses.append(pose)
            times.append(frame.time)
            transforms.append(transform)
            shares.append(share)
            mattes.append(_small(matte))
            if progress:
                progress("poses", len(poses), info.frames)
    size = (info.width, info.height)
    _check_filmed(poses, transforms, shares, size)
    sequence = clean_sequence(PoseSequence.from_poses(poses, times, size, extractor.name))
    np.save(folder / "small_mattes.npy", np.stack(mattes))
    moved = (
        np.einsum("tij,tkj->tki", np.stack(transforms)[:, :, :2], sequence.keypoints)
        + np.stack(transforms)[:, None, :, 2]
    )
    sequence = PoseSequence(moved.astype(np.float32), sequence.scores, sequence.times, size, extractor.name)
    small = np.load(folder / "small_mattes.npy", mmap_mode="r")
    return _Watched(sequence, np.stack(transforms), small, builder.build(), sequence.fps)


def _check_filmed(poses, transforms, shares, size) -> None:
    seen = sum(pose.seen for pose in poses)
    if seen < _FEWEST_FRAMES:
        what = "Nobody was found in the video" if not seen else f"A person was found in only {seen} frames"
        raise UserError(f"{what}; a reference needs one person, head to feet, for at least {_FEWEST_FRAMES} frames.")
    shift = max(shift_of(transform, size[::-1]) for transform in transforms)
    if np.mean(np.array(shares) < 0.5) > 0.1 or shift > 0.12 * 720:
        raise UserError(_MOVING.format(shift=shift))


def _small(matte: np.ndarray) -> np.ndarray:
    scale = min(1.0, _MATTE_SIDE / max(matte.shape))
    size = (max(1, round(matte.shape[1] * scale)), max(1, round(matte.shape[0] * scale)))
    return cv2.resize(matte, size, interpolation=cv2.INTER_AREA)


def _keep(poses: PoseSequence) -> tuple[np.ndarray, np.ndarray]:
    """Indices of the frames to train on, and which of them follow the one before."""
    stride = max(1, round(poses.fps / MOST_FPS))
    thinned = np.arange(0, len(poses), stride)
    if len(thinned) > MOST_FRAMES:
        runs = MOST_FRAMES // RUN
        begins = np.linspace(0, len(thinned) - RUN, runs).astype(int)
        thinned = thinned[np.unique(begins[:, None] + np.arange(RUN))]
        log.warning("The reference is long; %d evenly spread frames of it are used.", len(thinned))
    return thinned, np.r_[False, np.diff(thinned) == stride]


def _crops(video, watched: _Watched, resolution, with_plate, folder, progress) -> tuple[Reference, Footage]:
    from perfclone.video import VideoReader

    kept, follows = _keep(watched.poses)
    poses = watched.poses[kept]
    body = measure_body(watched.poses)
    width, height = poses.size
    if with_plate:
        side = usual_side(poses.keypoints, poses.scores, body.torso, resolution)
        boxes = follow_boxes(poses, side, body.torso)
    else:
        side = max(width, height)
        boxes = np.tile(np.array([(width - side) // 2, (height - side) // 2, side], np.int32), (len(kept), 1))
    shape = (len(kept), resolution, resolution)
    frames = np.lib.format.open_memmap(folder / "frames.npy", "w+", np.uint8, (*shape, 3))
    mattes = np.lib.format.open_memmap(folder / "mattes.npy", "w+", np.uint8, shape)
    place = {int(index): n for n, index in enumerate(kept)}
    with VideoReader(video) as reader:
        for index, frame in enumerate(reader):
            n = place.get(index)
            if n is None:
                continue
            transform, box = watched.transforms[index], Box(*boxes[n].tolist())
            frames[n] = box.cut(stabilise(frame.pixels, transform), resolution)
            matte = cv2.resize(watched.small_mattes[index], (width, height), interpolation=cv2.INTER_LINEAR)
            mattes[n] = box.cut(stabilise(matte, transform), resolution) if with_plate else 255
            if progress:
                progress("crops", n + 1, len(kept))
    frames.flush()
    mattes.flush()
    plate = watched.plate
    still = np.allclose(watched.transforms, np.eye(2, 3))
    reference = Reference(width, height, watched.fps, side, body, "still" if still else "stabilised", plate.seen)
    plate_of, plates = cut_plates(boxes, plate.image, resolution)
    return reference, Footage(poses, boxes, follows, plate_of, plates, frames, mattes)


def follow_boxes(poses: PoseSequence, side: int, torso: float) -> np.ndarray:
    """The crop of each frame, (n, 3) int32: x, y, side in frame pixels."""
    follower = BoxFollower(side, torso)
    return np.stack([follower.step(k, s).array() for k, s in zip(poses.keypoints, poses.scores)])


def cut_plates(boxes: np.ndarray, plate: np.ndarray, resolution: int) -> tuple[np.ndarray, np.ndarray]:
    """Cut the plate once for each different box: index of each frame's plate, and the plates."""
    different, plate_of = np.unique(boxes, axis=0, return_inverse=True)
    return plate_of.reshape(-1), np.stack([Box(*box.tolist()).cut(plate, resolution) for box in different])

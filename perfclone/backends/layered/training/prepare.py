"""Preparing: a reference or a driving video, turned once into crops on disk that training reads at random."""

from __future__ import annotations

import json
import logging
import os
import shutil
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import BinaryIO

import cv2
import numpy as np

from perfclone.backends.layered.crop import Box, usual_side
from perfclone.backends.layered.training.footage import Footage, cut_plates, follow_boxes
from perfclone.background.camera import CameraTracker, MotionReport, stabilise
from perfclone.background.plate import Plate, PlateBuilder
from perfclone.errors import UserError
from perfclone.pose.body import Body, measure_body
from perfclone.pose.sequence import Pose, PoseSequence
from perfclone.progress import Progress
from perfclone.retarget import retarget_sequence

log = logging.getLogger(__name__)

#: Frames kept for training; longer videos give evenly spread runs of consecutive frames.
MOST_FRAMES = 3000
RUN = 60
#: Reference videos faster than this are thinned to about this rate, frames a second.
MOST_FPS = 40
_FEWEST_FRAMES = 24
_BLOCK = 1 << 20
_SMALL_MATTES = "small_mattes.raw"
_MOVING = (
    "One empty background does not fit the whole video: {movement}; film from a tripod in one shot without cuts, "
    "or train with no plate, which paints whole frames and looks less steady."
)


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
    video: Path,
    folder: Path,
    resolution: int,
    extractor,
    person: int = 0,
    with_plate: bool = True,
    holdout: float = 0.0,
    progress: Progress | None = None,
) -> None:
    """Extract poses, mattes, plate and crops of a reference video into a folder, whole or not at all.

    Args:
        video: The reference video.
        folder: Where to put them; an existing one is replaced.
        resolution: Side S of G's crop.
        extractor: A pose extractor, or poses saved from this video; where it gives no matte, BlazePose gives it.
        person: Which person, 0 the largest.
        with_plate: Otherwise whole frames are painted, and the camera may move.
        holdout: Share of the video, at its end, that neither the plate nor the body may know of.
        progress: Called with ("poses" | "crops", done, total).

    Raises:
        UserError: Too short, nobody in it, the camera moves beyond repair, or the saved poses are of another video.
    """
    beside = folder.with_name(f"{folder.name}.part")
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir(parents=True)
    try:
        _prepare(video, beside, resolution, extractor, person, with_plate, holdout, progress)
        (beside / _SMALL_MATTES).unlink()
        shutil.rmtree(folder, ignore_errors=True)
        beside.rename(folder)
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def _prepare(video, folder, resolution, extractor, person, with_plate, holdout, progress) -> None:
    """Write the files; those that are mapped are closed when this returns, as some systems want before a renaming."""
    watched = _watch(video, extractor, person, with_plate, holdout, folder, progress)
    reference, footage = _crops(video, watched, resolution, folder, progress)
    if not len(footage.starts(3, footage.boxes[:, 2] > 0)):
        raise UserError("The person is never seen for three frames in a row; film a longer, steadier reference.")
    np.save(folder / "plate.npy", watched.plate.image)
    footage.poses.save(folder / "poses.npz")
    np.savez(folder / "index.npz", boxes=footage.boxes, follows=footage.follows, plate_of=footage.plate_of)
    np.save(folder / "plates.npy", footage.plates)
    (folder / "reference.json").write_text(json.dumps(asdict(reference)))


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
    moved = retarget_sequence(poses, reference.body, (reference.width, reference.height))
    boxes = follow_boxes(moved, reference.side, reference.body.torso)
    return Footage(moved, boxes, np.arange(len(moved)) > 0, *cut_plates(boxes, plate, resolution))


@dataclass
class _Watched:
    """What the first look at a reference video gives; mattes are small and on disk."""

    poses: PoseSequence
    transforms: np.ndarray
    small_mattes: np.ndarray
    plate: Plate
    body: Body
    with_plate: bool


def _watch(video, extractor, person, with_plate, holdout, folder, progress) -> _Watched:
    from perfclone.pose import SavedPoses, clean_sequence, extract
    from perfclone.pose.mattes import Mattes
    from perfclone.video import VideoReader

    builder, tracker, mattes = PlateBuilder(), CameraTracker(), Mattes(folder / _SMALL_MATTES)
    poses, times = [], []
    with VideoReader(video) as reader:
        info = reader.info
        known = round(info.frames * (1 - holdout))
        for frame, pose, _ in extract(extractor, reader, person):
            matte = mattes.take(frame.pixels, pose)
            transform = tracker.add(frame.pixels, matte) if with_plate else np.eye(2, 3)
            if not poses or (pose.seen and len(poses) < known):
                builder.add(stabilise(frame.pixels, transform), stabilise(matte, transform, 255))
            poses.append(replace(pose, matte=None))
            times.append(frame.time)
            if progress:
                progress("poses", len(poses), info.frames)
    if isinstance(extractor, SavedPoses):
        extractor.check_end()
    camera = tracker.report() if with_plate else None
    _check_filmed(poses, camera)
    transforms = camera.transforms if camera else np.tile(np.eye(2, 3), (len(poses), 1, 1))
    size = (info.width, info.height)
    seen = clean_sequence(PoseSequence.from_poses(poses, times, size, extractor.name))
    moved = seen.keypoints @ transforms[:, :, :2].transpose(0, 2, 1) + transforms[:, None, :, 2]
    seen = replace(seen, keypoints=moved.astype(np.float32))
    return _Watched(seen, transforms, mattes.all(), builder.build(), measure_body(seen[:known]), with_plate)


def _check_filmed(poses: list[Pose], camera: MotionReport | None) -> None:
    seen = sum(pose.seen for pose in poses)
    if seen < _FEWEST_FRAMES:
        what = "Nobody was found in the video" if not seen else f"A person was found in only {seen} frames"
        raise UserError(f"{what}; a reference needs one person, head to feet, for at least {_FEWEST_FRAMES} frames.")
    if camera and camera.kind == "moving":
        raise UserError(_MOVING.format(movement=camera.movement))


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


def _crops(video, watched: _Watched, resolution, folder, progress) -> tuple[Reference, Footage]:
    kept, follows = _keep(watched.poses)
    poses, body = watched.poses[kept], watched.body
    (width, height), plate = poses.size, watched.plate
    if watched.with_plate:
        side = usual_side(poses.keypoints, poses.scores, body.torso, resolution)
        boxes = follow_boxes(poses, side, body.torso)
    else:
        side = max(width, height)
        boxes = np.tile(np.array([(width - side) // 2, (height - side) // 2, side], np.int32), (len(kept), 1))
    frames, mattes = _cut(video, watched, kept, boxes, resolution, folder, progress)
    still = np.allclose(watched.transforms, np.eye(2, 3))
    reference = Reference(width, height, watched.poses.fps, side, body, "still" if still else "stabilised", plate.seen)
    plate_of, plates = cut_plates(boxes, plate.image, resolution)
    return reference, Footage(poses, boxes, follows, plate_of, plates, frames, mattes)


def _cut(video, watched: _Watched, kept, boxes, resolution, folder, progress) -> tuple[np.memmap, np.memmap]:
    """Cut frames and mattes out of the video, onto the disk."""
    from perfclone.video import VideoReader

    shape = (len(kept), resolution, resolution)
    frames, mattes = _mapped(folder / "frames.npy", (*shape, 3)), _mapped(folder / "mattes.npy", shape)
    place = {int(index): n for n, index in enumerate(kept)}
    with VideoReader(video) as reader:
        for index, frame in enumerate(reader):
            n = place.get(index)
            if n is None:
                continue
            transform, box = watched.transforms[index], Box(*boxes[n].tolist())
            frames[n] = box.cut(stabilise(frame.pixels, transform), resolution)
            matte = cv2.resize(watched.small_mattes[index], watched.poses.size, interpolation=cv2.INTER_LINEAR)
            mattes[n] = box.cut(stabilise(matte, transform), resolution) if watched.with_plate else 255
            if progress:
                progress("crops", n + 1, len(kept))
    frames.flush()
    mattes.flush()
    return frames, mattes


def _mapped(path: Path, shape: tuple[int, ...]) -> np.memmap:
    """A new array of bytes on disk, with its room taken: a mapped file that finds none later ends the process."""
    np.lib.format.open_memmap(path, "w+", np.uint8, shape)
    with open(path, "r+b") as file:
        _take_room(file, path.stat().st_size)
    return np.lib.format.open_memmap(path, "r+")


def _take_room(file: BinaryIO, size: int) -> None:
    """Make sure that the disk has room for a file of so many bytes, though most of them were never written."""
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(file.fileno(), 0, size)
        return
    while block := file.read(_BLOCK):  # a system that cannot be asked is given each byte anew
        file.seek(-len(block), os.SEEK_CUR)
        file.write(block)
        file.flush()
    os.fsync(file.fileno())

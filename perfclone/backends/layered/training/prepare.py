"""Preparing: a reference or a driving video, turned once into crops on disk that training reads at random."""

from __future__ import annotations

import json
import logging
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch

from perfclone.backends.layered.choice import face_traits
from perfclone.backends.layered.crop import to_crop, usual_side
from perfclone.backends.layered.exemplars import Exemplars
from perfclone.backends.layered.fingers import filmed_hands
from perfclone.backends.layered.training.choosing import choose_exemplars
from perfclone.backends.layered.training.cutting import cut
from perfclone.backends.layered.training.footage import Footage, borders, cut_plates, follow_boxes
from perfclone.backends.layered.training.placing import place
from perfclone.backends.layered.training.validation import ALL_HELD_OUT, split
from perfclone.backends.layered.training.watching import watch
from perfclone.errors import UserError
from perfclone.pose.body import Body, measure_body, with_hips
from perfclone.pose.sequence import PoseSequence
from perfclone.pose.stance import Stance
from perfclone.progress import Progress
from perfclone.retarget import retarget_sequence
from perfclone.survey.verdict import Verdict, judge

log = logging.getLogger(__name__)

_SMALL_MATTES = "small_mattes.raw"


@dataclass(frozen=True)
class Reference:
    """Everything that training needs to know of the reference video, besides its crops.

    Attributes:
        width: Of the frame, pixels.  height: Of the frame, pixels.  fps: Mean frame rate.
        side: Usual side of the crop, pixels.
        body: The actor's body in the frame.
        camera: "still" or "moving", or "lost" where there is no plate.
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
        with_plate: Otherwise each frame is its own background, as where no plate is to be had.
        holdout: Share of the video, at its end, that neither the plate nor the body may know of.
        progress: Called with ("poses" | "plate" | "crops", done, total).

    Raises:
        UserError: Too short, nobody in it, or the saved poses are of another video.
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
    watched = watch(video, extractor, person, folder / _SMALL_MATTES, progress)
    verdict = judge(watched.sample)
    _heed(verdict, with_plate)
    known = round(len(watched.kept) * (1 - holdout))
    camera = verdict.camera if with_plate and verdict.plate else None
    if not (watched.poses.scores[:known] > 0).any():
        raise UserError(ALL_HELD_OUT)
    placed = place(video, watched, camera, known, progress)
    body = measure_body(placed.poses[placed.on < known])
    placed.poses = poses = with_hips(placed.poses, body)
    side = usual_side(poses.keypoints, poses.scores, body.torso, resolution)
    boxes = follow_boxes(poses, side, body.torso)
    exemplars = choose_exemplars(poses, split((poses.scores > 0).any(1), holdout).train)
    footage, kept = cut(video, watched, placed, boxes, resolution, exemplars, folder, progress)
    footage.poses.save(folder / "poses.npz")
    kept.save(folder)
    np.save(folder / "plate.npy", placed.plate.steady)
    index = {name: getattr(footage, name) for name in ("boxes", "follows", "plate_of", "filmed")}
    np.savez(folder / "index.npz", **index)
    (width, height), fps, seen = poses.size, watched.poses.fps, placed.plate.seen
    kind = "lost" if placed.lost else verdict.camera.kind
    reference = Reference(width, height, fps, side, body, kind, seen)
    (folder / "reference.json").write_text(json.dumps(asdict(reference)))


def _heed(verdict: Verdict, with_plate: bool) -> None:
    """Go by the judge: refuse what cannot work, and say what will work less well."""
    if verdict.refusal:
        raise UserError(verdict.refusal)
    if with_plate and not verdict.steady:
        log.warning("The camera: %s.", verdict.camera_told)


def load_reference(folder: Path) -> tuple[Reference, Footage, np.ndarray]:
    """Open what :func:`prepare_reference` wrote: facts, crops (mapped, not read), full plate (H, W, 3) uint8."""
    facts = json.loads((folder / "reference.json").read_text())
    facts["body"]["lengths"] = tuple(facts["body"]["lengths"])
    poses, index = PoseSequence.load(folder / "poses.npz"), dict(np.load(folder / "index.npz"))
    mapped = {name: np.load(folder / f"{name}.npy", mmap_mode="r") for name in ("plates", "frames", "mattes")}
    if "filmed" not in index:  # of perfclone 0.2, whose crops were the plate's
        index["filmed"] = borders(index["boxes"], poses.size, mapped["frames"].shape[1])
    footage = Footage(poses, **index, **mapped)
    return Reference(**{**facts, "body": Body(**facts["body"])}), footage, np.load(folder / "plate.npy")


def load_exemplars(folder: Path, footage: Footage, torso: float, resolution: int) -> Exemplars:
    """Open the exemplars that :func:`prepare_reference` chose.

    Args:
        folder: The material.
        footage: Of it.
        torso: The actor's torso length in frame pixels.
        resolution: Side S of G's crop.
    """
    with np.load(folder / "exemplars.npz") as data:
        at, ends, pictures = data["at"], np.cumsum(data["lengths"]), data["pictures"].tobytes()
        marked = "marks" in data and data["marks"].any()
        marks = torch.from_numpy(data["marks"]) if marked else None
        faces = torch.from_numpy(data["faces"] if marked else face_traits(footage.poses.details[at]))
    boxes = torch.from_numpy(footage.boxes[at]).float()
    keypoints = to_crop(torch.from_numpy(footage.poses.keypoints[at]), boxes, 2) - 1
    hands = filmed_hands(footage.poses.details[at], boxes)
    seen, times = torch.from_numpy(footage.poses.scores[at] > 0), torch.from_numpy(footage.poses.times[at]).float()
    pictures = [pictures[start:end] for start, end in zip([0, *ends], ends)]
    scale = 2 * torso / boxes[:, 2]
    return Exemplars(len(at), resolution).fill(pictures, keypoints, seen, scale, faces, times, marks, hands)


def driving_footage(
    poses: PoseSequence, reference: Reference, plate: np.ndarray, resolution: int, stance: Stance | None = None
) -> Footage:
    """Poses of a driving video, retargeted to the actor: what the unpaired branch trains on."""
    moved = retarget_sequence(poses, reference.body, (reference.width, reference.height), stance)
    boxes = follow_boxes(moved, reference.side, reference.body.torso)
    follows = np.r_[False, np.diff(moved.shots) == 0]
    return Footage(moved, boxes, follows, *cut_plates(boxes, plate, resolution))

"""Face and hands: whether a clone's mouth, eyes and fingers do what the driver's do, and whether the face is theirs.

The last part of a reference clip is kept from training and drives the clone (its own motion, so that the truth is
known); further videos drive it across people. What the clone does is read back by P, as it is read from the driver.
Unless minutes are given, nothing is learnt from the reference: the actor copies.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks import common
from benchmarks.quality import split, train_perfclone
from benchmarks.recordings import Recording, cut_to_square, load_recording
from eval.metrics.identity import FaceDistance, head_box
from eval.metrics.parts import point_error
from perfclone.pipeline import PerformanceCloner
from perfclone.pose import Pose, PoseSequence
from perfclone.pose.details import EXPRESSIONS
from perfclone.pose.extractor import build_extractor, extract
from perfclone.terminal.arguments import positive, refuse_existing, share, whole
from perfclone.training import TrainConfig
from perfclone.video import Frame

#: What is read back of a face, and the actions whose mean it is.
READ = {
    "mouth": ("jawOpen",), "blink": ("eyeBlinkLeft", "eyeBlinkRight"), "smile": ("mouthSmileLeft", "mouthSmileRight"),
    "pucker": ("mouthPucker",), "gaze": ("eyeLookOutLeft", "eyeLookInRight"),
}  # fmt: skip
#: A hand that P is less sure of may be none.
_SURE = 0.75
#: Fewer frames tell nothing, nor does an action that hardly changes: its least standard deviation.
_FEWEST, _LEAST = 8, 0.02


def read_back(frames: np.ndarray, fps: float) -> list[Pose]:
    """What P sees in the frames of a clone, as it comes."""
    clip = (Frame(frame, n / fps) for n, frame in enumerate(frames))
    return [each.pose for each in extract(build_extractor("blazepose"), clip)]


def faces(driver: list[Pose], clone: list[Pose]) -> dict[str, float]:
    """How well the clone's face follows the driver's.

    Returns:
        "face_found", the share of the driver's faces that the clone shows too, and for each of ``READ`` Pearson's
        correlation "..._r" and how far it moves against the driver, "..._range", a ratio of standard deviations.
    """
    there = np.array([pose.details.face_score > 0 for pose in driver])
    both = there & np.array([pose.details.face_score > 0 for pose in clone])
    result = {"face_found": float(both.sum() / max(there.sum(), 1)), "faces": int(there.sum())}
    for name, actions in READ.items():
        wanted, got = (_action([p for p, b in zip(poses, both) if b], actions) for poses in (driver, clone))
        if len(wanted) >= _FEWEST and wanted.std() > _LEAST and got.std() > 0:
            result[f"{name}_r"] = float(np.corrcoef(wanted, got)[0, 1])
            result[f"{name}_range"] = float(got.std() / wanted.std())
    return result


def _action(poses: list[Pose], names: tuple[str, ...]) -> np.ndarray:
    at = [EXPRESSIONS.index(name) for name in names]
    return np.array([pose.details.expression[at].mean() for pose in poses])


def hands(driver: list[Pose], clone: list[Pose], aligned: bool) -> dict[str, float]:
    """How well the clone's hands follow the driver's.

    Args:
        driver: What P said of the driver.
        clone: What it said of the clone.
        aligned: Hands are in the same place in both; otherwise they are laid on one another, wrist and palm, first.

    Returns:
        "hands", how many the driver shows, "hands_found", the share of these that the clone shows, and "hand_error",
        mean distance of their points in sizes of the hand.
    """
    errors, shown = [], 0
    for wanted, got in zip(driver, clone):
        for side in range(2):
            if wanted.details.hand_scores[side] < _SURE:
                continue
            shown += 1
            if got.details.hand_scores[side] > 0:
                points, found = wanted.details.hands[side], got.details.hands[side]
                errors.append(point_error(found if aligned else _laid_on(found, points), points))
    found = {"hands_found": len(errors) / shown, "hand_error": float(np.mean(errors))} if errors else {}
    return {"hands": shown, **found}


def _laid_on(points: np.ndarray, onto: np.ndarray) -> np.ndarray:
    """Points (21, 2) moved and scaled so that their wrist and root of the middle finger lie on those of others."""
    (a, b), (c, d) = points[[0, 9]] @ [1, 1j], onto[[0, 9]] @ [1, 1j]
    moved = c + (points @ [1, 1j] - a) * (d - c) / (b - a if b != a else 1)
    return np.stack([moved.real, moved.imag], 1)


def identity(frames: np.ndarray, clone: list[Pose], real: np.ndarray, poses: PoseSequence) -> dict[str, float]:
    """Mean distance of the clone's face to the real one, where dlib finds both; nothing without its packages."""
    if not FaceDistance.available():
        return {}
    measure, distances = FaceDistance(), []
    for n in common.evenly(len(frames), 40):
        boxes = head_box(clone[n].keypoints, clone[n].scores), head_box(poses.keypoints[n], poses.scores[n])
        if boxes[0] is not None and boxes[1] is not None:
            distances.append(measure.distance(frames[n], real[n], *boxes))
    found = [distance for distance in distances if distance is not None]
    return {"face_distance": float(np.mean(found)), "face_distances": len(found)} if found else {}


def measure(
    cloner: PerformanceCloner, test: Recording, drivers: dict[str, Recording]
) -> Iterator[tuple[str, np.ndarray, dict]]:
    """Clone the held-out part and each other driver; yields a name, the frames and what was measured."""
    frames = np.stack(list(cloner.render(test.poses)))
    clone = read_back(frames, test.poses.fps)
    own = {**faces(test.raw, clone), **hands(test.raw, clone, aligned=True)}
    yield "own", frames, {**own, **identity(frames, clone, test.frames, test.poses)}
    for name, driver in drivers.items():
        frames = np.stack(list(cloner.frames(driver.poses, common.AS_PAINTED)))
        clone = read_back(frames, driver.poses.fps)
        yield name, frames, {**faces(driver.raw, clone), **hands(driver.raw, clone, aligned=False)}


def main() -> None:
    """Run the benchmark from the command line."""
    parser = common.parser(__doc__)
    parser.add_argument("reference", type=Path, metavar="REFERENCE", help="footage of one person, 4 to 60 s")
    parser.add_argument("--driving", type=Path, nargs="*", default=[], metavar="VIDEO", help="other people to clone")
    parser.add_argument("--minutes", type=positive, metavar="M", help="train so long (default: not at all)")
    parser.add_argument("--size", type=whole(64), default=512, help="side of the frames (default: %(default)s)")
    parser.add_argument("--holdout", type=share, default=0.4, help="share to measure on (default: %(default)s)")
    parser.add_argument("--seed", type=whole(0), default=0, help="default: %(default)s")
    parser.add_argument("--sheet", type=Path, metavar="PNG", help="write a picture for each driver, _NAME added")
    args = parser.parse_args()
    refuse_existing([args.json], force=True)
    common.set_threads(args.threads)
    length = {"minutes": args.minutes} if args.minutes else {"steps": 1}
    with tempfile.TemporaryDirectory() as folder:
        recording = load_recording(cut_to_square(args.reference, Path(folder, "square.mp4"), args.size))
        learnt, test = split(recording, args.holdout)
        cloner, _ = train_perfclone(learnt, TrainConfig(seed=args.seed, unpaired=False, **length), Path(folder))
        drivers = {path.stem: load_recording(path) for path in args.driving}
        result = {}
        for name, frames, found in measure(cloner, test, drivers):
            result[name] = found
            if args.sheet:
                real = test.frames if name == "own" else drivers[name].frames
                _sheet(real, frames, args.sheet.with_stem(f"{args.sheet.stem}_{name}"))
    settings = {name: getattr(args, name) for name in ("minutes", "size", "holdout", "seed")}
    settings |= {"reference": args.reference.name, "train_frames": len(learnt.frames)}
    common.write_json({**result, "settings": settings, **common.circumstances(args.threads)}, args.json)


def _sheet(real: np.ndarray, frames: np.ndarray, path: Path) -> None:
    if real.shape == frames.shape:
        common.contact_sheet({"driving": real, "clone": frames}, path)
    else:
        common.contact_sheet({"clone": frames}, path)


if __name__ == "__main__":
    common.run(main)

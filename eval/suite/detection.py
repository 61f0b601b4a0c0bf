"""P on the suite: what it finds in the videos, kept so that nobody looks twice, and how far from the true joints."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from perfclone.errors import UserError
from perfclone.pose import INDEX, PoseSequence, build_extractor
from perfclone.pose.body import measure_body
from perfclone.pose.perform import read_poses
from perfclone.pose.saved import Recorder
from perfclone.progress import Progress, titled

from .description import Suite

EXTRACTOR = "blazepose"
#: Group of joints -> parts of their names.
GROUPS: dict[str, tuple[str, ...]] = {
    "head": ("nose", "eye", "ear"),
    "shoulders": ("neck", "shoulder"),
    "elbows": ("elbow",),
    "wrists": ("wrist",),
    "hips": ("hip",),
    "knees": ("knee",),
    "ankles": ("ankle",),
    "feet": ("heel", "toe"),
    "hands": ("thumb", "index", "pinky"),
}


@dataclass(frozen=True)
class Found:
    """What P found in a video.

    Attributes:
        poses: Cleaned, as cloning uses them.
        seen: (T,) bool, whether P saw anybody, before cleaning.
        seconds: That P and the cleaning took for a frame.
        file: Where the poses are kept; with mattes it is what `perfclone.pose.SavedPoses` reads.
    """

    poses: PoseSequence
    seen: np.ndarray
    seconds: float
    file: Path


def find_poses(video: Path, folder: Path, progress: Progress | None = None, mattes: bool = False) -> Found:
    """Let P look at a video, or read what it found there before.

    Args:
        video: The video.
        folder: Where the findings are kept, one file for each video.
        progress: Called with what is going on, frames done and frames in all.
        mattes: Find the mattes, too.

    Raises:
        UserError: Nobody is seen in the video.
    """
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{video.parent.name}_{video.stem}{'_mattes' if mattes else ''}.npz"
    stat = video.stat()
    fingerprint = f"{video.absolute()} {stat.st_size} {stat.st_mtime_ns}"
    if not (file.is_file() and _kept(file, fingerprint)):
        _detect(video, file, fingerprint, progress, mattes)
    with np.load(file, allow_pickle=False) as data:
        seen, seconds = data["seen"], float(data["seconds"])
    if not seen.any():
        raise UserError(f"Nobody was found in {video}; give footage of one person, whole in the picture.")
    return Found(PoseSequence.load(file), seen, seconds, file)


def _kept(file: Path, fingerprint: str) -> bool:
    with np.load(file, allow_pickle=False) as data:
        return str(data["fingerprint"]) == fingerprint


def _detect(video: Path, file: Path, fingerprint: str, progress: Progress | None, mattes: bool) -> None:
    scratch, seen = file.with_suffix(".raw"), []
    recorder = Recorder(scratch) if mattes else None

    def watch(frame, pose) -> None:
        seen.append(pose.seen)
        if recorder:
            recorder(frame, pose)

    tell = titled(progress, f"poses of {video.parent.name}/{video.name}")
    began = time.monotonic()
    poses = read_poses(video, build_extractor(EXTRACTOR, matte=mattes), progress=tell, watch=watch)
    facts = {
        "seen": np.array(seen),
        "seconds": np.array((time.monotonic() - began) / len(poses)),
        "fingerprint": np.array(fingerprint),
    }
    poses.save(file, **facts, **(recorder.arrays() if recorder else {}))
    scratch.unlink(missing_ok=True)


def pose_detection(suite: Suite, folder: Path, progress: Progress | None = None) -> dict:
    """Score P's joints against the true ones in the suite's test clips.

    Error: distance in pixels between the found joint and the true one, over the true torso length of the person in
    that video (neck to mid-hip, as `measure_body` finds it on the true joints). PCK@a: share of the true joints that
    are in plain view whose found joint is nearer than `a` torso lengths; a joint that P does not give is a miss.
    What extractors call a hip or a neck is not quite where the rig turns, so even a perfect P is not at 0.

    Args:
        suite: The suite.
        folder: Where P's findings are kept, see :func:`find_poses`.
        progress: Called with what is going on, frames done and frames in all.

    Returns:
        JSON-native, empty where no true joints are known: "extractor", "videos", "frames", "found" (share of frames
        in which P saw the person, [0, 1]), and "groups": group, "all" or "hidden" (all joints behind the body) ->
        "pck_0.1" and "pck_0.2" ([0, 1]), "median_error" (torso lengths, of the joints that P gives), "joints" (how
        many).
    """
    videos = [trial.driving for trial in suite.trials] + [trial.truth for trial in suite.trials]
    errors, views, seen = [], [], []
    for video in dict.fromkeys(video for video in videos if video in suite.takes):
        found, true = find_poses(video, folder, progress), PoseSequence.load(suite.takes[video])
        errors.append(joint_errors(found.poses, true))
        views.append(true.scores)
        seen.append(found.seen)
    if not errors:
        return {}
    error, view, frames = np.concatenate(errors), np.concatenate(views), np.concatenate(seen)
    of = np.array([next(g for g, parts in GROUPS.items() if any(p in name for p in parts)) for name in INDEX])
    plain = view == 1
    groups = {"all": summary(error[plain]), "hidden": summary(error[(view > 0) & ~plain])}
    groups |= {group: summary(error[plain & (of == group)]) for group in GROUPS}
    return {
        "extractor": EXTRACTOR,
        "videos": len(errors),
        "frames": len(frames),
        "found": float(frames.mean()),
        "groups": groups,
    }


def joint_errors(found: PoseSequence, true: PoseSequence) -> np.ndarray:
    """Distances between found and true joints, (T, J) torso lengths; infinite where a joint was not found.

    Raises:
        UserError: The sequences differ in length.
    """
    if len(found) != len(true):
        raise UserError(f"P gave {len(found)} poses for {len(true)} true ones; render the suite anew.")
    distance = np.linalg.norm(found.keypoints - true.keypoints, axis=-1) / measure_body(true).torso
    return np.where(found.scores > 0, distance, np.inf)


def summary(errors: np.ndarray) -> dict[str, float | int | None]:
    """PCK, median and number of errors (N,) in torso lengths; None where there is nothing to tell."""
    given = errors[np.isfinite(errors)]
    return {
        "pck_0.1": float((errors < 0.1).mean()) if len(errors) else None,
        "pck_0.2": float((errors < 0.2).mean()) if len(errors) else None,
        "median_error": float(np.median(given)) if len(given) else None,
        "joints": len(errors),
    }

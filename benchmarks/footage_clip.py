"""What becomes of one clip: checked, trained on for a moment, its end painted and compared, and performed."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import av
import cv2
import numpy as np

from benchmarks import common
from benchmarks.recordings import person_crops
from eval import metrics
from eval.benchmark.steady import laid, laid_poses, views_on
from perfclone.actor import Actor
from perfclone.errors import UserError
from perfclone.governance.consent.kinds import evaluation_record
from perfclone.pipeline import PerformanceCloner
from perfclone.pose import PoseSequence, build_extractor
from perfclone.pose.body import measure_body
from perfclone.pose.mattes import Mattes
from perfclone.pose.perform import read_poses
from perfclone.pose.skeleton import FEET
from perfclone.preflight import check_reference
from perfclone.progress import titled
from perfclone.retarget import retarget_sequence
from perfclone.terminal.progress import progress_bars
from perfclone.training import TrainConfig, TrainRequest, train
from perfclone.video import VideoReader, probe

HOLDOUT = 0.2
#: ST-LPIPS sees so many of the held-out frames, and of none more pixels than this along its short side.
SCORED_FRAMES, SCORED_SIDE = 12, 360
#: A driver's foot stands that moves more slowly, torso lengths a second.
STANDING = 0.3
#: Moments on a contact sheet.
SHOWN = 5


@dataclass(frozen=True)
class Settings:
    """How clips are examined.

    Attributes:
        actor: Who performs them.
        preset: Size of the actors trained on them.
        steps: Of training.
        seed: Of training.
    """

    actor: Path | str
    preset: str = "tiny"
    steps: int = 60
    seed: int = 0


@dataclass
class Examined:
    """What was found of a clip.

    Attributes:
        row: A line of the table, JSON-native.
        poses: What P finds in it, cleaned.
        mattes: (T, h, w) uint8, small, on disk: gone with the scratch folder.
        pictures: Title -> moments, for the contact sheet.
        plate: (H, W, 3) uint8, what training took for the empty background; None where it was refused.
    """

    row: dict
    poses: PoseSequence
    mattes: np.ndarray
    pictures: dict[str, list[np.ndarray]] = field(default_factory=dict)
    plate: np.ndarray | None = None

    def matte(self, n: int) -> np.ndarray:
        """The performer's matte in a frame, (H, W) uint8."""
        return cv2.resize(self.mattes[n], self.poses.size)


def examine(clip: Path, scratch: Path, settings: Settings) -> Examined:
    """Check, train and clone one clip; everything that is written goes into the scratch folder."""
    began, mattes = time.monotonic(), Mattes(scratch / "mattes.raw")
    with progress_bars() as progress:
        told = titled(progress, f"poses of {clip.name}")
        extractor = build_extractor("blazepose", matte=True)
        poses = read_poses(clip, extractor, 0, told, lambda frame, pose: mattes.take(frame.pixels, pose))
    seen = Examined({"clip": clip.name}, poses, mattes.all())
    shown = set(common.evenly(len(poses), SHOWN).tolist())
    seen.pictures["source"] = [frame for n, frame in enumerate(pixels_of(clip)) if n in shown]
    _check(clip, seen.row)
    _train(clip, scratch, settings, shown, seen)
    seen.row["agree"] = (seen.row["verdict"] == "fail") == bool(seen.row["refused"])
    _perform(clip, scratch, settings, shown, seen)
    seen.row["seconds"] = round(time.monotonic() - began, 1)
    return seen


def pixels_of(video: Path) -> Iterator[np.ndarray]:
    """The frames of a video, (H, W, 3) uint8 RGB."""
    with VideoReader(video) as reader:
        for frame in reader:
            yield frame.pixels


def _check(clip: Path, row: dict) -> None:
    """Let `check` judge: its verdict, and what it says of camera, people and framing."""
    try:
        with progress_bars() as progress:
            report = check_reference(clip, progress=titled(progress, f"checking {clip.name}"))
    except UserError as error:
        row |= {"verdict": "fail", "failed": str(error)}
        return
    failed = [f"{finding.name}: {finding.message}" for finding in report.findings if finding.status == "fail"]
    row |= {"verdict": report.status, "failed": "; ".join(failed) or None}
    found = {finding.name: finding for finding in report.findings}
    if "camera still" in found:
        camera = found["camera still"]
        row |= {"camera": re.split(" \\(|:", camera.message)[0], "shift_px": camera.value}
        row |= {"others": found["one person"].value, "whole_body": found["whole body"].value}


def _train(clip: Path, scratch: Path, settings: Settings, shown: set[int], seen: Examined) -> None:
    """Train on the clip, and compare what the actor makes of its held-out end with what was filmed there."""
    config = TrainConfig(preset=settings.preset, steps=settings.steps, seed=settings.seed, holdout=HOLDOUT)
    request = TrainRequest(clip, scratch / "actor", consent=evaluation_record(clip), config=config)
    try:
        with progress_bars() as progress:
            result = train(request, progress=titled(progress, f"training on {clip.name}"))
    except UserError as error:
        seen.row |= {"refused": str(error)}
        return
    actor = Actor.from_pretrained(result.actor_dir)
    seen.row |= {"refused": None, "training_minutes": result.minutes}
    seen.plate = actor.plate.numpy()
    seen.pictures["plate"] = [seen.plate]
    seen.row |= _own_clone(clip, actor, shown, seen)


def _own_clone(clip: Path, actor: Actor, shown: set[int], seen: Examined) -> dict:
    """Let the actor do what is done in the clip, and measure the held-out end of that."""
    first = round(len(seen.poses) * (1 - HOLDOUT))
    wanted = shown | set(range(first, len(seen.poses)))
    frames = {n: frame for n, frame in enumerate(pixels_of(clip)) if n in wanted}
    matrices = _steady(clip, actor, seen)
    on = [n for n in frames if np.isfinite(matrices[n]).all()]
    moved = laid_poses(seen.poses[np.array(on)], matrices[on])
    painted = dict(zip(on, PerformanceCloner(actor).render(moved)))
    seen.pictures["own clone"] = [painted.get(n, np.full_like(seen.plate, 128)) for n in sorted(shown)]
    held, size = [n for n in on if n >= first], seen.plate.shape[1::-1]
    if len(held) < 2:
        return {}
    filmed = [laid(frames[n], matrices[n]) for n in held]
    mattes = [cv2.warpPerspective(seen.matte(n), matrices[n], size) for n in held]
    return likeness([painted[n] for n in held], filmed, mattes)


def _steady(clip: Path, actor: Actor, seen: Examined) -> np.ndarray:
    """How the frames are laid into the view in which their actor is shown, (T, 3, 3), NaN where not at all."""
    views = None if actor.config.whole_frame else views_on(seen.plate, clip, seen.poses, seen.mattes)
    if views is None or not np.isfinite(views).any():
        return np.tile(np.eye(3), (len(seen.poses), 1, 1))
    return views


def likeness(painted: list[np.ndarray], filmed: list[np.ndarray], mattes: list[np.ndarray]) -> dict:
    """ST-LPIPS over the whole picture and in the square around the person, and the painted background's change."""
    wide = [cv2.dilate(matte, np.ones((9, 9), np.uint8)) for matte in mattes]
    chosen = common.evenly(len(painted), SCORED_FRAMES)
    a, b, masks = (np.stack([each[n] for n in chosen]) for each in (painted, filmed, mattes))
    small = [np.stack([_small(frame) for frame in each]) for each in (a, b)]
    crops = person_crops(masks, a, b) if (masks > 127).any() else None
    return {
        "st_lpips_alex": metrics.st_lpips(*small),
        "person_st_lpips_alex": metrics.st_lpips(*crops) if crops else None,
        "background_change": metrics.background_change(iter(painted), iter(wide)),
        "held_out_frames": len(painted),
    }


def _small(frame: np.ndarray) -> np.ndarray:
    scale = min(1.0, SCORED_SIDE / min(frame.shape[:2]))
    return cv2.resize(frame, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA) if scale < 1 else frame


def _perform(clip: Path, scratch: Path, settings: Settings, shown: set[int], seen: Examined) -> None:
    """Let the built-in actor perform the clip: length, sound, place and feet."""
    cloner, output = PerformanceCloner.from_pretrained(settings.actor), scratch / "driven.mp4"
    try:
        with progress_bars() as progress:
            told = titled(progress, f"performing {clip.name}")
            cloner.clone(clip, output, common.AS_PAINTED, progress=told, force=True)
    except UserError as error:
        seen.row |= {"clone": f"refused: {error}"}
        return
    a, b = probe(clip), probe(output)
    config = cloner.actor.config
    moved = retarget_sequence(seen.poses, config.body, (config.width, config.height))
    inside = inside_share(moved)
    late = sound_delay(output) - sound_delay(clip) if a.has_audio and b.has_audio else 0.0
    wrong = {
        f"{b.frames} frames of {a.frames}": a.frames != b.frames,
        f"{b.duration:.2f} s of {a.duration:.2f}": abs(a.duration - b.duration) > 1 / a.fps,
        "no sound": a.has_audio and not b.has_audio,
        f"sound {late:+.2f} s late": abs(late) > 0.04,
        f"outside the picture in {1 - inside:.0%}": inside < 1,
    }
    seen.row |= {
        "clone": "; ".join(what for what, is_so in wrong.items() if is_so) or "right",
        "inside": inside,
        "feet_slide": feet_slide(seen.poses, moved, config.body.torso),
    }
    seen.pictures["driven clone"] = [frame for n, frame in enumerate(pixels_of(output)) if n in shown]


def inside_share(poses: PoseSequence) -> float:
    """Share of the frames that show somebody in which every joint that is seen lies in the picture."""
    seen = poses.scores > 0
    inside = ((poses.keypoints >= 0) & (poses.keypoints <= poses.size)).all(-1) | ~seen
    there = seen.any(1)
    return float(inside[there].all(1).mean()) if there.any() else 1.0


def feet_slide(driven: PoseSequence, moved: PoseSequence, torso: float) -> float | None:
    """How fast the clone's feet move while the driver's stand: mean speed, torso lengths a second; None if none does.

    Args:
        driven: The driver's poses.
        moved: The same, retargeted.
        torso: Of the actor, pixels.
    """
    steps = np.diff(driven.times)[:, None]
    try:
        own = measure_body(driven).torso
    except UserError:
        return None
    speeds = []
    for poses, unit in ((driven, own), (moved, torso)):
        seen = (poses.scores[:, FEET] > 0)[1:] & (poses.scores[:, FEET] > 0)[:-1]
        speed = np.linalg.norm(np.diff(poses.keypoints[:, FEET], axis=0), axis=-1) / steps / unit
        speeds.append(np.where(seen, speed, np.nan))
    stands = speeds[0] < STANDING
    slid = speeds[1][stands & np.isfinite(speeds[1])]
    return float(slid.mean()) if len(slid) else None


def sound_delay(path: Path) -> float:
    """Seconds from the first picture of a file to its first sound."""
    with av.open(f"file:{path}") as file:
        return float(_begins(file.streams.audio[0]) - _begins(file.streams.video[0]))


def _begins(stream: av.stream.Stream) -> float:
    return float((stream.start_time or 0) * stream.time_base)

"""What becomes of one clip: checked, trained on for a moment, its end painted and compared, and performed by another."""

from __future__ import annotations

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
from eval.benchmark.holdout import first_held
from perfclone.actor import Actor
from perfclone.backends.layered.training.prepare import Reference, load_reference
from perfclone.background.camera import find_camera
from perfclone.errors import UserError
from perfclone.governance.consent.kinds import evaluation_record
from perfclone.pipeline import PerformanceCloner
from perfclone.pose import PoseSequence, build_extractor, extract
from perfclone.pose.body import measure_body
from perfclone.pose.perform import read_poses
from perfclone.pose.skeleton import FEET
from perfclone.preflight import Report, check_reference
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
        pictures: Title -> moments, for the contact sheet.
        plate: (H, W, 3) uint8, what training took for the empty background; None where it was refused, or had none.
    """

    row: dict
    pictures: dict[str, list[np.ndarray]] = field(default_factory=dict)
    plate: np.ndarray | None = None


def examine(clip: Path, scratch: Path, settings: Settings) -> Examined:
    """Check, train and clone one clip; everything that is written goes into the scratch folder."""
    began, seen = time.monotonic(), Examined({"clip": clip.name})
    info = probe(clip)
    shown = [round(share * (info.frames - 1)) for share in np.linspace(0, 1, SHOWN)]
    seen.pictures["source"] = [frame for n, frame in enumerate(pixels_of(clip)) if n in shown]
    report = _checked(clip, seen.row)
    _trained(clip, scratch, settings, shown, seen)
    seen.row["agree"] = seen.row["verdict"] is not None and (report is None or report.status == "fail") == bool(
        seen.row["refused"]
    )
    _performed(clip, scratch, settings, shown, seen)
    seen.row["seconds"] = round(time.monotonic() - began, 1)
    return seen


def pixels_of(video: Path) -> Iterator[np.ndarray]:
    """The frames of a video, (H, W, 3) uint8 RGB."""
    with VideoReader(video) as reader:
        for frame in reader:
            yield frame.pixels


def _checked(clip: Path, row: dict) -> Report | None:
    """Let `check` judge: its verdict, and what it says of camera, people and framing."""
    try:
        with progress_bars() as progress:
            report = check_reference(clip, progress=titled(progress, f"checking {clip.name}"))
    except UserError as error:
        row |= {"verdict": "fail", "why_check": str(error), "camera": None, "people": None, "framing": None}
        return None
    found = {finding.name: finding for finding in report.findings}
    failed = [f"{finding.name}: {finding.message}" for finding in report.findings if finding.status == "fail"]
    row |= {"verdict": report.status, "why_check": "; ".join(failed) or None}
    for key, name in {"camera": "camera", "people": "one person", "framing": "whole body"}.items():
        finding = next((finding for each, finding in found.items() if each.startswith(name)), None)
        row[key] = finding and finding.message
        if key == "camera" and finding:
            row["shift_px"] = finding.value
    return report


def _trained(clip: Path, scratch: Path, settings: Settings, shown: list[int], seen: Examined) -> None:
    """Train on the clip, and compare what the actor makes of its held-out end with what was filmed there."""
    config = TrainConfig(preset=settings.preset, steps=settings.steps, seed=settings.seed, holdout=HOLDOUT)
    began = time.monotonic()
    try:
        with progress_bars() as progress:
            request = TrainRequest(clip, scratch / "actor", consent=evaluation_record(clip), config=config)
            result = train(request, progress=titled(progress, f"training on {clip.name}"))
    except UserError as error:
        seen.row |= {"refused": str(error), "camera_trained": None}
        return
    actor, material = Actor.from_pretrained(result.actor_dir), load_reference(result.run_dir / "reference")
    reference, footage, plate = material
    seen.plate = actor.plate.numpy()
    seen.row |= {"refused": None, "camera_trained": reference.camera, "train_seconds": time.monotonic() - began}
    painted = list(PerformanceCloner(actor).render(footage.poses))
    at = footage.poses.times
    seen.pictures["plate"] = [seen.plate]
    every = common.evenly(len(painted), len(shown))
    seen.pictures["own clone"] = [painted[n] for n in every]
    seen.row |= _held_out(clip, reference, seen.plate, at, painted)


def _held_out(clip: Path, reference: Reference, plate: np.ndarray, times: np.ndarray, painted: list) -> dict:
    """Likeness of the painted end to the filmed one, laid into the clone's view, and how steady its background is."""
    with VideoReader(clip) as reader:
        begins = next(f.time for n, f in enumerate(reader) if n == first_held(reader.info.frames, HOLDOUT))
    held = np.flatnonzero(times >= begins - 1e-6)
    wanted = {round(float(times[n]), 4): n for n in held}
    with VideoReader(clip) as reader:
        kept = (frame for frame in reader if round(frame.time, 4) in wanted)
        filmed = [(f.pixels, p.matte) for f, p in extract(build_extractor("blazepose", matte=True), kept)]
    empty = np.zeros(filmed[0][0].shape[:2], np.uint8)
    frames, mattes = (list(each) for each in zip(*[(f, empty if m is None else m) for f, m in filmed]))
    if reference.camera == "moving":
        laid, size = views_on(plate, frames, mattes), plate.shape[1::-1]
        there = np.flatnonzero(np.isfinite(laid).all((1, 2)))
        frames = [cv2.warpPerspective(frames[n], laid[n], size, borderMode=cv2.BORDER_REPLICATE) for n in there]
        mattes, held = [cv2.warpPerspective(mattes[n], laid[n], size) for n in there], held[there]
    return likeness([painted[n] for n in held], frames, mattes)


def views(frames: list[np.ndarray], mattes: list[np.ndarray], every: int = 12) -> np.ndarray:
    """How frames are laid over one another, as perfclone finds it from every 12th and then follows all of them.

    Returns:
        (T, 3, 3), pixels of each frame to those of a steady view; NaN where a frame shows another place.
    """
    tracker = find_camera(frames[::every], mattes[::every]).tracker()
    found = [tracker(frame, matte) for frame, matte in zip(frames, mattes)]
    return np.stack([np.full((3, 3), np.nan) if view is None else view.matrix for view in found])


def views_on(plate: np.ndarray, frames: list[np.ndarray], mattes: list[np.ndarray]) -> np.ndarray:
    """How frames are laid over a plate (H, W, 3) of their size: (T, 3, 3), as :func:`views`."""
    first, *others = views([plate, *frames], [np.zeros(plate.shape[:2], np.uint8), *mattes])
    return np.linalg.inv(first) @ np.stack(others)


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


def _performed(clip: Path, scratch: Path, settings: Settings, shown: list[int], seen: Examined) -> None:
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
    config, poses = cloner.actor.config, read_poses(clip)
    moved = retarget_sequence(poses, config.body, (config.width, config.height))
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
        "feet_slide": feet_slide(poses, moved, config.body.torso),
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

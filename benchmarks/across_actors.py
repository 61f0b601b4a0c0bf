"""Ground truth across actors: one synthetic person clones another, and the truth is rendered.

Person B performs a motion; the trained actor A clones it from the video of B; and A is rendered in that same motion,
which is the truth that no footage of real people has. Beside the clone stands the paper's baseline: for each driving
pose the frame of A's reference video whose pose is nearest. ST-LPIPS and PSNR, over the whole frame and over the
person: PSNR where the true matte is, ST-LPIPS in the square around it.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import cv2
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks import common
from benchmarks.clips import load_clip, person_crops
from eval import metrics
from eval.benchmark.baselines import nearest
from eval.synthetic import ACTORS, Scene, motion
from perfclone import builtin
from perfclone.actor import Actor
from perfclone.pipeline import PerformanceCloner
from perfclone.terminal.arguments import positive, refuse_existing
from perfclone.terminal.progress import progress_bar
from perfclone.video import VideoWriter

FPS = 30
SCORED_FRAMES = 100


def render(person: str, frames: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Render a synthetic person in a motion.

    Args:
        person: Name of the synthetic person.
        frames: (T, 43) as `motion` gives them.
        size: Side of the picture, pixels.

    Returns:
        (T, size, size, 3) uint8 frames, and (T, size, size) uint8 mattes.
    """
    scene, pictures, mattes = Scene(person, size), [], []
    with progress_bar(f"rendering {person}") as progress:
        for n, frame in enumerate(frames):
            rendered = scene.render(frame, n)
            pictures.append(rendered.rgb)
            mattes.append(rendered.matte)
            progress(n + 1, len(frames))
    return np.stack(pictures), np.stack(mattes)


def write(frames: np.ndarray, path: Path) -> Path:
    """Write frames as a video at `FPS`."""
    with VideoWriter(path, rate=FPS, force=True) as writer:
        for frame in frames:
            writer.write(frame)
    return path


def compare(frames: np.ndarray, truth: np.ndarray, mattes: np.ndarray, label: str) -> dict[str, float]:
    """Measure frames against the truth, whole and around the person."""
    at = common.evenly(len(frames), SCORED_FRAMES)
    with progress_bar(f"scoring {label}") as progress:
        whole = metrics.st_lpips(frames[at], truth[at], progress=progress)
    with progress_bar(f"scoring {label}, the person") as progress:
        person = metrics.st_lpips(*person_crops(mattes[at], frames[at], truth[at]), progress=progress)
    return {
        "st_lpips_alex": whole,
        "psnr": metrics.psnr(frames, truth),
        "person_st_lpips_alex": person,
        "person_psnr": metrics.psnr(frames, truth, mattes > 127),
    }


def nearest_frames(reference: Path, driving: Path, size: int) -> np.ndarray:
    """For each frame of the driving video the reference frame whose pose is nearest: (T, size, size, 3) uint8."""
    filmed, performed = load_clip(reference), load_clip(driving)
    chosen = filmed.frames[nearest(filmed.poses, performed.poses)]
    if chosen.shape[1:3] == (size, size):
        return chosen
    return np.stack([cv2.resize(frame, (size, size), interpolation=cv2.INTER_AREA) for frame in chosen])


def main() -> None:
    """Run the benchmark from the command line."""
    parser = common.parser(__doc__)
    parser.add_argument("actor", nargs="?", metavar="ACTOR", help="default: the built-in actor anna")
    parser.add_argument("--person", choices=sorted(ACTORS), default="anna", help="who ACTOR is (default: %(default)s)")
    parser.add_argument("--performer", choices=sorted(ACTORS), default="ben", help="person B (default: %(default)s)")
    parser.add_argument("--reference", type=Path, metavar="VIDEO", help="default: the built-in clip of --person")
    parser.add_argument("--motion", default="driving", help="a motion that A was not filmed doing (default: driving)")
    parser.add_argument("--seconds", type=positive, help="of the motion (default: all)")
    parser.add_argument("--sheet", type=Path, metavar="PNG", help="write a picture: driving, truth, clone, nearest")
    args = parser.parse_args()
    refuse_existing([args.json, args.sheet], force=True)
    common.set_threads(args.threads)
    actor = Actor.from_pretrained(args.actor or builtin.pick("actor", builtin.actors(), args.person))
    reference = args.reference or builtin.EXAMPLES / "clips" / f"{args.person}_reference.mp4"
    size, frames = actor.config.width, motion(args.motion, FPS, args.seconds)
    driving, _ = render(args.performer, frames, size)
    truth, mattes = render(args.person, frames, size)
    with tempfile.TemporaryDirectory() as folder:
        video = write(driving, Path(folder, "driving.mp4"))
        cloner = PerformanceCloner(actor)
        with progress_bar("cloning") as progress:
            clone = np.stack([*common.counted(cloner.frames(video, common.AS_PAINTED), progress, len(frames))])
        baseline = nearest_frames(reference, video, size)
    result = {
        "clone": compare(clone, truth, mattes, "the clone"),
        "nearest": compare(baseline, truth, mattes, "nearest"),
        "settings": {
            "person": args.person,
            "performer": args.performer,
            "motion": args.motion,
            "size": size,
            "frames": len(frames),
            "actor": {"preset": actor.config.preset, "minutes": actor.config.minutes},
        },
    }
    common.write_json({**result, **common.circumstances(args.threads)}, args.json)
    if args.sheet:
        columns = {"driving": driving, "truth": truth, "clone": clone, "nearest": baseline}
        common.contact_sheet(columns, args.sheet)


if __name__ == "__main__":
    common.run(main)

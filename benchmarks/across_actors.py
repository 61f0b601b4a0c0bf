"""Ground truth across actors: one synthetic person clones another, and the truth is rendered.

Person B performs a motion; the trained actor A clones it from the poses that P finds in the video of B; and A is
rendered in that same motion, which is the truth that no footage of real people has. Beside the clone stands the
paper's baseline: for each of the same poses, retargeted as for the clone, the frame of A's reference video whose pose
is nearest. ST-LPIPS and PSNR, over the whole frame and over the person: PSNR where the true matte is, ST-LPIPS in the
square around it. What the two wear is fetched once by `python -m eval.people.assets`.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import cv2
import numpy as np

from benchmarks import common
from benchmarks.recordings import load_recording, person_crops
from eval import metrics
from eval.benchmark.baselines import nearest
from eval.people.cast import CAST
from eval.people.scene import Scene
from eval.synthetic import motion
from perfclone import builtin
from perfclone.actor import Actor
from perfclone.pipeline import PerformanceCloner
from perfclone.progress import counted, titled
from perfclone.retarget import retarget_sequence
from perfclone.terminal.arguments import positive, refuse_existing
from perfclone.terminal.progress import progress_bar, progress_bars

FPS = 30
SCORED_FRAMES = 100


def render(person: str, frames: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Render a synthetic person in a motion.

    Args:
        person: Name of one of the cast.
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


def compare(frames: np.ndarray, truth: np.ndarray, mattes: np.ndarray, label: str) -> dict[str, float]:
    """Measure frames against the truth, whole and around the person."""
    at = common.evenly(len(frames), SCORED_FRAMES)
    with progress_bars() as progress:
        whole = metrics.st_lpips(frames[at], truth[at], progress=titled(progress, f"scoring {label}"))
    with progress_bars() as progress:
        crops = person_crops(mattes[at], frames[at], truth[at])
        person = metrics.st_lpips(*crops, progress=titled(progress, f"scoring {label}, the person"))
    return {
        "st_lpips_alex": whole,
        "psnr": metrics.psnr(frames, truth),
        "person_st_lpips_alex": person,
        "person_psnr": metrics.psnr(frames, truth, mattes > 127),
    }


def paint(actor: Actor, reference: Path, driving: Path) -> dict[str, np.ndarray]:
    """The performance in a video by the actor and by the nearest frames of their reference video.

    Returns:
        "clone" and "nearest", (T, H, W, 3) uint8 RGB each, of the actor's size.
    """
    filmed, performed = load_recording(reference), load_recording(driving).poses
    with progress_bars() as progress:
        painted = PerformanceCloner(actor).frames(performed, common.AS_PAINTED)
        clone = np.stack([*counted(painted, progress, "cloning", len(performed))])
    size = (actor.config.width, actor.config.height)
    stance = actor.stance(actor.body)
    wanted = retarget_sequence(performed, actor.body, size, stance)
    chosen = filmed.frames[nearest(filmed.poses, wanted)]
    if filmed.poses.size != size:
        chosen = np.stack([cv2.resize(frame, size, interpolation=cv2.INTER_AREA) for frame in chosen])
    return {"clone": clone, "nearest": chosen}


def main() -> None:
    """Run the benchmark from the command line."""
    parser = common.parser(__doc__)
    parser.add_argument("actor", nargs="?", metavar="ACTOR", help="default: the built-in actor anna")
    parser.add_argument("--person", choices=sorted(CAST), default="anna", help="who ACTOR is (default: %(default)s)")
    parser.add_argument("--performer", choices=sorted(CAST), default="ben", help="person B (default: %(default)s)")
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
        painted = paint(actor, reference, common.write_video(Path(folder, "driving.mp4"), driving, FPS))
    result = {name: compare(shown, truth, mattes, name) for name, shown in painted.items()}
    result["settings"] = {
        "person": args.person,
        "performer": args.performer,
        "motion": args.motion,
        "size": size,
        "frames": len(frames),
        "actor": {"preset": actor.config.preset, "minutes": actor.config.minutes},
    }
    common.write_json({**result, **common.circumstances(args.threads)}, args.json)
    if args.sheet:
        common.contact_sheet({"driving": driving, "truth": truth, **painted}, args.sheet)


if __name__ == "__main__":
    common.run(main)

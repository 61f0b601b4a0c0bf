"""Quality at equal minutes: perfclone and pix2pix trained on the same frames, measured on the same held-out ones.

The reference is cut to the square that holds the person and scaled to 256x256; its last fifth is taken away before
either method sees the clip. Both then train on the same frames and poses for the same minutes of wall time (the
extraction of poses, which they share, is not counted), one after the other on the same threads, and render the last
fifth from its own poses. Everything is scored on uncompressed frames, and ST-LPIPS also in the square around the
person: over the whole frame the background weighs so much that an empty plate scores well.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

from benchmarks import common
from benchmarks.recordings import SIZE, Recording, Remembered, cut_to_square, load_recording, person_crops
from eval import metrics
from eval.benchmark.baselines import Pix2Pix, skeletons
from eval.benchmark.holdout import first_held
from perfclone.actor import Actor
from perfclone.governance.consent.kinds import evaluation_record
from perfclone.pipeline import PerformanceCloner
from perfclone.progress import titled
from perfclone.terminal.arguments import positive, refuse_existing, share, whole
from perfclone.terminal.progress import progress_bars
from perfclone.training import TrainConfig, TrainRequest, train

#: ST-LPIPS takes a third of a second a frame, so of a longer hold-out it sees this many frames, evenly spaced.
SCORED_FRAMES = 150


def train_perfclone(recording: Recording, config: TrainConfig, folder: Path) -> tuple[PerformanceCloner, dict]:
    """Train an actor on a recording whose poses are known, to be measured and deleted with the folder.

    Returns:
        A cloner, and {"minutes", "steps"} of training.
    """
    video = folder / "train.mp4"
    recording = recording.write(video)
    with progress_bars() as progress:
        request = TrainRequest(video, folder / "actor", consent=evaluation_record(video), config=config)
        result = train(request, extractor=Remembered(recording), progress=progress)
    cloner = PerformanceCloner(Actor.from_pretrained(result.actor_dir))
    return cloner, {"minutes": result.minutes, "steps": result.steps}


def train_pix2pix(recording: Recording, minutes: float, seed: int) -> tuple[Pix2Pix, dict]:
    """Train pix2pix on a recording; gives the model, and {"minutes", "steps"} of training."""
    model = Pix2Pix(seed=seed)
    with progress_bars() as progress:
        told = titled(progress, "training pix2pix")
        result = model.fit(skeletons(recording.poses), recording.frames, minutes=minutes, progress=told)
    return model, {"minutes": result.minutes, "steps": result.steps}


def score(frames: np.ndarray, test: Recording, label: str) -> dict[str, float]:
    """Measure rendered frames against the real ones."""
    chosen = common.evenly(len(frames), SCORED_FRAMES)
    with progress_bars() as progress:
        st_lpips = metrics.st_lpips(frames[chosen], test.frames[chosen], progress=titled(progress, f"scoring {label}"))
    crops = person_crops(test.mattes[chosen], frames[chosen], test.frames[chosen])
    with progress_bars() as progress:
        person = metrics.st_lpips(*crops, progress=titled(progress, f"scoring {label}, the person"))
    psnr = metrics.psnr(frames, test.frames)
    return {"st_lpips_alex": st_lpips, "person_st_lpips_alex": person, "psnr": psnr, **floors(frames, test)}


def floors(frames: np.ndarray, test: Recording) -> dict[str, float]:
    """The measures that need no truth: what the real video itself has of them is the floor."""
    return {
        "warp_error": metrics.warp_error(frames),
        "background_change": metrics.background_change(frames, test.mattes),
    }


def split(recording: Recording, holdout: float) -> tuple[Recording, Recording]:
    """Cut off the last part of a recording to measure on.

    Raises:
        UserError: Too few frames would be left on either side.
    """
    first = first_held(len(recording.frames), holdout)
    return recording[:first], recording[first:]


def main() -> None:
    """Run the benchmark from the command line."""
    parser = common.parser(__doc__)
    parser.add_argument("reference", type=Path, metavar="REFERENCE", help="footage of one person, 5 to 60 s")
    parser.add_argument("--minutes", type=positive, required=True, metavar="M", help="training time of each method")
    parser.add_argument("--holdout", type=share, default=0.2, help="share to measure on (default: %(default)s)")
    parser.add_argument("--seed", type=whole(0), default=0, help="default: %(default)s")
    parser.add_argument("--sheet", type=Path, metavar="PNG", help="write a picture: real, perfclone, pix2pix")
    args = parser.parse_args()
    refuse_existing([args.json, args.sheet], force=True)
    common.set_threads(args.threads)
    with tempfile.TemporaryDirectory() as folder:
        recording = load_recording(cut_to_square(args.reference, Path(folder, "square.mp4"), SIZE))
        learnt, test = split(recording, args.holdout)
        config = TrainConfig(preset="base", minutes=args.minutes, seed=args.seed)
        cloner, run = train_perfclone(learnt, config, Path(folder))
        pix2pix, pix2pix_run = train_pix2pix(learnt, args.minutes, args.seed)
        rendered = {
            "perfclone": np.stack(list(cloner.render(test.poses))),
            "pix2pix": np.stack(list(pix2pix.render(skeletons(test.poses)))),
        }
    runs = {"perfclone": run, "pix2pix": pix2pix_run}
    result = {name: {**score(frames, test, name), **runs[name]} for name, frames in rendered.items()}
    result["real"] = floors(test.frames, test)
    result["ratio"] = result["perfclone"]["st_lpips_alex"] / result["pix2pix"]["st_lpips_alex"]
    result["settings"] = {
        "reference": args.reference.name,
        "minutes": args.minutes,
        "holdout": args.holdout,
        "seed": args.seed,
        "size": SIZE,
        "train_frames": len(learnt.frames),
        "test_frames": len(test.frames),
        "fps": recording.poses.fps,
    }
    common.write_json({**result, **common.circumstances(args.threads)}, args.json)
    if args.sheet:
        common.contact_sheet({"real": test.frames, **rendered}, args.sheet)


if __name__ == "__main__":
    common.run(main)

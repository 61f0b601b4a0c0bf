"""Ablation: the branches and the temporal parts of training, each switched off in turn.

Every variant trains on the same frames for the same time. Two numbers each: the warp error of a clone of driving
motion that no variant has seen (lower is steadier), and the ST-LPIPS of the reference's held-out end, painted from its
own poses (lower is more like the actor). Read them together: what never moves flickers least.
"""

from __future__ import annotations

import dataclasses
import sys
import tempfile
from pathlib import Path

import numpy as np

from benchmarks import common
from benchmarks.quality import SCORED_FRAMES, split, train_perfclone
from benchmarks.recordings import SIZE, Recording, cut_to_square, load_recording
from eval import metrics
from perfclone import builtin
from perfclone.commands import demo
from perfclone.progress import counted, titled
from perfclone.terminal.arguments import positive, refuse_existing, share, whole
from perfclone.terminal.progress import progress_bars
from perfclone.training import TrainConfig

#: What is switched off in each variant.
VARIANTS: dict[str, dict[str, bool]] = {
    "everything": {},
    "without the unpaired branch": {"unpaired": False},
    "without the discriminator": {"critic": False},
    "without the window of poses": {"window": False},
}


def measure(learnt: Recording, test: Recording, driving: Path, config: TrainConfig, label: str) -> dict[str, float]:
    """Train one variant and measure it."""
    with tempfile.TemporaryDirectory() as folder:
        cloner, run = train_perfclone(learnt, config, Path(folder))
    held_out = np.stack(list(cloner.render(test.poses)))
    with progress_bars() as progress:
        clone = np.stack([*counted(cloner.frames(driving, common.AS_PAINTED), progress, f"cloning {label}", 0)])
    at = common.evenly(len(held_out), SCORED_FRAMES)
    with progress_bars() as progress:
        st_lpips = metrics.st_lpips(held_out[at], test.frames[at], progress=titled(progress, f"scoring {label}"))
    return {
        "driving_warp_error": metrics.warp_error(clone),
        "held_out_st_lpips_alex": st_lpips,
        "held_out_warp_error": metrics.warp_error(held_out),
        **run,
    }


def table(rows: dict[str, dict[str, float]]) -> str:
    """The results as a Markdown table."""
    lines = [
        "| variant | warp error, unseen driving motion | ST-LPIPS, held out | steps |",
        "| --- | --- | --- | --- |",
    ]
    for name, row in rows.items():
        numbers = f"{row['driving_warp_error']:.6f} | {row['held_out_st_lpips_alex']:.4f} | {row['steps']}"
        lines.append(f"| {name} | {numbers} |")
    return "\n".join(lines)


def main() -> None:
    """Run the benchmark from the command line."""
    parser = common.parser(__doc__)
    parser.add_argument("reference", nargs="?", type=Path, metavar="REFERENCE", help="default: the built-in anna")
    parser.add_argument("--driving", type=Path, metavar="VIDEO", help="default: the built-in driving clip")
    length = parser.add_mutually_exclusive_group()
    length.add_argument("--minutes", type=positive, metavar="M", help="of each variant (default: 3)")
    length.add_argument("--steps", type=whole(1), metavar="N", help="of each variant")
    parser.add_argument("--preset", choices=("tiny", "base", "hd"), default="base", help="default: %(default)s")
    parser.add_argument("--holdout", type=share, default=0.2, help="share to measure on (default: %(default)s)")
    parser.add_argument("--seed", type=whole(0), default=0, help="default: %(default)s")
    args = parser.parse_args()
    refuse_existing([args.json], force=True)
    common.set_threads(args.threads)
    reference = args.reference or builtin.EXAMPLES / "clips" / f"{demo.ACTOR}_reference.mp4"
    driving = args.driving or builtin.pick("driving clip", builtin.driving_clips(), demo.CLIP)
    minutes = None if args.steps else args.minutes or 3.0
    config = TrainConfig(preset=args.preset, minutes=minutes, steps=args.steps, seed=args.seed)
    with tempfile.TemporaryDirectory() as folder:
        learnt, test = split(load_recording(cut_to_square(reference, Path(folder, "square.mp4"), SIZE)), args.holdout)
    rows = {}
    for name, switches in VARIANTS.items():
        rows[name] = measure(learnt, test, driving, dataclasses.replace(config, **switches), name)
    print(table(rows), file=sys.stderr)
    settings = {"reference": reference.name, "driving": driving.name, **dataclasses.asdict(config)}
    result = {"variants": rows, "real": {"held_out_warp_error": metrics.warp_error(test.frames)}, "settings": settings}
    common.write_json({**result, **common.circumstances(args.threads)}, args.json)


if __name__ == "__main__":
    common.run(main)

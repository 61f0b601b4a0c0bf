"""The diffusion backend: what it adds to layered, and what it costs.

With one or more videos, each is cut to the square that holds the person and its last part taken away. Then both
backends train on the same frames and poses for the same time, and paint the last part from its own poses: `layered`,
and of the diffusion actor what its G paints first (`unrefined`) and what its base makes of that (`refined`). The
metrics are those of `benchmarks/quality.py`, with flicker and the distance of the frames as a set; `ms` and `gb` are
of a frame: of the card, or of the whole process where there is none. The worst clip comes first.

With --shapes nothing is trained or fetched: the networks of SD 1.5 and SDXL are built in their true shapes with random
weights and timed, as they are and then in bf16, in channels-last order, with the actor's LoRA fused and compiled.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import common
from benchmarks.quality import floors, score, split, train_perfclone
from benchmarks.recordings import Recording, cut_to_square, load_recording
from eval import metrics
from perfclone.backends import Painter, backend
from perfclone.backends.diffusion.backend import require
from perfclone.backends.diffusion.bases import BASES
from perfclone.devices import choose_device
from perfclone.errors import UserError
from perfclone.terminal.arguments import positive, refuse_existing, share, whole
from perfclone.training import TrainConfig

#: What a table shows of a clone: heading, name of the figure, digits, factor.
COLUMNS = (
    ("ST-LPIPS", "st_lpips_alex", 4, 1), ("around the person", "person_st_lpips_alex", 4, 1), ("FD", "fd", 1, 1),
    ("flicker", "temporal_flickering", 4, 1), ("warp error x 10^4", "warp_error", 2, 1e4),
    ("background change", "background_change", 3, 1), ("ms", "ms", 0, 1), ("GB", "gb", 2, 1),
)  # fmt: skip


def paint(painter: Painter, test: Recording) -> tuple[np.ndarray, dict[str, float]]:
    """What a painter makes of the poses of a recording: frames, and milliseconds and GB of one."""
    from benchmarks.shapes import peak_gb

    frames: list[np.ndarray] = []
    began = time.perf_counter()
    peak = peak_gb(choose_device(), lambda: frames.extend(each.pixels for each in painter.paint(test.poses.moments())))
    return np.stack(frames), {"ms": (time.perf_counter() - began) * 1000 / len(frames), "gb": peak}


def judge(frames: np.ndarray, test: Recording, label: str) -> dict[str, float]:
    """Measure a clone against what was filmed."""
    from eval.metrics.distribution import FeatureDistance

    distance = FeatureDistance()
    distance.update(test.frames, real=True)
    distance.update(frames, real=False)
    found = distance.compute()
    return {
        **score(frames, test, label),
        "temporal_flickering": metrics.temporal_flickering(frames),
        "fd": found.fd,
        "fd_name": distance.fd_name,
    }


def compare(reference: Path, config: dict[str, Any], base: str, holdout: float, folder: Path) -> tuple[dict, dict]:
    """Train both backends on a video and measure them on its last part.

    Args:
        reference: The video.
        config: Settings of both trainings.
        base: Of the diffusion actor.
        holdout: Share of the video to measure on.
        folder: For what is made on the way.

    Returns:
        Name of a clone -> its figures; and name -> its frames, what was filmed first.
    """
    square = cut_to_square(reference, folder / "square.mp4", BASES[base].side)
    learnt, test = split(load_recording(square), holdout)
    painters, runs = {}, {}
    for name, preset in (("layered", "base"), ("diffusion", base)):
        (folder / name).mkdir()
        cloner, runs[name] = train_perfclone(learnt, TrainConfig(backend=name, preset=preset, **config), folder / name)
        painters[name] = backend(name).painter(cloner.actor)
    refining = painters.pop("diffusion")
    painters |= {"unrefined": refining.guide, "refined": refining}
    rows, shown = {}, {"filmed": test.frames}
    for name, painter in painters.items():
        shown[name], cost = paint(painter, test)
        rows[name] = {**judge(shown[name], test, name), **cost, **runs.get(name, runs["diffusion"])}
    rows["filmed"] = {**floors(test.frames, test), "temporal_flickering": metrics.temporal_flickering(test.frames)}
    return rows, shown


def table(clips: Sequence[dict[str, Any]]) -> str:
    """Clips as a Markdown table, in their order."""
    lines = [f"| clip | | {' | '.join(heading for heading, *_ in COLUMNS)} |", "| --- " * (2 + len(COLUMNS)) + "|"]
    for clip in clips:
        for name, row in clip["clones"].items():
            told = (f"{row[key] * by:.{digits}f}" if key in row else "" for _, key, digits, by in COLUMNS)
            lines.append(f"| {clip['clip']} | {name} | {' | '.join(told)} |")
    return "\n".join(lines)


def _clips(args: argparse.Namespace, base: str) -> list[dict[str, Any]]:
    """Compare on every video, the worst first."""
    config = {"minutes": args.minutes, "steps": args.steps, "seed": args.seed, "mixed_precision": "auto"}
    found = []
    for reference in args.references:
        with tempfile.TemporaryDirectory() as folder:
            rows, shown = compare(reference, config, base, args.holdout, Path(folder))
        found.append({"clip": reference.name, "clones": rows})
        if args.sheets:
            args.sheets.mkdir(parents=True, exist_ok=True)
            common.contact_sheet(shown, args.sheets / f"{reference.stem}.png")
    return worst_first(found)


def worst_first(clips: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Clips by how far the refined person is from the filmed one."""
    return sorted(clips, key=lambda clip: -clip["clones"]["refined"]["person_st_lpips_alex"])


def _shapes(names: Sequence[str], rounds: int) -> list[dict[str, Any]]:
    """Time bases in their true shapes."""
    from benchmarks import shapes

    device = choose_device()
    if device.type != "cuda" and set(names) != {"small"}:
        raise UserError(
            f"The shapes of {' and '.join(names)} want an NVIDIA GPU, which this machine has not; --base small shows "
            "here, on a tiny one, that the benchmark works."
        )
    windows = [(name, together) for name in names for together in (False, True)[: 1 + bool(BASES[name].motion)]]
    found = [shapes.measure(name, device, rounds, together) for name, together in windows]
    print(shapes.table(found), file=sys.stderr)
    return found


def main() -> None:
    """Run the benchmark from the command line."""
    parser = common.parser(__doc__)
    parser.add_argument("references", type=Path, nargs="*", metavar="REFERENCE", help="footage of one person each")
    parser.add_argument("--base", choices=BASES, help="default: sd15; with --shapes, sd15 and sdxl-turbo")
    parser.add_argument("--shapes", action="store_true", help="only time networks of random weights")
    parser.add_argument("--rounds", type=whole(1), default=20, help="of --shapes (default: %(default)s)")
    length = parser.add_mutually_exclusive_group()
    length.add_argument("--minutes", type=positive, metavar="M", help="training time of each backend (default: 3)")
    length.add_argument("--steps", type=whole(1), metavar="N", help="training steps of each backend")
    parser.add_argument("--holdout", type=share, default=0.2, help="share to measure on (default: %(default)s)")
    parser.add_argument("--seed", type=whole(0), default=0, help="default: %(default)s")
    parser.add_argument(
        "--sheets", type=Path, metavar="DIR", help="write a picture a clip: filmed, layered, unrefined, refined"
    )
    args = parser.parse_args()
    if bool(args.references) == args.shapes:
        raise UserError("Give either videos of one person each, or --shapes.")
    if args.sheets:
        common.refuse_repository(args.sheets)
    refuse_existing([args.json], force=True)
    require()
    common.set_threads(args.threads)
    if args.shapes:
        names = [args.base] if args.base else [name for name in BASES if BASES[name].repo]
        result = {"weights": "random, in the true shapes", "shapes": _shapes(names, args.rounds)}
    else:
        base = args.base or "sd15"
        clips = _clips(args, base)
        print(table(clips), file=sys.stderr)
        settings = {name: getattr(args, name) for name in ("minutes", "steps", "holdout", "seed")}
        result = {"clips": clips, "settings": {"base": base, **settings}}
    common.write_json({**result, **common.circumstances(args.threads)}, args.json)


if __name__ == "__main__":
    common.run(main)

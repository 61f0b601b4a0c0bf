"""Speed: P, G, the codec and a whole clone beside pix2pix's two generators, at 256x256, in one run.

Everything is timed in turn on the same threads in 32-bit floats, and medians are reported: milliseconds a
frame, one frame at a time. Each network is in evaluation mode without gradients, in its faster memory layout.
`generator_ms` is all of G as cloning runs it: maps, textures, U-Net, composite. `codec_ms` decodes a frame and encodes
it. `clone_ms` is the wall time of a whole clone, from the driving file to the finished file, divided by its frames;
`unmarked_clone_ms` the same without label, watermark, tags and credentials.
"""

from __future__ import annotations

import itertools
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from benchmarks import common
from benchmarks.networks import actor_like, on_gpu, painting, pix2pix_networks
from perfclone import builtin
from perfclone.actor import Actor
from perfclone.commands import demo
from perfclone.governance.marks.marker import UNMARKED, MarkOptions
from perfclone.pipeline import CloneOptions, PerformanceCloner
from perfclone.pose import PoseSequence, build_extractor, extract
from perfclone.pose.perform import read_poses
from perfclone.terminal.arguments import refuse_existing, whole
from perfclone.terminal.progress import progress_bars
from perfclone.video import Frame, VideoReader, VideoWriter

SIZE = 256
CODEC_FRAMES = 48


def small_clip(driving: Path, path: Path) -> list[Frame]:
    """The first frames of a driving video as a 256x256 file, and as frames."""
    with VideoReader(driving) as reader:
        frames = list(itertools.islice(reader, CODEC_FRAMES))
        with VideoWriter(path, rate=reader.info.fps, force=True) as writer:
            small = [cv2.resize(f.pixels, (SIZE, SIZE), interpolation=cv2.INTER_AREA) for f in frames]
            for pixels in small:
                writer.write(pixels)
    return [Frame(pixels, frame.time) for pixels, frame in zip(small, frames)]


def recode(clip: Path, output: Path) -> float:
    """Milliseconds a frame to decode a clip and encode it again."""
    start, count = time.perf_counter(), 0
    with VideoReader(clip) as reader, VideoWriter(output, rate=reader.info.fps, force=True) as writer:
        for count, frame in enumerate(reader, 1):  # noqa: B007  the count is for afterwards
            writer.write(frame.pixels)
    return (time.perf_counter() - start) * 1000 / count


def pose_stream(frames: list[Frame]) -> Iterator:
    """P over a clip that never ends."""
    rate = len(frames) / max(frames[-1].time, 1e-3)
    endless = (Frame(f.pixels, n / rate) for n, f in enumerate(itertools.cycle(frames)))
    return extract(build_extractor("blazepose"), endless)


def whole_clone(cloner: PerformanceCloner, driving: Path, output: Path, marks: MarkOptions) -> float:
    """Milliseconds a frame of a whole clone, file to file."""
    start = time.perf_counter()
    result = cloner.clone(driving, output, CloneOptions(size=SIZE, purpose="evaluation", marks=marks), force=True)
    return (time.perf_counter() - start) * 1000 / result.frames


def on_cpu(actor: Actor, driving: Path, poses: PoseSequence, rounds: int, folder: Path) -> dict:
    """Time everything in turn: in each round one whole clone, one codec run, and eight frames of everything else."""
    layouts, subjects = pix2pix_networks(SIZE)
    stream, cloner = pose_stream(small_clip(driving, folder / "small.mp4")), PerformanceCloner(actor, device="cpu")
    subjects |= {"generator": painting(actor, poses, SIZE), "pose": lambda: next(stream)}
    times: dict[str, list[float]] = {}
    for _ in range(rounds):
        medians = common.interleaved_medians(subjects, rounds=8)
        medians["codec"] = recode(folder / "small.mp4", folder / "recoded.mp4")
        for name, marks in (("clone", MarkOptions()), ("unmarked_clone", UNMARKED)):
            medians[name] = whole_clone(cloner, driving, folder / "clone.mp4", marks)
        for name, value in medians.items():
            times.setdefault(name, []).append(value)
    ms = {name: float(np.median(values)) for name, values in times.items()}
    return {
        "unet_256_over_generator": ms["unet_256"] / ms["generator"],
        "resnet_9_over_generator": ms["resnet_9"] / ms["generator"],
        "clone_over_unet_256": ms["clone"] / ms["unet_256"],
        "clone_over_unmarked": ms["clone"] / ms["unmarked_clone"],
        "unet_256_fp32_ms": ms["unet_256"],
        "resnet_9_fp32_ms": ms["resnet_9"],
        **{f"{name}_ms": ms[name] for name in ("pose", "generator", "codec", "clone", "unmarked_clone")},
        "layouts": layouts,
    }


def main() -> None:
    """Run the benchmark from the command line."""
    parser = common.parser(__doc__)
    parser.add_argument("--actor", metavar="ACTOR", help="default: the built-in actor anna")
    parser.add_argument("--driving", type=Path, metavar="VIDEO", help="default: the built-in driving clip")
    parser.add_argument("--rounds", type=whole(1), default=5, help="default: %(default)s")
    args = parser.parse_args()
    refuse_existing([args.json], force=True)
    common.set_threads(args.threads)
    actor = Actor.from_pretrained(args.actor or builtin.pick("actor", builtin.actors(), demo.ACTOR))
    driving = args.driving or builtin.pick("driving clip", builtin.driving_clips(), demo.CLIP)
    if actor.config.generator.resolution != SIZE:
        actor = actor_like(actor, "base", SIZE, SIZE)
    with progress_bars() as progress:
        poses = read_poses(driving, progress=progress)
    with tempfile.TemporaryDirectory() as folder:
        result = on_cpu(actor, driving, poses, args.rounds, Path(folder))
    if gpu_times := on_gpu(actor, poses, SIZE):
        result["gpu_bf16"] = gpu_times
    settings = {"size": SIZE, "rounds": args.rounds, "driving": driving.name, "driving_size": poses.size}
    common.write_json({**result, "settings": settings, **common.circumstances(args.threads)}, args.json)


if __name__ == "__main__":
    common.run(main)

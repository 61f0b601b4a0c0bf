"""Memory: the peak of cloning a long driving video beside that of a short one, each in a process of its own.

The built-in driving clip, made small and played over and over, is written to a file of so many frames; a fresh process
clones it with the built-in actor and reports the most memory that it ever held (VmHWM, as Linux counts it).
"""

from __future__ import annotations

import argparse
import itertools
import subprocess
import sys
import tempfile
from pathlib import Path

import cv2

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks import common
from perfclone import builtin
from perfclone.commands import demo
from perfclone.errors import UserError
from perfclone.terminal.arguments import refuse_existing, whole
from perfclone.terminal.progress import progress_bar, progress_bars
from perfclone.video import VideoReader, VideoWriter

LOOP_FRAMES = 200


def looped(driving: Path, output: Path, frames: int, size: int) -> Path:
    """Write so many frames of a driving video that starts over and over, its short side `size` pixels."""
    with VideoReader(driving) as reader:
        scale = size / min(reader.info.width, reader.info.height)
        shape = tuple(max(2, round(side * scale)) for side in (reader.info.width, reader.info.height))
        some = [
            cv2.resize(f.pixels, shape, interpolation=cv2.INTER_AREA) for f in itertools.islice(reader, LOOP_FRAMES)
        ]
    there_and_back = itertools.cycle([*some, *reversed(some)])
    with VideoWriter(output, rate=reader.info.fps, force=True) as writer, progress_bar("writing") as progress:
        for n, pixels in enumerate(itertools.islice(there_and_back, frames), 1):
            writer.write(pixels)
            progress(n, frames)
    return output


def clone_here(actor: str, driving: Path, output: Path, size: int, threads: int) -> None:
    """Clone in this process and print its peak memory in MiB."""
    from perfclone.pipeline import CloneOptions, PerformanceCloner

    common.set_threads(threads)
    cloner = PerformanceCloner.from_pretrained(actor)
    with progress_bars() as progress:
        cloner.clone(driving, output, CloneOptions(size=size, purpose="evaluation"), progress=progress, force=True)
    print(peak_mib())


def peak_mib() -> float:
    """The most memory that this process ever held, MiB.

    Not getrusage: what that reports of a child begins with what its parent held.
    """
    status = Path("/proc/self/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) / 1024


def measure(args: argparse.Namespace, frames: int, folder: Path) -> float:
    """Peak memory in MiB of cloning so many frames in a fresh process."""
    driving = looped(args.driving, folder / f"{frames}.mp4", frames, args.size)
    command = [sys.executable, __file__, "--here", str(driving), "--actor", str(args.actor)]
    command += ["--size", str(args.size), "--threads", str(args.threads)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        raise UserError(f"Cloning {frames} frames failed with exit code {done.returncode}; its words are above.")
    return float(done.stdout.split()[-1])


def main() -> None:
    """Run the benchmark from the command line."""
    parser = common.parser(__doc__)
    parser.add_argument("--actor", metavar="ACTOR", help="default: the built-in actor anna")
    parser.add_argument("--driving", type=Path, metavar="VIDEO", help="default: the built-in driving clip")
    parser.add_argument("--size", type=whole(64), default=128, help="short side, pixels (default: %(default)s)")
    parser.add_argument("--short", type=whole(1), default=600, help="frames (default: %(default)s)")
    parser.add_argument("--long", type=whole(1), default=6000, help="frames (default: %(default)s)")
    parser.add_argument("--here", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    args.actor = args.actor or builtin.pick("actor", builtin.actors(), demo.ACTOR)
    with tempfile.TemporaryDirectory() as folder:
        if args.here:
            return clone_here(args.actor, args.here, Path(folder, "clone.mp4"), args.size, args.threads)
        refuse_existing([args.json], force=True)
        args.driving = args.driving or builtin.pick("driving clip", builtin.driving_clips(), demo.CLIP)
        short, long = (measure(args, frames, Path(folder)) for frames in (args.short, args.long))
    result = {
        "short": {"frames": args.short, "peak_mib": short},
        "long": {"frames": args.long, "peak_mib": long},
        "ratio": long / short,
        "size": args.size,
    }
    common.write_json({**result, **common.circumstances(args.threads)}, args.json)


if __name__ == "__main__":
    common.run(main)

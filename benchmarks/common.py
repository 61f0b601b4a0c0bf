"""What the benchmarks share: timing in turn, contact sheets, JSON, the command line.

The scripts import this, and with it perfclone, before anything that imports torch: perfclone tells OpenMP how idle
threads should wait, and OpenMP listens only when torch is loaded.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import cv2
import numpy as np

from eval.circumstances import machine, versions
from perfclone.errors import UserError
from perfclone.files.writing import write_text
from perfclone.governance.marks.marker import UNMARKED
from perfclone.pipeline import CloneOptions
from perfclone.terminal.arguments import whole
from perfclone.terminal.progress import progress_bar
from perfclone.video import VideoWriter

REPOSITORY = Path(__file__).resolve().parents[1]
#: How a clone is made that is measured and then thrown away: allowed for that purpose, and without marks.
AS_PAINTED = CloneOptions(purpose="evaluation", marks=UNMARKED)


def interleaved_medians(subjects: dict[str, Callable[[], object]], rounds: int, warm_up: int = 2) -> dict[str, float]:
    """Time several things in turn, so that a busy moment of the machine meets all of them.

    Args:
        subjects: Name -> what to call.
        rounds: How often each is timed.
        warm_up: How often each is called before.

    Returns:
        Name -> median milliseconds.
    """
    times: dict[str, list[float]] = {name: [] for name in subjects}
    with progress_bar("timing") as progress:
        for n in range(warm_up + rounds):
            for name, call in subjects.items():
                start = time.perf_counter()
                call()
                times[name].append((time.perf_counter() - start) * 1000)
            progress(n + 1, warm_up + rounds)
    return {name: statistics.median(values[warm_up:]) for name, values in times.items()}


def evenly(count: int, most: int) -> np.ndarray:
    """Indices of at most so many of `count` things, evenly spaced, first and last included."""
    return np.unique(np.linspace(0, count - 1, min(count, most)).round().astype(int))


def contact_sheet(columns: dict[str, np.ndarray], path: Path, rows: int = 6) -> Path:
    """Write a picture that shows the same moments of several videos side by side.

    Args:
        columns: Title -> (T, H, W, 3) uint8, all of one length.
        path: The PNG to write.
        rows: How many moments, evenly spaced.
    """
    moments = evenly(len(next(iter(columns.values()))), rows)
    strips = []
    for title, frames in columns.items():
        header = np.full((24, frames.shape[2], 3), 255, np.uint8)
        cv2.putText(header, title, (6, 17), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (0, 0, 0), 1, cv2.LINE_AA)
        strips.append(np.concatenate([header, *frames[moments]]))
    sheet = np.concatenate(strips, axis=1)
    if not cv2.imwrite(str(path), sheet[..., ::-1]):
        raise UserError(f"The sheet could not be written to {path}; give the name of a .png file.")
    return path


def refuse_repository(folder: Path) -> None:
    """Refuse a folder for pictures that is in the repository.

    Raises:
        UserError: It is.
    """
    if folder.resolve().is_relative_to(REPOSITORY):
        raise UserError(f"{folder} is in the repository, where no picture of real people belongs; choose another.")


def write_video(path: Path, frames: Iterable[np.ndarray], fps: float, **how) -> Path:
    """Write frames (H, W, 3) uint8 RGB as a video, with further options of `VideoWriter`."""
    with VideoWriter(path, rate=fps, force=True, **how) as writer:
        for frame in frames:
            writer.write(frame)
    return path


def circumstances(threads: int) -> dict:
    """What a figure depends on besides the code, flat."""
    return {**machine(threads), "versions": versions()}


def write_json(result: dict, path: Path | None) -> None:
    """Print a result as JSON, and write it to a file where one is wanted; beside, then renamed."""
    text = json.dumps(result, indent=2)
    print(text)
    if path:
        write_text(path, text + "\n")


def parser(description: str) -> argparse.ArgumentParser:
    """Make a parser with what every benchmark takes: --json and --threads."""
    made = argparse.ArgumentParser(description=description.split("\n\n")[0])
    made.add_argument("--json", type=Path, metavar="FILE", help="write the result here too")
    made.add_argument("--threads", type=whole(1), default=min(2, os.cpu_count() or 1), help="default: %(default)s")
    return made


def set_threads(threads: int) -> None:
    """Give torch and OpenCV so many threads."""
    import torch

    torch.set_num_threads(threads)
    cv2.setNumThreads(threads)


def run(benchmark: Callable[[], None]) -> None:
    """Run a benchmark's main function; what the user can put right is said in one sentence, without a traceback."""
    try:
        benchmark()
    except (UserError, FileNotFoundError) as error:
        sys.exit(f"{Path(sys.argv[0]).name}: {error}")
    except KeyboardInterrupt:
        sys.exit(130)

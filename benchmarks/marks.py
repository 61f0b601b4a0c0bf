"""The watermark: what it survives, what it changes, what it costs, and whether it is ever seen where it is not.

Clips of five seconds at 512x512 are marked, encoded by the project's own H.264 writer and attacked: a moving camera, a
figure before plain white, an indoor scene, and whatever --clips gives (the square in the middle). Each file is then
read from 32 frames, once blind and once with thousands of candidate ids. `flat_levels` is the largest change where the
unmarked frame's standard deviation over 9x9 pixels is below 1.5 levels. Times are medians on one core, taken in turn.
The figures are printed as a table too, on the error stream.
"""

from __future__ import annotations

import itertools
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import cv2
import numpy as np

from benchmarks import common
from perfclone import builtin
from perfclone.commands import demo
from perfclone.governance.marks.spectrum import IDS
from perfclone.governance.marks.watermark import FALSE_MATCH, Watermarker, WatermarkReader, read_video
from perfclone.terminal.arguments import refuse_existing, whole
from perfclone.terminal.progress import progress_bar
from perfclone.video import VideoReader

SIZE, SECONDS, CANDIDATES = 512, 5, 5000
KEPT = 0.9


def white(count: int, size: int = SIZE) -> np.ndarray:
    """A drawn figure that waves before plain white; (count, size, size, 3) uint8."""
    frames = np.full((count, size, size, 3), 255, np.uint8)
    for t, frame in enumerate(frames):
        x, y, arm = int(size / 2 + size / 6 * np.sin(t / 9)), size // 2, t / 7
        hand = (int(x + size / 4 * np.cos(arm)), int(y + size / 5 * np.sin(arm)))
        cv2.rectangle(frame, (x - size // 12, size // 3), (x + size // 12, size * 4 // 5), (60, 90, 160), -1)
        cv2.circle(frame, (x, size // 4), size // 12, (200, 150, 120), -1, cv2.LINE_AA)
        cv2.line(frame, (x, y), hand, (30, 40, 60), size // 40, cv2.LINE_AA)
    return frames


def moving(scene: np.ndarray, count: int, size: int = SIZE) -> np.ndarray:
    """A camera that wanders over a scene at twice the size; (count, size, size, 3) uint8."""
    big = cv2.resize(scene, (2 * size, 2 * size), interpolation=cv2.INTER_CUBIC)
    ways = (size / 2 + size / 2.2 * np.sin(np.arange(count) / every) for every in (31, 23))
    return np.stack([big[y : y + size, x : x + size] for x, y in zip(*(way.astype(int) for way in ways))])


def filmed(path: Path, size: int = SIZE) -> np.ndarray:
    """The first seconds of a video's middle square; (T, size, size, 3) uint8."""
    with VideoReader(path) as reader:
        frames = [f.pixels for f in itertools.takewhile(lambda f: f.time < SECONDS, reader)]
    height, width = frames[0].shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    squares = (frame[top : top + side, left : left + side] for frame in frames)
    how = cv2.INTER_AREA if side > size else cv2.INTER_CUBIC
    return np.stack([cv2.resize(square, (size, size), interpolation=how) for square in squares])


def attacks() -> dict[str, tuple[int, Callable[[np.ndarray], np.ndarray]]]:
    """Attack -> x264's rate factor and what is done to each marked frame before."""

    def smaller(frame: np.ndarray) -> np.ndarray:
        return cv2.resize(frame, None, fx=0.75, fy=0.75, interpolation=cv2.INTER_AREA)

    def cropped(frame: np.ndarray) -> np.ndarray:
        height, width = (round(KEPT * side) // 2 * 2 for side in frame.shape[:2])
        top, left = (frame.shape[0] - height) // 3, (frame.shape[1] - width) * 2 // 3
        return frame[top : top + height, left : left + width]

    def restored(frame: np.ndarray) -> np.ndarray:
        return cv2.resize(cropped(frame), frame.shape[1::-1], interpolation=cv2.INTER_CUBIC)

    return {
        "crf 23": (23, lambda frame: frame),
        "crf 30": (30, lambda frame: frame),
        "0.75x + crf 30": (30, smaller),
        "crop 0.9": (18, cropped),
        "crop 0.9 + crf 30": (30, cropped),
        "crop 0.9, resized back + crf 30": (30, restored),
    }


def survival(clips: dict[str, np.ndarray], folder: Path, rng: np.random.Generator) -> list[dict]:
    """A row for each clip and attack."""
    rows, tried = [], attacks()
    with progress_bar("attacking") as progress:
        for clip, (name, frames) in enumerate(clips.items()):
            ids = [int(id) for id in rng.integers(0, IDS, CANDIDATES)]
            marker = Watermarker(ids[0], *frames.shape[1:3])
            marked = [marker.apply(frame) for frame in frames]
            for n, (attack, (crf, change)) in enumerate(tried.items(), 1):
                file = write(folder / "attacked.mp4", map(change, marked), len(marked), crf)
                rows.append({"clip": name, "attack": attack, **outcome(file, ids)})
                progress(clip * len(tried) + n, len(clips) * len(tried))
    return rows


def outcome(file: Path, ids: list[int]) -> dict:
    """What is read from a file that carries the first of these ids."""
    blind, guided = read_video(file), read_video(file, ids)
    right = sum(bit == (ids[0] >> n & 1) for n, bit in enumerate(blind.bits))
    return {
        "bit_accuracy": right / len(blind.bits),
        "found_blind": blind.id == ids[0],
        "found_among_candidates": guided.id == ids[0],
        "false_match_probability": guided.confidence,
        "score": guided.score,
        "kept": guided.place.kept if guided.place else None,
    }


def changes(clips: dict[str, np.ndarray], folder: Path) -> list[dict]:
    """How much of each clip the mark changes: lowest PSNR of a frame, flat places, size of the file at crf 23."""
    rows = []
    for name, frames in clips.items():
        marker = Watermarker(0x5EED1D, *frames.shape[1:3])
        marked = np.stack([marker.apply(frame) for frame in frames])
        some = common.evenly(len(frames), 20)
        plain, more = (write(folder / "size.mp4", video, len(video), 23).stat().st_size for video in (frames, marked))
        flat = [flat_levels(frames[n], marked[n]) for n in some]
        rows.append(
            {
                "clip": name,
                "psnr_db": min(cv2.PSNR(frames[n], marked[n]) for n in some),
                "flat_levels": max(levels for levels, _ in flat),
                "flat_share": float(np.mean([share for _, share in flat])),
                "file_size_ratio": more / plain,
            }
        )
    return rows


def flat_levels(frame: np.ndarray, marked: np.ndarray) -> tuple[int, float]:
    """The largest change in flat places, 8-bit levels, and their share of the frame."""
    luma = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY).astype(np.float64)
    flat = cv2.blur(luma**2, (9, 9)) - cv2.blur(luma, (9, 9)) ** 2 < 1.5**2
    return int(cv2.absdiff(frame, marked).max(axis=2)[flat].max(initial=0)), float(flat.mean())


def false_matches(clips: dict[str, np.ndarray], count: int, rng: np.random.Generator) -> dict:
    """Read so many random crops of unmarked clips, each with thousands of candidates."""
    matched, scores = 0, []
    with progress_bar("reading unmarked clips") as progress:
        for n in range(count):
            frames = list(clips.values())[n % len(clips)]
            reader = WatermarkReader()
            for crop in random_crops(frames, rng):
                reader.add(crop)
            reading = reader.read(rng.integers(0, IDS, CANDIDATES).tolist())
            matched += reading.matched
            scores.append(reading.score)
            progress(n + 1, count)
    return {
        "clips": count,
        "candidates": CANDIDATES,
        "matched": matched,
        "threshold": FALSE_MATCH,
        "highest_score": max(scores),
    }


def random_crops(frames: np.ndarray, rng: np.random.Generator) -> Iterator[np.ndarray]:
    """Yield the same random rectangle, perhaps mirrored, of a few random frames."""
    height, width = (int(side * rng.uniform(0.4, 1)) for side in frames.shape[1:3])
    top, left = rng.integers(frames.shape[1] - height + 1), rng.integers(frames.shape[2] - width + 1)
    flip = -1 if rng.random() < 0.5 else 1
    for n in rng.integers(0, len(frames), 4):
        yield np.ascontiguousarray(frames[n, top : top + height, left : left + width][:, ::flip])


def costs(frames: np.ndarray, rounds: int) -> dict:
    """Milliseconds a frame on one core, and as multiples of copying the frame."""
    wide = cv2.resize(frames[0], (1920, 1080), interpolation=cv2.INTER_CUBIC)
    subjects: dict[str, Callable[[], object]] = {}
    for name, frame in {"512": frames[0], "1080p": wide}.items():
        marker = Watermarker(1, *frame.shape[:2])
        subjects[f"mark_{name}"] = lambda marker=marker, frame=frame: marker.apply(frame)
        subjects[f"copy_{name}"] = frame.copy
        subjects[f"blur_{name}"] = lambda frame=frame: cv2.GaussianBlur(frame, (0, 0), 2)
    reader = WatermarkReader()
    subjects["add_512"] = lambda: reader.add(frames[0])
    subjects["read_crop_5000_candidates"] = lambda: reader.read(range(CANDIDATES))
    ms = common.interleaved_medians(subjects, rounds)
    ratios = {
        f"mark_over_{other}_{name}": ms[f"mark_{name}"] / ms[f"{other}_{name}"]
        for name in ("512", "1080p")
        for other in ("copy", "blur")
    }
    return {**ratios, **{f"{name}_ms": value for name, value in ms.items()}}


def write(path: Path, frames: Iterable[np.ndarray], count: int, crf: int) -> Path:
    """Write so many frames as the project writes its videos, five seconds of them."""
    return common.write_video(path, frames, count / SECONDS, crf=crf)


def table(rows: list[dict]) -> str:
    """Lay rows out in columns of equal width."""
    text = [[f"{v:.3g}" if isinstance(v, float) else str(v) for v in row.values()] for row in rows]
    lines = [list(rows[0]), *text]
    widths = [max(map(len, column)) for column in zip(*lines)]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip() for line in lines)


def main() -> None:
    """Run the benchmark from the command line."""
    parser = common.parser(__doc__)
    parser.set_defaults(threads=1)
    parser.add_argument("--clips", type=Path, nargs="+", default=[], metavar="VIDEO", help="more clips to mark")
    parser.add_argument("--false", type=whole(1), default=1000, metavar="N", help="unmarked clips; default: 1000")
    parser.add_argument("--rounds", type=whole(1), default=30, help="default: %(default)s")
    args = parser.parse_args()
    refuse_existing([args.json], force=True)
    common.set_threads(args.threads)
    rng = np.random.default_rng(0)
    indoor = filmed(builtin.pick("driving clip", builtin.driving_clips(), demo.CLIP))
    clips = {"moving": moving(indoor[0], len(indoor)), "white": white(len(indoor)), "indoor": indoor}
    clips |= {path.stem: filmed(path) for path in args.clips}
    with tempfile.TemporaryDirectory() as folder:
        survived, changed = survival(clips, Path(folder), rng), changes(clips, Path(folder))
    result = {
        "survival": survived,
        "changes": changed,
        "false_matches": false_matches(clips, args.false, rng),
        "costs": costs(clips["indoor"], args.rounds),
    }
    print(table(survived), table(changed), sep="\n\n", file=sys.stderr)
    settings = {"size": SIZE, "seconds": SECONDS, "clips": list(clips), "candidates": CANDIDATES}
    common.write_json({**result, "settings": settings, **common.circumstances(args.threads)}, args.json)


if __name__ == "__main__":
    common.run(main)

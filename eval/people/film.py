"""Film hundreds of people: `python -m eval.people.film OUT --seeds 0:64 --frames 96 --size 384`."""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import cv2
import numpy as np

from perfclone.errors import UserError
from perfclone.video import VideoReader, VideoWriter

from . import assets, look, motion
from .figure import Figure
from .shape import base
from .stage import Stage


@dataclass(frozen=True)
class Film:
    """One filmed person.

    Attributes:
        frames: (T, H, W, 3) uint8, as the video decodes.
        mattes: (T, H, W) uint8, how much of each pixel is person.
        plate: (H, W, 3) uint8, the place without the person.
        keypoints: (T, J, 2) float32 pixels, x then y, in the order of `perfclone.pose.KEYPOINTS`.
        scores: (T, J) float32: 1 seen, less where hidden, 0 outside the picture.
        follows: (T,) bool, whether a frame comes 1 / fps after the one before it; False where a run begins.
        actions: (T, 52) float32 in [0, 1], the face's actions; action_names: (52,) str, what they are called.
        head: (T, 3, 3) float32, the head's rotation against the room (x right in the picture, y up, z to the camera).
        hands: (T, 2, 21, 2) float32 pixels, left and right, in MediaPipe's order.
        fps: Frames a second.
    """

    frames: np.ndarray
    mattes: np.ndarray
    plate: np.ndarray
    keypoints: np.ndarray
    scores: np.ndarray
    follows: np.ndarray
    actions: np.ndarray
    action_names: np.ndarray
    head: np.ndarray
    hands: np.ndarray
    fps: float


_TRUTH = ("keypoints", "scores", "follows", "actions", "action_names", "head", "hands", "fps")


def film(seed: int, out: Path, frames: int, size: int, folder: Path, captured: Sequence[Path] = ()) -> Path:
    """Film one person into a folder of their own, unless that is done already.

    Args:
        seed: Who, where and what.
        out: Where the folder goes.
        frames: How many.
        size: Side of the picture, pixels.
        folder: What `assets.fetch` filled.
        captured: Motion capture to use, too.

    Returns:
        The person's folder, for :func:`open_film`.
    """
    room = out / f"person_{seed:06d}"
    if (room / "truth.npz").exists():
        return room
    rng = np.random.default_rng([seed, 53])
    figure = Figure(look.draw(seed, base(folder).details()), folder)
    fps = float(rng.choice([24, 25, 30]))
    stage, shots, heads = Stage(figure, size, seed), [], []
    performance = motion.draw(seed, frames, fps, figure.actions, captured, stage.half)
    for n in range(len(performance.frames)):
        if n in performance.starts:
            figure.start()
            posed = None
        before = posed
        posed = figure.pose(performance.frames[n], performance.grips[n], performance.actions[n], 1 / fps)
        shots.append(stage.shoot(posed, n, before))
        heads.append(posed.head)
    follows = ~np.isin(np.arange(len(shots)), performance.starts)
    truth = {
        "keypoints": np.stack([s.keypoints for s in shots]), "scores": np.stack([s.scores for s in shots]),
        "follows": follows, "actions": performance.actions.astype(np.float32), "action_names": figure.actions,
        "head": np.stack(heads).astype(np.float32), "hands": np.stack([s.hands for s in shots]), "fps": fps,
    }  # fmt: skip
    pictures, mattes = [s.rgb for s in shots], np.stack([s.matte for s in shots])
    write(room, pictures, mattes, stage.plate, truth, crf=int(rng.integers(18, 31)))
    return room


def write(room: Path, pictures: Sequence[np.ndarray], mattes: np.ndarray, plate: np.ndarray,
          truth: dict[str, np.ndarray], crf: int) -> None:  # fmt: skip
    """Write one filmed person; truth.npz comes last, so that a folder that has it is whole."""
    room.mkdir(parents=True, exist_ok=True)
    tags = {"comment": "Synthetic person, rendered by perfclone's evaluation"}
    with VideoWriter(room / "film.mp4", rate=float(truth["fps"]), crf=crf, force=True, metadata=tags) as writer:
        for picture in pictures:
            writer.write(picture)
    cv2.imwrite(str(room / "plate.png"), cv2.cvtColor(plate, cv2.COLOR_RGB2BGR))
    np.savez_compressed(room / "mattes.npz", mattes=mattes)
    np.savez_compressed(room / "truth.npz", **truth)


def open_film(room: Path) -> Film:
    """One filmed person.

    Args:
        room: The person's folder, as :func:`film` wrote it.

    Raises:
        UserError: The folder is not whole.
    """
    try:
        with np.load(room / "truth.npz", allow_pickle=False) as file:
            truth = {name: file[name] for name in _TRUTH}
        with np.load(room / "mattes.npz", allow_pickle=False) as file:
            mattes = file["mattes"]
    except (OSError, KeyError) as error:
        raise UserError(f"{room} is no whole film of a person ({error}); film it anew.") from error
    truth["fps"] = float(truth["fps"])
    with VideoReader(room / "film.mp4") as reader:
        frames = np.stack([frame.pixels for frame in reader])
    plate = cv2.cvtColor(cv2.imread(str(room / "plate.png")), cv2.COLOR_BGR2RGB)
    return Film(frames, mattes, plate, **truth)


def _seeds(text: str) -> range:
    first, last = (int(part) for part in text.split(":"))
    return range(first, last)


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path, help="folder that gets a folder for each person")
    parser.add_argument("--seeds", type=_seeds, default=range(64), metavar="A:B", help="people from A up to below B")
    parser.add_argument("--frames", type=int, default=96, help="of each person (default: %(default)s)")
    parser.add_argument("--size", type=int, default=384, help="side of the picture, pixels (default: %(default)s)")
    parser.add_argument("--workers", type=int, default=1, help="people at once (default: %(default)s)")
    parser.add_argument("--bvh", type=Path, help="folder of motion capture (.bvh) to use, too")
    parser.add_argument("--assets", type=Path, default=assets.folder(), help="what eval.people.assets fetched")
    args = parser.parse_args()
    captured = tuple(sorted(args.bvh.glob("*.bvh"))) if args.bvh else ()
    shoot = partial(film, out=args.out, frames=args.frames, size=args.size, folder=args.assets, captured=captured)
    begin = time.perf_counter()
    with ProcessPoolExecutor(args.workers) as pool:
        rooms = pool.map(shoot, args.seeds) if args.workers > 1 else map(shoot, args.seeds)
        for n, room in enumerate(rooms, 1):
            print(f"{room} ({n} of {len(args.seeds)}, {time.perf_counter() - begin:.0f} s)", flush=True)


if __name__ == "__main__":
    main()

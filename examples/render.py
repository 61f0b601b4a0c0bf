"""Render the clips in `examples/clips`: two synthetic people's references, and performances to clone.

python -m eval.people.assets                 once: fetches what the two wear
python -m examples.render [--clips anna_reference ...] [--output FOLDER] [--size 256] [--force]
"""

from __future__ import annotations

import argparse
import tempfile
import wave
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from eval.people.gestures import perform
from eval.people.scene import WHOLE, Scene
from eval.people.scores import SCORES
from eval.synthetic import motion
from perfclone.errors import UserError
from perfclone.video import VideoWriter

FPS = 30
NOISE = 1.2  # 8-bit levels: what a good camera has


@dataclass(frozen=True)
class Take:
    """What a clip shows.

    Attributes:
        actor: Who performs, from `cast.CAST`.
        motion: What: a name from `scores.SCORES`, or a motion's.
        seconds: For how long, of a motion; None for all of it.
        music: Whether there is any.
        view: Where the camera is, see `Scene`.
        tall: Height of the picture, pixels.
        wide: Its width as a share of that.
    """

    actor: str
    motion: str
    seconds: float | None = None
    music: bool = False
    view: tuple[tuple[float, float, float], float, float] = WHOLE
    tall: int = 512
    wide: float = 1.0


CLIPS = {
    "anna_reference": Take("anna", "reference", 24),
    "ben_reference": Take("ben", "reference", 24),
    "driving_ben": Take("ben", "driving", music=True),
    "driving_talk": Take("mina", "talk", view=((0.0, 1.3, 3.6), 21.5, 0.40), tall=640, wide=0.8),
    "driving_count": Take("otto", "count", view=((-0.22, 1.25, 4.9), 27.5, 0.42), tall=576),
    "driving_exercise": Take("lena", "exercise", view=((0.0, 1.0, 5.0), 28.5, 0.50), tall=640, wide=0.75),
}


def beat(seconds: float, rate: int = 44_100) -> np.ndarray:
    """A drum at 120 a minute under a plucked tune, (N,) float in [-1, 1]."""
    t = np.arange(int(seconds * rate)) / rate
    since = t % 0.5
    drum = np.sin(2 * np.pi * 55 * since * np.exp(-4 * since)) * np.exp(-9 * since)
    tune = np.array((220.0, 277.2, 329.6, 440.0, 329.6, 277.2, 246.9, 329.6))
    note, pluck = tune[(t / 0.25).astype(int) % len(tune)], t % 0.25
    tone = (np.sin(2 * np.pi * note * pluck) + 0.3 * np.sin(4 * np.pi * note * pluck)) * np.exp(-8 * pluck)
    return 0.45 * drum + 0.2 * tone


def write_sound(path: Path, seconds: float, rate: int = 44_100) -> Path:
    """Write :func:`beat` as a 16-bit mono WAV."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes((beat(seconds, rate) * 32_767).astype("<i2").tobytes())
    return path


def save_still(path: Path, picture: np.ndarray, side: int = 192) -> None:
    """Save the middle of a picture (H, W, 3), RGB, as what the page shows of a clip: a square JPEG."""
    short = min(picture.shape[:2])
    left = (picture.shape[1] - short) // 2
    Image.fromarray(picture[:short, left : left + short]).resize((side, side)).save(path, quality=85)


def performed(take: Take, scene: Scene) -> list[tuple[np.ndarray, tuple[np.ndarray, np.ndarray] | None]]:
    """What is done in a take by the one whom a scene shows: motion frames, and what `Scene.render` takes as acted."""
    if take.motion not in SCORES:
        return [(frame, None) for frame in motion(take.motion, FPS, take.seconds)]
    performance = perform(SCORES[take.motion], scene.figure, FPS)
    return list(zip(performance.frames, zip(performance.grips, performance.actions)))


def render(name: str, folder: Path, size: int | None = None, force: bool = False) -> Path:
    """Render one of `CLIPS` into a folder; `size` is the height of the picture (px), None for the take's own.

    Raises:
        UserError: The clip is there already and `force` is off.
    """
    take, path = CLIPS[name], folder / f"{name}.mp4"
    tall = size or take.tall
    scene = Scene(take.actor, tall, noise=NOISE, view=take.view)
    frames, edge = performed(take, scene), round(tall * (1 - take.wide) / 4) * 2
    tags = {"comment": f"Synthetic person {take.actor!r}, rendered by perfclone's examples/render.py"}
    with tempfile.TemporaryDirectory() as scratch:
        sound = write_sound(Path(scratch) / "beat.wav", len(frames) / FPS) if take.music else None
        with VideoWriter(
            path, rate=FPS, audio_from=sound, force=force, crf=23, preset="slow", metadata=tags
        ) as writer:
            for n, (frame, acted) in enumerate(frames):
                picture = scene.render(frame, n, FPS, acted).rgb[:, edge : tall - edge]
                writer.write(picture)
                if n == len(frames) // 3:
                    save_still(path.with_suffix(".jpg"), picture)
    return path


def main() -> None:
    """Parse the command line and render."""
    parser = argparse.ArgumentParser(description="Render the example clips.")
    parser.add_argument("--clips", nargs="+", choices=list(CLIPS), default=list(CLIPS), help="which (default: all)")
    parser.add_argument(
        "--output", type=Path, default=Path(__file__).parent / "clips", help="folder (default: %(default)s)"
    )
    parser.add_argument("--size", type=int, help="height of the pictures in pixels (default: each clip's own)")
    parser.add_argument("--force", action="store_true", help="replace clips that are there")
    arguments = parser.parse_args()
    arguments.output.mkdir(parents=True, exist_ok=True)
    try:
        for name in arguments.clips:
            path = render(name, arguments.output, arguments.size, arguments.force)
            print(f"{path} ({path.stat().st_size / 1e6:.2f} MB)")
    except UserError as error:
        parser.exit(2, f"{error}\n")


if __name__ == "__main__":
    main()

"""Render the clips in `examples/clips`: two synthetic people's references and a performance to clone.

python -m eval.people.assets                 once: fetches what the two wear
python -m examples.render [--clips anna_reference ...] [--output FOLDER] [--size 512] [--force]
"""

from __future__ import annotations

import argparse
import tempfile
import wave
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from eval.people.scene import Scene
from eval.synthetic import motion
from perfclone.errors import UserError
from perfclone.video import VideoWriter

FPS = 30
NOISE = 1.2  # 8-bit levels: what a good camera has


@dataclass(frozen=True)
class Take:
    """What a clip shows: who performs what, for how long (s; None for all of it), and whether there is music."""

    actor: str
    motion: str
    seconds: float | None = None
    music: bool = False


CLIPS = {
    "anna_reference": Take("anna", "reference", 24),
    "ben_reference": Take("ben", "reference", 24),
    "driving_ben": Take("ben", "driving", music=True),
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


def render(name: str, folder: Path, size: int = 512, force: bool = False) -> Path:
    """Render one of `CLIPS` into a folder.

    Raises:
        UserError: The clip is there already and `force` is off.
    """
    take, path = CLIPS[name], folder / f"{name}.mp4"
    scene, frames = Scene(take.actor, size, noise=NOISE), motion(take.motion, FPS, take.seconds)
    tags = {"comment": f"Synthetic person {take.actor!r}, rendered by perfclone's examples/render.py"}
    with tempfile.TemporaryDirectory() as scratch:
        sound = write_sound(Path(scratch) / "beat.wav", len(frames) / FPS) if take.music else None
        with VideoWriter(
            path, rate=FPS, audio_from=sound, force=force, crf=23, preset="slow", metadata=tags
        ) as writer:
            for index, frame in enumerate(frames):
                writer.write(scene.render(frame, index).rgb)
    return path


def main() -> None:
    """Parse the command line and render."""
    parser = argparse.ArgumentParser(description="Render the example clips.")
    parser.add_argument("--clips", nargs="+", choices=list(CLIPS), default=list(CLIPS), help="which (default: all)")
    parser.add_argument(
        "--output", type=Path, default=Path(__file__).parent / "clips", help="folder (default: %(default)s)"
    )
    parser.add_argument("--size", type=int, default=512, help="side of the picture in pixels (default: %(default)s)")
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

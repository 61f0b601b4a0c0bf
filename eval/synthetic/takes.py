"""A take: one synthetic person in one routine, filmed into files together with everything that is true about it."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from perfclone.errors import UserError
from perfclone.pose import Pose, PoseSequence
from perfclone.progress import Progress
from perfclone.video import VideoWriter

from .render import Rendered, Scene

#: Quality of the videos: nothing to be seen is lost. x264's pictures have half the resolution in colour, always.
CRF = 4
LAYERS = ("matte", "shadow")


def film(scene: Scene, frames: np.ndarray, fps: float, stem: Path, progress: Progress | None = None) -> str:
    """Film a routine, frame by frame, into STEM.mp4, STEM.npz and STEM.zip.

    The video is nearly lossless; the .npz is the `PoseSequence` of the true joints, those behind the body too; the
    .zip holds the mattes and shadows as PNG, lossless, see :func:`read_layer`.

    Args:
        scene: The person in their room.
        frames: (T, 43), the routine.
        fps: Frames a second.
        stem: The three files' path without its ending.
        progress: Called after each frame with "filming", frames done and frames in all.

    Returns:
        SHA-256 over the raw RGB of all frames before encoding, 64 hex digits.
    """
    digest, poses = hashlib.sha256(), []
    tags = {"comment": f"Synthetic person {scene.look.name!r}, rendered by perfclone's evaluation"}
    with (
        VideoWriter(stem.with_suffix(".mp4"), rate=fps, crf=CRF, force=True, metadata=tags) as writer,
        zipfile.ZipFile(stem.with_suffix(".zip"), "w") as layers,
    ):
        for n, frame in enumerate(frames):
            shot = scene.render(frame, n)
            digest.update(np.ascontiguousarray(shot.rgb).tobytes())
            writer.write(shot.rgb)
            _keep_layers(layers, n, shot)
            poses.append(Pose(shot.keypoints, shot.scores))
            if progress:
                progress("filming", n + 1, len(frames))
    times = np.arange(len(poses)) / fps
    PoseSequence.from_poses(poses, times, (scene.size, scene.size), "truth").save(stem.with_suffix(".npz"))
    return digest.hexdigest()


def _keep_layers(layers: zipfile.ZipFile, n: int, shot: Rendered) -> None:
    for name in LAYERS:
        encoded = cv2.imencode(".png", getattr(shot, name))[1]
        layers.writestr(f"{name}_{n:06d}.png", encoded.tobytes())


def read_layer(path: Path, name: str = "matte") -> Iterator[np.ndarray]:
    """The true mattes of a take, or its shadows, one frame after the other.

    Args:
        path: The take's .zip.
        name: "matte", how much of each pixel is person, or "shadow", how much light the person takes from it.

    Yields:
        (H, W) uint8, 0 none, 255 all.

    Raises:
        UserError: The file cannot be read.
    """
    if name not in LAYERS:
        raise ValueError(f"name must be one of {', '.join(LAYERS)}, got {name!r}")
    try:
        with zipfile.ZipFile(path) as layers:
            for entry in sorted(entry for entry in layers.namelist() if entry.startswith(f"{name}_")):
                yield cv2.imdecode(np.frombuffer(layers.read(entry), np.uint8), cv2.IMREAD_GRAYSCALE)
    except (OSError, zipfile.BadZipFile) as error:
        raise UserError(f"The {name}s in {path} cannot be read ({error}); render the suite anew.") from error

"""What a training run shows while it runs: its curves and a grid of frames it was not trained on, as pictures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from torch import Tensor

from perfclone.files.writing import beside


def draw_curves(rows: Sequence[dict[str, float]], path: Path) -> None:
    """Draw every logged quantity against the step as a PNG; not where matplotlib is not installed.

    Without pyplot, which would change what the rest of the process draws with.
    """
    try:
        from matplotlib.figure import Figure
    except ModuleNotFoundError:
        return  # the numbers are in the log

    names = sorted({name for row in rows for name in row} - {"step", "minutes"})
    lines = -(-len(names) // 3)
    figure = Figure(figsize=(12, 2.4 * lines))
    axes = figure.subplots(lines, 3, squeeze=False)
    for axis, name in zip(axes.flat, names):
        points = [(row["step"], row[name]) for row in rows if name in row]
        axis.plot(*zip(*points), lw=1, marker="." if len(points) < 30 else None)
        axis.set_title(name, fontsize=9)
        axis.tick_params(labelsize=7)
    for axis in axes.flat[len(names) :]:
        axis.axis("off")
    figure.tight_layout()
    with beside(path) as part:
        figure.savefig(part, dpi=90)


def draw_samples(real: Tensor, painted: Tensor, path: Path, count: int = 8) -> None:
    """Put real frames (N, 3, S, S) in [0, 1] above the painted ones as a PNG."""
    chosen = np.linspace(0, len(real) - 1, min(count, len(real))).astype(int)
    rows = [
        np.hstack([picture[n].permute(1, 2, 0).clamp(0, 1).numpy() for n in chosen]) for picture in (real, painted)
    ]
    image = (np.vstack(rows)[..., ::-1] * 255).round().astype(np.uint8)
    with beside(path) as part:
        part.write_bytes(cv2.imencode(".png", image)[1])  # imwrite would not say that the disk is full

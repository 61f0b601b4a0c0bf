"""What a training run shows while it runs: its curves, and frames it was not trained on as they get better."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from torch import Tensor

from perfclone.files.writing import beside

#: Frames in a row of samples, their longest side, and the height of the bar above that names it, pixels.
COLUMNS, SIDE, BAR = 4, 256, 20


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


def add_samples(real: Tensor, painted: Tensor, step: int, path: Path, rows: int) -> None:
    """Add a row of painted frames to a PNG, whose first row are the filmed ones.

    Args:
        real: (N, 3, S, S) in [0, 1], filmed.
        painted: (N, 3, S, S) in [0, 1], the same as they are painted now.
        step: After which step.
        path: The picture.
        rows: How many painted rows of an earlier one stay.
    """
    picture = _row(real, "filmed")
    if rows and path.is_file():
        earlier = cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_COLOR)
        picture = earlier[: (1 + rows) * len(picture)]
    picture = np.vstack([picture, _row(painted, f"step {step}")])
    with beside(path) as part:
        part.write_bytes(cv2.imencode(".png", picture)[1])  # imwrite would not say that the disk is full


def _row(pictures: Tensor, title: str) -> np.ndarray:
    """A few of the frames beside each other, below a title, (h, w, 3) uint8 BGR."""
    chosen = np.linspace(0, len(pictures) - 1, min(COLUMNS, len(pictures))).astype(int)
    row = np.hstack([pictures[n].permute(1, 2, 0).clamp(0, 1).numpy() for n in chosen])
    row = np.ascontiguousarray((row[..., ::-1] * 255).round().astype(np.uint8))
    scale = min(1.0, SIDE / len(row))
    row = cv2.resize(row, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    bar = np.zeros((BAR, row.shape[1], 3), np.uint8)
    cv2.putText(bar, title, (4, BAR - 6), cv2.FONT_HERSHEY_SIMPLEX, 0.45, (255, 255, 255), 1, cv2.LINE_AA)
    return np.vstack([bar, row])

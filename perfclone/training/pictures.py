"""What a training run shows while it runs: loss curves and a grid of frames it was not trained on, as pictures."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path

import cv2
import numpy as np
from torch import Tensor

from perfclone.files.writing import beside

CURVES, SAMPLES, LOG = "curves.png", "samples.png", "log.jsonl"


def append(folder: Path, row: dict[str, float]) -> None:
    """Add a row to the run's log."""
    with open(folder / LOG, "a", encoding="utf-8") as file:
        file.write(json.dumps({key: round(value, 6) for key, value in row.items()}) + "\n")


def truncate(folder: Path, step: int) -> None:
    """Forget the rows after a step, which a resumed run will write again."""
    path = folder / LOG
    if path.exists():
        rows = [json.dumps(row) for row in _rows(folder) if row["step"] <= step]
        with beside(path) as part:
            part.write_text("".join(f"{row}\n" for row in rows), encoding="utf-8")


def _rows(folder: Path) -> list[dict[str, float]]:
    """The log, without a row that a full disk or a power cut left half written."""
    rows = []
    for row in (folder / LOG).read_text(encoding="utf-8").splitlines():
        with suppress(json.JSONDecodeError):
            rows.append(json.loads(row))
    return rows


def draw_curves(folder: Path) -> None:
    """Draw every logged quantity against the step into ``curves.png``; not where matplotlib is not installed."""
    try:
        import matplotlib
    except ModuleNotFoundError:
        return  # the numbers are in the log

    matplotlib.use("Agg")
    from matplotlib import pyplot

    rows = _rows(folder)
    names = sorted({name for row in rows for name in row} - {"step", "minutes"})
    columns = 3
    figure, axes = pyplot.subplots(-(-len(names) // columns), columns, figsize=(12, 2.4 * -(-len(names) // columns)))
    for axis, name in zip(axes.flat, names):
        points = [(row["step"], row[name]) for row in rows if name in row]
        axis.plot(*zip(*points), lw=1, marker="." if len(points) < 30 else None)
        axis.set_title(name, fontsize=9)
        axis.tick_params(labelsize=7)
    for axis in axes.flat[len(names) :]:
        axis.axis("off")
    figure.tight_layout()
    with beside(folder / CURVES) as part:
        figure.savefig(part, dpi=90)
    pyplot.close(figure)


def draw_samples(folder: Path, real: Tensor, painted: Tensor, count: int = 8) -> None:
    """Put real frames (N, 3, S, S) in [0, 1] above the painted ones into ``samples.png``."""
    chosen = np.linspace(0, len(real) - 1, min(count, len(real))).astype(int)
    rows = [
        np.hstack([picture[n].permute(1, 2, 0).clamp(0, 1).numpy() for n in chosen]) for picture in (real, painted)
    ]
    image = (np.vstack(rows)[..., ::-1] * 255).round().astype(np.uint8)
    with beside(folder / SAMPLES) as part:
        part.write_bytes(cv2.imencode(".png", image)[1])  # imwrite would not say that the disk is full

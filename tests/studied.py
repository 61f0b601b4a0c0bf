"""Two reports with drawn videos, a study of them, and answers to it, for the tests of studies."""

import json
import re
from pathlib import Path

import numpy as np

from eval.results import Report, Row
from eval.study import StudyOptions, write_study
from perfclone.video import VideoWriter

COLOURS = {"zorkmethod": (200, 60, 60), "quuxmethod": (60, 60, 200)}


def draw(path: Path, colour: tuple[int, int, int], frames: int, size=(48, 64)) -> Path:
    """A square in the method's colour, whose brightness tells the frame number."""
    with VideoWriter(path, rate=10, crf=10) as writer:
        for t in range(frames):
            pixels = np.full((*size, 3), 2 * t, np.uint8)
            pixels[8:40, 16:48] = colour
            writer.write(pixels)
    return path


def report(folder: Path, method: str, clips: dict[str, int], kind="output", **changes) -> Path:
    """A report with one drawn video for each clip."""
    folder.mkdir()
    rows = []
    for clip, frames in clips.items():
        draw(folder / f"{method}_{clip}.mp4", COLOURS[method], frames, **changes)
        rows.append(Row(method, clip, frames, 10.0, files={kind: f"{method}_{clip}.mp4"}))
    Report("score", {}, rows=[*rows, Row("real", "walkclip", 60, 10.0)]).save(folder)
    return folder


def two_reports(folder: Path) -> tuple[Path, Path]:
    """A report of each method, of the same two clips."""
    clips = {"walkclip": 60, "danceclip": 40}
    return report(folder / "one", "zorkmethod", clips), report(folder / "two", "quuxmethod", clips)


def make(reports, folder, methods=None, **options):
    chosen = StudyOptions(**{"question": "Which <one>?", "pairs": 4, "seconds": 1.0, **options})
    return write_study(reports, folder, chosen, methods=methods)


def content(page: Path) -> dict:
    return json.loads(re.search(r'<script type="application/json" id="study">(.*?)</script>', page.read_text())[1])


def answer_file(path: Path, key: Path, choose, who="p1", **changes) -> Path:
    """What the page would save, had somebody answered `choose(pair of the key)`."""
    secret = json.loads(key.read_text())
    answers = [{"pair": name, "choice": choose(pair), "seconds": 1.0} for name, pair in secret["pairs"].items()]
    saved = {"format": 1, "study": secret["study"], "participant": who, "answers": answers, **changes}
    path.write_text(json.dumps(saved))
    return path


def toward(method: str):
    """Choose the side where a method is; see no difference where it is on both."""
    return lambda pair: "none" if pair["kind"] == "same" else "left" if pair["left"] == method else "right"

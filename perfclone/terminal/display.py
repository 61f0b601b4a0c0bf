"""The stage of a long job on stderr: a bar in a terminal, lines in a log."""

from __future__ import annotations

import sys
import threading
import time

from tqdm import tqdm

from perfclone.terminal.pace import Pace

#: Seconds: how old a stage is when its bar first shows, and how often that is drawn.
QUICK, DRAWN = 0.5, 0.2
#: Seconds, in a log: until a stage's first line, and the most between two later ones.
FIRST_LINE, LONGEST_GAP = 5.0, 60.0


class Display:
    """Shows the stage that is on, by a thread of its own, so that time is seen to go by where a stage is silent.

    Args:
        kind: How a stage is shown.
    """

    def __init__(self, kind: type[Bar | Lines]):
        self._kind, self._stage, self._shown = kind, None, None
        self._lock, self._over = threading.Lock(), threading.Event()

    def __enter__(self) -> Display:
        threading.Thread(target=self._keep_drawing, name="perfclone-progress", daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *error: object) -> None:
        self._over.set()
        with self._lock:
            self._end(finished=kind is None)

    def show(self, stage: str, done: int, total: int) -> None:
        """Take what the job says."""
        now = time.monotonic()
        with self._lock:
            if self._stage is None or stage != self._stage.name or done < self._stage.done:
                self._end(finished=True)
                self._stage, self._shown = Pace(stage, now), self._kind()
            self._stage.report(done, total, now)

    def _keep_drawing(self) -> None:
        while not self._over.wait(DRAWN):
            with self._lock:
                if self._stage and not self._over.is_set():
                    self._shown.draw(self._stage, time.monotonic())

    def _end(self, finished: bool) -> None:
        if self._stage:
            self._stage.finished = finished
            self._shown.end(self._stage, time.monotonic())


class Bar:
    """A stage in a terminal: one line, drawn again and again."""

    def __init__(self):
        self._bar: tqdm | None = None

    def draw(self, stage: Pace, now: float) -> None:
        """Draw it, unless it is too young."""
        if self._bar is None:
            if now - stage.began < QUICK:
                return
            self._bar = tqdm(bar_format="{desc}", desc=stage.name, dynamic_ncols=True)
        share, took, rest = stage.figures(now)
        self._bar.desc = f"{stage.name}: {share:>4}"
        self._bar.n, self._bar.total = stage.total if stage.finished else stage.done, stage.total or None
        tail = ", ".join(filter(None, (took, rest)))
        self._bar.bar_format = f"{{desc}}|{{bar}}| {tail}" if stage.total else f"{{desc}}, {tail}"
        self._bar.refresh()

    def end(self, stage: Pace, now: float) -> None:
        """Leave the line as it is at last."""
        if self._bar is not None:
            self.draw(stage, now)
            self._bar.close()


class Lines:
    """A stage in a log: a line now and then, the more seldom the longer it takes."""

    def __init__(self):
        self._due, self._gap = FIRST_LINE, FIRST_LINE

    def draw(self, stage: Pace, now: float) -> None:
        """Print a line if one is due."""
        if now - stage.began >= self._due:
            self._gap = min(2 * self._gap, LONGEST_GAP)
            self._due = now - stage.began + self._gap
            self._print(stage, now)

    def end(self, stage: Pace, now: float) -> None:
        """Print how it ended, where it was printed at all."""
        if self._due > FIRST_LINE:
            self._print(stage, now)

    def _print(self, stage: Pace, now: float) -> None:
        share, took, rest = stage.figures(now)
        print(", ".join(filter(None, (f"{stage.name}: {share} after {took}", rest))), file=sys.stderr, flush=True)

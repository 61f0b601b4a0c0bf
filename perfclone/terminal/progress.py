"""How far a long job is, for somebody at a terminal: bars on stderr, and words for whoever interrupts."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

#: A bar without counts, since what is counted may be frames, steps or seconds.
BAR = "{desc}: {percentage:3.0f}%|{bar}| {elapsed}, {remaining} left"


def leading() -> bool:
    """Whether this is the only process of the command, or the first of those that `accelerate launch` started."""
    return os.environ.get("LOCAL_RANK", "0") == "0"


@contextmanager
def progress_bars() -> Iterator[Callable[[str, float, float], None]]:
    """Show a progress bar on stderr for each stage of a job that takes more than a moment.

    Yields:
        A callback to call with (stage, done, total) as often as one likes; a new stage begins a new bar, and a total
        of 0 means that it is not known.
    """
    from tqdm import tqdm
    from tqdm.contrib.logging import logging_redirect_tqdm

    pace = 0.2 if sys.stderr.isatty() else 0.5
    bar, current, lock, over = None, None, threading.RLock(), threading.Event()

    def show(stage: str, done: float, total: float) -> None:
        nonlocal bar, current
        with lock:
            if stage != current:
                if bar is not None:
                    bar.close()
                current = stage
                bar = tqdm(
                    desc=stage, delay=0.5, mininterval=pace, bar_format=BAR if total else None, disable=not leading()
                )
            bar.total = max(total, done) if total else None
            bar.update(done - bar.n)

    def tick() -> None:
        """Show that time goes by where a stage tells nothing for long, as before the first frame of a clone."""
        while not over.wait(1.0):
            with lock:
                if bar is not None and not over.is_set():
                    bar.refresh()

    threading.Thread(target=tick, name="perfclone-progress", daemon=True).start()
    try:
        with logging_redirect_tqdm():  # a warning gets a line of its own, not the rest of the bar's
            yield show
    finally:
        over.set()
        with lock:
            if bar is not None:
                bar.close()


@contextmanager
def progress_bar(stage: str) -> Iterator[Callable[[float, float], None]]:
    """Show one progress bar; the callback takes (done, total)."""
    with progress_bars() as show:
        yield lambda done, total: show(stage, done, total)


@contextmanager
def kept_when_interrupted(words: str) -> Iterator[None]:
    """Say what was kept when the user presses Ctrl-C inside the block.

    Args:
        words: What the user is told.

    Raises:
        KeyboardInterrupt: The same interruption, carrying the words.
    """
    try:
        yield
    except KeyboardInterrupt as interruption:
        raise KeyboardInterrupt(words) from interruption

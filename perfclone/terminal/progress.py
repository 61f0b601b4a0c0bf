"""How far a long job is, for somebody at a terminal: a bar for each stage, and words for whoever interrupts."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from perfclone.progress import Progress


def leading() -> bool:
    """Whether this is the only process of the command, or the first of those that `accelerate launch` started."""
    return os.environ.get("LOCAL_RANK", "0") == "0"


@contextmanager
def progress_bars() -> Iterator[Progress]:
    """Show on stderr how far each stage of a job is: a bar in a terminal, elsewhere a line now and then.

    Yields:
        A callback to call with (stage, done, total) as often as one likes, in any unit. A total of 0 means that it is
        not known. A new stage, or one that begins anew, ends the one before; before that, none is shown as complete.
    """
    if not leading():
        yield lambda stage, done, total: None
        return
    from tqdm.contrib.logging import logging_redirect_tqdm

    from perfclone.terminal.display import Bar, Display, Lines

    with logging_redirect_tqdm(), Display(Bar if sys.stderr.isatty() else Lines) as display:
        yield display.show  # a warning gets a line of its own, not the rest of a bar's


@contextmanager
def progress_bar(stage: str) -> Iterator[Callable[[int, int], None]]:
    """Show how far a job of one stage is; the callback takes (done, total)."""
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

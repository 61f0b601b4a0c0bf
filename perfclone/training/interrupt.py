"""Ctrl-C that waits for a place where it does no harm."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def ctrl_c_waits() -> Iterator[threading.Event]:
    """Let the first Ctrl-C inside the block only set an event, for whoever can stop in good order.

    A second one does not wait. Where Ctrl-C does not mean KeyboardInterrupt, or in another thread than the main one,
    nothing is changed.
    """
    pressed = threading.Event()

    def press(signum, frame):
        if pressed.is_set():
            signal.default_int_handler(signum, frame)
        pressed.set()

    main = threading.current_thread() is threading.main_thread()
    usual = main and signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if usual:
        signal.signal(signal.SIGINT, press)
    try:
        yield pressed
    finally:
        if usual:
            signal.signal(signal.SIGINT, signal.default_int_handler)

"""The worker of a line: ``python -m studio.jobs.worker LINE FOLDER`` does its jobs until its server is gone."""

from __future__ import annotations

import logging
import os
import sys
import threading

from .queue import worked
from .store import Store

#: Seconds between two looks into an empty line, at least and at most.
_LOOK = (0.1, 1.0)
#: How far the page, which somebody looks at, goes before the work.
_NICE = 10


def main(argv: list[str]) -> None:
    """Work until the standard input ends, which the server holds open as long as it lives."""
    name, store = argv[0], Store(argv[1])
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s: %(message)s")
    if hasattr(os, "nice"):
        os.nice(_NICE)
    threading.Thread(target=_end_with_the_server, daemon=True).start()
    queue = worked(store, name).huey
    queue.create_consumer(workers=1, initial_delay=_LOOK[0], max_delay=_LOOK[1], periodic=False).run()


def _end_with_the_server() -> None:
    sys.stdin.buffer.read()
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1:])

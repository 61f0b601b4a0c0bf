"""A worker that can count: ``python -m counting LINE FOLDER`` is the studio's own with one more task."""

import os
import signal
import sys
import time

from perfclone.errors import UserError
from studio import tasks
from studio.jobs.worker import main
from studio.jobs.workers import Workers


class _Count(tasks.Task):
    """Counts to ``to`` with ``pause_s`` between, and does on the way what it is asked to."""

    def run(self, job, tell):
        asked = {"to": 3, "pause_s": 0.0, "trouble": None} | job.request
        started = job.files / "started"
        started.write_text(f"{os.getpid()}\n" + (started.read_text() if started.exists() else ""))
        if asked["trouble"] == "sentence":
            raise UserError("Nobody was found in wave.mp4; film closer.")
        if asked["trouble"] == "fault":
            raise ZeroDivisionError
        if asked["trouble"] == "memory":
            os.kill(os.getpid(), signal.SIGKILL)
        for done in range(asked["to"]):
            tell("count", done + 1, asked["to"])
            time.sleep(asked["pause_s"])
        with (job.path.parent.parent / "order").open("a") as order:
            order.write(job.id + "\n")
        return {"counted": asked["to"]}


tasks.TASKS |= {"count": _Count("light", ""), "heavy_count": _Count("heavy", "")}


class CountingWorkers(Workers):
    program = "counting"


if __name__ == "__main__":
    main(sys.argv[1:])

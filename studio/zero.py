"""The workers of a ZeroGPU Space: threads of the server, since only to that process an accelerator is lent.

It is lent to a function for so many seconds, which are the visitor's own: two minutes a day without a login there. So
the seconds are reckoned from the job, and asked for with the visitor's request.
"""

from __future__ import annotations

import logging
import os
import threading
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from perfclone.errors import UserError

from .jobs.doing import do, work_at
from .jobs.job import Job, Line
from .jobs.queue import kinds, recover, worked
from .jobs.store import Store
from .tasks import TASKS

if TYPE_CHECKING:
    import gradio as gr

try:
    from spaces import GPU  # it has to come before torch
except ImportError:  # no Space: nothing is lent

    def GPU(duration):
        """Leave a function as it is."""
        return lambda function: function


log = logging.getLogger(__name__)
#: The kinds of jobs for which the accelerator is lent.
_LENT = ("clone", "train")
#: Whether this is a ZeroGPU Space.
ON = os.environ.get("SPACES_ZERO_GPU", "").lower() in ("1", "t", "true")
_requests: dict[str, gr.Request] = {}
#: Seconds to load an actor and to write a file, for a frame, and for a million pixels of one more.
_LOAD_S, _FRAME_S, _MEGAPIXEL_S = 20.0, 0.1, 0.1
#: Seconds that training takes before its first step and after its last.
_AROUND_S = 120.0
#: The most that is lent at once.
_MOST_S = 1500
#: So many requests are remembered; those of jobs that were stopped while they waited are never taken.
_NOTED = 200
#: Seconds between two looks into an empty line.
_LOOK = 0.2


def note(job: Job, request: gr.Request) -> None:
    """Note who asks for a job, as long as it waits: their seconds are spent on it."""
    if ON:
        _requests[job.id] = request
        for id in list(_requests)[:-_NOTED]:
            _requests.pop(id, None)


def seconds(folder: str) -> int:
    """How long the accelerator is wanted for a job: by the frames and the size of a clip, or the minutes asked for."""
    job = Job(Path(folder))
    if job.kind == "train":
        return min(_MOST_S, round(_AROUND_S + 60 * float(job.request.get("minutes") or 0)))
    from perfclone.video import probe

    clip = probe(job.files / job.request["driving"])
    return min(_MOST_S, round(_LOAD_S + clip.frames * (_FRAME_S + _MEGAPIXEL_S * clip.width * clip.height / 1e6)))


@GPU(duration=seconds)
def lent(folder: str) -> None:
    """Do a job with the accelerator; it runs in a process of its own there, so what comes of it goes to the disk."""
    job = Job(Path(folder))
    do(job, TASKS[job.kind])


def _do_lent(job: Job, _task) -> None:
    from gradio import Error
    from gradio.context import LocalContext

    LocalContext.request.set(_requests.pop(job.id, None))
    try:
        lent(str(job.path))
    except Error as error:  # such as: nobody has seconds left
        job.end("failed", why=str(error.message))
    except (UserError, OSError) as error:
        job.end("failed", why=str(error))


class Threads:
    """What :class:`Workers <studio.jobs.workers.Workers>` is elsewhere: a thread for each line while the block lasts.

    Args:
        store: Whose jobs they do.
    """

    def __init__(self, store: Store):
        self.store = store
        self._ended = threading.Event()

    def __enter__(self) -> Threads:
        self.store.jobs.mkdir(parents=True, exist_ok=True)
        for name in get_args(Line):
            recover(self.store, name)
            threading.Thread(target=self._work, args=(name,), daemon=True).start()
        return self

    def __exit__(self, *_) -> None:
        self._ended.set()
        for job in self.store.open({kind for name in get_args(Line) for kind in kinds(name)}):
            if job.alive:
                job.stop()

    def _work(self, name: Line) -> None:
        queue = worked(self.store, name).huey
        while not self._ended.wait(_LOOK):
            self.store.sweep()
            while not self._ended.is_set() and (message := queue.dequeue()):
                with suppress(UserError):  # it was deleted
                    job = self.store.find(message.args[0])
                    work_at(job, _do_lent if job.kind in _LENT else do)

"""Push a visitor's actor to the Hub."""

from __future__ import annotations

from perfclone.companions import companion

from ..actors import own_folder
from ..jobs.job import Job
from ..jobs.store import Store
from ..keeping import TOKEN


def run(job: Job, tell) -> dict:
    """Push the actor ``request["name"]`` to ``request["repository"]``, private unless ``request["public"]``.

    Returns:
        What :class:`hub.publish.Pushed` holds.
    """
    asked, waiting = job.request, job.files / TOKEN
    token = waiting.read_text() if waiting.exists() else None
    waiting.unlink(missing_ok=True)
    actor = own_folder(Store(job.path.parents[1]), job.owner) / asked["name"]
    push = companion("hub", "publish").push
    pushed = push(actor, asked["repository"], private=not asked["public"], token=token, told=lambda stage: tell(stage))
    return pushed._asdict()

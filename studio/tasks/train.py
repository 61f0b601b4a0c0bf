"""Train a visitor's actor; a run that was stopped, or whose worker was killed, goes on from its checkpoint."""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path

from perfclone.governance.consent.record import CONSENT

from ..actors import own_folder
from ..jobs.job import Job, Stopped
from ..jobs.queue import enqueue
from ..jobs.store import Store

#: Most minutes of training that a killed worker loses.
_LOST_MINUTES = 0.5


def run(job: Job, tell) -> dict:
    """Train, draw the poster, and have a test clone made.

    The request has "name" of the actor, "reference", a file of the job beside its ``consent.json``, "preset",
    "minutes", and "driving", a driving clip of the job for the test clone, or None.
    """
    from perfclone.poster import draw_poster
    from perfclone.training import Run, train
    from perfclone.training.run import RUN

    began, store = time.time(), Store(job.path.parents[1])
    output = own_folder(store, job.owner) / job.request["name"]
    request = _request(job, output)

    def progress(stage: str, done: int, total: int) -> None:
        with suppress(Stopped):  # `train` saves first: it asks for itself
            tell(stage, done, total)

    resume = (request.run_dir / RUN).exists()
    if not (resume and Run(request.run_dir).state == "done"):  # killed between its end and the end of the job
        result = train(request, resume=resume, progress=progress, stop=lambda: job.stop_asked)
        if result.stopped:
            raise Stopped
    tell("poster")
    draw_poster(output)
    rows = Run(request.run_dir).rows
    return {
        "actor": output.name,
        "steps": max((row["step"] for row in rows), default=0),
        "minutes": max((row["minutes"] for row in rows), default=0.0),
        "seconds": None if resume else time.time() - began,
        "clone": _test_clone(store, job, output),
    }


def _request(job: Job, output: Path):
    from perfclone.training import TrainConfig, TrainRequest
    from perfclone.training.config import usual_holdout
    from perfclone.video import probe

    asked = job.request
    reference = job.files / asked["reference"]
    config = TrainConfig(
        preset=asked["preset"],
        minutes=asked["minutes"],
        holdout=usual_holdout(probe(reference).duration),
        checkpoint_minutes=_LOST_MINUTES,
    )
    return TrainRequest(reference=reference, output=output, consent=job.files / CONSENT, config=config)


def _test_clone(store: Store, job: Job, output: Path) -> str | None:
    """Put a clone of the actor in line; gives its id."""
    from perfclone.governance.consent.record import ConsentRecord

    if not (driving := job.request.get("driving")):
        return None
    purposes = ConsentRecord.load(job.files / CONSENT).purposes
    asked = {
        "actor": str(output),
        "driving": driving,
        "purpose": "evaluation" if "evaluation" in purposes else purposes[0],
        "keep_proportions": False,
        "person": 0,
    }
    clone = store.create("clone", job.owner, asked, [(job.files / driving, driving)])
    enqueue(store, clone)
    return clone.id

"""Judge footage of somebody who is to become an actor, and find out how fast this machine watches it."""

from __future__ import annotations

import time

from ..jobs.job import Job


def run(job: Job, tell) -> dict:
    """Check ``request["reference"]``, a file of the job.

    Returns:
        The report, with "megapixels" of the whole video and "frame_s", the seconds that looking at a frame took.
    """
    from perfclone.preflight import check_reference
    from perfclone.video import probe

    reference = job.files / job.request["reference"]
    info, moments = probe(reference), []

    def told(stage: str, done: int, total: int) -> None:
        moments.append((time.perf_counter(), done))
        tell(stage, done, total)

    report = check_reference(reference, progress=told)
    (began, first), (ended, last) = moments[0], moments[-1]
    return {
        **report.to_dict(),
        "megapixels": info.frames * info.width * info.height / 1e6,
        "frame_s": (ended - began) / max(1, last - first),
    }

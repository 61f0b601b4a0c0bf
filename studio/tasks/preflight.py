"""Look at a driving video before anything is spent: what will work, what it takes, and where the actor will stand.

The request has "actor" and "driving", as for a clone, "name" and "title", "purposes", those that the actor's record
allows, and "copy", whether a copy for looking is wanted because browsers do not play the video.
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from ..jobs.job import Job
from ..looking import COPY, write_copy
from .clone import Watched, write_jpeg

#: The performer, and where the actor will stand, at the same moment.
PERFORMER, ACTOR = "performer.jpg", "actor.jpg"
#: Seconds until a worker takes a job up and the page shows what came of it; and how much longer everything takes
#: while somebody watches it in a browser on the same machine. Measured on two processors.
_ASKING_S, _LOOKING = 1.5, 1.15
#: The poses that say most: the middle of the longest stretch of the first of these kinds that there is.
_BEST = ("good", "unusual", "half")


def run(job: Job, tell) -> dict:
    """Look; gives the findings, the timeline, and the moment of the two stills."""
    from perfclone.preflight.driving import inspect_driving

    from .cloners import loaded

    asked = job.request
    driving = job.files / asked["driving"]
    if asked.get("copy"):
        write_copy(driving, job.files / COPY, tell)
    tell("load")
    made_by, began = loaded(asked["actor"], asked["name"])
    with TemporaryDirectory() as scratch, Watched(Path(scratch)) as watched:
        seen = inspect_driving(driving, made_by, purpose=asked["purposes"][0], progress=tell, watch=watched)
    report = seen.report.to_dict()
    takes = next((found["value"] for found in report["findings"] if found["name"] == "time"), None)
    return {
        "status": report["status"],
        "findings": report["findings"],
        "timeline": [list(stretch) for stretch in seen.timeline],
        "duration": seen.sample.info.duration,
        "seconds": None if takes is None else began + _ASKING_S + _LOOKING * takes,
        "at": _stills(job, seen, made_by.actor),
    }


def _stills(job: Job, seen, actor) -> float | None:
    """Draw the performer's pose, and the same on the actor's empty background; gives the moment, seconds."""
    if seen.moved is None:
        return None
    n = _telling(seen)
    performed, moved = (list(poses.moments())[n].pose for poses in (seen.sample.poses, seen.moved))
    write_jpeg(_drawn(seen.sample.frames[n], performed), job.files / PERFORMER)
    write_jpeg(_drawn(actor.plate.cpu().numpy(), moved), job.files / ACTOR)
    return float(seen.sample.poses.times[n])


def _telling(seen) -> int:
    """Which frame of the sample to show."""
    times = seen.sample.poses.times
    for kind in _BEST:
        if stretches := [each for each in seen.timeline if each.kind == kind]:
            longest = max(stretches, key=lambda each: each.end - each.start)
            return int(np.abs(times - (longest.start + longest.end) / 2).argmin())
    return len(times) // 2


def _drawn(pixels: np.ndarray, pose) -> np.ndarray:
    """A picture with a pose over it, the picture a little paler, (H, W, 3) uint8 RGB."""
    from perfclone.pose.draw import draw_pose

    over = draw_pose(pose, *pixels.shape[:2])
    return np.where(over.any(-1, keepdims=True), over, (0.75 * pixels.astype(np.float32)).astype(np.uint8))

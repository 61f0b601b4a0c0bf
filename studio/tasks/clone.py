"""Clone a driving video; told to stop, what is done by then becomes the result.

The request has "actor" (its folder, or its Hub repository), "driving" (a file of the job), "purpose",
"keep_proportions" and "person"; it may have "name", what the actor is called, and "title", what the video is called.
"""

from __future__ import annotations

import time
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import numpy as np

from ..jobs.job import Job, Stopped

CLONE, POSES, POSES_VIDEO, PREVIEW = "clone.mp4", "poses.npz", "poses.mp4", "preview.jpg"
#: Seconds between two preview frames, and the longest side of one, pixels.
_EVERY, _SIDE = 0.3, 480


def run(job: Job, tell) -> dict:
    """Clone; gives what was made and how it was marked."""
    from perfclone.options import CloneOptions
    from perfclone.pose.sequence import PoseSequence

    from .cloners import cloner

    asked, told = job.request, _Told(tell)
    tell("load")
    made_by = cloner(asked["actor"], asked.get("name") or Path(asked["actor"]).name)
    options = CloneOptions(
        keep_proportions=asked.get("keep_proportions", False),
        person=asked.get("person", 0),
        purpose=asked["purpose"],
    )
    with Watched(job.files) as watched:
        result = made_by.clone(
            job.files / asked["driving"],
            job.files / CLONE,
            options,
            progress=told,
            watch=watched,
            stop=lambda: told.stopped,
            force=True,
        )
    PoseSequence.from_moments(watched.moments, watched.size, "retargeted").save(job.files / POSES)
    return {
        "id": f"{result.id:08x}",
        "frames": result.frames,
        "seconds": result.seconds,
        "duration": watched.moments[-1].time,
        "stopped": told.stopped,
        "held": result.path != job.files / CLONE,
        "label": options.marks.label.text if options.marks.label else None,
        "watermark": options.marks.watermark,
        "credentials": options.marks.credentials,
        "purpose": options.purpose,
        "actor": made_by.name,
    }


class _Told:
    """Passes on how far it is, and notes that the end was asked for instead of losing what is done."""

    def __init__(self, tell):
        self._tell, self.stopped = tell, False

    def __call__(self, stage: str, done: int, total: int) -> None:
        try:
            self._tell(stage if done else "reading", done, total)  # the pace counts from the first frame on
        except Stopped:
            if not done:
                raise
            self.stopped = True


class Watched:
    """What is made of each frame while cloning goes on, in a folder: a preview, the pose, and a picture of it."""

    def __init__(self, files: Path):
        from perfclone.governance.review import approval_required

        self.files, self.moments, self.size = files, [], (0, 0)
        self._held, self._shown = approval_required(), 0.0  # nobody sees what is not approved
        self._open, self._poses = ExitStack(), None

    def __enter__(self) -> Watched:
        self._open.__enter__()
        return self

    def __exit__(self, *error) -> None:
        self._open.__exit__(*error)

    def __call__(self, moment, pixels: np.ndarray) -> None:
        """Take a frame, (H, W, 3) uint8 RGB, and its moment."""
        self.size = pixels.shape[1::-1]
        self.moments.append(moment)
        self._draw(moment)
        if not self._held and time.monotonic() - self._shown > _EVERY:
            self._shown = time.monotonic()
            write_jpeg(pixels, self.files / PREVIEW)

    def _draw(self, moment) -> None:
        from perfclone.pose.draw import draw_pose
        from perfclone.video import VideoWriter

        if self._poses is None:
            self._poses = self._open.enter_context(VideoWriter(self.files / POSES_VIDEO, rate=30, force=True))
        scale = min(1.0, _SIDE / max(self.size))
        width, height = (round(side * scale) for side in self.size)
        pose = replace(moment.pose, keypoints=moment.pose.keypoints * scale)
        self._poses.write(draw_pose(pose, height, width), moment.time)


def write_jpeg(pixels: np.ndarray, path: Path) -> None:
    """Write a small picture of a frame, (H, W, 3) uint8 RGB, in the place of the last one."""
    from PIL import Image

    from perfclone.files.writing import beside

    picture = Image.fromarray(pixels)
    picture.thumbnail((_SIDE, _SIDE))
    with beside(path) as part:
        picture.save(part, "jpeg", quality=80)

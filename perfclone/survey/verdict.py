"""The one judge of reference footage: `check` tells its verdict, and training goes by it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from perfclone.background.camera import Camera, find_camera
from perfclone.errors import UserError
from perfclone.pose.body import measure_body
from perfclone.survey.sample import Sample

#: Frames that must show the person, at least.
FEWEST_FRAMES = 6
#: A place serves if it is there for this share of the video, or for so many seconds.
_ENOUGH, _ENOUGH_S = 0.5, 8.0


@dataclass(frozen=True)
class Verdict:
    """What is to be done with a reference video.

    Attributes:
        refusal: Why no actor can be made of it and what to do, in a sentence; empty if one can.
        camera: What the camera does. No movement of it ends a training.
        plate: Whether one empty background is to be had; otherwise clones stand before one frame's.
    """

    refusal: str
    camera: Camera
    plate: bool

    @property
    def steady(self) -> bool:
        """Whether the camera does just what it should: stand still before one place."""
        return self.camera.kind == "still" and not self.camera.left_out

    @property
    def camera_told(self) -> str:
        """What the camera does and what is done about it, in words."""
        camera = self.camera
        if not self.plate:
            why = camera.movement if camera.kind == "lost" else f"{camera.left_out:.0%} of it shows other places"
            return f"no one background fits: {why}; clones stand before a still picture of one moment of it"
        if self.steady:
            return f"it stands still (largest shift {camera.max_shift_px:.1f} px at 720p)"
        if camera.kind == "still":
            return f"{camera.movement}, which is left out"
        return f"it moves: {camera.movement}; the frames are laid on one larger plate"


def judge(sample: Sample) -> Verdict:
    """Judge reference footage by a sample of it."""
    camera = _camera(sample)
    shown = 1 - camera.left_out
    seconds = shown * sample.info.duration * float(sample.found.mean())
    plate = camera.kind != "lost" and (shown >= _ENOUGH or seconds >= _ENOUGH_S)
    return Verdict(_refusal(sample), camera, plate)


def _camera(sample: Sample) -> Camera:
    """The camera in the frames that show the performer: the place is theirs, whatever else the video shows."""
    at = np.flatnonzero(sample.found) if sample.found.any() else np.arange(len(sample.frames))
    camera = find_camera([sample.frames[n] for n in at], [sample.everybody[n] for n in at])
    views = dict(zip(at.tolist(), camera.views))
    return replace(camera, views=tuple(views.get(n) for n in range(len(sample.frames))))


def _refusal(sample: Sample) -> str:
    shown = round(sample.info.frames * float(sample.found.mean()))
    if not shown:
        return "Nobody was found in the video; a reference needs one person, in good light."
    if shown < FEWEST_FRAMES:
        return f"A person was found in only {shown} frames; a reference needs one for at least {FEWEST_FRAMES} frames."
    try:
        measure_body(sample.performer)
    except UserError as error:
        return str(error)
    return ""

"""The one judge of reference footage: `check` tells its verdict, and training goes by it."""

from __future__ import annotations

from dataclasses import dataclass

from perfclone.background.camera import Camera, find_camera
from perfclone.errors import UserError
from perfclone.pose.body import measure_body
from perfclone.survey.sample import Sample

#: Frames that must show the person, at least.
FEWEST_FRAMES = 12
_STRAY = 0.05  # share of frames of other places that is not worth a word
#: A place serves if it is there for this share of the video, or for so many seconds.
_ENOUGH, _ENOUGH_S = 0.5, 8.0


@dataclass(frozen=True)
class Verdict:
    """What is to be done with a reference video.

    Attributes:
        refusal: Why no actor can be made of it and what to do, in a sentence; empty if one can.
        camera: What the camera does. No movement of it ends a training.
        plate: Whether one empty background is to be had; otherwise whole frames are painted.
    """

    refusal: str
    camera: Camera
    plate: bool

    @property
    def steady(self) -> bool:
        """Whether the camera does just what it should: stand still before one place."""
        return self.camera.kind == "still" and self.camera.left_out < _STRAY

    @property
    def camera_told(self) -> str:
        """What the camera does and what is done about it, in words."""
        camera = self.camera
        if not self.plate:
            return f"no one background fits: {camera.movement}; whole frames are painted, which looks less steady"
        if self.steady:
            return f"it stands still (largest shift {camera.max_shift_px:.1f} px at 720p)"
        if camera.kind == "still":
            return f"{camera.movement}, which is left out"
        return f"it moves: {camera.movement}; the frames are laid on one larger plate"


def judge(sample: Sample) -> Verdict:
    """Judge reference footage by a sample of it."""
    camera = find_camera(sample.frames, sample.everybody)
    shown = 1 - camera.left_out
    plate = camera.kind != "lost" and (shown >= _ENOUGH or shown * sample.info.duration >= _ENOUGH_S)
    return Verdict(_refusal(sample), camera, plate)


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

"""P: what every pose extractor does, and following one performer through a clip with any of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol, runtime_checkable

import numpy as np

from perfclone.errors import UserError
from perfclone.pose.performer import Performer
from perfclone.pose.sequence import Pose

if TYPE_CHECKING:
    from perfclone.video import Frame

ExtractorName = Literal["blazepose", "openpose", "vitpose"]


@runtime_checkable
class PoseExtractor(Protocol):
    """Finds the people in frames.

    Attributes:
        name: Name of the extractor, as in :func:`build_extractor`.
        batch: How many frames a call of :meth:`people` takes best.
    """

    name: str
    batch: int

    def people(self, frames: Sequence[np.ndarray]) -> list[list[Pose]]:
        """The people in each frame, largest first.

        Args:
            frames: Upright images, (H, W, 3) uint8 RGB each.

        Returns:
            For each frame its people, keypoints in pixels of that frame; joints outside the picture have score 0.
        """

    def reset(self) -> None:
        """Forget what was seen: the next frame belongs to another clip."""


@runtime_checkable
class FollowingExtractor(PoseExtractor, Protocol):
    """An extractor that is much faster on one person that it follows than on everybody in the picture."""

    def follow(self, pose: Pose | None) -> None:
        """From the next frame on look for this person only, until lost.

        Args:
            pose: One of the poses that the last call of :meth:`people` returned; None looks for everybody again.
        """


@runtime_checkable
class CloserExtractor(PoseExtractor, Protocol):
    """An extractor that finds more than joints in a second look, which only the performer is worth."""

    def look_closer(self, frame: np.ndarray, pose: Pose) -> Pose:
        """The same pose with the details of face and hands that the frame shows.

        Args:
            frame: (H, W, 3) uint8 RGB, a frame of the last call of :meth:`people`.
            pose: The performer in it.
        """


def build_extractor(
    name: ExtractorName,
    *,
    weights: str | Path | None = None,
    matte: bool = False,
    details: bool = True,
    device: str | None = None,
) -> PoseExtractor:
    """Build a pose extractor; its library is imported here.

    Args:
        name: "blazepose" (offline, the default of the project), "openpose" (weights for non-commercial use only)
            or "vitpose" (best on a GPU).
        weights: A folder or a Hub repository id with the weights, for those that carry none; None takes their default.
        matte: Also give a matte with each pose; only "blazepose" can, the others leave it None.
        details: Also find the performer's face and hands where :func:`extract` follows them; only "blazepose" can.
        device: Where openpose and vitpose run, such as "cuda"; None takes an accelerator where there is one.

    Raises:
        UserError: There is no extractor of that name, or its weights cannot be had, or the device will not do.
    """
    if name == "blazepose":
        from perfclone.pose.blazepose import BlazePose

        return BlazePose(matte=matte, details=details)
    if name == "openpose":
        from perfclone.pose.openpose import OpenPose

        return OpenPose(weights, device=device)
    if name == "vitpose":
        from perfclone.pose.vitpose import VitPose

        return VitPose(weights, device=device)
    raise UserError(f"There is no pose extractor {name!r}; choose blazepose, openpose or vitpose.")


class Extracted(NamedTuple):
    """What is known of a frame once P has looked at it.

    Attributes:
        frame: The frame.
        pose: The performer's pose in it, ``Pose.missing()`` where the performer is absent.
        shot: Which of the clip's shots it belongs to, counted from 0.
    """

    frame: Frame
    pose: Pose
    shot: int


def extract(extractor: PoseExtractor, frames: Iterable[Frame], person: int = 0) -> Iterator[Extracted]:
    """Follow one performer through a clip, as a stream.

    The performer is chosen by size in the first frame where anybody is, then followed by nearness and by the
    colours of the clothes, through absences too. After a cut the performer may be anywhere in the picture.

    Args:
        extractor: Any pose extractor; it is reset first.
        frames: The clip, in order.
        person: 0 for the largest person of that first frame, 1 for the second largest, and so on.

    Yields:
        Each frame with the performer's pose in it and its shot.

    Raises:
        UserError: That first frame shows fewer people than ``person`` needs.
    """
    from perfclone.video.shots import Shots

    extractor.reset()
    performer, shots, shot = Performer(person), Shots(), 0
    following, closer = isinstance(extractor, FollowingExtractor), isinstance(extractor, CloserExtractor)
    stream = iter(frames)
    while batch := list(islice(stream, extractor.batch)):
        numbers = [shots(frame.pixels) for frame in batch]
        if following and numbers[0] != shot:
            extractor.follow(None)
        for frame, number, people in zip(batch, numbers, extractor.people([frame.pixels for frame in batch])):
            if number != shot:
                shot = number
                performer.cut()
            pose = performer.choose(people, frame.pixels, frame.time)
            if following:
                extractor.follow(pose)
            if closer and pose is not None:
                pose = extractor.look_closer(frame.pixels, pose)
            yield Extracted(frame, pose or Pose.missing(), shot)

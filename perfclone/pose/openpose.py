"""OpenPose through controlnet-aux; its licence allows non-commercial use only."""

from __future__ import annotations

import logging
import pickle
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from perfclone.devices import choose_device, device_explained
from perfclone.errors import UserError
from perfclone.pose.performer import person_size
from perfclone.pose.quiet import import_quietly
from perfclone.pose.sequence import Pose
from perfclone.pose.skeleton import BODY_18, INDEX
from perfclone.pose.window import shrink

logger = logging.getLogger(__name__)

#: Hub repository of the default weights, and the commit that is used.
WEIGHTS = ("lllyasviel/Annotators", "9a7d84251d487d11c4834466779de6b0d2c44486")
FILES = ("body_pose_model.pth", "hand_pose_model.pth", "facenet.pth")
#: Our hand points -> OpenPose's 21 of a hand: the knuckles that BlazePose has too.
_HAND = {"thumb": 3, "index": 5, "pinky": 17}


class OpenPose:
    """OpenPose (Cao et al. 2019): BODY_18 of everybody in the picture at once, without feet; hands on a GPU only.

    **For non-commercial use only**, by the licence of CMU. Joints found have score 1, the others 0. Hands are left out
    on the CPU, where one takes about 15 s.

    Args:
        weights: A folder or a Hub repository with ``body_pose_model.pth``, ``hand_pose_model.pth`` and
            ``facenet.pth``; None takes those of lllyasviel/Annotators from the Hub (510 MB).
        device: Where to run, such as "cuda:0"; None takes an accelerator where there is one.

    Raises:
        UserError: The weights are neither here nor to be had, or are not OpenPose's, or the device will not do.
    """

    name = "openpose"
    batch = 1

    def __init__(self, weights: str | Path | None = None, *, device: str | None = None):
        self._device = choose_device(device)
        detector = import_quietly("controlnet_aux.open_pose").OpenposeDetector
        folder = _folder_of(weights)
        try:
            self._detector = detector.from_pretrained(folder)
        except (OSError, RuntimeError, KeyError, EOFError, pickle.UnpicklingError) as error:
            raise UserError(
                f"The files {', '.join(FILES)} in {folder} are not the weights of OpenPose; fetch them anew from "
                f"{WEIGHTS[0]} on the Hub, or use the extractor blazepose, which needs none."
            ) from error
        with device_explained(self._device):
            self._detector.to(self._device)
        logger.warning("OpenPose and its weights are licensed by CMU for non-commercial use only.")

    def reset(self) -> None:
        """Nothing to forget: every frame is looked at by itself."""

    def people(self, frames: Sequence[np.ndarray]) -> list[list[Pose]]:
        """The people of each frame, largest first.

        Args:
            frames: (H, W, 3) uint8 RGB each, upright.
        """
        everybody, hands = [], self._device.type != "cpu"
        for frame in frames:
            with device_explained(self._device):
                found = self._detector.detect_poses(shrink(frame), include_hand=hands)
            poses = [to_pose(person, frame.shape[0], frame.shape[1]) for person in found]
            everybody.append(sorted(poses, key=person_size, reverse=True))
        return everybody


def to_pose(found: Any, height: int, width: int) -> Pose:
    """One person as controlnet-aux gives it, as a pose.

    Args:
        found: A controlnet-aux ``PoseResult``: 18 body keypoints or None each, and 21 points a hand or None for a
            hand; x and y are shares of the picture, negative for a hand point that was not found.
        height: Height of the frame in pixels.
        width: Width of the frame in pixels.
    """
    places = dict(enumerate(found.body.keypoints[:BODY_18]))
    for side, hand in (("right", found.right_hand), ("left", found.left_hand)):
        places |= {INDEX[f"{side}_{name}"]: hand[point] for name, point in _HAND.items() if hand}
    pose = Pose.missing()
    for j, place in places.items():
        if place is not None and 0 <= place.x < 1 and 0 <= place.y < 1:
            pose.keypoints[j], pose.scores[j] = (place.x * width, place.y * height), 1
    return pose


def _folder_of(weights: str | Path | None) -> str:
    """The local folder of the weights, fetched from the Hub where it is not one."""
    if weights is not None and Path(weights).is_dir():
        missing = [name for name in FILES if not (Path(weights) / name).is_file()]
        if missing:
            raise UserError(f"The folder {weights} has no {', '.join(missing)}; put all of {', '.join(FILES)} there.")
        return str(weights)
    from huggingface_hub import snapshot_download

    repository, commit = WEIGHTS if weights is None else (str(weights), None)
    try:
        return snapshot_download(repository, revision=commit, allow_patterns=list(FILES))
    except (OSError, ValueError) as error:
        raise UserError(
            f"The openpose extractor could not get its weights from {repository}; connect to the Hub once, or "
            f"give a folder with {', '.join(FILES)} as weights (--weights), or use the extractor blazepose, which "
            "needs none."
        ) from error

"""ViTPose through transformers, with a person detector: batched, at home on a GPU."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from perfclone.devices import choose_device, device_explained
from perfclone.errors import UserError
from perfclone.pose.performer import person_size
from perfclone.pose.sequence import Pose
from perfclone.pose.skeleton import INDEX, NECK, SHOULDERS

#: Hub repositories of the default weights, both Apache-2.0, each with the commit that is used.
POSE_WEIGHTS = ("usyd-community/vitpose-base-simple", "f6e1613793fc8a9220d857bdc4b9fc23f79eafe9")
DETECTOR_WEIGHTS = ("PekingU/rtdetr_r50vd_coco_o365", "457857cec8ac28ddede40ecee9eed2beca321af8")
#: Detections of people with a lower score are left out.
MIN_DETECTION = 0.3
#: COCO's 17 keypoints in its own order.
_COCO = [
    "nose", "left_eye", "right_eye", "left_ear", "right_ear",
    "left_shoulder", "right_shoulder", "left_elbow", "right_elbow", "left_wrist", "right_wrist",
    "left_hip", "right_hip", "left_knee", "right_knee", "left_ankle", "right_ankle",
]  # fmt: skip
_PERSON = 0


class VitPose:
    """ViTPose (Xu et al. 2022) on the people that RT-DETR (Zhao et al. 2023) finds.

    It has COCO's 17 keypoints: the neck is the middle of the shoulders, feet and hands have score 0.

    Args:
        weights: A folder or a Hub repository with the subfolders ``pose`` and ``detector``, each as
            ``save_pretrained`` writes model and processor; None takes the default weights from the Hub (520 MB).
        device: Where to run, such as "cuda:0"; None takes an accelerator where there is one.
        batch: How many frames go through the networks at once.

    Raises:
        UserError: The weights are neither here nor to be had, or the device will not do.
    """

    name = "vitpose"

    def __init__(self, weights: str | Path | None = None, *, device: str | None = None, batch: int = 8):
        self.batch = batch
        self.device = choose_device(device)
        self._load(weights)
        with device_explained(self.device):
            self._pose.to(self.device).eval()
            self._detector.to(self.device).eval()

    def reset(self) -> None:
        """Nothing to forget: every frame is looked at by itself."""

    def people(self, frames: Sequence[np.ndarray]) -> list[list[Pose]]:
        """The people of each frame, largest first.

        Args:
            frames: (H, W, 3) uint8 RGB each, upright, of one size.
        """
        with device_explained(self.device):
            boxes = self._detect(frames)
            found = [(frame, of_frame) for frame, of_frame in zip(frames, boxes) if len(of_frame)]
            poses = iter(self._estimate(*zip(*found)) if found else [])
        return [sorted(next(poses), key=person_size, reverse=True) if len(of_frame) else [] for of_frame in boxes]

    def _load(self, weights: str | Path | None) -> None:
        import transformers as hf

        pose, detector = ({"revision": commit} for _, commit in (POSE_WEIGHTS, DETECTOR_WEIGHTS))
        pose_at, detector_at = POSE_WEIGHTS[0], DETECTOR_WEIGHTS[0]
        if weights is not None:
            pose, detector = {"subfolder": "pose"}, {"subfolder": "detector"}
            pose_at = detector_at = str(weights)
        try:
            self._pose_processor = hf.VitPoseImageProcessor.from_pretrained(pose_at, **pose)
            self._pose = hf.VitPoseForPoseEstimation.from_pretrained(pose_at, use_safetensors=True, **pose)
            self._detector_processor = hf.RTDetrImageProcessor.from_pretrained(detector_at, **detector)
            self._detector = hf.RTDetrForObjectDetection.from_pretrained(detector_at, use_safetensors=True, **detector)
        except (OSError, ValueError) as error:
            raise UserError(
                f"The vitpose extractor could not get its weights from {weights or f'{pose_at} and {detector_at}'}; "
                "connect to the Hub once, or give as weights (--weights) a folder that holds pose/ and detector/ as "
                "save_pretrained writes them, or use the extractor blazepose, which needs none."
            ) from error

    def _detect(self, frames: Sequence[np.ndarray]) -> list[np.ndarray]:
        """For each frame the boxes of its people, (N, 4) x, y, width, height in pixels."""
        import torch

        inputs = self._detector_processor(list(frames), return_tensors="pt").to(self.device)
        with torch.inference_mode():
            outputs = self._detector(**inputs)
        found = self._detector_processor.post_process_object_detection(
            outputs, threshold=MIN_DETECTION, target_sizes=[frame.shape[:2] for frame in frames]
        )
        corners = [of_frame["boxes"][of_frame["labels"] == _PERSON].cpu().numpy() for of_frame in found]
        return [np.concatenate([xyxy[:, :2], xyxy[:, 2:] - xyxy[:, :2]], axis=1) for xyxy in corners]

    def _estimate(self, frames: Sequence[np.ndarray], boxes: Sequence[np.ndarray]) -> list[list[Pose]]:
        """For each frame a pose for each of its boxes."""
        import torch

        inputs = self._pose_processor(list(frames), boxes=list(boxes), return_tensors="pt").to(self.device)
        with torch.inference_mode():
            outputs = self._pose(**inputs)
        found = self._pose_processor.post_process_pose_estimation(outputs, boxes=list(boxes))
        return [
            [_to_pose(person["keypoints"].numpy(), person["scores"].numpy(), frame.shape[:2]) for person in people]
            for people, frame in zip(found, frames)
        ]


def _to_pose(places: np.ndarray, scores: np.ndarray, size: tuple[int, int]) -> Pose:
    """COCO's 17 keypoints, (17, 2) pixels and (17,) scores, as a pose in a frame of ``size`` (height, width)."""
    pose = Pose.missing()
    ours = [INDEX[name] for name in _COCO]
    pose.keypoints[ours], pose.scores[ours] = places, scores.clip(0, 1)
    pose.keypoints[NECK] = pose.keypoints[SHOULDERS].mean(axis=0)
    pose.scores[NECK] = pose.scores[SHOULDERS].min()
    inside = ((pose.keypoints >= 0) & (pose.keypoints < size[::-1])).all(axis=1)
    return Pose(pose.keypoints, pose.scores * inside)

"""P, the pose extractor: frames in, poses of one performer out."""

from perfclone.pose.extractor import PoseExtractor, build_extractor, extract
from perfclone.pose.sequence import BODY_18, INDEX, KEYPOINTS, MIRROR, Pose, PoseSequence

__all__ = [
    "BODY_18",
    "INDEX",
    "KEYPOINTS",
    "MIRROR",
    "Pose",
    "PoseExtractor",
    "PoseSequence",
    "build_extractor",
    "extract",
]

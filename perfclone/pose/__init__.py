"""P: frames -> poses. The skeleton, the extractors, and the cleaning of what they give."""

from perfclone.pose.sequence import BODY_18, INDEX, KEYPOINTS, MIRROR, Pose, PoseSequence

__all__ = ["BODY_18", "INDEX", "KEYPOINTS", "MIRROR", "Pose", "PoseSequence"]

"""P, the pose extractor: frames in, poses of one performer out."""

from perfclone.pose.clean import CleanOptions, clean_sequence
from perfclone.pose.details import EXPRESSIONS, HAND_POINTS, Details
from perfclone.pose.extractor import FollowingExtractor, PoseExtractor, build_extractor, extract
from perfclone.pose.saved import SavedPoses
from perfclone.pose.sequence import Moment, Pose, PoseSequence
from perfclone.pose.skeleton import BODY_18, INDEX, KEYPOINTS, MIRROR

__all__ = [
    "BODY_18",
    "CleanOptions",
    "Details",
    "EXPRESSIONS",
    "FollowingExtractor",
    "HAND_POINTS",
    "INDEX",
    "KEYPOINTS",
    "MIRROR",
    "Moment",
    "Pose",
    "PoseExtractor",
    "PoseSequence",
    "SavedPoses",
    "build_extractor",
    "clean_sequence",
    "extract",
]

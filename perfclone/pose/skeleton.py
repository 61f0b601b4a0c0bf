"""The common skeleton: its keypoints, and the groups of them that several rooms speak of."""

from __future__ import annotations

#: OpenPose's BODY_18 in its own order, then the feet and hand points that some extractors give.
KEYPOINTS: tuple[str, ...] = (
    "nose", "neck",
    "right_shoulder", "right_elbow", "right_wrist",
    "left_shoulder", "left_elbow", "left_wrist",
    "right_hip", "right_knee", "right_ankle",
    "left_hip", "left_knee", "left_ankle",
    "right_eye", "left_eye", "right_ear", "left_ear",
    "right_heel", "right_toe", "left_heel", "left_toe",
    "right_thumb", "right_index", "right_pinky", "left_thumb", "left_index", "left_pinky",
)  # fmt: skip
#: Name of a keypoint -> its place on the J axis.
INDEX: dict[str, int] = {name: i for i, name in enumerate(KEYPOINTS)}
#: Pairs (right, left) of J indices: what a mirror or a left-right swap exchanges.
MIRROR: tuple[tuple[int, int], ...] = tuple(
    (INDEX[name], INDEX[name.replace("right", "left")]) for name in KEYPOINTS if name.startswith("right")
)
#: (J,) the J index of each joint on the other side; that of the middle's joints is their own.
OTHER_SIDE: tuple[int, ...] = tuple(
    INDEX[name.replace("right", "left") if name.startswith("right") else name.replace("left", "right")]
    for name in KEYPOINTS
)
BODY_18 = 18


def joints(*names: str) -> list[int]:
    """The J indices of keypoints, in the order of their names."""
    return [INDEX[name] for name in names]


#: Groups of J indices, the right side first. What lies behind a head's FACE is not seen from behind.
NECK = INDEX["neck"]
SHOULDERS, HIPS = joints("right_shoulder", "left_shoulder"), joints("right_hip", "left_hip")
TRUNK = SHOULDERS + HIPS
EYES, EARS = joints("right_eye", "left_eye"), joints("right_ear", "left_ear")
HEAD = joints("nose") + EYES + EARS
FEET = [INDEX[f"{side}_{part}"] for side in ("right", "left") for part in ("ankle", "heel", "toe")]

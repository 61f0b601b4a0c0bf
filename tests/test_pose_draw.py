import numpy as np

from perfclone.pose import INDEX, KEYPOINTS, Pose
from perfclone.pose.draw import draw_pose


def arm(score: float) -> Pose:
    """A right upper arm across the picture, the elbow with the given score, everything else unseen."""
    keypoints, scores = Pose.missing().keypoints.copy(), np.zeros(len(KEYPOINTS), np.float32)
    keypoints[INDEX["right_shoulder"]], keypoints[INDEX["right_elbow"]] = (20, 30), (80, 30)
    scores[INDEX["right_shoulder"]], scores[INDEX["right_elbow"]] = 1, score
    return Pose(keypoints, scores)


def test_a_limb_is_drawn_where_its_joints_are():
    picture = draw_pose(arm(1.0), 60, 100)
    assert picture.shape == (60, 100, 3) and picture.dtype == np.uint8
    rows, columns = np.nonzero(picture.any(axis=2))
    assert columns.min() in range(14, 19) and columns.max() in range(82, 87)
    assert rows.min() in range(24, 29) and rows.max() in range(32, 37)
    assert picture[30, 50].tolist() == [153, 102, 0]  # 0.6 of OpenPose's colour of the right upper arm


def test_joints_without_a_score_are_left_out():
    assert draw_pose(arm(0.0), 60, 100)[30, 50].max() == 0
    assert draw_pose(arm(0.2), 60, 100, min_score=0.3)[30, 50].max() == 0
    assert draw_pose(Pose.missing(), 60, 100).max() == 0

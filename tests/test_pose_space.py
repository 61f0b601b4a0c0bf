import numpy as np
import pytest

from perfclone.pose import INDEX, KEYPOINTS
from perfclone.pose.space import normalise, pose_distances

STANDING = {
    "nose": (0, -1.35), "neck": (0, -1), "right_shoulder": (-0.36, -1), "left_shoulder": (0.36, -1),
    "right_elbow": (-0.4, -0.45), "left_elbow": (0.4, -0.45), "right_wrist": (-0.42, 0.02), "left_wrist": (0.42, 0.02),
    "right_hip": (-0.19, 0), "left_hip": (0.19, 0), "right_knee": (-0.2, 0.85), "left_knee": (0.2, 0.85),
    "right_ankle": (-0.2, 1.67), "left_ankle": (0.2, 1.67),
}  # fmt: skip


def pose(changes=None, scale=100.0, place=(320.0, 200.0), unseen=()):
    """One standing person as (1, J, 2) px and (1, J)."""
    keypoints, scores = np.zeros((1, len(KEYPOINTS), 2), np.float32), np.zeros((1, len(KEYPOINTS)), np.float32)
    for name, xy in {**STANDING, **(changes or {})}.items():
        if name not in unseen:
            keypoints[0, INDEX[name]], scores[0, INDEX[name]] = np.array(xy) * scale + place, 1
    return keypoints, scores


def test_units_and_centre():
    keypoints, scores = pose()
    out = normalise(keypoints, scores)
    assert out.dtype == np.float32 and out.shape == keypoints.shape
    for name, xy in STANDING.items():
        np.testing.assert_allclose(out[0, INDEX[name]], xy, atol=1e-5)
    assert not out[0, scores[0] == 0].any()


def test_place_and_size_do_not_matter():
    near, far = pose(scale=180, place=(900, 500)), pose(scale=30, place=(40, 60))
    assert pose_distances(normalise(*near), near[1], normalise(*far), far[1])[0, 0] == pytest.approx(0, abs=1e-5)


def test_a_bow_to_the_camera_does_not_blow_the_pose_up():
    bow = pose({"neck": (0, -0.2), "nose": (0, -0.1), "right_shoulder": (-0.36, -0.2), "left_shoulder": (0.36, -0.2)})
    ankle = normalise(*bow)[0, INDEX["right_ankle"]]
    assert 1.4 < ankle[1] < 2.3  # 8.35 if the short torso were the unit


def test_without_hips_the_neck_places_the_pose():
    close_up = pose(unseen=[name for name in STANDING if any(part in name for part in ("hip", "knee", "ankle"))])
    out = normalise(*close_up)
    np.testing.assert_allclose(out[0, INDEX["neck"]], (0, -1), atol=1e-5)
    whole = pose()
    assert pose_distances(out, close_up[1], normalise(*whole), whole[1])[0, 0] < 0.15


def test_distance_is_the_mean_joint_distance():
    still, lifted = pose(), pose({"left_wrist": (0.42, -0.68)})  # one wrist 0.7 higher
    distance = pose_distances(normalise(*still), still[1], normalise(*lifted), lifted[1])
    assert distance.shape == (1, 1)
    assert distance[0, 0] == pytest.approx(0.7 / len(STANDING), rel=1e-4)


def test_only_joints_seen_in_both_count():
    still = pose()
    lifted = pose({"left_wrist": (0.42, -0.68)}, unseen=["left_wrist"])
    assert pose_distances(normalise(*still), still[1], normalise(*lifted), lifted[1])[0, 0] == pytest.approx(0)


def test_what_cannot_be_compared_is_infinitely_far():
    whole, nobody = pose(), (np.zeros((1, len(KEYPOINTS), 2)), np.zeros((1, len(KEYPOINTS))))
    head = pose(unseen=[name for name in STANDING if name not in ("nose", "neck", "right_shoulder")])
    for other in (nobody, head):
        assert not np.isfinite(pose_distances(normalise(*other), other[1], normalise(*whole), whole[1])).any()
        assert not np.isfinite(pose_distances(normalise(*whole), whole[1], normalise(*other), other[1])).any()


def test_pieces_do_not_change_the_result(monkeypatch):
    rng = np.random.default_rng(0)
    poses, scores = rng.normal(size=(11, len(KEYPOINTS), 2)), (rng.uniform(size=(11, len(KEYPOINTS))) > 0.3) * 1.0
    whole = pose_distances(poses, scores, poses[:7], scores[:7])
    monkeypatch.setattr("perfclone.pose.space._CHUNK", 300)
    assert np.array_equal(pose_distances(poses, scores, poses[:7], scores[:7]), whole)
    assert whole.shape == (11, 7) and (np.diag(whole[:7]) == 0).all()

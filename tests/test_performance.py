import numpy as np
import pytest

from eval.metrics.performance import joint_error, lag, pck, within
from perfclone.errors import UserError
from perfclone.pose import KEYPOINTS

J, TORSO = len(KEYPOINTS), 100.0


def still(frames=1):
    """Everybody's joints at 200, all seen."""
    return np.full((frames, J, 2), 200.0), np.ones((frames, J))


def performance(frames=60):
    """Joints on curves of their own, without repetition in the clip."""
    t = np.arange(frames)[:, None, None]
    rng = np.random.default_rng(0)
    speed, phase = rng.uniform(0.05, 0.2, (1, J, 2)), rng.uniform(0, 6, (1, J, 2))
    return 300 + 80 * np.sin(speed * t + phase), np.ones((frames, J))


def test_pck_of_a_case_worked_by_hand():
    wanted, scores = still(2)
    found = wanted.copy()
    found[0, 0] += (10, 0)  # at the threshold: right
    found[0, 1] += (8, 8)  # 11.3 px: wrong
    found[0, 2] += (300, 0)
    found[0, 20:] += 500  # feet and hands do not count
    assert pck(found, scores, wanted, scores, TORSO, 0.1) == pytest.approx([16 / 18, 1])
    assert pck(found, scores, wanted, scores, TORSO, 0.2) == pytest.approx([17 / 18, 1])
    assert pck(found, scores, wanted, scores, 2 * TORSO, 0.1) == pytest.approx([17 / 18, 1])


def test_a_wanted_joint_that_is_not_found_is_wrong_and_one_not_wanted_does_not_count():
    wanted, scores = still(4)
    found_scores, wanted_scores = scores.copy(), scores.copy()
    found_scores[0, :9] = 0
    wanted_scores[1, :6] = 0
    found_scores[2] = 0
    wanted_scores[3] = 0
    found = wanted.copy()
    found[1, 6] += 90
    shares = pck(found, found_scores, wanted, wanted_scores, TORSO, 0.1)
    assert shares[:3] == pytest.approx([9 / 18, 11 / 12, 0]) and np.isnan(shares[3])
    errors = joint_error(found, found_scores, wanted, wanted_scores, TORSO)
    assert errors[:2] == pytest.approx([0, 0.9 * np.sqrt(2) / 12]) and np.isnan(errors[2:]).all()


def test_joint_error_of_a_case_worked_by_hand():
    wanted, scores = still(2)
    found = wanted.copy()
    found[0, :18] += (30, 40)
    found[1, 4] += (0, -90)
    found[:, 18:] += 1000
    assert joint_error(found, scores, wanted, scores, TORSO) == pytest.approx([0.5, 0.9 / 18])
    assert (joint_error(wanted, scores, wanted, scores, TORSO) == 0).all()
    assert (pck(wanted, scores, wanted, scores, TORSO, 0.1) == 1).all()


@pytest.mark.parametrize("planted", [-15, -4, 0, 1, 7, 15])
def test_a_planted_lag_is_found(planted):
    joints, scores = performance(100)
    found, wanted = joints[20 - planted : 80 - planted].copy(), joints[20:80]
    found += np.random.default_rng(1).normal(0, 2, found.shape)
    found_scores = scores[:60].copy()
    found_scores[10:20] = 0
    assert lag(found, found_scores, wanted, scores[:60], TORSO) == planted


def test_a_still_person_has_no_lag_and_nobody_has_none_at_all():
    joints, scores = still(40)
    assert lag(joints + 3, scores, joints, scores, TORSO) == 0
    assert lag(joints[:1], scores[:1], joints[:1], scores[:1], TORSO) == 0
    assert lag(joints, scores * 0, joints, scores, TORSO) is None
    assert lag(joints[:0], scores[:0], joints[:0], scores[:0], TORSO) is None


def test_a_lag_is_sought_in_half_the_clip_at_most():
    joints, scores = performance(70)
    found, wanted = joints[:12], joints[9:21]
    assert lag(found, scores[:12], wanted, scores[:12], TORSO) in range(-6, 7)
    assert lag(joints[:40], scores[:40], joints[9:49], scores[:40], TORSO, most=5) in range(-5, 6)


def test_joints_outside_of_the_picture_are_not_wanted():
    joints, scores = still()
    joints[0, 3], joints[0, 4], joints[0, 5] = (-1, 50), (50, 241), (320, 240)
    kept = within(joints, scores, (320, 240))
    assert (kept[0] == 0).nonzero()[0].tolist() == [3, 4] and kept.sum() == J - 2


def test_what_cannot_be_compared_is_refused_in_a_sentence():
    joints, scores = performance(6)
    for compare in (joint_error, lag, lambda *arguments: pck(*arguments, 0.1)):
        with pytest.raises(UserError, match=r"\(6, 28, 2\) with \(6, 28\) and \(5, 28, 2\) with \(5, 28\); cut both"):
            compare(joints, scores, joints[:5], scores[:5], TORSO)
        for torso in (0, np.nan, -3.0):
            with pytest.raises(UserError, match=f"torso given is {torso} pixels"):
                compare(joints, scores, joints, scores, torso)

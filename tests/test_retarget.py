import numpy as np
import pytest

from perfclone.errors import UserError
from perfclone.pose import INDEX, KEYPOINTS, Pose
from perfclone.pose.body import BONES, measure_body
from perfclone.pose.sequence import Moment
from perfclone.retarget import Retarget, retarget
from tests.stick import body, bone_lengths, scaled, sequence, standing


def test_measure_body_finds_lengths_place_and_floor():
    poses = standing(scaled(), frames=5)
    found = measure_body(sequence(poses))
    for (name, want), got in zip(scaled().items(), found.lengths):
        assert got == pytest.approx(want, rel=1e-3), name
    assert found.centre_x == pytest.approx(100, abs=1e-3)
    assert found.floor_y == pytest.approx(poses[0, :, 1].max(), abs=1e-3)


def test_a_body_that_is_its_own_driver_stays_where_it_is():
    poses = standing(scaled(), frames=3)
    own = measure_body(sequence(poses))
    moved, scores = retarget(poses, np.ones(poses.shape[:2]), own, own)
    assert np.abs(moved - poses).max() < 1e-2 and (scores == 1).all()


def test_every_bone_takes_the_actors_length_and_keeps_its_direction():
    driver, actor = scaled(), scaled(thigh=1.3, upper_arm=0.8, head=1.2)
    pose = standing(driver)
    moved, _ = retarget(pose, np.ones(pose.shape[:2]), body(driver), body(actor, 60, 180))
    before, after = bone_lengths(pose[0]), bone_lengths(moved[0])
    for parent, child, group in BONES:
        ratio = actor[group] / driver[group]
        assert after[parent, child] == pytest.approx(ratio * before[parent, child], rel=1e-3)


def test_foreshortening_is_kept():
    driver, actor = scaled(), scaled(forearm=1.5)
    pose = standing(driver)
    elbow, wrist = INDEX["right_elbow"], INDEX["right_wrist"]
    pose[0, wrist] = pose[0, elbow] + 0.3 * (pose[0, wrist] - pose[0, elbow])
    moved, _ = retarget(pose, np.ones(pose.shape[:2]), body(driver), body(actor))
    assert np.linalg.norm(moved[0, wrist] - moved[0, elbow]) == pytest.approx(0.3 * actor["forearm"], rel=1e-3)


def test_feet_stand_on_the_actors_floor_and_a_jump_scales():
    driver = scaled()
    actor = {name: 2 * length for name, length in driver.items()}
    pose = standing(driver)
    floor = float(pose[0, :, 1].max())
    jump = pose - np.array([0, 10], np.float32)
    both = np.concatenate([pose, jump])
    moved, _ = retarget(both, np.ones(both.shape[:2]), body(driver, floor_y=floor), body(actor, 300, 700))
    assert moved[0, :, 1].max() == pytest.approx(700, abs=0.01)
    assert moved[1, :, 1].max() == pytest.approx(680, abs=0.01)
    hips = moved[0, [INDEX["right_hip"], INDEX["left_hip"]], 0].mean()
    assert hips == pytest.approx(300, abs=0.01)


def test_keep_proportions_only_scales():
    driver, actor = scaled(), scaled(thigh=1.4)
    pose = standing(driver)
    moved, _ = retarget(pose, np.ones(pose.shape[:2]), body(driver), body(actor), keep_proportions=True)
    factor = body(actor).height / body(driver).height
    assert np.linalg.norm(moved[0, 9] - moved[0, 8]) == pytest.approx(factor * driver["thigh"], rel=1e-3)


def test_joints_beyond_an_unseen_one_are_not_placed():
    pose = standing(scaled())
    scores = np.ones(pose.shape[:2], np.float32)
    scores[0, INDEX["right_knee"]] = 0
    _, out = retarget(pose, scores, body(scaled()), body(scaled()))
    assert out[0, INDEX["right_ankle"]] == 0 and out[0, INDEX["left_ankle"]] == 1


def test_pieces_of_a_stream_equal_the_whole():
    poses = np.concatenate([standing(scaled(), centre=(100 + n, 50.0)) for n in range(4)])
    ones = np.ones(poses.shape[:2])
    whole, _ = retarget(poses, ones, body(scaled()), body(scaled(thigh=1.2)))
    one = lambda n: (poses[n : n + 1], ones[n : n + 1])  # noqa: E731
    pieces = [retarget(*one(n), body(scaled()), body(scaled(thigh=1.2)))[0] for n in range(4)]
    assert np.array_equal(whole, np.concatenate(pieces))


def moving(rise, fps, scores=None):
    """Moments of somebody whose feet are so many pixels above y = 150, (T,)."""
    pose = standing(scaled())[0]
    pose = pose - np.array([0, pose[:, 1].max() - 150], np.float32)
    ones = np.ones(len(KEYPOINTS), np.float32) if scores is None else scores
    return [Moment(Pose(pose - np.array([0, y], np.float32), ones), n / fps) for n, y in enumerate(rise)]


def above_floor(moments, fps, actor_floor=700.0):
    """How high the lowest point of the clone, twice as large as the driver, is above the actor's floor, (T,) px."""
    actor = body({name: 2 * length for name, length in scaled().items()}, 300, actor_floor)
    moved = list(Retarget(body(scaled()), actor, fps)(iter(moments)))
    assert [moment.time for moment in moved] == [moment.time for moment in moments]
    return actor_floor - np.array([moment.pose.keypoints[:, 1].max() for moment in moved])


@pytest.mark.parametrize("fps", [15, 30, 60])
def test_who_walks_towards_the_camera_or_away_does_not_leave_the_floor(fps):
    t = np.arange(4 * fps) / fps
    height = 2 * body(scaled()).height
    for rise in (40 - 20 * t.clip(0, 2), 20 * t.clip(1, 3) - 20):
        assert np.abs(above_floor(moving(rise, fps), fps)).max() < 0.04 * height < 40


@pytest.mark.parametrize("fps", [15, 30, 60])
@pytest.mark.parametrize("approach", [0.0, 15.0])
def test_a_jump_keeps_its_height_and_its_time(fps, approach):
    t = np.arange(4 * fps) / fps
    jump = 25 * (1 - (2 * (t - 2) / 0.6) ** 2).clip(0)
    ground = approach * (2 - t)
    still, jumped = (above_floor(moving(ground + up, fps), fps) for up in (0, jump))
    assert np.abs(jumped - still - 2 * jump).max() < (0.5 if approach == 0 else 12)
    assert abs(int((jumped - still).argmax()) - int(jump.argmax())) <= 1


def test_a_performer_who_stays_higher_has_another_floor_under_them():
    high = above_floor(moving(np.repeat([0.0, 40.0], 90), 30), 30)
    assert np.abs(high[:75]).max() < 0.5 and np.abs(high[110:]).max() < 6


def test_the_stream_looks_ahead_a_bounded_time_and_lives_without_feet():
    taken = []

    def stream():
        for n, moment in enumerate(moving(np.zeros(300), 25)):
            taken.append(n)
            yield moment

    stage = Retarget(body(scaled()), body(scaled()), 25)
    assert stage.ahead_s == pytest.approx(1.2, abs=0.05)
    for done, _ in enumerate(stage(stream())):
        assert len(taken) - done <= round(stage.ahead_s * 25) + 1
    assert done == 299
    assert list(stage(iter([]))) == []
    assert Retarget(body(scaled()), body(scaled()), 25, airborne_s=0.2, steady_s=0).ahead_s <= 0.25
    legless = np.array(["ankle" not in n and "heel" not in n and "toe" not in n for n in KEYPOINTS], np.float32)
    hips = [INDEX["right_hip"], INDEX["left_hip"]]
    cut = moving(np.zeros(3), 25, legless)
    for pose, *_ in stage(iter(cut)):
        assert np.allclose(pose.keypoints[hips], cut[0].pose.keypoints[hips], atol=1e-3)


def test_no_torso_is_a_clear_error():
    poses = standing(scaled())
    with pytest.raises(UserError, match="Nobody was found in any frame"):
        measure_body(sequence(poses, np.zeros(poses.shape[:2], np.float32)))

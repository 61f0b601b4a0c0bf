from dataclasses import replace

import numpy as np
import pytest
from stick import scaled, standing
from stick import sequence as filmed

from perfclone.pose import EXPRESSIONS, INDEX, KEYPOINTS, MIRROR, Details, Pose, PoseSequence, clean_sequence
from perfclone.pose.body import measure_body
from perfclone.pose.expression import expressed, find_neutral
from perfclone.pose.sequence import Moment
from perfclone.retarget import retarget_sequence, retarget_to


def known(frames, seed=0):
    """Details of which everything is known, and different in each frame."""
    rng = np.random.default_rng(seed)
    drawn = {name: rng.uniform(0.1, 0.9, (frames, *array.shape)) for name, array in Details.unknown().arrays().items()}
    return Details(**drawn)


def sequence(frames, **more):
    rng = np.random.default_rng(1)
    keypoints = rng.uniform(0, 90, (frames, len(KEYPOINTS), 2)).astype(np.float32)
    return PoseSequence(keypoints, np.ones(keypoints.shape[:2], np.float32), np.arange(frames) / 25, (90, 90), **more)


def same(a, b):
    return all(np.array_equal(x, y) for x, y in zip(a.arrays().values(), b.arrays().values(), strict=True))


def test_nothing_is_known_unless_it_is_said():
    assert not Pose.missing().details.known and not sequence(3).details.known
    assert len(sequence(3).details) == 3 and len(sequence(3)[1:].details) == 2
    assert known(3).known and known(3)[0].expression.shape == (len(EXPRESSIONS),) == (52,)


def test_details_go_with_their_frames():
    details = known(5)
    poses = sequence(5, details=details)
    assert same(poses[[1, 3]].details, details[[1, 3]])
    moments = list(poses.moments())
    assert same(moments[2].pose.details, details[2])
    assert same(PoseSequence.from_moments(moments).details, details)
    assert len(PoseSequence.from_moments([])) == len(Details.stack([])) == 0
    mixed = PoseSequence.from_moments([Moment(Pose.missing(), 0.0), moments[2]])
    assert not mixed.details[0].known and same(mixed.details[1], details[2])


def test_files_keep_details_and_older_ones_have_none(tmp_path):
    poses = sequence(4, details=known(4))
    path = poses.save(tmp_path / "poses.npz")
    assert same(PoseSequence.load(path).details, poses.details)
    with np.load(path) as data:
        np.savez(tmp_path / "old.npz", **{name: data[name] for name in data.files if name not in known(1).arrays()})
    assert not PoseSequence.load(tmp_path / "old.npz").details.known


def test_the_wrong_shapes_are_refused():
    with pytest.raises(ValueError, match="expression must be"):
        replace(known(3), expression=np.zeros((3, 51), np.float32))
    with pytest.raises(ValueError, match="finite"):
        replace(known(3), head=np.full((3, 3), np.nan, np.float32))
    with pytest.raises(ValueError, match="those of 4 poses"):
        sequence(4, details=known(3))


def waving(frames=40):
    """Somebody who stands, with hands that tremble, a jaw that opens and closes once, and all found in each frame."""
    rng = np.random.default_rng(2)
    poses = filmed(standing(scaled(), frames=frames).astype(np.float32))
    details = Details.unknown(frames)
    wrists = poses.keypoints[:, [INDEX["right_wrist"], INDEX["left_wrist"]], None]
    hands = wrists + rng.uniform(-6, 6, (1, 2, 21, 2)) + rng.normal(0, 0.3, (frames, 2, 21, 2))
    hands[:, :, 0] = wrists[:, :, 0]
    expression = details.expression.copy()
    expression[:, JAW] = 0.1 + 0.8 * np.exp(-(((np.arange(frames) - 20) / 3) ** 2))
    return replace(
        poses,
        details=replace(
            details,
            depths=np.tile(np.linspace(-9, 9, len(KEYPOINTS), dtype=np.float32), (frames, 1)),
            expression=expression,
            head=np.tile(np.float32([0.3, -0.2, 0.1]), (frames, 1)),
            face_score=np.ones(frames),
            hands=hands,
            hand_scores=np.full((frames, 2), 0.9),
        ),
    )


JAW = EXPRESSIONS.index("jawOpen")


def test_cleaning_fills_short_gaps_and_keeps_what_a_mouth_does():
    poses = waving()
    lost = np.ones(40)
    lost[19:22], lost[30:] = 0, 0
    given = replace(poses.details, face_score=lost, hand_scores=poses.details.hand_scores * lost[:, None])
    cleaned = clean_sequence(replace(poses, details=given)).details
    assert (cleaned.face_score[:30] == 1).all() and not cleaned.face_score[30:].any()
    assert np.allclose(cleaned.hand_scores[:30], 0.9) and not cleaned.hands[30:].any()
    assert np.allclose(cleaned.head[:30], poses.details.head[:30], atol=1e-3)
    whole = clean_sequence(poses).details
    assert np.abs(whole.expression - poses.details.expression).max() < 0.02
    assert np.allclose(whole.depths, poses.details.depths, atol=1e-3)
    still = np.median(poses.details.hands, axis=0)
    assert np.abs(whole.hands - still).mean() < 0.7 * np.abs(poses.details.hands - still).mean()


def test_a_hand_that_is_doubted_for_a_frame_keeps_its_score():
    poses = waving()
    scores = poses.details.hand_scores.copy()
    scores[20] = 0.5
    cleaned = clean_sequence(replace(poses, details=replace(poses.details, hand_scores=scores))).details
    assert cleaned.hand_scores[20].min() > 0.8 and np.abs(np.diff(cleaned.hand_scores, axis=0)).max() < 0.1


def test_sides_that_are_exchanged_take_their_hands_and_depths_along():
    details = known(2)
    swapped = details.swapped()
    assert np.array_equal(swapped.hands[:, 0], details.hands[:, 1])
    assert np.array_equal(swapped.hand_scores, details.hand_scores[:, ::-1])
    right, left = np.array(MIRROR).T
    assert np.array_equal(swapped.depths[:, right], details.depths[:, left])
    assert np.array_equal(swapped.expression, details.expression) and same(swapped.swapped(), details)


def test_hands_go_with_the_wrists_and_have_the_actors_size():
    poses = waving()
    actor = measure_body(filmed(standing({name: 2 * length for name, length in scaled().items()}, frames=10)))
    given = retarget_sequence(poses, actor, (400, 400))
    for side, name in enumerate(("right_wrist", "left_wrist")):
        wrist, own = given.keypoints[:, INDEX[name]], poses.keypoints[:, INDEX[name]]
        assert np.allclose(given.details.hands[:, side, 0], wrist, atol=1e-3)
        away = poses.details.hands[:, side] - own[:, None]
        assert np.allclose(given.details.hands[:, side] - wrist[:, None], 2 * away, rtol=1e-2, atol=0.1)
    assert np.allclose(given.details.depths, 2 * poses.details.depths, rtol=1e-2, atol=1e-2)
    hidden = poses.scores.copy()
    hidden[:, INDEX["left_wrist"]] = 0
    blind = retarget_sequence(replace(poses, scores=hidden), actor, (400, 400)).details
    assert blind.hand_scores[:, 0].all() and not blind.hand_scores[:, 1].any() and not blind.hands[:, 1].any()


def test_expressions_come_as_what_they_add_to_a_face_at_rest():
    poses = waving()
    rest = find_neutral(poses.details)
    assert rest[JAW] == pytest.approx(0.1, abs=0.01) and find_neutral(sequence(3).details) is None
    neutral = np.zeros(52, np.float32)
    neutral[JAW], neutral[0] = 0.3, 0.2
    moved = [moment.pose.details.expression for moment in expressed(poses.moments(), neutral, count=None)]
    assert np.allclose(np.array(moved)[:, JAW], (poses.details.expression[:, JAW] + 0.2).clip(0, 1), atol=0.01)
    assert np.allclose(np.array(moved)[:, 0], 0.2)
    back = retarget_to(poses, poses).details
    assert np.allclose(back.expression, poses.details.expression, atol=1e-5)
    assert np.array_equal(back.head, poses.details.head)


def test_each_shot_has_a_face_at_rest_of_its_own_and_a_stream_waits_for_no_more_than_it_is_measured_on():
    poses, taken = waving(), []
    lower = replace(poses.details, expression=poses.details.expression / 2)
    both = [Moment(m.pose, m.time) for m in poses.moments()]
    both += [Moment(replace(m.pose, details=lower[n]), 9 + m.time, 1) for n, m in enumerate(poses.moments())]
    stream = (taken.append(n) or moment for n, moment in enumerate(both))
    came = expressed(stream, np.zeros(52, np.float32), count=10)
    first = next(came)
    assert len(taken) == 10
    jaws = [m.pose.details.expression[JAW] for m in (first, *came)]
    assert np.median(jaws[:40]) < 0.01 and np.median(jaws[40:]) < 0.01 and jaws[20] > 1.9 * jaws[60] > 0.5

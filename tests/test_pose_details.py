from dataclasses import replace

import numpy as np
import pytest

from perfclone.pose import EXPRESSIONS, KEYPOINTS, Details, Pose, PoseSequence
from perfclone.pose.sequence import Moment


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

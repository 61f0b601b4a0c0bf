import numpy as np
import pytest

from perfclone.pose import KEYPOINTS, Pose, PoseSequence
from perfclone.pose.sequence import is_poses


def test_a_sequence_and_its_poses_are_shown_in_a_line(tmp_path):
    there = Pose(np.ones((28, 2), np.float32), np.ones(28, np.float32), np.zeros((480, 640), np.uint8))
    sequence = PoseSequence.from_poses([there, Pose.missing(), there, there], np.arange(4) / 30, (640, 480), "vitpose")
    shown = "PoseSequence(frames=4, seconds=0.13, fps=30, size=(640, 480), extractor='vitpose', seen=0.75)"
    assert repr(sequence) == str(sequence) == shown
    assert repr(sequence[:0]).startswith("PoseSequence(frames=0, seconds=0.00")
    assert [repr(pose) for pose in (there, Pose.missing())] == [
        f"Pose(joints={len(KEYPOINTS)}, matte=(480, 640))",
        "Pose(joints=0, matte=None)",
    ]
    assert len(repr(next(sequence.moments()))) < 80


def test_poses_are_told_from_a_video_by_their_kind_or_name(tmp_path):
    assert is_poses(PoseSequence.from_poses([Pose.missing()], [0.0], (4, 4)))
    assert is_poses("me.npz") and is_poses(tmp_path / "ME.NPZ")
    assert not is_poses("me.mp4") and not is_poses(tmp_path / "npz")


def test_a_sequence_carries_its_shots_and_older_files_have_one(tmp_path):
    poses, times = [Pose.missing()] * 4, np.arange(4) / 30
    cut = PoseSequence.from_poses(poses, times, (4, 4), shots=[0, 0, 1, 1])
    assert [moment.shot for moment in cut.moments()] == [0, 0, 1, 1] and list(cut[1:3].shots) == [0, 1]
    again = PoseSequence.load(cut.save(tmp_path / "cut.npz"))
    assert list(again.shots) == list(PoseSequence.from_moments(list(again.moments())).shots) == [0, 0, 1, 1]
    with np.load(tmp_path / "cut.npz") as data:
        np.savez(tmp_path / "old.npz", **{name: data[name] for name in data.files if name != "shots"})
    assert list(PoseSequence.load(tmp_path / "old.npz").shots) == [0, 0, 0, 0]
    with pytest.raises(ValueError, match="never fall"):
        PoseSequence.from_poses(poses, times, (4, 4), shots=[0, 1, 0, 1])

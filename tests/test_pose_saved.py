"""Poses found on one machine and trained from on another."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tiny
from tiny import SIZE, poses, record_of, request_for, shots, write_clip

from perfclone import cli
from perfclone.backends.layered.training.prepare import load_reference, prepare_reference
from perfclone.errors import UserError
from perfclone.pose import KEYPOINTS, Pose, PoseExtractor, PoseSequence, SavedPoses, extractor
from perfclone.pose.details import UNKNOWN
from perfclone.pose.saved import Recorder
from perfclone.training import train
from perfclone.video import Frame, VideoWriter, probe

ROOT = Path(__file__).resolve().parents[1]
#: What a machine for training may lack.
MISSING = ("mediapipe", "controlnet_aux", "gradio", "diffusers", "torchvision", "transformers", "matplotlib")


class Unsteady(tiny.SavedPoses):
    """An extractor that trembles and at times sees nobody, so that cleaning has something to do."""

    def people(self, frames):
        begin, found = self.at, super().people(frames)
        rng = np.random.default_rng(begin)
        return [
            [Pose(p.keypoints + rng.normal(0, 1, p.keypoints.shape).astype(np.float32), p.scores, p.matte)]
            if (begin + n) % 7 != 3 else []
            for n, (p,) in enumerate(found)
        ]  # fmt: skip


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    return write_clip(tmp_path_factory.mktemp("saved") / "reference.mp4")


@pytest.fixture(scope="module")
def files(video):
    """The poses of the video as the command line saves them: with mattes, and without."""
    found = video.with_name("mattes.npz"), video.with_name("plain.npz")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(extractor, "build_extractor", lambda *_, **__: Unsteady())
        assert cli.main(["poses", str(video), "-o", str(found[0]), "--mattes"]) == 0
        assert cli.main(["poses", str(video), "-o", str(found[1])]) == 0
    return found


def test_mattes_change_nothing_else_in_the_file(files):
    with np.load(files[0]) as full, np.load(files[1]) as plain:
        raw = {f"raw_{name}" for name in ("keypoints", "scores", *UNKNOWN.arrays())}
        assert set(full) - set(plain) == raw | {"mattes"}
        assert all(np.array_equal(full[name], plain[name]) for name in plain)
        assert full["mattes"].dtype == np.uint8 and full["mattes"].shape == (30, SIZE, SIZE)
    assert len(PoseSequence.load(files[0])) == 30


def test_training_sees_what_the_extractor_would_have_shown_it(video, files, tmp_path):
    saved = SavedPoses(files[0])
    assert isinstance(saved, PoseExtractor)
    prepare_reference(video, tmp_path / "found", 64, Unsteady())
    for again in ("saved", "again"):
        prepare_reference(video, tmp_path / again, 64, saved)
        (facts, footage, plate), (truth, wanted, empty) = (load_reference(tmp_path / n) for n in (again, "found"))
        assert facts == truth and footage.poses.extractor == wanted.poses.extractor
        assert np.array_equal(footage.poses.keypoints, wanted.poses.keypoints)
        assert np.array_equal(footage.poses.scores, wanted.poses.scores)
        assert np.array_equal(footage.mattes, wanted.mattes) and np.array_equal(plate, empty)


def test_large_mattes_are_kept_small_and_come_back_at_full_size(tmp_path):
    frame, matte = np.zeros((400, 800, 3), np.uint8), np.zeros((400, 800), np.uint8)
    matte[100:300, 200:400] = 255
    recorder = Recorder(tmp_path / "scratch")
    pose = Pose(np.full((len(KEYPOINTS), 2), 250, np.float32), np.ones(len(KEYPOINTS), np.float32), matte)
    for n, seen in enumerate((pose, Pose.missing())):
        recorder(Frame(frame, n / 10), seen)
    arrays = recorder.arrays()
    assert arrays["mattes"].shape == (2, 192, 384) and not arrays["mattes"][1].any()
    sequence = PoseSequence.from_poses([pose, Pose.missing()], [0.0, 0.1], (800, 400), "blazepose")
    saved = SavedPoses(sequence.save(tmp_path / "poses.npz", **arrays))
    (back,), nobody = saved.people([frame, frame])
    assert saved.name == "blazepose" and nobody == []
    assert back.matte.shape == matte.shape and back.matte.dtype == np.uint8
    assert (back.matte != matte).mean() < 0.02 and np.array_equal(back.keypoints, pose.keypoints)


def test_poses_of_another_video_are_refused_and_nothing_is_left(files, tmp_path):
    def refused(video, sentence):
        with pytest.raises(UserError, match=sentence):
            train(request_for(video, tmp_path / "anna", poses=files[0], driving=[]))
        assert not list(tmp_path.glob("anna*"))

    refused(
        write_clip(tmp_path / "short.mp4", 26), "mattes.npz was not made from this video, which has 26 frames, not 30"
    )
    refused(write_clip(tmp_path / "long.mp4", 34), "which has more than 30 frames")
    with VideoWriter(tmp_path / "small.mp4", rate=30) as writer:
        for shot in shots():
            writer.write(shot.rgb[:120, :100])
    refused(
        tmp_path / "small.mp4", "which is 100x120 pixels, not 160x160; make it anew with `python -m perfclone poses"
    )


def test_a_file_that_will_not_do_is_one_sentence(files, tmp_path):
    with pytest.raises(UserError, match="plain.npz holds poses without mattes; make it anew"):
        SavedPoses(files[1])
    with pytest.raises(FileNotFoundError, match="no pose file at"):
        SavedPoses(tmp_path / "missing.npz")
    half = tmp_path / "half.npz"
    half.write_bytes(files[0].read_bytes()[:5000])
    with pytest.raises(UserError, match="half.npz does not hold poses"):
        SavedPoses(half)


def test_driving_videos_need_saved_poses_too(video, files, tmp_path):
    with pytest.raises(UserError, match="so the driving video .*reference.mp4 needs saved poses too"):
        train(request_for(video, tmp_path / "anna", poses=files[0], driving=[video]))
    assert not list(tmp_path.iterdir())


ELSEWHERE = """
import sys
sys.modules.update(dict.fromkeys({missing!r}))
from perfclone.cli import main
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.slow
def test_training_and_cloning_where_there_is_no_extractor(video, files, tmp_path):
    def elsewhere(*arguments):
        command = [sys.executable, "-c", ELSEWHERE.format(missing=MISSING), *map(str, arguments)]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)

    record_of(video).save(tmp_path / "record.json")
    actor, output, driving = tmp_path / "anna", tmp_path / "out.mp4", poses().save(tmp_path / "driving.npz")
    training = "--preset", "tiny", "--steps", 2, "--driving", driving, "--consent", tmp_path / "record.json"
    done = elsewhere("train", video, "-o", actor, "--poses", files[0], *training)
    assert done.returncode == 0 and "2 steps" in done.stdout, done.stderr
    done = elsewhere("clone", actor, files[0], "-o", output)
    assert done.returncode == 0, done.stderr
    assert probe(output).frames == 30


def test_poses_that_cannot_be_written_leave_nothing(tmp_path):
    class Unwritable:
        def __array__(self, *_, **__):
            raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        poses().save(tmp_path / "poses.npz", more=Unwritable())
    assert not list(tmp_path.iterdir())

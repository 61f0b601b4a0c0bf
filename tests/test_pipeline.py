import os
import signal
import threading
import time
from contextlib import closing
from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch
from tiny import FPS, SIZE, SavedPoses, poses, shots, untrained_actor, write_clip

from perfclone.backends.layered.crop import Box
from perfclone.backends.layered.painter import LayeredPainter
from perfclone.backends.layered.painting import Layers
from perfclone.errors import UserError
from perfclone.files.reading import file_sha256
from perfclone.governance.ledger.ledger import Ledger
from perfclone.governance.marks.marker import UNMARKED, MarkOptions
from perfclone.governance.verify.verify import verify_video
from perfclone.pipeline import CloneOptions, PerformanceCloner
from perfclone.pose import Moment, Pose
from perfclone.pose.perform import read_poses
from perfclone.prefetch import Prefetch
from perfclone.video import VideoReader, probe


@pytest.fixture(scope="module")
def actor():
    return untrained_actor()


@pytest.fixture(scope="module")
def driving(tmp_path_factory):
    return write_clip(tmp_path_factory.mktemp("driving") / "driving.mp4")


def cloner(actor):
    return PerformanceCloner(actor, SavedPoses())


def test_a_clone_has_the_frames_rate_and_length_of_the_driving_video(actor, driving, tmp_path):
    seen = []
    result = cloner(actor).clone(driving, tmp_path / "out.mp4", progress=lambda *at: seen.append(at))
    out, was = probe(tmp_path / "out.mp4"), probe(driving)
    assert (result.frames, out.frames) == (30, was.frames) and out.fps == pytest.approx(was.fps)
    assert out.duration == pytest.approx(was.duration, abs=0.002)
    assert (out.width, out.height) == (SIZE, SIZE)
    assert seen == [("clone", done, 30) for done in range(31)]


def test_frames_are_those_of_the_file(actor, driving, tmp_path):
    cloner(actor).clone(driving, tmp_path / "out.mp4")
    made = list(cloner(actor).frames(driving))
    with VideoReader(tmp_path / "out.mp4") as reader:
        decoded = [frame.pixels for frame in reader]
    assert len(made) == len(decoded) == 30
    # the codec keeps brightness, and colour only coarsely: compare what a soft look sees
    soft = lambda pixels: cv2.resize(pixels, (20, 20), interpolation=cv2.INTER_AREA).astype(int)  # noqa: E731
    assert np.abs(soft(made[7]) - soft(decoded[7])).mean() < 3


def test_the_same_performance_gives_the_same_frames(actor, driving):
    plain = CloneOptions(marks=UNMARKED)  # every clone has a mark of its own
    first, second = (np.stack(list(cloner(actor).frames(driving, plain))) for _ in range(2))
    assert np.array_equal(first, second)


def test_size_and_proportions(actor):
    small = next(cloner(actor).frames(poses(), CloneOptions(size=80)))
    assert small.shape == (80, 80, 3)
    with pytest.raises(ValueError, match="size must lie in"):
        CloneOptions(size=3)


def test_a_part_of_a_longer_performance_begins_at_once_and_is_labelled(actor, tmp_path):
    late = replace(poses(), times=poses().times + 8)
    cloner(actor).clone(late, tmp_path / "out.mp4")
    assert probe(tmp_path / "out.mp4").duration == pytest.approx(1, abs=0.1)
    unlabelled = CloneOptions(marks=MarkOptions(label=None))
    made, plain = (next(cloner(actor).frames(late, options)).astype(int) for options in (None, unlabelled))
    assert (np.abs(made - plain).max(-1) > 50).mean() > 0.05  # the sentence, not the small mark alone


def test_saved_poses_drive_a_clone(actor, tmp_path):
    path = poses().save(tmp_path / "poses.npz")
    result = cloner(actor).clone(path, tmp_path / "out.mp4")
    assert result.frames == 30 and probe(tmp_path / "out.mp4").fps == pytest.approx(FPS)


def test_a_person_who_is_away_leaves_the_plate(actor):
    sequence = poses()
    scores = sequence.scores.copy()
    scores[10:20] = 0
    frames = list(cloner(actor).render(type(sequence)(sequence.keypoints, scores, sequence.times, sequence.size)))
    assert len(frames) == 30
    assert all(np.array_equal(frame, actor.plate.numpy()) for frame in frames[10:20])
    assert not np.array_equal(frames[5], actor.plate.numpy())


def test_pixels_outside_the_matte_and_shadow_are_the_plates_own_bytes(actor):
    painter = LayeredPainter(actor)
    side = actor.config.generator.resolution
    alpha, shadow = torch.zeros(1, 1, side, side), torch.ones(1, 1, side, side)
    alpha[..., 20:40, 20:40] = 1
    layers = Layers(torch.rand(1, 3, side, side), alpha, shadow)
    frame = painter.composite(layers, Box(30, 40, 96))
    changed = (frame != painter.plate).any(-1)
    rows, columns = np.nonzero(changed)
    assert changed.any()
    assert rows.min() >= 40 + 18 * 96 // side and rows.max() < 40 + 42 * 96 // side
    assert columns.min() >= 30 + 18 * 96 // side and columns.max() < 30 + 42 * 96 // side


def test_unoccluded_pixels_do_not_change_between_frames(actor):
    frames = np.stack(list(cloner(actor).render(poses())))
    untouched = (frames == actor.plate.numpy()).all(-1)
    always = untouched.all(0)
    assert always.mean() > 0.1
    assert (np.diff(frames[:, always].astype(int), axis=0) == 0).all()


def test_an_error_in_the_driving_video_keeps_what_was_there(actor, driving, tmp_path):
    out = tmp_path / "out.mp4"
    out.write_bytes(b"precious")
    with pytest.raises(UserError, match="exists"):
        cloner(actor).clone(driving, out)
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(driving.read_bytes()[:3000])
    with pytest.raises(UserError):
        cloner(actor).clone(broken, out, force=True)
    assert out.read_bytes() == b"precious"


def test_ctrl_c_leaves_a_playable_part(actor, driving, tmp_path):
    def interrupt(stage, done, total):
        if done == 12:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cloner(actor).clone(driving, tmp_path / "out.mp4", progress=interrupt)
    assert not (tmp_path / "out.mp4").exists()
    assert probe(tmp_path / "out.partial.mp4").frames == 12


def test_a_clone_that_is_told_to_stop_is_whole_marked_and_entered(actor, driving, tmp_path):
    done = []
    watch = lambda moment, pixels: done.append((moment, pixels))  # noqa: E731
    result = cloner(actor).clone(driving, tmp_path / "out.mp4", watch=watch, stop=lambda: len(done) == 12)
    assert result.frames == 12 and [path.name for path in tmp_path.iterdir()] == ["out.mp4"]
    info, verdict = probe(result.path), verify_video(result.path)
    assert info.frames == 12 and info.duration == pytest.approx(12 / FPS, abs=0.01)
    assert f"{result.id:08x}" in str(verdict)
    entry = list(Ledger().entries())[-1].data
    assert (entry["frames"], entry["output_sha256"]) == (12, file_sha256(result.path))


def test_who_watches_a_clone_sees_its_frames_and_poses(actor, driving, tmp_path):
    seen = []
    cloner(actor).clone(driving, tmp_path / "out.mp4", watch=lambda *at: seen.append(at))
    with VideoReader(driving) as reader:
        assert [moment.time for moment, _ in seen] == pytest.approx([frame.time for frame in reader])
    with VideoReader(tmp_path / "out.mp4") as reader:
        decoded = [frame.pixels for frame in reader]
    soft = lambda pixels: cv2.resize(pixels, (20, 20), interpolation=cv2.INTER_AREA).astype(int)  # noqa: E731
    apart = [np.abs(soft(pixels) - soft(there)).mean() for (_, pixels), there in zip(seen, decoded)]
    assert len(seen) == len(decoded) and max(apart) < 3
    joints = np.stack([moment.pose.keypoints for moment, _ in seen])  # in the actor's frame, who stands as the clip's
    assert np.median(np.abs(joints - poses().keypoints)) < 0.1 * SIZE


def test_the_label_keeps_away_from_the_person(actor):
    """Of a person at the bottom of the picture neither feet nor head are hidden."""
    plain = CloneOptions(marks=MarkOptions(label=None, watermark=False))
    labelled = CloneOptions(marks=MarkOptions(watermark=False))
    for bare, marked in zip(cloner(actor).frames(poses(), plain), cloner(actor).frames(poses(), labelled)):
        label = (bare != marked).any(-1)
        person = np.abs(bare.astype(int) - actor.plate.numpy()).max(-1) > 60
        assert (label & person).sum() < 0.1 * person.sum()


def test_nobody_in_the_driving_video_is_one_sentence(actor, driving, tmp_path):
    class Nobody(SavedPoses):
        def people(self, frames):
            return [[] for _ in frames]

    with pytest.raises(UserError, match="Nobody was found in any frame"):
        PerformanceCloner(actor, Nobody()).clone(driving, tmp_path / "out.mp4")
    assert not list(tmp_path.glob("out*"))


def test_a_performer_who_comes_late_is_waited_for(actor, driving, monkeypatch):
    class Late(SavedPoses):
        def people(self, frames):
            first = self.at
            return [people if first + n >= 20 else [] for n, people in enumerate(super().people(frames))]

    monkeypatch.setattr("perfclone.pipeline.MEASURED", 5)
    frames = list(PerformanceCloner(actor, Late()).frames(driving, CloneOptions(marks=UNMARKED)))
    assert len(frames) == 30
    assert np.array_equal(frames[5], actor.plate.numpy()) and not np.array_equal(frames[25], actor.plate.numpy())


@pytest.mark.parametrize("force", [False, True])
def test_the_driving_video_is_never_written_over(actor, tmp_path, force):
    driving = write_clip(tmp_path / "driving.mp4")
    before = driving.read_bytes()
    with pytest.raises(UserError):
        cloner(actor).clone(driving, driving, force=force)
    assert driving.read_bytes() == before


def test_read_poses_gives_one_pose_a_frame(driving):
    sequence = read_poses(driving, SavedPoses())
    assert len(sequence) == 30 and sequence.size == (SIZE, SIZE) and sequence.extractor == "saved"
    seen = sequence.scores > 0
    truth = np.stack([shot.keypoints for shot in shots()])
    assert np.linalg.norm(sequence.keypoints - truth, axis=-1)[seen].mean() < 1.5


def test_low_frame_rates_see_the_motion_of_the_reference(actor):
    painter = LayeredPainter(actor)
    moment = lambda x, t: type("M", (), {"pose": type("P", (), {})(), "time": t})()  # noqa: E731
    now, later = moment(0, 0.0), moment(0, 1.0)
    now.pose.keypoints, later.pose.keypoints = np.zeros((28, 2)), np.full((28, 2), 30.0)
    now.pose.scores = later.pose.scores = np.ones(28)
    assert painter._near(later, now).keypoints[0, 0] == pytest.approx(30 / FPS)


def test_prefetch_works_ahead_in_order_and_no_further():
    made = []

    def numbers():
        for n in range(50):
            made.append(n)
            yield n

    stream = Prefetch(numbers(), 4)
    assert next(stream) == 0
    time.sleep(0.3)
    assert len(made) <= 7
    assert list(stream) == list(range(1, 50))


def test_prefetch_passes_errors_on_and_closes_what_it_runs():
    closed = []

    def failing():
        try:
            yield 1
            raise RuntimeError("broken")
        finally:
            closed.append(True)

    stream = Prefetch(failing(), 2)
    assert next(stream) == 1
    with pytest.raises(RuntimeError, match="broken"):
        next(stream)
    assert closed == [True]
    endless = Prefetch(iter(int, 1), 2)
    next(endless)
    endless.close()


def test_closing_a_stream_whose_thread_waits_for_another_one_does_not_wait_for_its_end():
    def slow():
        while True:
            time.sleep(0.01)
            yield 1

    source = Prefetch(slow(), 4)
    never = Prefetch((item for item in source if item == 2), 4, source)  # runs as long as there is something to take
    time.sleep(0.2)
    began = time.monotonic()
    never.close()
    source.close()
    assert time.monotonic() - began < 2


def test_a_clone_that_has_no_frame_yet_can_be_closed(actor, driving):
    options, one = CloneOptions(marks=UNMARKED), cloner(actor)
    release, performance = one._begin(driving, options)
    endless = (Moment(Pose.missing(), 0.0) for _ in iter(int, 1))  # nobody comes
    frames = one._frames(performance._replace(moments=endless), options, release)
    timer = threading.Timer(0.5, lambda: os.kill(os.getpid(), signal.SIGINT))
    timer.start()
    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt), closing(frames):
        next(frames)
    assert time.monotonic() - began < 5

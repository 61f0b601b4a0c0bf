from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from eval.benchmark import methods
from eval.benchmark.baselines import Pix2Pix, nearest
from eval.benchmark.methods import Budget
from eval.benchmark.run import METHODS, run_methods
from eval.suite.description import SyntheticSuite
from eval.suite.detection import find_poses, joint_errors, pose_detection, summary
from eval.suite.opening import synthetic_suite
from eval.synthetic.takes import read_layer
from perfclone.backends.layered.painter import LayeredPainter
from perfclone.errors import UserError
from perfclone.governance.marks.marker import UNMARKED
from perfclone.pipeline import CloneOptions, PerformanceCloner
from perfclone.pose import INDEX, PoseSequence
from perfclone.pose.body import measure_body
from perfclone.video import VideoReader, VideoWriter, probe
from tests.tiny import poses, shrink_presets, untrained_actor

TINY = SyntheticSuite(
    size=96, fps=12, reference_seconds=2.5, test_seconds=0.6, train=("squats",), test=("wave",), samples=1
)

STEP = Budget(steps=1)


@pytest.fixture(scope="module")
def suite(tmp_path_factory):
    return synthetic_suite(TINY, tmp_path_factory.mktemp("suites") / "tiny")


@pytest.fixture
def small(monkeypatch):
    """Networks as small as a test needs."""
    shrink_presets(monkeypatch)
    monkeypatch.setattr(methods, "Pix2Pix", partial(Pix2Pix, levels=5, width=4))


def pixels(video):
    with VideoReader(video) as reader:
        return np.stack([frame.pixels for frame in reader])


def test_each_method_paints_each_clip(suite, small, tmp_path):
    told = []
    run = partial(run_methods, suite, METHODS, Budget(steps=2, seed=3), preset="tiny")
    results = run(tmp_path / "first", lambda *what: told.append(what))
    assert [(r.trial.name, r.method) for r in results] == [(c.name, m) for c in suite.trials for m in METHODS]
    for result in results:
        info, truth = probe(result.output), probe(result.trial.truth)
        assert (info.width, info.height, info.frames) == (truth.width, truth.height, truth.frames) == (96, 96, 7)
        assert info.fps == pytest.approx(12) and info.duration == pytest.approx(truth.duration, abs=0.01)
        assert result.stages["poses"] > 0 and result.stages["painting"] > 0
        assert len(list(read_layer(result.trial.mattes))) == 7
    steps = {result.method: result.steps for result in results}
    assert steps == {"perfclone": 2, "nearest": None, "pix2pix": 2}
    assert {"training pix2pix on ben", "perfclone: anna-as-ben", "poses of ben/reference.mp4"} <= {t[0] for t in told}
    assert any("scaled to 256 and back" in note for r in results if r.method == "pix2pix" for note in r.notes)
    assert not [file for kind in ("raw", "npy") for file in (tmp_path / "first").rglob(f"*.{kind}")]
    again = run(tmp_path / "second")
    for one, other in zip(results, again, strict=True):
        assert np.array_equal(pixels(one.output), pixels(other.output)), (one.method, one.trial.name)


def test_nearest_shows_frames_of_the_reference(suite, tmp_path):
    first = run_methods(suite, ["nearest"], STEP, tmp_path)[0]
    reference, shown = pixels(suite.trials[0].reference).astype(int), pixels(first.output).astype(int)
    distances = np.abs(reference[None] - shown[:, None]).mean((2, 3, 4))
    lesson = find_poses(suite.trials[0].reference, tmp_path / "poses", mattes=True).poses
    wanted = methods.wanted_poses(find_poses(first.trial.driving, tmp_path / "poses").poses, lesson)
    assert distances.argmin(1).tolist() == nearest(lesson, wanted).tolist() and distances.min(1).max() < 5


def test_all_methods_are_asked_for_the_motion_that_the_cloner_paints(monkeypatch):
    steps = np.linspace(0, 40, 30)  # towards the camera, pixels
    driving = replace(poses(), keypoints=poses().keypoints + np.float32([0, 1]) * steps[:, None, None])
    asked, paint = [], LayeredPainter.paint

    def watched(painter, moments):
        return paint(painter, (asked.append(moment.pose) or moment for moment in moments))

    monkeypatch.setattr(LayeredPainter, "paint", watched)
    list(PerformanceCloner(untrained_actor()).frames(driving, CloneOptions(purpose="evaluation", marks=UNMARKED)))
    wanted = methods.wanted_poses(driving, poses())
    assert np.array_equal(wanted.scores, [pose.scores for pose in asked])
    assert np.allclose(wanted.keypoints, [pose.keypoints for pose in asked], atol=1e-3)


def test_a_given_actor_is_used_and_not_trained(suite, small, tmp_path):
    trained = run_methods(suite, ["perfclone"], STEP, tmp_path / "first", preset="tiny")
    actor = tmp_path / "first" / "training" / "anna" / "actor"
    given = run_methods(
        suite, ["perfclone"], STEP, tmp_path / "second", actors={"anna": actor, "ben": actor}, preset="tiny"
    )
    name = "ben-as-anna"
    one, other = (next(r for r in results if r.trial.name == name) for results in (trained, given))
    assert np.array_equal(pixels(one.output), pixels(other.output)) and other.steps == 1
    assert (
        "was not part of this run" in other.notes[0]
        and not (tmp_path / "second" / "training" / "anna" / "actor").exists()
    )
    bigger = synthetic_suite(replace(TINY, size=112, reference_seconds=0.5), tmp_path / "bigger")
    with pytest.raises(UserError, match="was filmed at 96x96 and .* is 112x112"):
        run_methods(bigger, ["perfclone"], STEP, tmp_path / "third", actors={"anna": actor, "ben": actor})


def test_pix2pix_resizes_nothing_at_256_and_keeps_the_room_elsewhere(suite):
    standing = PoseSequence.load(suite.takes[suite.trials[0].truth])
    whole = methods._square((replace(standing, size=(256, 256)),))
    assert whole.array().tolist() == [0, 0, 256]
    cut = methods._square((replace(standing, keypoints=standing.keypoints * 4 + (300, 0), size=(900, 480)),))
    assert 0 < cut.x and cut.x + cut.side <= 900 and cut.side <= 480
    model = object.__new__(methods.SkeletonPix2Pix)
    model.size, model.box, model.plate = (900, 480), cut, np.full((480, 900, 3), 7, np.uint8)
    model.model = type(
        "Red", (), {"render": lambda _, pictures: (np.zeros_like(p) + np.uint8([200, 0, 0]) for p in pictures)}
    )()
    moved = replace(standing, keypoints=(standing.keypoints * 4 + (300, 0)).astype(np.float32), size=(900, 480))
    frame = next(model.paint(moved, moved))
    assert frame.shape == (480, 900, 3) and (frame[:, : cut.x] == 7).all()
    assert (frame[cut.y + 2 : cut.y + cut.side - 2, cut.x + 2 : cut.x + cut.side - 2] == (200, 0, 0)).all()


def test_the_joints_found_are_near_the_true_ones(suite, tmp_path):
    found = pose_detection(suite, tmp_path)
    assert (found["videos"], found["frames"], found["found"]) == (2, 14, 1.0)
    groups = found["groups"]
    assert groups["all"]["pck_0.2"] > 0.9 and 0.005 < groups["all"]["median_error"] < 0.12
    assert groups["all"]["pck_0.1"] <= groups["all"]["pck_0.2"] <= 1
    assert sum(groups[name]["joints"] for name in groups if name not in ("all", "hidden")) == groups["all"]["joints"]
    assert groups["all"]["joints"] + groups["hidden"]["joints"] == 14 * len(INDEX)
    assert pose_detection(suite, tmp_path) == found


def test_joint_errors_are_in_torso_lengths(suite):
    true = PoseSequence.load(suite.takes[suite.trials[0].truth])
    torso = measure_body(true).torso
    shifted = replace(true, keypoints=true.keypoints + np.float32([0.15 * torso, 0]), scores=true.scores.copy())
    shifted.scores[0, INDEX["nose"]] = 0
    errors = joint_errors(shifted, true)
    assert np.isinf(errors[0, INDEX["nose"]]) and np.allclose(errors[1:], 0.15, atol=1e-4)
    told = summary(errors[:1].ravel())
    assert told["pck_0.1"] == 0 and told["pck_0.2"] == pytest.approx(27 / 28)
    assert told["median_error"] == pytest.approx(0.15, abs=1e-4) and told["joints"] == 28
    assert summary(np.array([]))["pck_0.1"] is None
    with pytest.raises(UserError, match="P gave 6 poses for 7"):
        joint_errors(true[:6], true)


def test_what_p_found_is_kept_for_that_video_only(suite, tmp_path):
    video = tmp_path / "clip" / "a.mp4"
    video.parent.mkdir()
    video.write_bytes(suite.trials[0].truth.read_bytes())
    first = find_poses(video, tmp_path / "poses")
    assert find_poses(video, tmp_path / "poses").seconds == first.seconds
    video.write_bytes(suite.trials[1].truth.read_bytes())
    assert not np.array_equal(find_poses(video, tmp_path / "poses").poses.keypoints, first.poses.keypoints)
    with VideoWriter(video, rate=12, force=True) as writer:
        for _ in range(3):
            writer.write(np.full((96, 96, 3), 90, np.uint8))
    with pytest.raises(UserError, match="Nobody was found in .*a.mp4"):
        find_poses(video, tmp_path / "poses")


@pytest.mark.parametrize(
    ("chosen", "message"),
    [(["pix3pix"], "no method pix3pix; choose some of perfclone, nearest, pix2pix"), ([], "no method given")],
)
def test_methods_that_are_not_there_are_refused(suite, tmp_path, chosen, message):
    with pytest.raises(UserError, match=message):
        run_methods(suite, chosen, STEP, tmp_path)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((1.0, 1), "minutes or steps, one of them, got 1.0 and 1"),
        ((), "minutes or steps, one of them, got None and None"),
        ((None, 0), "must be over 0"),
        ((None, 1, -1), "seed must lie in"),
    ],
)
def test_impossible_budgets_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        Budget(*arguments)


def test_an_actor_for_nobody_is_refused(suite, tmp_path):
    with pytest.raises(UserError, match="no target 'eve' for an actor; it has anna, ben"):
        run_methods(suite, ["perfclone"], STEP, tmp_path, actors={"eve": tmp_path})

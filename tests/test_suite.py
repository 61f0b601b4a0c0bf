import json
import shutil
from dataclasses import replace

import numpy as np
import pytest

from eval.suite import rendering
from eval.suite.description import SyntheticSuite
from eval.suite.opening import MANIFEST, load_suite, synthetic_suite
from eval.synthetic import ACTORS, TEST, TRAIN, Scene
from eval.synthetic.routines import fastest, routine, speeds
from eval.synthetic.takes import read_layer
from perfclone.errors import UserError
from perfclone.pose import PoseSequence
from perfclone.video import VideoReader, VideoWriter, probe

SMALL = SyntheticSuite(size=48, fps=10, reference_seconds=0.4, test_seconds=0.3, samples=1)


@pytest.fixture(scope="module")
def suite(tmp_path_factory):
    return synthetic_suite(SMALL, tmp_path_factory.mktemp("suites") / "small")


def write_video(path, frames=4, size=48):
    path.parent.mkdir(parents=True, exist_ok=True)
    with VideoWriter(path, rate=10) as writer:
        for n in range(frames):
            writer.write(np.full((size, size, 3), 20 * n, np.uint8))


@pytest.mark.parametrize(
    ("names", "fps"), [(SMALL.train, 25), (SMALL.test, 30), (("turn", "squats"), 25), (("kick", "dance_a"), 30)]
)
def test_motions_join_without_a_jump(names, fps):
    frames = routine(names, fps, 25)  # long enough for every seam
    assert len(frames) == 25 * fps
    usual = max(fastest(name, fps) for name in names)
    # no body is quite symmetric, so its mirrored motions are a little faster or slower
    assert speeds(frames, fps).max() <= 1.01 * usual
    cut = np.stack([frames[0], routine(names[-1:], fps, 1)[fps // 2]])
    assert speeds(cut, fps).max() > usual, "a cut would not have been noticed"


def test_a_fade_that_would_hurry_is_played_more_slowly():
    from eval.synthetic.motions import join, mirrored, motion

    kick, dance = motion("kick", 25), mirrored(motion("dance_a", 25))
    limit = max(fastest("kick", 25), fastest("dance_a", 25))
    assert speeds(join([kick, dance], 25), 25).max() > limit * 1.02
    names = ("kick", "dance_a") * 3
    assert speeds(routine(names, 25, 8), 25).max() <= 1.01 * limit


def test_what_is_learnt_and_what_is_tested_differ_by_motion():
    wanted = SyntheticSuite()
    assert not set(wanted.train) & set(wanted.test)
    assert set(wanted.train) == set(TRAIN) and set(wanted.test) == set(TEST)
    assert wanted.reference_seconds >= 20
    with pytest.raises(ValueError, match="train must be some of turn.*'wave'"):
        SyntheticSuite(train=("turn", "wave"))
    with pytest.raises(ValueError, match="test must be some of dance_b"):
        SyntheticSuite(test=("walk",))


def test_each_performs_for_each_other_and_the_truth_is_the_target(suite):
    assert [trial.name for trial in suite.trials] == ["anna-as-ben", "ben-as-anna"]
    first, second = suite.trials
    assert first.driving == second.truth and first.truth == second.driving and first.reference != second.reference
    info = probe(first.truth)
    assert (info.width, info.height, info.frames) == (48, 48, 3) and probe(first.reference).frames == 4
    shot = Scene("ben", 48, SMALL.noise, SMALL.samples).render(routine(SMALL.test, 10, 0.3)[1], 1)
    with VideoReader(first.truth) as reader:
        distances = [np.abs(frame.pixels.astype(int) - shot.rgb).mean() for frame in reader]
    assert np.argmin(distances) == 1 and distances[1] < 6  # so small, half the resolution in colour is felt
    joints = PoseSequence.load(suite.takes[first.truth])
    assert np.array_equal(joints.keypoints[1], shot.keypoints) and np.allclose(np.diff(joints.times), 0.1)
    for name in ("matte", "shadow"):
        layers = list(read_layer(first.mattes, name))
        assert len(layers) == 3 and np.array_equal(layers[1], getattr(shot, name))


def test_four_actors_give_twelve_trials(monkeypatch, tmp_path):
    monkeypatch.setattr(rendering, "film", lambda scene, frames, fps, stem, tell: stem.name)
    wanted = replace(SMALL, actors=tuple(ACTORS))
    rendering.render_suite(wanted, tmp_path / "four")
    found = load_suite(tmp_path / "four")
    assert len(found.trials) == 12 and len({trial.name for trial in found.trials}) == 12
    assert {trial.target for trial in found.trials} == set(ACTORS)


def test_the_hash_is_the_same_every_time_and_another_for_other_frames(suite, tmp_path):
    assert synthetic_suite(SMALL, tmp_path / "again").digest == suite.digest
    assert len(suite.digest) == 64 and suite.describe()["sha256"] == suite.digest
    changes = ({"noise": 0.5}, {"size": 50}, {"fps": 12}, {"test": ("steps",)}, {"actors": ("ben", "anna")})
    digests = {synthetic_suite(replace(SMALL, **c), tmp_path / str(n)).digest for n, c in enumerate(changes)}
    assert len(digests | {suite.digest}) == 6


def test_a_finished_suite_is_taken_as_it_is(suite, monkeypatch):
    monkeypatch.setattr(rendering, "film", lambda *args: pytest.fail("rendered again"))
    assert synthetic_suite(SMALL, suite.folder) == suite
    with pytest.raises(UserError, match="other parameters"):
        synthetic_suite(replace(SMALL, size=64), suite.folder)


def test_an_interrupted_rendering_is_done_again(monkeypatch, suite, tmp_path):
    film, calls = rendering.film, []

    def interrupted(*args):
        calls.append(args)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return film(*args)

    monkeypatch.setattr(rendering, "film", interrupted)
    with pytest.raises(KeyboardInterrupt):
        synthetic_suite(SMALL, tmp_path / "suite")
    assert not (tmp_path / "suite").exists() and list(tmp_path.glob(".suite.part/*/*.mp4"))
    assert synthetic_suite(SMALL, tmp_path / "suite").digest == suite.digest
    assert [entry.name for entry in tmp_path.iterdir()] == ["suite"]


def test_a_damaged_suite_is_noticed(suite, tmp_path):
    shutil.copytree(suite.folder, tmp_path / "copy")
    (tmp_path / "copy" / "ben" / "test.zip").write_bytes(b"")
    with pytest.raises(UserError, match="test.zip is missing or damaged; remove"):
        load_suite(tmp_path / "copy")
    (tmp_path / "copy" / MANIFEST).write_text("{")
    with pytest.raises(UserError, match="manifest.json cannot be read"):
        load_suite(tmp_path / "copy")
    manifest = json.loads((suite.folder / MANIFEST).read_text())
    (tmp_path / "copy" / MANIFEST).write_text(json.dumps({**manifest, "version": 0}))
    with pytest.raises(UserError, match="holds version 0 of the suite"):
        load_suite(tmp_path / "copy")


def test_ones_own_footage_is_a_suite_too(tmp_path):
    for name, videos in {"eve": ("reference", "truth"), "fay": ("reference", "truth", "driving")}.items():
        for video in videos:
            write_video(tmp_path / name / f"{video}.mp4")
    suite = load_suite(tmp_path)
    eve, fay = suite.trials
    assert (eve.name, eve.driving, eve.mattes) == ("eve", eve.truth, None) and fay.driving.name == "driving.mp4"
    assert suite.describe()["kind"] == "own footage" and load_suite(tmp_path).digest == suite.digest
    write_video(tmp_path / "eve" / "driving.mp4")
    assert load_suite(tmp_path).digest != suite.digest


@pytest.mark.parametrize(
    ("reference", "driving", "message"),
    [({"size": 64}, {}, "64x64.*48x48.*one size"), ({}, {"frames": 3}, "3 frames and .* 4; cut both")],
)
def test_footage_that_does_not_fit_is_refused(tmp_path, reference, driving, message):
    write_video(tmp_path / "eve" / "reference.mp4", **reference)
    write_video(tmp_path / "eve" / "driving.mp4", **driving)
    write_video(tmp_path / "eve" / "truth.mp4")
    with pytest.raises(UserError, match=message):
        load_suite(tmp_path)


def test_what_is_no_suite_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="no suite at"):
        load_suite(tmp_path / "none")
    (tmp_path / "letter.txt").write_text("dear")
    with pytest.raises(UserError, match="holds no suite"):
        load_suite(tmp_path)
    with pytest.raises(UserError, match="exists and holds no suite"):
        synthetic_suite(SMALL, tmp_path)
    with pytest.raises(UserError, match="for suite cannot be made"):
        synthetic_suite(SMALL, tmp_path / "letter.txt" / "suite")
    assert (tmp_path / "letter.txt").read_text() == "dear"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"actors": ("anna",)}, "two or more"), ({"actors": ("anna", "eve")}, "'eve'"), ({"size": 65}, "even"),
        ({"fps": 1}, "fps must lie in 5-120, got 1"), ({"test_seconds": 0}, "test_seconds must lie"),
    ],
)  # fmt: skip
def test_parameters_out_of_range_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        SyntheticSuite(**change)

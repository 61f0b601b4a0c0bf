import errno
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from accelerate import Accelerator
from safetensors.torch import load_file
from tiny import SIZE, SavedPoses, poses, record_of, shots, shrink_presets, write_clip

from perfclone.actor.layout import WEIGHTS
from perfclone.actor.model import Actor
from perfclone.backends.layered.training.augment import worsen
from perfclone.backends.layered.training.base import driving_poses
from perfclone.backends.layered.training.footage import Footage, cut_plates, follow_boxes
from perfclone.backends.layered.training.loop import learning_rate, split
from perfclone.backends.layered.training.losses import around
from perfclone.backends.layered.training.prepare import driving_footage, load_reference, prepare_reference
from perfclone.errors import UserError
from perfclone.governance.ledger.ledger import Ledger
from perfclone.training import TrainConfig, train

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(autouse=True)
def small(monkeypatch):
    shrink_presets(monkeypatch)


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    return write_clip(tmp_path_factory.mktemp("reference") / "reference.mp4")


def config(**changes):
    return TrainConfig(**{"steps": 8, "warm_start": False, **changes})


def run(reference, output, changes=None, **options):
    consent = record_of(reference) if reference.is_file() else None
    options = {"extractor": SavedPoses(), "driving": [poses()], "consent": consent, **options}
    return train(reference, output, config(**(changes or {})), **options)


def weights(folder):
    return load_file(folder / WEIGHTS)


def same(a, b):
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def test_training_gives_an_actor_its_curves_and_samples(reference, tmp_path):
    done = []
    result = run(reference, tmp_path / "anna", progress=lambda *at: done.append(at))
    actor = Actor.from_pretrained(result.actor_dir)
    assert (actor.config.width, actor.config.height, actor.config.steps) == (SIZE, SIZE, 8)
    assert actor.plate.float().std() > 5 and len(actor.pose_bank) > 10
    assert {path.name for path in result.run_dir.iterdir()} == {"curves.png", "samples.png", "log.jsonl", "run.json"}
    kinds = {key.split("/")[0] for row in open(result.run_dir / "log.jsonl") for key in json.loads(row)}
    assert {"paired", "unpaired", "validation"} <= kinds
    assert {at[0] for at in done} == {"poses", "crops", "train"} and done[-1] == ("train", 8, 8)
    assert not list(tmp_path.glob("**/*.part"))


def test_training_learns(reference, tmp_path):
    result = run(reference, tmp_path / "anna", {"steps": 80, "critic": False})
    rows = [json.loads(row) for row in open(result.run_dir / "log.jsonl")]
    scores = [row["validation"] for row in rows if "validation" in row]
    assert min(scores) < 0.75 * scores[0]
    actor = Actor.from_pretrained(result.actor_dir)
    plate = actor.plate.numpy().astype(int)
    truth = np.stack([shot.rgb for shot in shots()])
    background = np.stack([shot.matte for shot in shots()]).max(0) == 0
    assert np.abs(plate - truth.mean(0))[background].mean() < 4


def test_the_same_seed_gives_the_same_weights_and_another_does_not(reference, tmp_path):
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        run(reference, tmp_path / name, {"seed": seed})
    assert same(weights(tmp_path / "a"), weights(tmp_path / "b"))
    assert not same(weights(tmp_path / "a"), weights(tmp_path / "c"))


KILLED = """
import sys
sys.path.insert(0, {tests!r})
import pytest
from tiny import SavedPoses, poses, record_of, shrink_presets
from perfclone.training import TrainConfig, train
shrink_presets(pytest.MonkeyPatch())
import torch
torch.set_num_threads(1)
slow = lambda *at: __import__("time").sleep(0.4 * (at[0] == "train"))
train({reference!r}, {output!r}, TrainConfig(steps=24, warm_start=False, checkpoint_minutes=0),
      consent=record_of({reference!r}), driving=[poses()], extractor=SavedPoses(), progress=slow)
"""


def test_a_killed_run_resumes_and_ends_where_an_unbroken_one_does(reference, tmp_path):
    torch.set_num_threads(1)
    output = tmp_path / "killed"
    script = KILLED.format(tests=str(ROOT / "tests"), reference=str(reference), output=str(output))
    process = subprocess.Popen([sys.executable, "-c", script], cwd=ROOT)
    deadline = time.monotonic() + 240
    while not list((tmp_path / "killed.run").glob("checkpoint-*[4-9]")) and time.monotonic() < deadline:
        assert process.poll() is None, "the run ended before it could be killed"
        time.sleep(0.05)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert not output.exists()
    changes = {"steps": 24, "checkpoint_minutes": 0}
    seen = []
    run(reference, output, changes, resume=True, progress=lambda *at: seen.append(at))
    assert seen[0][0] == "train" and 4 < seen[0][1] < 24, "the resumed run began again or did nothing"
    run(reference, tmp_path / "unbroken", changes)
    assert same(weights(output), weights(tmp_path / "unbroken"))
    steps = [json.loads(row)["step"] for row in open(tmp_path / "killed.run" / "log.jsonl") if "pixel" in row]
    assert steps == sorted(set(steps)), "the log tells some steps twice"


@pytest.mark.parametrize("processes", [1, 2])
def test_accelerate_launch(reference, tmp_path, processes, monkeypatch):
    monkeypatch.setenv("PERFCLONE_HOME", str(tmp_path / "home"))
    script = tmp_path / "run.py"
    script.write_text(
        KILLED.format(tests=str(ROOT / "tests"), reference=str(reference), output=str(tmp_path / "anna"))
        .replace("steps=24", "steps=4").replace("sleep(0.4", "sleep(0.0")
    )  # fmt: skip
    command = [
        sys.executable, "-m", "accelerate.commands.launch", "--cpu", "--num_processes", str(processes),
        "--num_machines", "1", "--mixed_precision", "no", "--dynamo_backend", "no", "--main_process_port", "29611",
        str(script),
    ]  # fmt: skip
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    assert [entry.event for entry in Ledger().entries()] == ["train"]
    assert Actor.from_pretrained(tmp_path / "anna").config.steps == 4


def test_gradient_accumulation_and_switched_off_parts(reference, tmp_path):
    off = {"accumulate": 2, "unpaired": False, "critic": False, "window": False}
    result = run(reference, tmp_path / "anna", off)
    actor = Actor.from_pretrained(result.actor_dir)
    assert not actor.config.generator.window
    text = (result.run_dir / "log.jsonl").read_text()
    assert "unpaired" not in text and "fool" not in text


def test_half_precision(reference, tmp_path):
    result = run(reference, tmp_path / "anna", {"mixed_precision": "bf16", "steps": 6})
    text = (result.run_dir / "log.jsonl").read_text()
    assert "NaN" not in text and "unpaired/coherence" in text
    assert Actor.from_pretrained(tmp_path / "anna").config.steps == 6


def test_whole_frames_without_a_plate(reference, tmp_path):
    run(reference, tmp_path / "anna", {"plate": False, "steps": 4})
    config = Actor.from_pretrained(tmp_path / "anna").config
    assert config.whole_frame and config.side == SIZE


def test_an_existing_actor_is_not_touched_without_force(reference, tmp_path):
    run(reference, tmp_path / "anna", {"steps": 4})
    before = weights(tmp_path / "anna")
    with pytest.raises(UserError, match="already holds an actor"):
        run(reference, tmp_path / "anna", {"steps": 4, "seed": 3})
    assert same(before, weights(tmp_path / "anna"))
    run(reference, tmp_path / "anna", {"steps": 4, "seed": 3}, force=True)
    assert not same(before, weights(tmp_path / "anna"))


def test_a_bad_video_leaves_nothing_behind(tmp_path):
    bad = tmp_path / "bad.mp4"
    bad.write_bytes(b"no video at all")
    with pytest.raises(UserError):
        run(bad, tmp_path / "anna")
    with pytest.raises(FileNotFoundError, match="no reference video"):
        run(tmp_path / "missing.mp4", tmp_path / "anna")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bad.mp4"]


def interrupted(reference, output, **changes):
    def stop(what, done, total):
        if what == "train" and done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(reference, output, {"checkpoint_minutes": 0, **changes}, progress=stop)


def test_an_interrupted_run_is_not_thrown_away_by_mistake(reference, tmp_path):
    interrupted(reference, tmp_path / "anna")
    with pytest.raises(UserError, match="--resume"):
        run(reference, tmp_path / "anna")
    assert list((tmp_path / "anna.run").glob("checkpoint-*"))
    run(reference, tmp_path / "anna", resume=True)
    assert Actor.from_pretrained(tmp_path / "anna").config.steps == 8


def test_a_checkpoint_from_another_config_is_refused(reference, tmp_path):
    interrupted(reference, tmp_path / "anna")
    with pytest.raises(UserError, match="belongs to another run .*seed 0 -> 7"):
        run(reference, tmp_path / "anna", {"seed": 7}, resume=True)


def test_a_damaged_checkpoint_is_one_sentence(reference, tmp_path):
    interrupted(reference, tmp_path / "anna")
    for file in (tmp_path / "anna.run").glob("checkpoint-*/model.safetensors"):
        file.write_bytes(file.read_bytes()[:100])
    with pytest.raises(UserError, match="cannot be read"):
        run(reference, tmp_path / "anna", resume=True)


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("name", ["thesis.txt", "run.json"])
def test_a_strangers_folder_is_refused_and_left_alone(reference, tmp_path, name):
    (tmp_path / "anna.run" / "reference.old").mkdir(parents=True)
    (tmp_path / "anna.run" / name).write_text('{"mine": 1}')
    for options in ({}, {"force": True}, {"resume": True}):
        with pytest.raises(UserError, match=r"anna\.run, .* holds something else .*; move it away"):
            run(reference, tmp_path / "anna", **options)
    assert sorted(path.name for path in (tmp_path / "anna.run").iterdir()) == sorted(["reference.old", name])


def test_what_a_finished_run_left_stays_until_the_next_has_its_footage(reference, tmp_path):
    folder = run(reference, tmp_path / "anna", {"steps": 4}).run_dir
    before = contents(folder)
    short = write_clip(tmp_path / "short.mp4", 10)
    with pytest.raises(UserError, match="only 10 frames"):
        run(short, tmp_path / "anna", force=True)
    with pytest.raises(FileNotFoundError):
        run(reference, tmp_path / "anna", force=True, driving=[tmp_path / "missing.npz"])
    assert contents(folder) == before

    def stop(what, done, total):
        if what == "train":
            assert json.loads((folder / "run.json").read_text())["seed"] == 3
            assert {json.loads(row)["step"] for row in open(folder / "log.jsonl")} == {1}
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(reference, tmp_path / "anna", {"steps": 4, "seed": 3}, force=True, progress=stop)
    assert run(reference, tmp_path / "anna", {"steps": 4, "seed": 3}, resume=True).steps == 4
    assert contents(folder).keys() == before.keys()


def test_a_place_that_will_not_do_is_refused_before_any_work(reference, tmp_path):
    (tmp_path / "file").write_text("mine")
    for name, sentence in (("file", "is a file, and an actor is a folder"), ("deep/er/act", "does not exist; create")):
        with pytest.raises(UserError, match=sentence):
            run(reference, tmp_path / name, force=True)
    assert contents(tmp_path) == {"file": b"mine"}


FULL = OSError(errno.ENOSPC, "No space left on device")


def test_a_disk_that_fills_while_footage_is_prepared_leaves_nothing(reference, tmp_path, monkeypatch):
    def full(*_):
        raise FULL

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(UserError, match=r"disk is full: .*anna\.run cannot be written; free some space and run again"):
        run(reference, tmp_path / "anna")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("error", [FULL, RuntimeError("[enforce fail] . unexpected pos 481600 vs 481488")])
def test_a_disk_that_fills_in_training_keeps_the_last_checkpoint(reference, tmp_path, monkeypatch, error):
    save_state = Accelerator.save_state

    def full(accelerator, path):
        save_state(accelerator, path)
        if path.endswith("3.part"):
            (tmp_path / "anna.run" / "log.jsonl").open("a").write('{"step": 4, "minu')
            raise error

    with monkeypatch.context() as patch:
        patch.setattr(Accelerator, "save_state", full)
        with pytest.raises(UserError, match=r"disk is full: .*anna\.run cannot .* go on with --resume"):
            run(reference, tmp_path / "anna", {"checkpoint_minutes": 0})
    assert [path.name for path in (tmp_path / "anna.run").glob("checkpoint*")] == ["checkpoint-000000002"]
    assert run(reference, tmp_path / "anna", {"checkpoint_minutes": 0}, resume=True).steps == 8


def test_too_little_of_a_person_is_one_sentence(tmp_path):
    with pytest.raises(UserError, match="found in only 10 frames"):
        run(write_clip(tmp_path / "short.mp4", 10), tmp_path / "anna")


def test_footage_never_mixes_runs_or_parts():
    sequence = poses(20)
    boxes = follow_boxes(sequence, 96, 20.0)
    follows = np.arange(20) % 7 > 0
    footage = Footage(sequence, boxes, follows, *cut_plates(boxes, np.zeros((SIZE, SIZE, 3), np.uint8), 32))
    usable = np.ones(20, bool)
    usable[3] = False
    for start in footage.starts(3, usable):
        assert usable[start : start + 3].all() and follows[start + 1 : start + 3].all()
    clip = footage.clip(np.array([7]), 3)
    assert torch.equal(clip.keypoints[0, 0], clip.keypoints[0, 1]), "the frame before belongs to another run"


def test_driving_footage_stands_where_the_actor_does(reference, tmp_path):
    prepare_reference(reference, tmp_path / "r", 64, SavedPoses())
    facts, _, plate = load_reference(tmp_path / "r")
    sequence = driving_poses()[0]
    footage = driving_footage(sequence, facts, plate, 64)
    seen = footage.poses.scores > 0
    low = np.where(seen, footage.poses.keypoints[..., 1], -np.inf).max(1)
    assert np.median(low) == pytest.approx(facts.body.floor_y, abs=0.15 * facts.body.torso)
    assert footage.plates.shape[1:] == (64, 64, 3) and footage.frames is None


def test_splits_do_not_overlap():
    parts = split(500, 0.2)
    assert parts.holdout.sum() == 100 and parts.holdout[400:].all()
    assert (np.stack(parts).sum(0) == 1).all() and parts.validation.sum() == 16
    assert split(24, 0.0).holdout.sum() == 0


def test_learning_rate_warms_up_stays_and_falls():
    assert learning_rate(0, 0.0) < learning_rate(60, 0.1) == learning_rate(200, 0.5) == 1
    assert learning_rate(900, 0.75) == pytest.approx(0.5) and learning_rate(1000, 1.0) == pytest.approx(0.02)


def test_worsening_moves_joints_a_little_and_drops_few():
    boxes = follow_boxes(poses(20), 96, 20.0)
    footage = Footage(poses(20), boxes, np.arange(20) > 0, *cut_plates(boxes, np.zeros((SIZE, SIZE, 3), np.uint8), 32))
    clip = footage.clip(np.arange(8), 3)
    worse = worsen(clip, 20.0, np.random.default_rng(0))
    moved = (worse.keypoints - clip.keypoints).norm(dim=-1)
    assert 0 < moved.max() < 0.1 * 20 and (moved == 0).all((1, 2)).any()
    lost = (clip.seen & ~worse.seen).float().mean()
    assert 0 < lost < 0.1
    body = [n for n in range(14)]
    assert torch.equal(worse.seen[..., body], clip.seen[..., body]), "the body itself is never dropped"


@pytest.mark.parametrize(
    ("changes", "match"),
    [({"preset": "huge"}, "preset"), ({"steps": 0}, "steps"), ({"steps": 3, "minutes": 3}, "not both"),
     ({"holdout": 0.9}, "holdout"), ({"seed": -1}, "seed")],
)  # fmt: skip
def test_wrong_settings_are_refused(changes, match):
    with pytest.raises(ValueError, match=match):
        TrainConfig(**changes)


def test_the_perceptual_loss_looks_around_the_person():
    matte = torch.zeros(2, 1, 64, 64)
    matte[0, 0, 20:30, 25:28] = 1
    matte[1, 0, 22:40, 24:26] = 1
    assert around(matte, margin=4) == (slice(16, 44), slice(20, 32))
    assert around(matte * 0) == (slice(0, 64), slice(0, 64))


def test_the_plate_and_the_body_know_nothing_of_the_holdout(reference, tmp_path):
    prepare_reference(reference, tmp_path / "a", 64, SavedPoses(), holdout=0.5)

    class Elsewhere(SavedPoses):
        def people(self, frames):
            begin, found = self.at, super().people(frames)
            return [[replace(p, keypoints=p.keypoints + 8 * (begin + n >= 15)) for p in people]
                    for n, people in enumerate(found)]  # fmt: skip

    prepare_reference(reference, tmp_path / "b", 64, Elsewhere(), holdout=0.5)
    (facts_a, _, plate_a), (facts_b, _, plate_b) = load_reference(tmp_path / "a"), load_reference(tmp_path / "b")
    assert np.array_equal(plate_a, plate_b)
    assert facts_a.body.floor_y == pytest.approx(facts_b.body.floor_y, abs=2)

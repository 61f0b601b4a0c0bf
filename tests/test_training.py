import json
from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch
from tiny import SIZE, SavedPoses, poses, same, shots, shrink_presets, train_tiny, weights, write_clip

from perfclone.actor.model import Actor
from perfclone.backends.layered.training.augment import worsen
from perfclone.backends.layered.training.base import driving_poses
from perfclone.backends.layered.training.footage import Footage, cut_plates, follow_boxes
from perfclone.backends.layered.training.losses import around
from perfclone.backends.layered.training.prepare import driving_footage, load_reference, prepare_reference
from perfclone.backends.layered.training.progression import learning_rate
from perfclone.backends.layered.training.validation import split
from perfclone.errors import UserError
from perfclone.training import TrainConfig
from perfclone.training.config import holdout_told, usual_holdout
from perfclone.video import VideoWriter


@pytest.fixture(autouse=True)
def small(monkeypatch):
    shrink_presets(monkeypatch)


def test_training_gives_an_actor_its_curves_and_samples(reference, tmp_path):
    done = []
    result = train_tiny(reference, tmp_path / "anna", progress=lambda *at: done.append(at))
    actor = Actor.from_pretrained(result.actor_dir)
    assert (actor.config.width, actor.config.height, actor.config.steps) == (SIZE, SIZE, 8)
    assert actor.plate.float().std() > 5 and len(actor.pose_bank) > 10
    left = {"curves.png", "samples.png", "log.jsonl", "run.json", "lock"}
    assert {path.name for path in result.run_dir.iterdir()} == left
    kinds = {key.split("/")[0] for row in open(result.run_dir / "log.jsonl") for key in json.loads(row)}
    assert {"paired", "unpaired", "validation"} <= kinds
    assert list(dict.fromkeys(at[0] for at in done)) == ["poses", "plate", "crops", "train", "validation", "actor"]
    told = [at for at in done if at[0] == "train"]
    assert told[0] == ("train", 0, 8) and told[-1] == ("train", 8, 8) and done[-1] == ("actor", 1, 1)
    assert not list(tmp_path.glob("**/*.part"))


def test_training_learns_what_was_filmed_and_a_plate(reference, tmp_path):
    result = train_tiny(reference, tmp_path / "anna", {"steps": 40, "critic": False, "learning_rate": 1e-3})
    rows = [json.loads(row) for row in open(result.run_dir / "log.jsonl")]
    losses = [row["paired/perceptual"] + row["paired/matte"] for row in rows if "paired/matte" in row]
    assert np.mean(losses[-8:]) < 0.95 * np.mean(losses[:8])
    actor = Actor.from_pretrained(result.actor_dir)
    plate = actor.plate.numpy().astype(int)
    truth = np.stack([shot.rgb for shot in shots()])
    background = np.stack([shot.matte for shot in shots()]).max(0) == 0
    assert np.abs(plate - truth.mean(0))[background].mean() < 4


def test_the_untrained_weights_are_judged_too(reference, tmp_path):
    result = train_tiny(reference, tmp_path / "anna", {"steps": 4})
    rows = [json.loads(row) for row in open(result.run_dir / "log.jsonl")]
    assert rows[0]["step"] == 0 and result.best <= rows[0]["validation"]


def test_the_same_seed_gives_the_same_weights_and_another_does_not(reference, tmp_path):
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        train_tiny(reference, tmp_path / name, {"seed": seed})
    assert same(weights(tmp_path / "a"), weights(tmp_path / "b"))
    assert not same(weights(tmp_path / "a"), weights(tmp_path / "c"))


def test_gradient_accumulation_and_switched_off_parts(reference, tmp_path):
    off = {"accumulate": 2, "unpaired": False, "critic": False, "window": False}
    result = train_tiny(reference, tmp_path / "anna", off)
    actor = Actor.from_pretrained(result.actor_dir)
    assert not actor.config.generator.window
    text = (result.run_dir / "log.jsonl").read_text()
    assert "unpaired" not in text and "fool" not in text


def test_half_precision(reference, tmp_path):
    result = train_tiny(reference, tmp_path / "anna", {"mixed_precision": "bf16", "steps": 6})
    text = (result.run_dir / "log.jsonl").read_text()
    assert "NaN" not in text and "unpaired/coherence" in text
    assert Actor.from_pretrained(tmp_path / "anna").config.steps == 6


def test_without_a_plate_clones_stand_before_one_frame(reference, tmp_path):
    train_tiny(reference, tmp_path / "anna", {"plate": False, "steps": 4})
    actor = Actor.from_pretrained(tmp_path / "anna")
    plate = actor.plate.numpy().astype(int)
    assert not actor.config.plate
    apart = [np.abs(plate - shot.rgb)[shot.matte == 0].mean() for shot in shots()]
    assert min(apart) < 6


def test_where_no_plate_is_to_be_had_one_frame_takes_its_place_and_it_is_said(tmp_path, caplog):
    rng = np.random.default_rng(0)
    with VideoWriter(tmp_path / "crowd.mp4", rate=30, crf=12) as writer:
        left, right = (cv2.resize(rng.integers(0, 255, (8, 8, 3), np.uint8), (SIZE, SIZE)) for _ in range(2))
        for n, shot in enumerate(shots()):
            crowd = cv2.addWeighted(np.roll(left, -4 * n, 1), 0.5, np.roll(right, 4 * n, 1), 0.5, 0)
            writer.write(np.where(shot.matte[..., None] > 0, shot.rgb, crowd))
    result = train_tiny(tmp_path / "crowd.mp4", tmp_path / "anna", {"steps": 4})
    assert not Actor.from_pretrained(result.actor_dir).config.whole_frame
    assert "clones stand before a still picture" in caplog.text


def test_an_existing_actor_is_not_touched_without_force(reference, tmp_path):
    train_tiny(reference, tmp_path / "anna", {"steps": 4})
    before = weights(tmp_path / "anna")
    with pytest.raises(UserError, match="already holds an actor"):
        train_tiny(reference, tmp_path / "anna", {"steps": 4, "seed": 3})
    assert same(before, weights(tmp_path / "anna"))
    train_tiny(reference, tmp_path / "anna", {"steps": 4, "seed": 3}, force=True)
    assert not same(before, weights(tmp_path / "anna"))


def test_a_bad_video_leaves_nothing_behind(tmp_path):
    bad = tmp_path / "bad.mp4"
    bad.write_bytes(b"no video at all")
    with pytest.raises(UserError):
        train_tiny(bad, tmp_path / "anna")
    with pytest.raises(FileNotFoundError, match="no reference video"):
        train_tiny(tmp_path / "missing.mp4", tmp_path / "anna")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bad.mp4"]


def test_too_little_of_a_person_is_one_sentence(tmp_path):
    with pytest.raises(UserError, match="found in only 5 frames"):
        train_tiny(write_clip(tmp_path / "short.mp4", 5), tmp_path / "anna")


@pytest.mark.parametrize("there", [lambda n: n % 3 < 2, lambda n: n % 2 == 0, lambda n: n >= 20, lambda n: n < 8])
def test_a_person_who_comes_and_goes_is_trained_on(reference, tmp_path, there):
    class ComesAndGoes(SavedPoses):
        def people(self, frames):
            begin, found = self.at, super().people(frames)
            return [people if there(begin + n) else [] for n, people in enumerate(found)]

    result = train_tiny(reference, tmp_path / "anna", {"steps": 3}, extractor=ComesAndGoes())
    assert Actor.from_pretrained(result.actor_dir).config.steps == 3


def test_footage_never_mixes_runs_or_parts():
    sequence = poses(20)
    boxes = follow_boxes(sequence, 96, 20.0)
    follows = np.arange(20) % 7 > 0
    footage = Footage(sequence, boxes, follows, *cut_plates(boxes, np.zeros((SIZE, SIZE, 3), np.uint8), 32))
    usable = np.ones(20, bool)
    usable[3] = False
    for start in footage.starts(3, usable):
        assert usable[start : start + 3].all() and follows[start + 1 : start + 3].all()
    batch = footage.batch(np.array([7]), 3)
    assert torch.equal(batch.keypoints[0, 0], batch.keypoints[0, 1]), "the frame before belongs to another run"


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
    parts = split(np.ones(500, bool), 0.2)
    assert parts.holdout.sum() == 100 and parts.holdout[400:].all()
    assert (np.stack(parts).sum(0) == 1).all() and parts.validation.sum() == 16
    assert split(np.ones(24, bool), 0.0).holdout.sum() == 0


def test_the_weights_are_judged_where_the_person_is_seen():
    seen = np.arange(100) >= 70
    parts = split(seen, 0.0)
    assert parts.validation.sum() == 7 and seen[parts.validation].all() and (parts.train & seen).sum() == 23
    assert split(np.ones(6, bool), 0.0).validation.sum() == 1
    with pytest.raises(UserError, match="only in the part that is held out"):
        split(seen, 0.5)


def test_learning_rate_warms_up_stays_and_falls():
    assert learning_rate(0, 0.0) < learning_rate(60, 0.1) == learning_rate(200, 0.5) == 1
    assert learning_rate(900, 0.75) == pytest.approx(0.5) and learning_rate(1000, 1.0) == pytest.approx(0.02)


def test_worsening_moves_joints_a_little_and_drops_few():
    boxes = follow_boxes(poses(20), 96, 20.0)
    footage = Footage(poses(20), boxes, np.arange(20) > 0, *cut_plates(boxes, np.zeros((SIZE, SIZE, 3), np.uint8), 32))
    batch = footage.batch(np.arange(8), 3)
    worse = worsen(batch, 20.0, np.random.default_rng(0))
    moved = (worse.keypoints - batch.keypoints).norm(dim=-1)
    assert 0 < moved.max() < 0.1 * 20 and (moved == 0).all((1, 2)).any()
    lost = (batch.seen & ~worse.seen).float().mean()
    assert 0 < lost < 0.1
    body = [n for n in range(14)]
    assert torch.equal(worse.seen[..., body], batch.seen[..., body]), "the body itself is never dropped"


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"preset": "huge"}, "preset"),
        ({"steps": 0}, "steps"),
        ({"steps": 3, "minutes": 3}, "not both"),
        ({"holdout": 0.9}, "holdout"),
        ({"seed": -1}, "seed"),
    ],
)
def test_wrong_settings_are_refused(changes, match):
    with pytest.raises(ValueError, match=match):
        TrainConfig(**changes)


def test_the_perceptual_loss_looks_around_the_person():
    matte = torch.zeros(2, 1, 64, 64)
    matte[0, 0, 20:30, 25:28] = 1
    matte[1, 0, 22:40, 24:26] = 1
    assert around(matte, margin=4) == (slice(16, 44), slice(20, 32))
    assert around(matte * 0) == (slice(0, 64), slice(0, 64))


@pytest.mark.parametrize(("seconds", "share"), [(4.0, 0.0), (9.9, 0.0), (10.0, 0.2), (16.0, 0.125), (60.0, 0.1)])
def test_the_end_of_a_reference_is_kept_unless_it_needs_every_frame(seconds, share):
    assert usual_holdout(seconds) == share
    told = holdout_told(share, seconds)
    assert f"{share * seconds:.1f} s are kept" in told if share else "too short" in told
    TrainConfig(holdout=usual_holdout(seconds))


def test_the_plate_and_the_body_know_nothing_of_the_holdout(reference, tmp_path):
    prepare_reference(reference, tmp_path / "a", 64, SavedPoses(), holdout=0.5)

    class Elsewhere(SavedPoses):
        def people(self, frames):
            begin, found = self.at, super().people(frames)
            return [
                [replace(p, keypoints=p.keypoints + 8 * (begin + n >= 15)) for p in people]
                for n, people in enumerate(found)
            ]

    prepare_reference(reference, tmp_path / "b", 64, Elsewhere(), holdout=0.5)
    (facts_a, _, plate_a), (facts_b, _, plate_b) = load_reference(tmp_path / "a"), load_reference(tmp_path / "b")
    assert np.array_equal(plate_a, plate_b)
    assert facts_a.body.floor_y == pytest.approx(facts_b.body.floor_y, abs=2)

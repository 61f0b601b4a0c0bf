"""The bench of ordinary footage: its table, its measures, and a clip that goes all the way."""

import json
import sys
from dataclasses import replace

import numpy as np
import pytest

from benchmarks import common, footage, footage_clip, footage_truth
from benchmarks.footage_clip import Examined, Settings, feet_slide, inside_share
from eval.trouble import TROUBLES, film
from perfclone.errors import UserError
from perfclone.pose.skeleton import FEET
from perfclone.training import TrainConfig

GAUGE = np.array([[0.9, 0.1, 7.0], [-0.1, 0.9, -3.0], [0, 0, 1]])


@pytest.fixture(scope="module")
def truth(tmp_path_factory):
    return film(TROUBLES["shake"], tmp_path_factory.mktemp("shake") / "shake.mp4", seconds=0.8, fps=10, height=128)


def known(truth, **row):
    """What a perfect perfclone would have found."""
    return Examined({"clip": "x.mp4", **row}, truth.poses, truth.mattes)


def test_the_worst_clip_comes_first():
    fine = {"clip": "fine.mp4", "agree": True, "refused": None, "clone": "right", "person_st_lpips_alex": 0.1}
    others = {"poor": {"person_st_lpips_alex": 0.3}, "late": {"clone": "60 frames of 61"}, "odd": {"agree": False},
              "refused": {"refused": "Nobody"}}  # fmt: skip
    rows = [fine, *({**fine, "clip": f"{name}.mp4", **what} for name, what in others.items())]
    lines = footage.table(rows).splitlines()
    assert [line.split(" | ")[0] for line in lines[2:]] == [
        "| odd.mp4", "| refused.mp4", "| late.mp4", "| poor.mp4", "| fine.mp4",
    ]  # fmt: skip
    assert "NO" in lines[2] and "path px" not in lines[0]
    assert "path px" in footage.table([{**fine, "camera_error_px": 0.25}]).splitlines()[0]


def test_the_true_path_has_no_error_wherever_the_steady_view_lies(truth):
    right = np.linalg.inv(GAUGE) @ truth.matrices
    assert footage_truth.camera_error(truth, right) < 1e-6
    off = right.copy()
    off[::3] = right[::3] @ np.array([[1, 0, 4.0], [0, 1, 0], [0, 0, 1]])
    assert footage_truth.camera_error(truth, off) < 1e-6  # the median frame is right
    standing = np.tile(np.eye(3), (len(right), 1, 1))
    assert footage_truth.camera_error(truth, standing) > 2
    assert footage_truth.camera_error(truth, standing * np.nan) is None
    lost = right.copy()
    lost[:5] = np.nan
    assert footage_truth.camera_error(truth, lost) == np.inf


def test_perfect_joints_and_mattes_are_told_so(truth):
    assert footage_truth.joints_right(truth, truth.poses) == 1 and footage_truth.matte_error(truth, known(truth)) == 0
    nothing = replace(known(truth), mattes=truth.mattes * 0)
    assert footage_truth.matte_error(truth, nothing) == pytest.approx(1)
    away = replace(truth.poses, keypoints=truth.poses.keypoints + 30)
    assert footage_truth.joints_right(truth, away) == 0


def test_a_plate_is_compared_in_its_own_view(truth, monkeypatch):
    monkeypatch.setattr(footage_truth, "views_on", lambda *_: np.linalg.inv(GAUGE) @ truth.matrices)
    plate = footage_truth.look_through(truth.plates[0], GAUGE, truth.poses.size)
    assert footage_truth.plate_psnr(truth, plate) == np.inf
    assert 20 < footage_truth.plate_psnr(truth, np.roll(plate, 1, 1)) < 40
    assert footage_truth.plate_psnr(truth, None) is None


def test_feet_slide_where_the_driver_stands_and_the_clone_does_not(truth):
    still = replace(truth.poses, keypoints=truth.poses.keypoints[:1].repeat(8, 0))
    assert feet_slide(still, still, 20.0) == 0
    sliding = still.keypoints.copy()
    sliding[:, FEET, 0] += np.arange(8)[:, None]
    assert feet_slide(still, replace(still, keypoints=sliding), 20.0) == pytest.approx(10 / 20, rel=1e-3)
    assert feet_slide(replace(still, keypoints=sliding * 1e2), still, 20.0) is None


def test_who_leaves_the_picture_is_counted(truth):
    assert inside_share(truth.poses) == 1
    away = truth.poses.keypoints.copy()
    away[:2] += 1000
    assert inside_share(replace(truth.poses, keypoints=away)) == 0.75


def test_a_clip_goes_all_the_way(tmp_path, monkeypatch, capsys):
    from tiny import shrink_presets, untrained_actor

    shrink_presets(monkeypatch)
    small = {"warm_start": False, "unpaired": False, "critic": False}
    monkeypatch.setattr(footage_clip, "TrainConfig", lambda **given: TrainConfig(**given, **small))
    monkeypatch.setattr(footage_clip, "SCORED_FRAMES", 1)
    actor = untrained_actor().save_pretrained(tmp_path / "actor")
    arguments = ["--trouble", "drift", "--seconds", "2", "--height", "192", "--steps", "1", "--actor", str(actor)]
    places = ["--json", str(tmp_path / "x.json"), "--sheets", str(tmp_path / "sheets"), "--threads", "1"]
    monkeypatch.setattr(sys, "argv", ["footage.py", *arguments, *places])
    footage.main()
    (row,) = json.loads((tmp_path / "x.json").read_text())["clips"]
    assert row["clip"] == "drift.mp4" and row["agree"] and row["refused"] is None
    assert row["st_lpips_alex"] > 0 and row["person_st_lpips_alex"] > 0 and row["held_out_frames"] == 10
    assert row["clone"] == "right" and row["plate_psnr"] > 20 and row["pck_0.1"] > 0.8 and row["matte_error"] < 0.5
    assert (tmp_path / "sheets" / "drift.png").stat().st_size > 10_000
    assert "| drift.mp4 |" in capsys.readouterr().err


def test_a_clip_without_anybody_is_refused_by_both(tmp_path):
    from clips import draw

    clip = draw(tmp_path / "empty.mp4", [np.full((96, 128, 3), 90, np.uint8)] * 30)
    row = footage_clip.examine(clip, tmp_path, Settings("anna", steps=1)).row
    assert row["verdict"] == "fail" and row["refused"] and row["agree"] and row["clone"].startswith("refused")


def test_there_must_be_clips(tmp_path, monkeypatch):
    with pytest.raises(UserError, match="no video in"):
        footage.real_clips(tmp_path)
    monkeypatch.setattr(sys, "argv", ["footage.py"])
    with pytest.raises(UserError, match="nothing to look at"):
        footage.main()


def test_no_sheet_goes_into_the_repository(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["footage.py", str(tmp_path), "--sheets", str(common.REPOSITORY / "sheets")])
    with pytest.raises(UserError, match="where no picture of real people belongs"):
        footage.main()
    assert not (common.REPOSITORY / "sheets").exists()


def test_a_clip_that_fails_is_a_line_of_the_table(tmp_path, monkeypatch):
    monkeypatch.setattr(footage, "examine", lambda *_: 1 / 0)
    row = footage._row(tmp_path / "x.mp4", None, tmp_path, Settings("anna"), None)
    assert row["refused"].startswith("ZeroDivisionError") and "NO" in footage.table([row])


def test_sound_is_found_where_it_begins(tmp_path):
    from clips import clip

    together = clip(tmp_path / "a.mp4", sound={"codec": "aac", "end": 1.0})
    late = clip(tmp_path / "b.mp4", sound={"codec": "aac", "end": 1.0}, stamps=[9000 + 3000 * n for n in range(30)])
    assert footage_clip.sound_delay(together) == pytest.approx(0, abs=0.03)
    assert footage_clip.sound_delay(late) == pytest.approx(-0.1, abs=0.03)

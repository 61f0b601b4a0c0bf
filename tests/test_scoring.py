import json
import shutil

import cv2
import numpy as np
import pytest
from tiny import FPS, shots, shrink_presets, untrained_actor, write_clip

from eval.cli import main
from eval.results import REPORT, Report, Row
from eval.scoring.score import ScoreOptions, score_videos, summarise
from perfclone.video import VideoWriter

OPTIONS = ScoreOptions(faces=False)


def write(path, frames):
    with VideoWriter(path, rate=FPS, crf=4, force=True) as writer:
        for frame in frames:
            writer.write(frame)
    return path


@pytest.fixture(scope="module")
def frames():
    return [cv2.resize(shot.rgb, (192, 192), interpolation=cv2.INTER_CUBIC) for shot in shots(20)]


@pytest.fixture(scope="module")
def truth(frames, tmp_path_factory):
    return write(tmp_path_factory.mktemp("clips") / "truth.mp4", frames)


@pytest.fixture(scope="module")
def blurred(frames, truth):
    return write(truth.with_name("blurred.mp4"), [cv2.GaussianBlur(frame, (0, 0), 2) for frame in frames])


def test_a_video_is_perfect_beside_itself(truth):
    row = score_videos(truth, truth, options=OPTIONS).row
    for region in ("whole", "person"):
        means = {metric: by_region[region].mean for metric, by_region in row.values.items() if region in by_region}
        assert means["psnr"] == np.inf and means["ssim"] == means["ms_ssim"] == 1.0
        assert means["st_lpips_alex"] == means["t_of"] == means["t_lp"] == means["fd_efficientnet_lite0"] == 0.0
        assert means["warp_error"] == pytest.approx(row.floors[f"warp_error/{region}"], rel=1e-12)
    assert row.values["pck_0.1"]["person"].mean == 1.0 and row.values["joint_error"]["person"].mean == 0.0
    assert row.values["lag"]["person"].mean == 0 and row.frames == 20


def test_what_no_frame_has_is_left_out():
    row = Row("a", "b", 3, 30.0, series={"ms_ssim": {"whole": [0.5, 0.6, None], "person": [None, None, None]}})
    summarise(row, 0)
    assert row.values["ms_ssim"].keys() == row.series["ms_ssim"].keys() == {"whole"}
    assert row.values["ms_ssim"]["whole"].mean == pytest.approx(0.55)


def test_every_metric_of_likeness_notices_a_blur(truth, blurred):
    row = score_videos(blurred, truth, options=OPTIONS).row
    for region in ("whole", "person"):
        assert row.values["psnr"][region].mean < 40 and row.values["ssim"][region].mean < 0.98
        assert row.values["st_lpips_alex"][region].mean > 0.02
        assert row.values["fd_efficientnet_lite0"][region].mean > 1
        assert len(row.series["psnr"][region]) == 20 and row.series["warp_error"][region][0] is None
        assert 0 <= row.values["warp_error"][region].low and row.values["ssim"][region].high <= 1
        assert row.values["psnr"][region].low < row.values["psnr"][region].mean < row.values["psnr"][region].high


def test_the_command_writes_a_report_that_is_the_same_every_time(truth, blurred, tmp_path, capsys):
    reports = []
    for name in ("a", "b"):
        where = tmp_path / name
        assert main(["score", str(blurred), "--truth", str(truth), "-o", str(where), "--no-faces"]) == 0
        values = json.loads((where / REPORT).read_text())
        reports.append({key: value for key, value in values.items() if key not in ("times", "machine")})
    assert reports[0] == reports[1]
    assert "report.html" in capsys.readouterr().out
    row = Report.load(tmp_path / "a").rows[0]
    assert all((tmp_path / "a" / row.files[kind]).stat().st_size for kind in ("output", "sheet", "worst", "video"))
    assert main(["score", str(blurred), "--truth", str(truth), "-o", str(tmp_path / "a")]) == 2
    assert "--force" in capsys.readouterr().err


def test_an_actor_is_told_that_it_has_seen_the_frames(frames, truth, tmp_path, capsys):
    untrained_actor(width=192, height=192, side=120).save_pretrained(tmp_path / "actor")
    arguments = ["actor", str(tmp_path / "actor"), "--reference", str(truth), "--holdout", "0.5", "--no-faces"]
    assert main([*arguments, "-o", str(tmp_path / "report"), "--price-per-hour", "2"]) == 0
    report = Report.load(tmp_path / "report")
    assert [row.method for row in report.rows] == ["perfclone", "nearest"]
    assert all(row.frames == 10 and any("has seen" in note for note in row.notes) for row in report.rows)
    assert report.cost["price_per_hour"] == 2 and report.cost["stages"]["poses"] > 0
    assert "has seen some of these frames" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("kept", "size", "said"),
    [(12, 192, "12 frames"), (20, 160, "160x160"), (1, 192, "1 frame")],
)
def test_videos_that_do_not_match_are_refused(kept, size, said, frames, truth, tmp_path, capsys):
    odd = write(tmp_path / "odd.mp4", [cv2.resize(frame, (size, size)) for frame in frames[:kept]])
    assert main(["score", str(odd), "--truth", str(truth), "-o", str(tmp_path / "report")]) == 2
    error = capsys.readouterr().err
    assert said in error and error.count("\n") == 1
    assert not (tmp_path / "report").exists()


def test_a_truth_without_anybody_is_refused(tmp_path, capsys):
    rng = np.random.default_rng(0)
    empty = write(tmp_path / "empty.mp4", [np.full((192, 192, 3), 120 + rng.integers(3), np.uint8)] * 4)
    assert main(["score", str(empty), "--truth", str(empty), "-o", str(tmp_path / "report")]) == 2
    assert "Nobody was found" in capsys.readouterr().err


def test_a_missing_video_is_refused(truth, tmp_path, capsys):
    assert main(["score", str(tmp_path / "no.mp4"), "--truth", str(truth), "-o", str(tmp_path / "report")]) == 2
    assert "no.mp4" in capsys.readouterr().err


def test_the_benchmark_runs_from_one_command_to_the_report(truth, tmp_path, monkeypatch, capsys):
    shrink_presets(monkeypatch)
    suite = tmp_path / "suite" / "somebody"
    suite.mkdir(parents=True)
    for name in ("reference", "truth"):
        shutil.copy(write_clip(tmp_path / "clip.mp4", force=True), suite / f"{name}.mp4")
    where = tmp_path / "report"
    arguments = ["benchmark", "--suite", str(suite.parent), "--baselines", "nearest", "--steps", "2", "--no-faces"]
    assert main([*arguments, "--preset", "tiny", "-o", str(where)]) == 0
    report = Report.load(where)
    assert [(row.method, row.clip, row.frames) for row in report.rows] == [
        ("perfclone", "somebody", 30), ("nearest", "somebody", 30),
    ]  # fmt: skip
    assert report.rows[1].values["psnr"]["whole"].mean > report.rows[0].values["psnr"]["whole"].mean
    assert len(report.settings["suite"]["sha256"]) == 64 and report.cost["stages"]
    assert (where / "report.html").stat().st_size and "somebody" in (where / "report.md").read_text()
    with pytest.raises(SystemExit):
        main([*arguments, "--baselines", "magic", "-o", str(tmp_path / "other")])
    assert "magic" in capsys.readouterr().err

"""`eval compare`: planted differences are found, equal ones are not, and what cannot be compared is refused."""

import argparse
import copy
import math

import numpy as np
import pytest

from eval.commands import compare as command
from eval.report.comparison import compare
from eval.results import Interval, Report, Row
from eval.statistics.paired import CEILING, differences, judge
from perfclone.errors import UserError

FRAMES = 120


def make(method="perfclone", seed=0, **shifts):
    """A report of one clip; the two reports share their hard frames, and differ by noise and the shifts."""
    hard = np.random.default_rng(9).normal(size=FRAMES)
    rng = np.random.default_rng(seed)
    row = Row(method, "walk", FRAMES, 25.0)
    for name, mean, spread in (("st_lpips_alex", 0.06, 0.02), ("psnr", 27.0, 3.0), ("ssim", 0.9, 0.02)):
        values = mean + spread * hard + 0.05 * spread * rng.normal(size=FRAMES) + shifts.get(name, 0.0)
        row.series[name] = {"whole": values.tolist()}
        row.values[name] = {"whole": Interval(float(values.mean()), n=FRAMES)}
    row.values["fid"] = {"whole": Interval(12.0 + shifts.get("fid", 0.0), n=FRAMES)}
    row.values["lag"] = {"whole": Interval(0.0, n=FRAMES)}
    return Report("benchmark", {"suite_hash": "abc", "minutes": 5}, rows=[row])


def verdicts(a, b):
    return {each.metric: each.verdict for each in differences(a.rows[0], b.rows[0])}


def test_planted_differences_are_found_and_equal_ones_are_not():
    found = verdicts(make(), make(seed=1, st_lpips_alex=-0.002, psnr=-0.4, fid=-3.0))
    assert found == {
        "st_lpips_alex": "better", "psnr": "worse", "ssim": "no difference shown", "fid": "not judged",
        "lag": "not judged",
    }  # fmt: skip


def test_pairing_shows_what_the_means_alone_would_hide():
    a, b = make(), make(seed=1, st_lpips_alex=-0.002)
    change = next(each for each in differences(a.rows[0], b.rows[0]) if each.metric == "st_lpips_alex").change
    spread = np.std(a.rows[0].series["st_lpips_alex"]["whole"]) / math.sqrt(FRAMES)
    assert change.low < -0.002 < change.high < 0 and change.high - change.low < spread


def test_a_report_does_not_differ_from_itself():
    assert set(verdicts(make(), make()).values()) == {"no difference shown", "not judged"}


@pytest.mark.parametrize(
    ("name", "low", "high", "verdict"),
    [
        ("psnr", 0.1, 0.2, "better"), ("psnr", -0.2, -0.1, "worse"), ("psnr", 0.0, 0.2, "no difference shown"),
        ("fid", 0.1, 0.2, "worse"), ("fid", -0.2, -0.1, "better"), ("lag", 1.0, 2.0, "not judged"),
        ("fid", None, None, "not judged"), ("unheard_of", 1.0, 2.0, "not judged"),
    ],
)  # fmt: skip
def test_verdicts(name, low, high, verdict):
    assert judge(name, Interval(0.0, low, high)) == verdict


def test_missing_frames_are_left_out_in_pairs_and_infinite_ones_count_as_the_ceiling():
    a, b = make(), make()
    one, two = (each.rows[0].series["psnr"]["whole"] for each in (a, b))
    one[0], two[1], one[2], two[2], two[3] = None, math.nan, math.inf, math.inf, math.inf
    found = next(each for each in differences(a.rows[0], b.rows[0]) if each.metric == "psnr")
    assert found.change.n == FRAMES - 2
    assert found.change.mean == pytest.approx((CEILING - one[3]) / (FRAMES - 2))


def test_the_text_has_values_intervals_and_verdicts():
    text = compare(make(), make(seed=1, psnr=-0.4), ("old", "new"))
    assert text.startswith("# new against old\n\nBetter: 0, worse: 1, no difference shown: 2, of 3 judged.")
    assert "## walk: perfclone" in text and "| Metric | old | new | Difference | Verdict | N |" in text
    line = next(line for line in text.splitlines() if "PSNR" in line)
    assert "| -0.4" in line and "[-0." in line and line.endswith("| **worse** | 120 |")
    assert text == compare(make(), make(seed=1, psnr=-0.4), ("old", "new"))


def test_the_only_methods_are_compared_whatever_they_are_called():
    assert "walk: b against a" in compare(make("a"), make("b"))
    two = make("a")
    two.rows += make("c").rows
    with pytest.raises(UserError, match=r"no method in common \(a and c in one, b in the other\)"):
        compare(two, make("b"))


def change(report, **changes):
    report = copy.deepcopy(report)
    for name, value in changes.items():
        setattr(report.rows[0] if hasattr(report.rows[0], name) else report, name, value)
    return report


@pytest.mark.parametrize(
    ("other", "words"),
    [
        ({"settings": {"suite_hash": "xyz"}}, r"suite_hash \(abc and xyz\)"),
        ({"settings": {}}, r"suite_hash \(abc and none\)"),
        ({"kind": "actor"}, r"kind \(benchmark and actor\)"),
        ({"clip": "run"}, r"clip run \(only in one\), clip walk \(only in one\)"),
        ({"frames": 90}, r"frames of clip walk \(120 and 90\)"),
        ({"fps": 30.0}, r"fps of clip walk \(25 and 30\)"),
    ],
)
def test_reports_of_different_things_are_refused(other, words):
    with pytest.raises(UserError, match=words):
        compare(make(), change(make(), **other))


def test_of_two_suites_only_what_differs_is_named():
    suites = [{"kind": "synthetic", "hash": name, "clips": ["walk"]} for name in ("aaa", "bbb")]
    with pytest.raises(UserError, match=r"differ in suite hash \(aaa and bbb\); make"):
        compare(*(change(make(), settings={"suite": suite}) for suite in suites))


def test_settings_of_what_made_a_report_may_differ():
    compare(make(), change(make(), settings={"suite_hash": "abc", "minutes": 10}))


def test_versions_that_differ_are_told():
    a, b = change(make(), versions={"torch": "2.1"}), change(make(), versions={"torch": "2.2"})
    assert "Versions differ: torch (2.1 and 2.2)." in compare(a, b)


def run(*arguments):
    parser = argparse.ArgumentParser()
    command.add(parser.add_subparsers(), argparse.ArgumentParser(add_help=False))
    args = parser.parse_args(["compare", *map(str, arguments)])
    return args.run(args)


def test_the_command_prints_and_writes(tmp_path, capsys):
    for name, seed in (("a", 0), ("b", 1)):
        (tmp_path / name).mkdir()
        make(seed=seed).save(tmp_path / name)
    assert run(tmp_path / "a", tmp_path / "b", "-o", tmp_path / "out") == 0
    printed = capsys.readouterr().out
    assert printed.startswith("# b against a") and (tmp_path / "out" / "compare.md").read_text() == printed
    with pytest.raises(UserError, match="--force"):
        run(tmp_path / "a", tmp_path / "b", "-o", tmp_path / "out")
    assert run(tmp_path / "a", tmp_path / "b", "-o", tmp_path / "out", "--force") == 0
    assert run(tmp_path / "a", tmp_path / "b", "-o", tmp_path / "new" / "folder") == 0
    assert (tmp_path / "new" / "folder" / "compare.md").read_text() == printed
    with pytest.raises(UserError, match="is a file; give a folder"):
        run(tmp_path / "a", tmp_path / "b", "-o", tmp_path / "out" / "compare.md")
    with pytest.raises(FileNotFoundError, match="no report at"):
        run(tmp_path / "a", tmp_path / "gone")

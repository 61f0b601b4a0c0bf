"""Tables of a report: numbers with intervals, the best in bold, the floor of the real video, Markdown and HTML."""

import math
import re
import subprocess
import sys
from pathlib import Path

import pytest
from reported import MEANS, report, row

from eval.report.content import poses_table
from eval.report.table import (
    Cell,
    Table,
    best_of,
    clip_tables,
    escape_markdown,
    floor,
    interval_text,
    metric_label,
    number,
    overview,
    table_html,
    table_markdown,
)
from eval.results import Interval, Report

ROOT = Path(__file__).resolve().parents[1]


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "–"), (math.nan, "–"), (math.inf, "∞"), (-math.inf, "-∞"), (1.23456, "1.235"), (-0.0001, "0.000")],
)
def test_numbers_as_text(value, text):
    assert number(value, 3) == text


def test_an_interval_stands_beside_its_mean():
    assert interval_text(Interval(0.0651, 0.0611, 0.0699, 9), 3) == "0.065 [0.061, 0.070]"
    assert interval_text(Interval(4.2), 2) == "4.20"
    assert interval_text(Interval(math.inf, math.inf, math.inf), 2) == "∞ [∞, ∞]"
    assert interval_text(None, 2) == interval_text(Interval(math.nan, 0, 1), 2) == "–"


def test_arrows_show_the_better_direction():
    assert metric_label("psnr") == "PSNR, dB ↑"
    assert metric_label("st_lpips_alex") == "ST-LPIPS (alex) ↓"
    assert metric_label("lag") == "Lag, frames"
    assert metric_label("something_new") == "something_new"


def test_the_best_is_that_of_the_better_direction_as_shown():
    three = [Interval(1.0), Interval(2.0), None]
    assert best_of("st_lpips_alex", three) == {0}
    assert best_of("psnr", three) == {1}
    assert best_of("psnr", [Interval(2.0), Interval(math.inf), Interval(math.nan)]) == {1}
    assert best_of("psnr", [Interval(2.0), Interval(3.001), Interval(3.0012)]) == {1, 2}
    assert best_of("lag", three) == best_of("psnr", [Interval(1.0), None]) == set()
    assert best_of("psnr", [Interval(1.0), Interval(1.0)]) == set()


def test_whole_frame_and_person_are_apart_with_the_floor_and_n_in_columns():
    whole, person = clip_tables([row("perfclone"), row("nearest", seed=1)])
    assert (whole.title, person.title) == ("Whole frame", "Person region")
    assert whole.head == ("Metric", "perfclone", "nearest", "Real video", "N")
    assert [line[0].text for line in person.rows] == ["ST-LPIPS (alex) ↓", "PSNR, dB ↑", "Lag, frames"]
    lpips, psnr = whole.rows
    assert [cell.best for cell in lpips] == [False, True, False, False, False]
    assert [cell.best for cell in psnr] == [False, False, True, False, False]
    assert (psnr[3].text, psnr[4].text) == ("40.00", "40") and person.rows[1][3].text == "–"
    assert re.fullmatch(r"27\.\d\d \[\d\d\.\d\d, \d\d\.\d\d\]", psnr[1].text)


def test_the_real_video_is_a_floor_and_no_competitor():
    rows = [row("perfclone"), row("real", means=(0.0, 50.0))]
    table = clip_tables(rows)[0]
    assert table.head == ("Metric", "perfclone", "Real video", "N")
    assert floor(rows, "psnr", "whole") == pytest.approx(50, abs=0.5)
    assert not any(cell.best for line in table.rows for cell in line)


def test_n_is_a_range_where_methods_differ():
    short = row("nearest")
    short.values["psnr"]["whole"] = Interval(20.0, n=12)
    assert clip_tables([row("perfclone"), short])[0].rows[1][-1].text == "12–40"


def test_the_overview_means_over_clips_only_where_all_methods_have_all():
    rows = [row(method, clip, means=(0.1 * n, 20.0 * n)) for n, clip in ((1, "a"), (3, "b")) for method in MEANS]
    whole = overview(report(*rows))[0]
    assert whole.rows[1][1].text == "40.00" or abs(float(whole.rows[1][1].text) - 40) < 0.3
    assert whole.rows[1][-1].text == "2" and whole.rows[1][-2].text == "40.00"
    assert overview(report(*rows[:3])) == overview(report(*rows[:2])) == []


def test_markdown_shows_plain_text_as_it_stands():
    escaped = escape_markdown("a|b\n*c* _d_ <e> [f](g) `h`")
    assert escaped == r"a\|b \*c\* \_d\_ &lt;e&gt; [f]\(g) \`h\`"
    table = Table("", ("Metric", "a|b"), ((Cell("x"), Cell("1.0 [0.5, 1.5]", best=True)),))
    assert table_markdown(table).splitlines() == [r"| Metric | a\|b |", "| --- | ---: |", "| x | **1.0** [0.5, 1.5] |"]


def test_html_tables_escape_and_mark_the_best():
    text = table_html(Table("<t>", ("<h>",), ((Cell("<a>"), Cell("1.0 [0.5, 1.5]", best=True), Cell("a [b, c]")),)))
    assert "&lt;t&gt;" in text and "&lt;h&gt;" in text and "&lt;a&gt;" in text
    assert "<td><strong>1.0</strong> <small>[0.5, 1.5]</small></td><td>a [b, c]</td>" in text


def test_how_well_the_poses_were_found_stands_in_a_table_by_group():
    told = {"pck_0.1": 0.5, "pck_0.2": 1.0, "median_error": None, "joints": 8}
    made = Report("benchmark", {})
    assert poses_table(made) is None
    made.poses = {"extractor": "blazepose", "videos": 1, "frames": 4, "found": 0.75, "groups": {"hands": told}}
    text = table_markdown(poses_table(made))
    assert "| hands | 0.5000 | 1.0000 | – | 8 |" in text and "75.0% of 4 frames" in poses_table(made).title


def test_importing_the_tables_loads_nothing_heavy():
    heavy = {"numpy", "cv2", "torch", "matplotlib"}
    code = f"import sys, eval.commands.compare, eval.report; print({heavy} & set(sys.modules))"
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert run.stdout.strip() == "set()", run.stderr

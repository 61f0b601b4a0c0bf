"""Words and plots of a report: the headline, notes, drift, and a line for each method."""

import math
import re

from reported import Page, report, row

from eval.report.plots import plots
from eval.report.words import drift_sentence, headline, notes
from eval.results import Report, Row, Slope


def test_the_drift_sentence():
    assert drift_sentence("fid", Slope(0.001, -0.002, 0.004)) == "no drift: +0.00 a minute, interval [0.00, 0.00]"
    assert drift_sentence("kid", Slope(0.001, -0.002, 0.004)) == "no drift: +0.001 a minute, interval [-0.002, 0.004]"
    assert drift_sentence("psnr", Slope(-2, -3, -1)).startswith("drifts for the worse: -2.00 dB a minute")
    assert drift_sentence("psnr", Slope(2, 1, 3)).startswith("drifts for the better: +2.00 dB")
    assert drift_sentence("kid", Slope(2, 1, 3)).startswith("drifts for the worse: +2.000")


def test_the_headline_says_what_is_better_and_where_it_falls_short():
    told = headline(report(row("perfclone", slope=-0.2), row("nearest", seed=1)))
    assert told[0] == "perfclone was compared with nearest on 1 clip, 40 frames."
    assert "of 4 comparisons, better in 2 and worse in 2; it is worse in PSNR (whole frame, person region)." in told[1]
    assert told[2] == "It falls short of the real video in PSNR (whole frame)."
    assert told[3] == "It drifts for the worse in PSNR (whole frame, person region)."


def test_the_headline_of_one_method_alone_and_of_none():
    told = headline(report(row("clip", means=(0.06, 50.0))))
    assert told[0] == "clip was scored beside the truth on 1 clip, 40 frames."
    assert (
        told[1]
        == "ST-LPIPS (alex) to the truth is 0.060 in the whole frame and 0.060 in the person region (0 is equal)."
    )
    assert told[2] == "No drift for the worse is shown, from the first frame to the last."
    assert headline(Report("score", {})) == ["Nothing was scored."]


def test_notes_are_told_once():
    one, two = row("perfclone"), row("nearest")
    one.notes, two.notes = ["For all.", "Mine."], ["For all."]
    assert notes([one, two]) == ["For all.", "perfclone: Mine."]


def test_plots_are_the_same_each_time_and_take_the_pages_colour():
    rows = [row("perfclone", slope=-0.2), row("a<b$c$", seed=1, means=(0.09, 29.0))]
    first, again = (plots(rows, "0-") for _ in range(2))
    assert [plot.svg for plot in first] == [plot.svg for plot in again]
    assert [plot.title for plot in first] == ["ST-LPIPS (alex) ↓", "PSNR, dB ↑"]
    psnr = first[1]
    assert "perfclone, whole frame: drifts for the worse" in psnr.sentences[0] and len(psnr.sentences) == 4
    assert "currentColor" in psnr.svg and "a&lt;b$c$" in psnr.svg
    assert "http" not in psnr.svg and "#010203" not in psnr.svg and not re.search(r"20\d\d-\d\d-\d\d", psnr.svg)
    Page(psnr.svg)


def test_gaps_and_infinite_values_do_not_break_a_plot():
    gappy = Row("a", "c", 4, 25.0, series={"psnr": {"whole": [None, math.inf, 3.0, None], "person": [None] * 4}})
    assert "<path" in plots([gappy])[0].svg


def test_long_series_are_thinned():
    long = Row("a", "c", 30_000, 25.0, series={"psnr": {"whole": [20.0 + t % 7 for t in range(30_000)]}})
    assert len(plots([long])[0].svg) < 40_000

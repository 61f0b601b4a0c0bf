"""The report for people: tables, words, plots, pictures and the page; from a small report with drawn frames."""

import json
import math
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from eval.report import write_report
from eval.report.cost import Cost
from eval.report.pictures import (
    AMPLIFIED,
    SHEET_HEIGHT,
    Instant,
    clock,
    columns,
    difference_picture,
    make_pictures,
    read_instants,
    worst_frames,
)
from eval.report.plots import plots
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
from eval.report.words import drift_sentence, headline, notes
from eval.results import Interval, Report, Row, Slope
from eval.statistics.intervals import block_bootstrap, drift
from perfclone.pose import KEYPOINTS, PoseSequence
from perfclone.video import VideoReader, VideoWriter, probe

ROOT = Path(__file__).resolve().parents[1]
FRAMES, FPS = 40, 20.0
HOSTILE = '<script>alert("1")</script> | *a* [x](http://evil.example) & `b`'
#: Mean of each method: lower is better, higher is better, and one without a direction.
MEANS = {"perfclone": (0.06, 27.0), "nearest": (0.09, 29.0)}


def row(method, clip="walk", seed=0, means=None, slope=0.0):
    """A row with noise of a hundredth around its means, and of PSNR with a slope a frame."""
    rng = np.random.default_rng(seed)
    made = Row(method, clip, FRAMES, FPS)
    for name, mean in zip(("st_lpips_alex", "psnr"), means or MEANS[method]):
        for region in ("whole", "person"):
            values = (mean * (1 + 0.01 * rng.normal(size=FRAMES))).tolist()
            if name == "psnr":
                values = [value + slope * t for t, value in enumerate(values)]
            made.series.setdefault(name, {})[region] = values
            made.values.setdefault(name, {})[region] = block_bootstrap(values, 0)
            made.drift.setdefault(name, {})[region] = drift(values, FPS)
    made.values["lag"] = {"person": Interval(1.0, n=FRAMES)}
    made.floors = {"psnr/whole": 40.0}
    return made


def report(*rows, **settings):
    return Report("benchmark", settings, rows=list(rows) or [row("perfclone"), row("nearest", seed=1)])


def instants(count=FRAMES, size=(48, 64), truth=True, driving=True):
    """A square that walks; the output is dimmer than the truth by ten levels."""
    for t in range(count):
        real = np.full((*size, 3), 100, np.uint8)
        real[10:30, t : t + 12] = (200, 60, 60)
        yield Instant(
            t, t / FPS, real - 10, real[:, ::-1] if driving else None, np.zeros_like(real), real if truth else None
        )


class Page(HTMLParser):
    """A page as a strict reader sees it: what is open, what is loaded, and all the words."""

    VOID = {"meta", "img", "br", "hr", "link", "input"}

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.open, self.loads, self.ids, self.words, self.tags = [], [], [], [], []
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attrs, closed=False):
        self.tags.append(tag)
        attrs = dict(attrs)
        self.ids += [attrs["id"]] if "id" in attrs else []
        names = ("src", "poster", "data", "srcset") + (("href",) if tag in ("link", "use", "image") else ())
        self.loads += [attrs[name] for name in names if name in attrs]
        self.loads += re.findall(r"url\(([^)]*)\)", attrs.get("style") or "")
        if tag not in self.VOID and not closed:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs, closed=True)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """A report with pictures of one row, written once."""
    folder = tmp_path_factory.mktemp("report")
    rows = [row("perfclone", HOSTILE), row("nearest", HOSTILE, seed=1)]
    made = report(*rows, suite="synthetic", note=HOSTILE)
    made.cost = Cost({"poses": 0.02, "generator": 0.04}, FPS, 10.0).to_dict()
    made.machine = {"processor": HOSTILE}
    write_report(made, folder, {("perfclone", HOSTILE): instants()})
    return folder, made


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


def test_the_difference_is_amplified_and_black_where_equal():
    grey = np.full((4, 4, 3), 100, np.uint8)
    equal, ten, far = (difference_picture(grey + step, grey) for step in (np.uint8(0), np.uint8(10), np.uint8(100)))
    assert equal.max() < 6 and equal.sum() < ten.sum() < far.sum()
    assert (far == difference_picture(grey + np.uint8(-(-255 // AMPLIFIED)), grey)).all()
    assert (difference_picture(grey, grey + np.uint8(10)) == ten).all()


def test_an_instant_shows_only_what_it_has():
    full, bare = next(instants()), next(instants(truth=False, driving=False))
    assert list(columns(full)) == ["driving", "pose", "output", "truth", f"difference x {AMPLIFIED}"]
    assert list(columns(bare)) == ["pose", "output"]


def test_the_worst_frames_come_worst_first():
    made = row("perfclone")
    made.series["st_lpips_alex"]["whole"] = [None, *[0.01 * (t % 20) for t in range(1, FRAMES)]]
    name, worst = worst_frames(made)
    assert name == "st_lpips_alex" and list(worst) == [19, 39, 18, 38, 17, 37, 16, 36, 15, 35]
    assert worst[19] == pytest.approx(0.19)
    assert worst_frames(Row("a", "b", 3, 25.0)) == ("", {})


def test_pictures_have_their_columns_sizes_and_frames(tmp_path):
    made = row("perfclone")
    files = make_pictures(instants(), made, tmp_path, "walk")
    assert files == {"sheet": "walk-sheet.jpg", "worst": "walk-worst.jpg", "video": "walk.mp4"}
    assert {path.name for path in tmp_path.iterdir()} == set(files.values())
    assert all((tmp_path / name).stat().st_size < 1_000_000 for name in files.values())
    wide = 2 * round(64 * SHEET_HEIGHT / 48 / 2)
    with Image.open(tmp_path / files["sheet"]) as sheet:
        assert 5 * wide < sheet.width < 6 * wide and 6 * SHEET_HEIGHT < sheet.height < 7 * SHEET_HEIGHT
    info = probe(tmp_path / files["video"])
    assert (info.frames, info.width) == (FRAMES, 4 * 64) and info.height == 48 + 26
    assert info.fps == pytest.approx(FPS)


def test_the_video_shows_the_panels_side_by_side(tmp_path):
    make_pictures(instants(), row("perfclone"), tmp_path, "walk")
    with VideoReader(tmp_path / "walk.mp4") as reader:
        last = list(reader)[-1].pixels
    panels = np.split(last[26:], 4, axis=1)
    corner = [panel[40:, :10].mean() for panel in panels]
    assert corner == pytest.approx([100, 0, 90, 100], abs=4)
    assert last[:26].mean() > 200


def test_the_gallery_begins_with_the_worst(tmp_path):
    levels = [10, 200, 90, 240, 40, 120]
    stream = (Instant(t, t / FPS, np.full((48, 64, 3), level, np.uint8)) for t, level in enumerate(levels))
    made = Row("a", "b", 6, FPS, series={"lpips_alex": {"whole": [float(level) for level in levels]}})
    with Image.open(tmp_path / make_pictures(stream, made, tmp_path, "grey")["worst"]) as picture:
        grey = np.asarray(picture.convert("L")).astype(int)
    tiles = grey[30, np.arange(5) * grey.shape[1] // 5 + 30]
    assert tiles.tolist() == pytest.approx([240, 200, 120, 90, 40], abs=2)


def test_big_noisy_pictures_stay_below_a_megabyte(tmp_path):
    rng = np.random.default_rng(0)
    noise = [rng.integers(0, 255, (270, 480, 3), np.uint8) for _ in range(3)]
    stream = (Instant(t, t / FPS, noise[t % 3], noise[t % 2], noise[0], noise[2]) for t in range(12))
    made = Row("a", "b", 12, FPS, series={"lpips_alex": {"whole": [0.1] * 12}})
    files = make_pictures(stream, made, tmp_path, "noise")
    assert max((tmp_path / files[kind]).stat().st_size for kind in ("sheet", "worst")) < 1_000_000


def test_frames_are_not_kept(tmp_path):
    """Of a stream of frames no more than a few are alive at once."""
    import weakref

    alive, most = weakref.WeakSet(), 0

    class Watched(np.ndarray):
        def __hash__(self):
            return id(self)

    def stream():
        nonlocal most
        for instant in instants(60, truth=False, driving=False):
            watched = instant.output.copy().view(Watched)
            alive.add(watched)
            most = max(most, len(alive))
            yield Instant(instant.index, instant.time, watched)

    make_pictures(stream(), Row("a", "b", 60, FPS), tmp_path, "long")
    assert most <= 3


def test_videos_are_read_in_step_with_drawn_poses(tmp_path):
    for name, level in (("output", 40), ("truth", 120)):
        with VideoWriter(tmp_path / f"{name}.mp4", rate=FPS, crf=4) as writer:
            for _ in range(5):
                writer.write(np.full((32, 48, 3), level, np.uint8))
    points = np.random.default_rng(0).uniform(5, 28, (5, len(KEYPOINTS), 2)).astype(np.float32)
    poses = PoseSequence(points, np.ones(points.shape[:2], np.float32), np.arange(5) / FPS, (48, 32))
    read = list(read_instants(tmp_path / "output.mp4", tmp_path / "truth.mp4", poses=poses))
    assert [instant.index for instant in read] == list(range(5)) and read[4].time == pytest.approx(4 / FPS)
    assert read[0].driving is None and read[0].pose.shape == (32, 48, 3) and read[0].pose.max() > 100
    assert [round(float(each.mean()), -1) for each in (read[2].output, read[2].truth)] == [40, 120]


def test_clock():
    assert [clock(seconds) for seconds in (0, 4.2, 59.999, 64.25)] == ["0:00.00", "0:04.20", "1:00.00", "1:04.25"]


def test_the_files_of_a_report(written):
    folder, made = written
    names = {path.name for path in folder.iterdir()}
    assert names == {"report.json", "report.md", "report.html", *made.rows[0].files.values()}
    assert Report.load(folder).rows[0].files == made.rows[0].files and not made.rows[1].files
    assert all(re.fullmatch(r"[A-Za-z0-9_.-]+", name) for name in names)


def test_the_page_is_well_formed_and_loads_nothing_from_elsewhere(written):
    page = Page((written[0] / "report.html").read_text())
    assert not {"script", "link", "iframe", "object"} & set(page.tags)
    assert page.loads and all(
        load.startswith(("data:image/jpeg;base64,", "#")) or load.endswith(".mp4") for load in page.loads
    )
    assert sum(load.endswith(".mp4") for load in page.loads) == 1
    assert len(page.ids) == len(set(page.ids))
    assert "@import" not in "".join(page.words) and "://" not in "".join(page.words).replace(HOSTILE, "")


def test_hostile_names_are_shown_as_they_stand(written):
    folder, _ = written
    text = (folder / "report.html").read_text()
    assert "<script" not in text and HOSTILE in "".join(Page(text).words)
    lines = (folder / "report.md").read_text()
    assert "<script" not in lines and "](http" not in lines and " | *a" not in lines


def test_the_same_report_gives_the_same_bytes(written):
    folder, _ = written
    before = {name: (folder / name).read_bytes() for name in ("report.json", "report.md", "report.html")}
    write_report(Report.load(folder), folder)
    assert {name: (folder / name).read_bytes() for name in before} == before


def test_files_outside_the_folder_are_not_embedded(tmp_path):
    secret = tmp_path / "secret.jpg"
    Image.new("RGB", (8, 8)).save(secret)
    made = report()
    made.rows[0].files = {"sheet": "../secret.jpg", "video": str(secret), "worst": "gone.jpg"}
    text = write_report(made, tmp_path / "report").read_text()
    assert "<img" not in text and "<video" not in text


def test_two_clips_whose_names_look_alike_get_files_of_their_own(tmp_path):
    rows = [row("perfclone", clip) for clip in ("a b", "a/b")]
    write_report(report(*rows), tmp_path, {("perfclone", each.clip): instants() for each in rows})
    assert rows[0].files["video"] != rows[1].files["video"]


def test_a_report_with_next_to_nothing_is_written_too(tmp_path):
    made = Report("score", {}, rows=[Row("a", "b", 2, 25.0, values={"psnr": {"whole": Interval(math.inf, n=2)}})])
    page = Page(write_report(made, tmp_path).read_text())
    assert "∞" in page.words and "Cost" not in page.words
    assert "| PSNR, dB ↑ | ∞ | – | 2 |" in (tmp_path / "report.md").read_text()
    assert json.loads((tmp_path / "report.json").read_text())["rows"][0]["values"]["psnr"]["whole"]["mean"] == "inf"


def test_the_cost_worked_by_hand():
    cost = Cost({"poses": 0.04, "generator": 0.06}, 30.0, 20.0, 6.0, 10.0, 2.0, 1.3)
    assert cost.seconds_per_minute == pytest.approx(180)  # 0.1 s x 30 x 60
    assert cost.per_minute == pytest.approx(0.3)  # 180 / 3600 x 6
    assert cost.training == pytest.approx(2.0)  # 20 / 60 x 6
    assert cost.per_month == pytest.approx(6.0)  # 0.3 x 10 x 2
    assert cost.break_even == 1  # 2.0 / ((1.3 - 0.3) x 2) = 1 exactly
    assert Cost.from_dict({**cost.to_dict(), "stages": cost.stages, "training_minutes": 21.0}).break_even == 2
    assert Cost.from_dict(json.loads(json.dumps(cost.to_dict()))) == cost


def test_the_cost_says_nothing_of_money_without_a_price():
    told = " ".join(Cost({"all": 0.1}, 30.0, 20.0, None, 10.0, 2.0, 1.3).sentences())
    assert "3 min of work" in told and "20 min, once" in told and "cost" not in told and "paid" not in told
    assert Cost().sentences() == []


@pytest.mark.parametrize(
    ("alternative", "words"),
    [
        (1.3, "paid for itself after 1 video of 2 min (in the first month), at 1.30 a minute otherwise"),
        (0.31, "after 100 videos of 2 min (10 months)"),
        (0.3, "never pays for itself"),
        (0.1, "never pays for itself"),
    ],
)
def test_the_cost_says_when_training_pays(alternative, words):
    assert words in Cost({"all": 0.1}, 30.0, 20.0, 6.0, 10.0, 2.0, alternative).sentences()[-1]


@pytest.mark.parametrize("wrong", [{"price_per_hour": -1.0}, {"fps": 0.0}, {"stages": {"a": math.nan}}])
def test_impossible_costs_are_refused(wrong):
    with pytest.raises(ValueError, match="finite and not negative"):
        Cost(**wrong)


def test_importing_the_tables_loads_nothing_heavy():
    heavy = {"numpy", "cv2", "torch", "matplotlib"}
    code = f"import sys, eval.commands.compare, eval.report; print({heavy} & set(sys.modules))"
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert run.stdout.strip() == "set()", run.stderr


def test_how_well_the_poses_were_found_stands_in_a_table_by_group(tmp_path):
    from eval.report.content import poses_table
    from eval.report.table import table_markdown

    told = {"pck_0.1": 0.5, "pck_0.2": 1.0, "median_error": None, "joints": 8}
    made = Report("benchmark", {})
    assert poses_table(made) is None
    made.poses = {"extractor": "blazepose", "videos": 1, "frames": 4, "found": 0.75, "groups": {"hands": told}}
    text = table_markdown(poses_table(made))
    assert "| hands | 0.5000 | 1.0000 | – | 8 |" in text and "75.0% of 4 frames" in poses_table(made).title

"""The report's files: whole, well formed, the same every time, and safe whatever the names in them are."""

import json
import math
import re

import pytest
from PIL import Image
from reported import FPS, Page, instants, report, row

from eval.report import write_report
from eval.report.cost import Cost
from eval.results import Interval, Report, Row

HOSTILE = '<script>alert("1")</script> | *a* [x](http://evil.example) & `b`'


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

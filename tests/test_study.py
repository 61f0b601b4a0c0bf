"""The blind study: its plan, its page, its command, and what cannot be compared."""

import argparse
import json
import random
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from studied import COLOURS, answer_file, content, make, report

from eval.commands.study import add
from eval.results import Report, Row
from eval.study import StudyOptions
from eval.study.plan import arrange, choose_excerpts
from eval.study.sources import SharedClip
from perfclone.errors import UserError
from perfclone.video import VideoReader, VideoWriter


def test_excerpts_are_spread_over_clips_and_never_overlap():
    clips = [SharedClip("a", Path("a"), Path("b"), 100, 10.0), SharedClip("b", Path("a"), Path("b"), 25, 10.0)]
    for seed in range(20):
        excerpts = choose_excerpts(clips, 6, 2.0, random.Random(seed))
        assert [e.clip.name for e in excerpts] == ["a"] * 5 + ["b"]
        assert all(e.frames == 20 and 0 <= e.start <= e.clip.frames - 20 for e in excerpts)
        starts = [e.start for e in excerpts if e.clip.name == "a"]
        assert all(later - earlier >= 20 for earlier, later in zip(starts, starts[1:]))
    (short,) = choose_excerpts([SharedClip("c", Path("a"), Path("b"), 5, 10.0)], 6, 2.0, random.Random(0))
    assert (short.start, short.frames) == (0, 5)


@pytest.mark.parametrize("count", [1, 2, 7, 12])
def test_sides_are_balanced_and_the_checks_are_what_they_should_be(count):
    excerpts = choose_excerpts([SharedClip("a", Path("a"), Path("b"), 1000, 10.0)], count, 1.0, random.Random(0))
    left = {excerpt: 0 for excerpt in excerpts}
    for seed in range(200):
        shown = arrange(excerpts, random.Random(seed))
        pairs = [pair for pair in shown if pair.kind == "pair"]
        assert len(shown) == count + 2 == len({pair.id for pair in shown})
        assert {pair.excerpt for pair in pairs} == set(excerpts)
        assert all({pair.left, pair.right} == {"a", "b"} for pair in pairs)
        assert abs(sum(1 if pair.left == "a" else -1 for pair in pairs)) == count % 2
        (same,) = [pair for pair in shown if pair.kind == "same"]
        (repeat,) = [pair for pair in shown if pair.kind == "repeat"]
        (first,) = [pair for pair in shown if pair.id == repeat.of]
        assert same.left == same.right
        assert (repeat.excerpt, repeat.left, repeat.right) == (first.excerpt, first.right, first.left)
        assert shown.index(repeat) - shown.index(first) >= max(1, count // 6)
        for pair in pairs:
            left[pair.excerpt] += pair.left == "a"
    assert all(65 <= times <= 135 for times in left.values())  # 100 expected; 5 standard deviations


class Tags(HTMLParser):
    """Open and close tags, and every address in an attribute."""

    def __init__(self):
        super().__init__()
        self.open, self.addresses = [], []

    def handle_starttag(self, tag, attributes):
        if tag not in {"meta", "input"}:
            self.open.append(tag)
        self.addresses += [value for name, value in attributes if name in {"src", "href", "srcset", "action"}]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_the_page_is_whole_and_asks_nobody_for_anything(study):
    text = study.page.read_text()
    tags = Tags()
    tags.feed(text)
    assert not tags.open and not tags.addresses
    assert "default-src 'none'" in text and not re.search(r"https?://|@import|url\(\s*['\"h]", text)
    assert "Which &lt;one&gt;?" in text and "<one>" not in text
    assert study.pairs == 4 and study.page.stat().st_size < 1e6


def test_the_page_tells_no_method_clip_or_path(study, reports):
    text = study.page.read_text().lower()
    for word in ["zork", "quux", "walkclip", "danceclip", str(reports[0].parent), '"repeat"', '"same"', '"seed"']:
        assert word not in text
    page, key = content(study.page), json.loads(study.key.read_text())
    assert set(page["pairs"][0]) == {"id", "left", "right"} and page["study"] == key["study"]
    assert [pair["id"] for pair in page["pairs"]] == list(key["pairs"]) and list(page["clips"]) == sorted(
        page["clips"]
    )


def test_each_side_shows_the_method_and_moment_that_the_key_says(study, tmp_path):
    import base64

    page, key = content(study.page), json.loads(study.key.read_text())
    for pair in page["pairs"]:
        secret = key["pairs"][pair["id"]]
        for side in ("left", "right"):
            clip = tmp_path / f"{pair[side]}.mp4"
            clip.write_bytes(base64.b64decode(page["clips"][pair[side]].partition(",")[2]))
            with VideoReader(clip) as reader:
                frames = [frame.pixels for frame in reader]
            assert len(frames) == 10 and reader.info.fps == 10 and not reader.info.has_audio
            red, _, blue = frames[0][20:30, 25:40].mean((0, 1))
            assert (key["methods"][secret[side]] == "zorkmethod") == (red > blue)
            assert frames[0][:4].mean() == pytest.approx(20 * secret["start_s"], abs=3)
            assert frames[-1][:4].mean() == pytest.approx(20 * secret["start_s"] + 18, abs=3)


def test_a_seed_gives_the_same_study_again_and_another_seed_another(study, reports, tmp_path):
    again, other = make(reports, tmp_path / "again"), make(reports, tmp_path / "other", seed=1)
    first, second = content(study.page), content(again.page)
    assert list(first.pop("clips")) == list(second.pop("clips"))  # their bytes are x264's
    assert first == second and again.key.read_bytes() == study.key.read_bytes()
    others = [
        other,
        make(reports, tmp_path / "asked", question="Which two?"),
        make(reports[::-1], tmp_path / "turned"),
    ]
    assert len({content(each.page)["study"] for each in [study, *others]}) == 4


def test_a_page_that_would_be_too_large_is_coded_smaller_or_refused(tmp_path):
    folders = []
    for method in COLOURS:
        folders.append(tmp_path / method)
        folders[-1].mkdir()
        with VideoWriter(folders[-1] / "noise.mp4", rate=10, crf=10) as writer:
            for _ in range(20):
                writer.write(np.random.randint(0, 256, (96, 128, 3), np.uint8))
        Report("score", {}, rows=[Row(method, "walkclip", 20, 10.0, files={"output": "noise.mp4"})]).save(folders[-1])
    free = make(folders, tmp_path / "free")
    size = free.page.stat().st_size
    tight = make(folders, tmp_path / "tight", megabytes=0.8 * size / 1e6)
    codings = [json.loads(each.key.read_text())["coding"] for each in (free, tight)]
    assert codings[0] == [720, 18] and codings[1][1] > 18 and tight.page.stat().st_size < 0.8 * size
    with pytest.raises(UserError, match=r"2 pairs do not fit into 0\.06 MB; lower --pairs or --seconds"):
        make(folders, tmp_path / "no", megabytes=0.06)
    assert not (tmp_path / "no").exists()


def test_side_by_side_videos_stand_in_where_there_are_no_outputs(tmp_path, caplog):
    a, b = (report(tmp_path / m, m, {"walkclip": 20}, kind="video") for m in COLOURS)
    assert make((a, b), tmp_path / "s").pairs == 2 and "side-by-side videos are compared" in caplog.text


def test_methods_of_one_report_are_compared_by_name(reports, tmp_path):
    rows = [row for folder in reports for row in Report.load(folder).rows]
    for row in rows:
        row.files = {kind: str(reports[row.method == "quuxmethod"] / name) for kind, name in row.files.items()}
    Report("benchmark", {}, rows=rows).save(tmp_path)
    with pytest.raises(UserError, match="holds 2 methods .quuxmethod, zorkmethod.; choose with --methods"):
        make((tmp_path, tmp_path), tmp_path / "s")
    key = make((tmp_path, tmp_path), tmp_path / "s", methods=("quuxmethod", "zorkmethod")).key
    assert json.loads(key.read_text())["methods"] == {"a": "quuxmethod", "b": "zorkmethod"}
    with pytest.raises(UserError, match="holds no method 'magic'; choose one of quuxmethod, real, zorkmethod"):
        make((tmp_path, tmp_path), tmp_path / "t", methods=("quuxmethod", "magic"))


@pytest.mark.parametrize(
    ("clips", "changes", "sentence"),
    [
        ({"jumpclip": 60}, {}, "no clip in common: .* has danceclip, walkclip; .* has jumpclip"),
        ({"walkclip": 50}, {}, r"videos of walkclip differ in length \(60 and 50 frames\)"),
        ({"walkclip": 60}, {"size": (64, 64)}, r"differ in size \(64x48 and 64x64\)"),
    ],
)
def test_reports_that_do_not_go_together_are_refused(reports, tmp_path, clips, changes, sentence):
    with pytest.raises(UserError, match=sentence):
        make((reports[0], report(tmp_path / "b", "quuxmethod", clips, **changes)), tmp_path / "s")
    assert not (tmp_path / "s").exists()


def test_what_cannot_be_compared_or_written_is_refused(reports, study, tmp_path):
    with pytest.raises(FileNotFoundError, match="no report at"):
        make((reports[0], tmp_path), tmp_path / "s")
    with pytest.raises(UserError, match="Both sides are zorkmethod"):
        make((reports[0], reports[0]), tmp_path / "s")
    with pytest.raises(UserError, match=r"study\.html exists; choose another name or add --force"):
        make(reports, study.page.parent)
    lost = report(tmp_path / "lost", "quuxmethod", {"walkclip": 60})
    (lost / "quuxmethod_walkclip.mp4").unlink()
    with pytest.raises(FileNotFoundError, match="names the video .*, which is not there"):
        make((reports[0], lost), tmp_path / "s")
    Report("score", {}, rows=[Row("quuxmethod", "walkclip", 60, 10.0)]).save(lost)
    with pytest.raises(UserError, match="names no videos of quuxmethod"):
        make((reports[0], lost), tmp_path / "s")


def command(*words) -> int:
    parser = argparse.ArgumentParser()
    add(parser.add_subparsers(), argparse.ArgumentParser(add_help=False))
    args = parser.parse_args(["study", *map(str, words)])
    return args.run(args)


def test_the_command_makes_a_study_and_scores_it(reports, tmp_path, capsys):
    folder = tmp_path / "s"
    assert command(*reports, "-o", folder, "--pairs", 9, "--seconds", 2.5, "--forced") == 0
    assert "room for 3 pairs of 2.5 s" in capsys.readouterr().out and content(folder / "study.html")["forced"]
    answers = answer_file(
        tmp_path / "answers.json", folder / "key.json", lambda pair: "left" if pair["left"] == "a" else "right"
    )
    assert command("--score", answers, "--key", folder / "key.json", "--json", tmp_path / "result.json") == 0
    assert "3 of 3 (100.0 %" in capsys.readouterr().out
    result = json.loads((tmp_path / "result.json").read_text())
    assert result["overall"]["a"] == 3 and result["overall"]["p"] == 0.25 and result["caveat"]
    undecided = answer_file(tmp_path / "none.json", folder / "key.json", lambda pair: "none")
    with pytest.raises(UserError, match="damaged"):
        command("--score", undecided, "--key", folder / "key.json")


def test_a_question_that_asks_nothing_is_refused(reports, tmp_path):
    with pytest.raises(UserError, match="question must ask something, got ' '"):
        command(*reports, "-o", tmp_path / "s", "--question", " ")
    assert not (tmp_path / "s").exists()


@pytest.mark.parametrize("wrong", [{"pairs": 0}, {"seconds": -1.0}, {"megabytes": 0.0}])
def test_impossible_studies_are_refused(wrong):
    with pytest.raises(ValueError, match="must be over 0"):
        StudyOptions("Which?", **wrong)


@pytest.mark.parametrize(
    "words", ["one", "one two", "--score a", "one --score a --key k", "one two -o s --key k", "one two -o s --json r"]
)
def test_half_a_command_is_refused(words):
    with pytest.raises(SystemExit) as stopped:
        command(*words.split())
    assert stopped.value.code == 2

"""Progress that tells the truth: how much is done, how long the rest takes, and no end before the end."""

import io
import logging
import re
import sys
import time

import pytest

from perfclone.progress import counted, titled
from perfclone.terminal.display import LONGEST_GAP, Lines
from perfclone.terminal.pace import Pace, duration
from perfclone.terminal.progress import progress_bar, progress_bars


class Terminal(io.StringIO):
    """What is written to it, where stderr is a terminal."""

    def isatty(self):
        return True


@pytest.fixture
def make_terminal(monkeypatch):
    """Put a terminal in the place of stderr; pytest puts its own there after the fixtures."""

    def make():
        monkeypatch.setattr(sys, "stderr", Terminal())
        return sys.stderr

    return make


def shown(terminal):
    """Everything that was drawn, one drawing a line."""
    return [each.rstrip() for each in re.split(r"[\r\n]+", terminal.getvalue())]


def told(*reports, name="train"):
    """A stage that began at 0 and was told (time, done, total)."""
    stage = Pace(name, 0.0)
    for now, done, total in reports:
        stage.report(done, total, now)
    return stage


def test_minutes_are_counted_down_from_the_first_estimate_on():
    stage, estimates = Pace("train", 0.0), {}
    for now in range(10, 180):  # the first step of a run takes 10 seconds, and all the while the clock runs
        stage.report(now, 180, float(now))
        if (left := stage.left(now + 0.4)) is not None:
            estimates[now] = left
    assert min(estimates) <= 12
    assert all(left == pytest.approx(180 - now - 0.4, abs=0.1) for now, left in estimates.items())


def test_a_resumed_run_knows_what_was_done_before():
    stage = told(*((float(n), 90 + n, 180) for n in range(4)))
    assert stage.left(3.0) == pytest.approx(87)


def test_the_wait_before_the_first_frame_is_not_its_pace():
    stage = told((0.0, 0, 600), *((20 + n / 10, n, 600) for n in range(31)))
    assert stage.left(23.0) == pytest.approx(57, abs=1)


def test_nothing_is_claimed_before_there_is_a_pace():
    assert told().left(9.0) is None
    assert told((0.0, 0, 100)).left(9.0) is None
    assert told((1.0, 1, 100)).left(9.0) is None
    assert told((1.0, 1, 100), (1.2, 2, 100)).left(1.5) is None
    assert told((1.0, 1, 0), (9.0, 2, 0)).left(10.0) is None


def test_the_pace_is_that_of_late():
    fast = [(n / 10, n, 2000) for n in range(1, 1001)]
    slow = [(100.0 + n, 1000 + n, 2000) for n in range(1, 41)]
    assert told(*fast).left(100.0) == pytest.approx(100, rel=0.02)
    assert told(*fast, *slow).left(140.0) == pytest.approx(960, rel=0.05)


def test_an_estimate_counts_down_until_the_next_report_and_grows_where_it_is_overdue():
    stage = told(*((20.0 * n, n, 10) for n in range(1, 4)))
    assert [stage.left(now) for now in (60.0, 70.0, 80.0)] == pytest.approx([140, 130, 120])
    assert 120 < stage.left(100.0) < stage.left(200.0)


def test_what_is_not_over_is_not_shown_as_complete():
    assert told((1.0, 999, 1000)).figures(2.0)[0] == "99%"
    stage = told((1.0, 10, 1000), (100.0, 1000, 1000))
    assert stage.figures(120.0) == ("99%", "2:00", "finishing")
    overdue = told(*((float(n), n, 60) for n in range(10, 60)))  # the last step takes longer than was thought
    assert [overdue.figures(now)[2] for now in (59.0, 60.0, 66.0)] == ["0:01 left", "finishing", "finishing"]
    stage.finished = True
    assert stage.figures(120.0) == ("100%", "2:00", "")
    assert told((1.0, 12, 10), (9.0, 13, 10)).figures(9.0)[0] == "99%"  # more than was expected
    assert told((1.0, 12, 0)).figures(63.0) == ("12", "1:03", "")


def test_durations_read_as_on_a_clock():
    assert [duration(s) for s in (0, 59.6, 67, 3600, 7325)] == [
        "0:00",
        "1:00",
        "1:07",
        "1:00:00",
        "2:02:05",
    ]


def test_each_stage_has_a_bar_of_its_own_unless_it_is_quick(make_terminal):
    terminal = make_terminal()
    with progress_bar("quick") as progress:
        progress(1, 1)
    assert "quick" not in terminal.getvalue()
    with progress_bars() as progress:
        for stage in ("first", "second"):
            for done in (1, 2, 3):
                time.sleep(0.4)
                progress(stage, done, 2)  # more than was expected, as it is with an estimate
            time.sleep(0.4)
    drawn = shown(terminal)
    first, second = (drawn.index(next(d for d in drawn if d.startswith(f"{s}: 100%"))) for s in ("first", "second"))
    assert first < second
    assert any("finishing" in each for each in drawn[:first]) and "finishing" not in drawn[second]
    assert re.search(r"\| 0:0\d$", drawn[second]) and not any(each.startswith("first") for each in drawn[second:])


def test_a_stage_that_begins_anew_gets_a_new_bar(make_terminal):
    terminal = make_terminal()
    with progress_bars() as progress:
        for _ in range(2):
            for done in (1, 2, 3):
                progress("poses", done, 4)
                time.sleep(0.3)
    drawn = shown(terminal)
    assert "poses:  75%" in terminal.getvalue() and sum(d.startswith("poses: 100%") for d in drawn) >= 2
    assert terminal.getvalue().count("\n") == 2


def test_a_job_that_fails_is_not_shown_as_complete(make_terminal):
    terminal = make_terminal()
    with pytest.raises(RuntimeError), progress_bar("clone") as progress:
        for done in (1, 2, 3):
            progress(done, 4)
            time.sleep(0.3)
        raise RuntimeError
    assert "clone:  75%" in terminal.getvalue() and "100%" not in terminal.getvalue()


def test_a_warning_under_a_bar_gets_a_line_of_its_own(make_terminal):
    terminal = make_terminal()
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(levelname)s: %(message)s"))
    logging.getLogger().addHandler(handler)
    try:
        with progress_bar("working") as progress:
            for done in (1, 2, 3):
                time.sleep(0.6)
                progress(done, 4)
            time.sleep(0.3)
            logging.getLogger("perfclone.test").warning("The sound is left out.")
    finally:
        logging.getLogger().removeHandler(handler)
    drawn = shown(terminal)
    assert "WARNING: The sound is left out." in drawn and any("working:  75%" in each for each in drawn)


def test_a_stage_that_tells_nothing_for_long_is_shown_all_the_same(make_terminal):
    terminal = make_terminal()
    with progress_bar("waiting") as progress:
        progress(0, 10)
        time.sleep(1.6)
        assert "waiting:   0%" in terminal.getvalue() and "0:01" in terminal.getvalue()


def test_in_a_log_there_are_few_lines_and_none_for_what_is_quick(capsys):
    with progress_bar("quick") as progress:
        for done in range(5):
            progress(done, 4)
            time.sleep(0.2)
    stage, lines = told((0.0, 0, 600)), Lines()
    for now in range(1, 601):
        stage.report(now, 600, float(now))
        lines.draw(stage, float(now))
    stage.finished = True
    lines.end(stage, 600.0)
    printed = capsys.readouterr().err.splitlines()
    assert printed[0] == "train: 0% after 0:05, 9:55 left" and printed[-1] == "train: 100% after 10:00"
    assert printed[1].startswith("train: 2% after 0:15") and 8 < len(printed) <= 5 + 600 / LONGEST_GAP
    assert "\r" not in "".join(printed)


def test_in_a_log_too_a_silent_stage_is_shown_while_it_lasts(capsys, monkeypatch):
    monkeypatch.setattr("perfclone.terminal.display.FIRST_LINE", 0.3)
    with progress_bar("waiting") as progress:
        progress(0, 10)
        time.sleep(0.8)
        assert "waiting: 0% after 0:0" in capsys.readouterr().err


@pytest.mark.parametrize(("rank", "speaks"), [("0", True), ("1", False)])
def test_of_many_processes_only_the_first_speaks(rank, speaks, make_terminal, monkeypatch):
    terminal = make_terminal()
    monkeypatch.setenv("LOCAL_RANK", rank)
    with progress_bar("train") as progress:
        progress(1, 2)
        time.sleep(0.8)
    assert ("train" in terminal.getvalue()) == speaks


def test_things_are_passed_on_and_told_after_each():
    told = []
    things = counted("abc", lambda *what: told.append(what), "letters", 3)
    assert next(things) == "a" and not told
    assert list(things) == ["b", "c"] and told == [("letters", 1, 3), ("letters", 2, 3), ("letters", 3, 3)]
    assert list(counted("abc", None, "letters", 3)) == ["a", "b", "c"]


def test_a_job_within_a_job_is_told_under_the_outer_name():
    told = []
    titled(lambda *what: told.append(what), "poses of a.mp4")("poses", 2, 5)
    assert told == [("poses of a.mp4", 2, 5)] and titled(None, "poses of a.mp4") is None

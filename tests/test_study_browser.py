"""A blind study answered in a real browser, with keys and with buttons."""

import json
import re
import shutil
from contextlib import contextmanager

import pytest
from studied import make, toward

from eval.study import score

CHROMIUM = shutil.which("chromium")
needs_browser = pytest.mark.skipif(CHROMIUM is None, reason="no chromium here: apt-get install chromium")


@contextmanager
def visitor(address: str):
    """Open a page from the disk in chromium; no console error and no other address may be seen."""
    from playwright.sync_api import sync_playwright

    flags = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=flags)
        page = browser.new_page(viewport={"width": 1366, "height": 768})
        troubles = []
        page.on("console", lambda line: troubles.append(line.text) if line.type == "error" else None)
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.on("request", lambda ask: None if ask.url.startswith((address, "blob:")) else troubles.append(ask.url))
        page.goto(address)
        yield page
        browser.close()
    assert not troubles


def step(page, number: int, key: str) -> None:
    """Wait for a pair to play, and press a key."""
    page.wait_for_function(
        "n => document.getElementById('count').textContent.startsWith(n + ' /') && began !== null"
        " && videos.every((v) => v.currentTime > 0)",
        arg=number,
    )
    page.keyboard.press(key)


@needs_browser
def test_a_participant_answers_with_keys_and_the_right_method_wins(study, tmp_path):
    secret = json.loads(study.key.read_text())["pairs"]
    keys = {"left": "ArrowLeft", "right": "ArrowRight", "none": "ArrowDown"}
    presses = [keys[toward("b")(pair)] for pair in secret.values()]
    with visitor(study.page.as_uri()) as page:
        page.fill("#participant", "Dee ")
        page.keyboard.press("Enter")
        page.wait_for_selector("#stage.ready")
        page.keyboard.press("Enter")  # answers nothing
        step(page, 1, "ArrowLeft")
        step(page, 2, "Backspace")
        page.wait_for_selector(".side[data-choice=left].chosen")
        step(page, 1, " ")
        page.wait_for_function("() => videos.every((v) => v.currentTime > 0.3 && !v.paused)")
        ahead = page.evaluate("videos[0].currentTime - videos[1].currentTime")
        page.wait_for_function("() => videos.every((v) => v.currentTime > 0 && v.currentTime < 0.3)")  # loops
        for number, key in enumerate(presses, 1):
            step(page, number, key)
        page.wait_for_selector("#end", state="visible")
        with page.expect_download() as download:
            page.click("#save")
        download.value.save_as(tmp_path / download.value.suggested_filename)
        page.wait_for_selector("#saved", state="visible")
    saved = json.loads((tmp_path / "answers.json").read_text())
    assert abs(ahead) < 0.15 and saved["participant"] == "Dee" and saved["started"] < saved["finished"]
    assert saved["answers"][0]["replays"] == 1 and all(each["seconds"] > 0 for each in saved["answers"])
    result = score([tmp_path / "answers.json"], study.key)
    assert (result.overall.a, result.overall.b, result.overall.none) == (0, 4, 0)
    assert result.same == {"none": 1, "left": 0, "right": 0} and result.consistent == 1


@needs_browser
def test_a_forced_choice_takes_no_other_and_the_buttons_work(reports, tmp_path):
    made = make(reports, tmp_path / "s", pairs=1, forced=True)
    with visitor(made.page.as_uri()) as page:
        assert "no difference" not in page.inner_text("#intro")
        page.click("#start")
        step(page, 1, "ArrowDown")
        assert page.is_hidden("#none") and page.is_hidden("#back")
        for number in (1, 2, 3):
            step(page, number, "Shift")
            page.click("footer [data-choice=right]")
        page.wait_for_selector("#end", state="visible")
        with page.expect_download() as download:
            page.click("#save")
        download.value.save_as(tmp_path / "answers.json")
    saved = json.loads((tmp_path / "answers.json").read_text())
    assert re.fullmatch("[0-9a-f]{8}", saved["participant"])
    assert [each["choice"] for each in saved["answers"]] == ["right"] * 3
    assert score([tmp_path / "answers.json"], made.key).consistent == 0

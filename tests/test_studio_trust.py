"""Verify, review and evaluate in a real browser: verdicts, decisions and reports, and who may see what."""

import json
import os
import re
import shutil
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from clones import CLIPS, copied, cut, decoded, make, note, write
from records import annas_record

from perfclone.governance import review
from perfclone.governance.consent.revocations import noted
from perfclone.governance.ledger.ledger import Ledger
from studio.phrases import phrases
from studio.review.records import table_of
from studio.tasks.verify import public
from studio.verdict import told

TABS = ("clone", "train", "verify", "review", "evaluate")
HELD, FREE, SHORT = 0xC0FFEE11, 0xC0FFEE12, 0.8


@pytest.fixture(scope="module")
def studio(tmp_path_factory):
    """A studio whose operator made two clones, one of which is held back, and has the consent of a person."""
    from browsing import served

    folder = tmp_path_factory.mktemp("trust")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PERFCLONE_HOME", str(folder / "home"))
        for name, id, clip in (("held", HELD, "driving_ben"), ("free", FREE, "anna_reference")):
            note(make(folder / f"{name}.mp4", cut(clip, SHORT), id), id)
        shutil.copy(folder / "held.mp4", folder / "copy.mp4")
        review.hold(folder / "held.mp4", HELD)
        # As training leaves it: a visitor's actor, with the consent of whom it shows.
        own = folder / "studio" / "actors" / "ab" / "eve"
        own.mkdir(parents=True)
        annas_record().save(own / "consent.json")
    with served(folder) as found:
        yield found


def opened(visit, studio, tab: str, **context):
    page = visit(studio.address, **context)
    page.get_by_role("tab").nth(TABS.index(tab)).click()
    return page


def verified(page, path: Path) -> str:
    """Drop a video, and read the verdict."""
    page.set_input_files("#verify_video input[type=file]", path)
    page.wait_for_selector("#verdict h2", timeout=60_000)
    return page.inner_text("#verdict")


def test_the_verdict_comes_first_and_in_plain_words(studio, visit, tmp_path):
    folder = studio.home.parent
    page = opened(visit, studio, "verify")
    said = verified(page, folder / "free.mp4")
    assert said.startswith("This video was made here, and nothing in it was changed since.")
    assert "anna" in said and "same to the last byte" in said and "What it does not prove" in said
    assert "/" not in page.inner_text("#verdict h2") and str(folder) not in page.content()
    address = page.url
    assert re.search(r"\?job=[\w-]{22}$", address)

    again = visit(address)  # another browser, which has nothing but the address
    again.get_by_role("tab").nth(TABS.index("verify")).click()
    again.wait_for_selector("#verdict h2")
    assert again.inner_text("#verdict h2") == page.inner_text("#verdict h2")


def test_a_foreign_and_a_changed_video_in_japanese(studio, visit, tmp_path):
    page = opened(visit, studio, "verify", locale="ja-JP")
    foreign = copied(CLIPS / "anna_reference.mp4", tmp_path / "foreign.mkv", end=SHORT)
    assert "出どころを示すものが見つかりませんでした" in verified(page, foreign)
    page = opened(visit, studio, "verify", locale="ja-JP")
    changed = write(tmp_path / "changed.mp4", decoded(studio.home.parent / "free.mp4"))
    said = verified(page, changed)
    assert "ここで作られた動画をもとにしています" in said and "誰でもどの動画にも印を入れられます" in said


def test_what_is_no_video_is_said_in_the_tab(studio, visit, tmp_path):
    (tmp_path / "letter.mp4").write_text("Dear all, this is a letter. " * 50)
    page = opened(visit, studio, "verify")
    page.set_input_files("#verify_video input[type=file]", tmp_path / "letter.mp4")
    page.wait_for_selector("#verify_problem p")
    assert "letter.mp4" in page.inner_text("#verify_problem") and "/tmp" not in page.inner_text("#verify_problem")


def test_a_reviewer_watches_approves_and_reads_the_ledger(studio, visit):
    page = opened(visit, studio, "review")
    page.wait_for_selector("#review_queue img")
    stills = page.locator("#review_queue button img")
    assert stills.count() == 2 and "anna" in stills.nth(1).get_attribute("alt")
    stills.nth(1).click()
    page.locator("#review_facts").get_by_text("c0ffee11").wait_for()
    page.wait_for_selector("#review_video video")
    page.wait_for_function("document.querySelector('#review_video video').readyState > 1")
    assert "c0ffee11" in page.inner_text("#review_facts") and "research" in page.inner_text("#review_facts")
    page.fill("#review_note textarea", "Looks right")
    page.click("#review_approve")
    page.get_by_text("c0ffee11 is approved").wait_for()
    page.wait_for_function("document.querySelectorAll('#review_queue button img').length == 1")
    assert (studio.home.parent / "held.mp4").is_file() and not list(studio.home.glob("held/*"))
    page.get_by_text("note Looks right").wait_for()

    page.locator("#review_queue button img").first.click()
    page.locator("#review_facts").get_by_text("c0ffee12").wait_for()
    page.click("#review_reject")
    page.get_by_text("c0ffee12 is refused").wait_for()
    page.get_by_text("Nothing waits.").wait_for()
    page.click("#ledger_check")
    page.get_by_text("The ledger is whole: 4 lines").wait_for()
    page.click("#ledger_export")
    page.get_by_text("ledger.checkpoint").first.wait_for()
    page.fill("#ledger_actor input, #ledger_actor textarea", "nobody")
    page.keyboard.press("Enter")
    page.get_by_text("There is no line to show.").wait_for()
    page.get_by_label("Clones need approval").check()
    settings = studio.home / "settings.json"
    give_up = time.monotonic() + 10
    while not settings.exists() and time.monotonic() < give_up:
        page.wait_for_timeout(100)
    assert json.loads(settings.read_text())["require_approval"] is True


def test_a_consent_is_withdrawn_after_what_it_ends_was_said(studio, visit, monkeypatch):
    page = opened(visit, studio, "review")
    page.get_by_text("Withdraw a person's consent").click()
    page.get_by_label("Whose consent").click()
    page.get_by_role("option").first.click()
    page.get_by_text("It cannot be undone").wait_for()
    assert "eve" in page.inner_text("#withdraw_ends") and "0 clones" in page.inner_text("#withdraw_ends")
    page.click("#withdraw")
    page.get_by_text("Say why in a few words").wait_for()
    page.fill("#withdraw_reason textarea", "She asked by mail")
    page.click("#withdraw")
    page.get_by_text("The consent is withdrawn.").wait_for()
    record = json.loads((studio.home.parent / "studio/actors/ab/eve/consent.json").read_text())
    assert record["revoked"]["reason"] == "She asked by mail"
    monkeypatch.setenv("PERFCLONE_HOME", str(studio.home))
    assert noted(record["id"]) and list(Ledger().entries())[-1].event == "revoke"


def test_two_videos_are_judged_and_the_report_is_inside(studio, visit, tmp_path):
    frames = cut("driving_ben", SHORT / 2)
    truth, good = write(tmp_path / "truth.mp4", frames), write(tmp_path / "good.mp4", frames)
    bad = write(tmp_path / "bad.mp4", [np.roll(frame, 12, axis=1) for frame in frames])
    page = opened(visit, studio, "evaluate")
    page.get_by_label("Two videos beside the truth").check()
    for name, path in (("a", bad), ("b", good), ("truth", truth)):
        page.set_input_files(f"#evaluate_{name} input[type=file]", path)
        page.locator(f"#evaluate_{name}").get_by_text(path.stem).first.wait_for()
    page.get_by_text("This will take about").wait_for()
    page.click("#evaluate")
    page.wait_for_selector("#evaluate_report iframe", timeout=120_000)
    assert "A was" in page.inner_text("#evaluate_headline")
    report = page.frame_locator("#evaluate_report iframe")
    assert report.locator("h1").inner_text() and report.locator("img").count() and not report.locator("video").count()
    with page.expect_download() as download:
        page.click("#evaluate_download")
    assert download.value.suggested_filename == "report.zip"


def verdict(**more):
    """A verdict as a job gives it, of a clone that somebody rejected."""
    from perfclone.governance.verify.verify import verify_video

    found = verify_video(more.pop("path")).to_json()
    return found | more


def test_only_reviewers_are_told_who(clone):
    review.reject(0xC0FFEE11, "not for <b>us</b>", who="rita")
    found = verdict(path=clone)
    whole, rest = told(found), told(public(found))
    assert "must not be published" in whole and "not for &lt;b&gt;us" in whole and "<b>" not in whole
    assert "rita" in whole and "rita" not in rest and "not for" not in rest and "must not be published" in rest
    assert str(os.environ["PERFCLONE_HOME"]) not in json.dumps(public(found))


def test_others_see_the_lines_of_their_own_clones_alone(own_home):
    ledger = Ledger()
    ledger.append("train", actor="anna")
    for id in (1, 2):
        ledger.append("clone", actor=f"a<{id}>", watermark=id)
    review.approve(2, who="rita")
    mine = table_of(ledger, ("", "", "", ""), {"00000002"})
    assert mine.count("<tr>") == 3 and "a&lt;2&gt;" in mine and "a&lt;1" not in mine
    assert table_of(ledger, ("", "", "", ""), None).count("<tr>") == 5
    assert table_of(ledger, ("review", "", "", ""), None).count("<tr>") == 2
    assert table_of(ledger, ("", "", "", "2001-01-01"), None) == f"<p>{phrases('en')['ledger_none']}</p>"


def test_whoever_may_not_review_can_do_nothing_by_asking_all_the_same(monkeypatch):
    from perfclone.errors import UserError
    from studio import review as part

    request = SimpleNamespace(headers={}, username="ops")
    monkeypatch.setattr(part, "may", lambda _, deed: deed != "review")
    with pytest.raises(UserError, match="Only reviewers may do that"):
        part.reviewer(request)


def test_the_phrases_are_there_for_every_verdict_in_both_languages(clone):
    from typing import get_args

    from perfclone.governance.verify.findings import Kind

    found = verdict(path=clone)
    for kind in get_args(Kind):
        for language in ("en", "ja"):
            request = SimpleNamespace(headers={"accept-language": language})
            assert phrases(language)[f"verify_{kind}"][:20] in told(found | {"verdict": kind}, request)

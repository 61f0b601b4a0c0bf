"""The training tab as a visitor uses it: footage, consent, a run that survives its server, an actor of one's own."""

import json
import re
import time
import zipfile
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import av
import numpy as np
import pytest
from browsing import served, visited
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from tiny import write_clip

import perfclone.preflight
from perfclone import cli
from perfclone.actor import layout
from perfclone.errors import UserError
from perfclone.files.reading import file_sha256
from perfclone.governance.consent.record import ConsentError, ConsentRecord
from perfclone.governance.ledger.ledger import Ledger
from perfclone.preflight.coverage import _MOVES, _VIEWS
from studio.actors import folder_name, own_folder
from studio.consents import Agreement, draw_phrase
from studio.filming import advise
from studio.jobs.store import Store
from studio.keeping import TOKEN
from studio.phrases import phrases
from studio.tabs.reference import told
from studio.tasks import push

pytestmark = pytest.mark.filterwarnings("ignore:.*:Warning:gradio")


@pytest.fixture(scope="module")
def footage(tmp_path_factory):
    """A second of a person, in a container that no browser plays."""
    folder = tmp_path_factory.mktemp("footage")
    clip, packed = write_clip(folder / "me.mp4"), folder / "me at home.mkv"
    with av.open(clip) as source, av.open(packed, "w") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                target.mux(packet)
    clip.unlink()
    return packed


def value(page, id):
    return page.locator(f"#{id} textarea, #{id} input").first


def agree(page, name="Anna Example"):
    value(page, "train-subject").fill(name)
    page.check("#train-agreed input")


def upload(page, file):
    page.set_input_files("#train-upload input[type=file]", file)
    page.wait_for_selector("#train-findings h2", timeout=60_000)


def begin(page, name, minutes="0.5"):
    value(page, "train-name").fill(name)
    page.get_by_label("128").check()
    page.locator("#train-minutes input[type=number]").fill(minutes)
    page.keyboard.press("Tab")
    page.click("#train-begin")


def open_tab(page):
    page.get_by_role("tab", name="Train").click()


def wait_until(condition, patience_s=60):
    give_up = time.monotonic() + patience_s
    while not (found := condition()):
        assert time.monotonic() < give_up
        time.sleep(0.2)
    return found


def same(one: Path, other: Path) -> bool:
    return file_sha256(one) == file_sha256(other)


def rows_of(studio: Path) -> list[dict]:
    """The log of the only training run."""
    text = next(studio.glob("actors/*/*.run/log.jsonl"), None)
    return [json.loads(row) for row in text.read_text().splitlines()] if text else []


def test_a_run_survives_stop_and_the_death_of_its_server_and_ends_with_an_actor(browser, footage, tmp_path):
    uploads = tmp_path / "uploads"
    with ExitStack() as ended:
        studio = ended.enter_context(served(tmp_path, GRADIO_TEMP_DIR=str(uploads)))
        with visited(browser, studio.address) as page:
            open_tab(page)
            page.click("#train-begin")
            page.get_by_text("There is no footage yet").wait_for()
            upload(page, footage)
            assert any(same(file, footage) for file in uploads.rglob("*.mkv"))
            page.click("#train-begin")
            page.get_by_text("a name of letters or digits").wait_for()
            assert page.locator("#train-findings h2").inner_text().startswith("! Good enough")
            assert "Film for 20 to 60 seconds" in page.inner_text("#train-findings")
            page.get_by_text("From the click on Train to the trained actor").wait_for()
            begin(page, "Me / 1", minutes="0.2")
            page.get_by_text("reads the form and ticks the box").wait_for()
            agree(page)
            page.click("#train-begin")
            page.wait_for_selector("#train-samples img", timeout=150_000)
            page.wait_for_function("location.search.startsWith('?job=')")
            page.click("#train-stop")
            page.get_by_text("was stopped. What was done is saved").wait_for(timeout=30_000)
            before, job = rows_of(tmp_path / "studio"), page.evaluate("location.search.slice(5)")
            assert before[-1]["step"] > 0
            page.click("#train-go-on")
            wait_until(lambda: rows_of(tmp_path / "studio")[-1]["step"] > before[-1]["step"])
            kept = page.context.storage_state()
        studio.process.kill()
        studio.process.wait()
        folder = tmp_path / "studio/jobs" / job
        record = ConsentRecord.load(folder / "files/consent.json")
        assert record.covers(file_sha256(footage)) and record.subject == record.recorded_by == "Anna Example"
        record.verify()
        assert not (folder / "ended.json").exists()

        studio = ended.enter_context(served(tmp_path, GRADIO_TEMP_DIR=str(uploads)))
        with visited(browser, studio.address, storage_state=kept) as page:
            open_tab(page)
            page.get_by_text("Me_1 is trained").wait_for(timeout=150_000)
            after = rows_of(tmp_path / "studio")
            assert after[: len(before)] == before and after[-1]["step"] > before[-1]["step"]
            page.wait_for_selector("#train-own-still img")
            page.locator("#train-own-record").get_by_text("Anna Example agreed to").wait_for()
            wanted = {f"Me_1/{name}" for name in (layout.CONFIG, layout.WEIGHTS, layout.POSTER)}
            for _ in range(20):  # what is offered is renewed a moment after the page says that it is trained
                with page.expect_download() as download:
                    page.click("#train-zip")
                if wanted <= (names := set(zipfile.ZipFile(download.value.path()).namelist())):
                    break
                page.wait_for_timeout(500)
            assert wanted < names
        clone = json.loads((folder / "ended.json").read_text())["result"]["clone"]
        asked = json.loads((tmp_path / "studio/jobs" / clone / "asked.json").read_text())
        assert asked["kind"] == "clone" and asked["request"]["purpose"] == "evaluation"
        assert (tmp_path / "studio/jobs" / clone / "files" / asked["request"]["driving"]).is_file()

        with visited(browser, f"{studio.address}?job={job}") as page:  # somebody who was given the address
            page.get_by_text("Me_1 is trained").wait_for()
            page.get_by_text("You have no actor here yet").wait_for()
        with visited(browser, studio.address) as page:  # somebody else
            open_tab(page)
            page.wait_for_selector("#train-begin")
            page.wait_for_timeout(500)
            assert "Me_1" not in page.inner_text("body")

        with visited(browser, studio.address, deletes=f"/jobs/{clone}/", storage_state=kept) as page:
            open_tab(page)
            page.wait_for_selector("#train-own-still img")
            page.click("#train-delete")
            page.get_by_text("Tick that you are sure first").wait_for()
            page.check("#train-sure input")
            page.click("#train-revoke")
            page.get_by_text("The consent for Me_1 is withdrawn").wait_for()
            page.locator("#train-own-record").get_by_text("The consent was withdrawn on").wait_for()
            page.wait_for_selector("#train-sure input:not(:checked)")
            page.check("#train-sure input")
            page.click("#train-delete")
            page.get_by_text("Me_1 and its footage are deleted").wait_for(timeout=90_000)
            page.get_by_text("You have no actor here yet").wait_for()
        assert not list(tmp_path.glob("studio/actors/*/*")) and not folder.exists()
        assert not list(tmp_path.glob("studio/jobs/*/files/*.mkv"))
        assert not [file for file in uploads.rglob("*.*") if file.suffix in (".mkv", ".mp4", ".zip")]


AGREED = {
    "subject": "Anna Example",
    "recorded_by": "",
    "purposes": ["research"],
    "media": ["internal"],
    "expires": "2199-12-31",
    "agreed": True,
}


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"agreed": False}, "ticks the box"),
        ({"subject": " "}, "name, or a pseudonym"),
        ({"purposes": []}, "at least one purpose, and one place"),
        ({"purposes": ["fun"]}, "purposes must be from research"),
        ({"media": []}, "one place where"),
        ({"expires": "2020-01-01"}, "is past; give a later one"),
        ({"expires": "soon"}, "must be a date such as 2027-12-31"),
    ],
)
def test_what_is_no_consent(wrong, sentence, footage, own_home):
    with pytest.raises(ConsentError, match=sentence):
        Agreement(**(AGREED | wrong)).record(footage)
    assert not list(Ledger().entries())


def test_the_form_makes_the_record_that_the_command_makes(footage, own_home, tmp_path):
    fields = {"note": "one  poster", "statement": str(footage), "phrase": "amber river lantern", "train_others": True}
    record = Agreement(**(AGREED | fields)).record(footage)
    asked = {
        "subject": "Anna Example", "recorded_by": "Anna Example", "purposes": ["research"], "media": ["internal"],
        "expires": "2199-12-31", "train_others": True,
        "purpose_note": 'one poster Said in the statement: "amber river lantern".',
    }  # fmt: skip
    (tmp_path / "fields.json").write_text(json.dumps(asked))
    given = ["--json", tmp_path / "fields.json", "--reference", footage, "--statement", footage]
    assert cli.main(["consent", "new", *map(str, given), "-o", str(tmp_path / "consent.json")]) == 0
    commanded = ConsentRecord.load(tmp_path / "consent.json")
    other = {"id": record.id, "created": record.created, "signature": record.signature}
    assert replace(commanded, **other) == record and record.ours()
    record.verify()
    assert [entry.data["consent"] for entry in Ledger().entries()][0] == record.digest()


@pytest.mark.parametrize(
    ("typed", "folder"),
    [("Me", "Me"), (" ../../etc/x ", "etc_x"), ("春子 の-1", "春子_の-1"), ("a.run", "a_run"), ("x" * 99, "x" * 40)],
)
def test_a_name_makes_a_folder_and_leads_nowhere_else(typed, folder):
    assert folder_name(typed) == folder


@pytest.mark.parametrize("typed", ["", " . ", "///"])
def test_what_is_no_name(typed):
    with pytest.raises(UserError, match="a name of letters or digits"):
        folder_name(typed)


def test_a_phrase_is_three_words_of_the_visitors_language():
    english, japanese = phrases("en")["train_phrase_words"].split(), phrases("ja")["train_phrase_words"].split()
    assert len(set(english)) == len(english) >= 48 and len(set(japanese)) == len(japanese) >= 48
    asked = SimpleNamespace(headers={"accept-language": "ja"})
    drawn = draw_phrase(asked).split()
    assert len(set(drawn)) == 3 and set(drawn) <= set(japanese)
    assert len({draw_phrase(asked) for _ in range(20)}) > 15


def test_a_program_has_footage_checked_and_is_told_what_is_wrong(studio, footage):
    client = Client(studio.address, verbose=False)
    id = client.predict(handle_file(footage), api_name="/check")
    found = wait_until(lambda: (job := client.predict(id, api_name="/job"))["state"] == "done" and job)
    assert found["kind"] == "check" and found["result"]["status"] == "warn"
    train = [id, "me", "Anna Example", ["research"], ["internal"], "2199-12-31"]
    with pytest.raises(AppError, match="ticks the box"):
        client.predict(*train, False, "", "tiny", 0.1, api_name="/train")
    with pytest.raises(AppError, match="no such job"):
        client.predict("A" * 22, *train[1:], True, "", "tiny", 0.1, api_name="/train")
    job = client.predict(*train, True, "", "tiny", 0.1, api_name="/train")
    assert client.predict(job, api_name="/job")["kind"] == "train"
    assert client.predict(job, api_name="/stop")["state"] in ("running", "stopped")


@pytest.mark.parametrize("language", ["en", "ja"])
def test_every_finding_of_the_library_has_its_sentence(language):
    source = "".join(path.read_text() for path in Path(perfclone.preflight.__file__).parent.glob("[prc]*.py"))
    names = set(re.findall(r'(?:graded|Finding)\(\s*"([a-z -]+)"', source)) | {*_VIEWS, *_MOVES}
    assert {"usable", "length", "camera still", "motion blur", "background", "legs"} <= names
    request = SimpleNamespace(headers={"accept-language": language})
    for status in ("pass", "warn"):
        graded = [
            {"name": name, "status": status, "value": 0.5, "message": "m", "advice": ""}
            for name in names - {"time", "cost"} - ({"hold-out"} if status == "warn" else set())
        ]
        said = told({"status": status, "findings": graded}, request)
        assert said.count("\n- ") == len(graded) and "{" not in said
        assert all(("→" in line) == (status == "warn") for line in said.splitlines() if line.startswith("- "))


def test_while_one_films_it_says_what_to_mend_and_what_to_show_next():
    wall = np.full((240, 320, 3), 120, np.uint8)

    def advised(*pictures):
        film = None
        for n, pixels in enumerate(pictures):
            film, keys = advise(pixels, film, now=float(n))
        return [key.removeprefix("train_live_") for key in keys]

    def with_somebody(top, bottom):
        pixels = wall.copy()
        pixels[top:bottom, 100:180] = 200
        return pixels

    assert advised(wall, wall) == ["front"]
    assert advised(wall // 4, wall // 4) == ["dark", "front"]
    assert advised(wall, with_somebody(20, 220)) == ["front"]
    assert advised(wall, with_somebody(100, 150)) == ["nearer", "front"]
    assert advised(wall, with_somebody(0, 240)) == ["back", "front"]
    assert advised(wall, wall + 60) == ["shakes", "front"]
    assert advised(wall // 2 + 170, wall // 2 + 170) == ["bright", "front"]
    assert [advised(*[wall] * seconds)[-1] for seconds in (8, 20, 60)] == ["turn", "arms", "enough"]


def test_a_push_is_private_takes_the_token_that_was_typed_and_forgets_it(loopback, impatient, own_home, tmp_path):
    from tiny import untrained_actor

    store, owner = Store(tmp_path / "studio"), "visit:somebody"
    untrained_actor().save_pretrained(own_folder(store, owner) / "me")
    (tmp_path / TOKEN).write_text("hf_owner")
    asked = {"name": "me", "repository": "owner/me", "public": False}
    job = store.create("push", owner, asked, [(tmp_path / TOKEN, TOKEN)])
    stages = []
    pushed = push.run(job, lambda stage, *_: stages.append(stage))
    assert pushed["private"] and pushed["gated"] and pushed["repository"] == "owner/me"
    assert stages == ["drawing the preview", "uploading"] and not (job.files / TOKEN).exists()
    assert [entry.data["private"] for entry in Ledger().entries() if entry.event == "push"] == [True]

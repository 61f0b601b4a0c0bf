"""The tab that clones, as a visitor uses it in a browser and a program by its endpoint."""

import re
from pathlib import Path

import pytest
from browsing import ROOT
from tiny import SIZE, untrained_actor

from perfclone import builtin
from perfclone.governance import review
from perfclone.governance.consent.kinds import synthetic_record
from perfclone.governance.consent.record import ConsentRecord
from perfclone.governance.keys import SigningKey
from perfclone.governance.verify.verify import verify_video
from perfclone.video import VideoReader, VideoWriter, probe

pytestmark = pytest.mark.filterwarnings("ignore:.*:Warning:gradio")  # pandas deprecations inside gradio


@pytest.fixture(scope="module")
def studio(tmp_path_factory):
    """The studio with a small actor of one's own, who has no poster and agreed to little."""
    from browsing import served

    folder = tmp_path_factory.mktemp("studio")
    untrained_actor().save_pretrained(folder / "actors" / "me")
    with served(folder, PERFCLONE_ACTORS=str(folder / "actors" / "me")) as found:
        yield found


@pytest.fixture(scope="module")
def wave(tmp_path_factory):
    """Two seconds of somebody."""
    return cut(tmp_path_factory.mktemp("clips") / "wave.mp4", 60)


def cut(path: Path, frames: int) -> Path:
    """The beginning of the driving clip that ships, small."""
    with VideoReader(next(iter(builtin.driving_clips().values())), max_side=256) as reader:
        with VideoWriter(path, rate=reader.info.fps) as writer:
            for _, frame in zip(range(frames), reader):
                writer.write(frame.pixels)
    return path


def upload(page, clip: Path) -> None:
    page.set_input_files("#clone_upload + input, #clone_upload input, input[type=file]", clip)


def purpose(page, name: str) -> None:
    page.click("#clone_purpose input")
    page.get_by_role("option", name=name).click()


def arrive(page) -> None:
    page.wait_for_selector("#clone_actor_seen .clone-limits")


def test_from_an_upload_to_the_clone_and_back_to_it(studio, visit, wave, tmp_path):
    page = visit(studio.address)
    arrive(page)
    page.get_by_alt_text("me, the actor").wait_for()  # an actor without a poster is no fault
    assert "may be used for: research" in page.inner_text("#clone_actor_seen")
    page.click("#clone")
    page.get_by_text("There is no performance yet").wait_for()

    upload(page, wave)
    page.wait_for_selector("#driving-video")
    page.wait_for_function("document.querySelector('#driving-video').currentTime > 0.1")
    page.wait_for_selector(".clone-strip[role=img][aria-label*='will work']", timeout=60_000)
    assert "The clone will take about" in page.inner_text("#clone_checked")
    stills = page.locator("#clone_checked img")
    assert stills.count() == 2 and all(stills.nth(n).get_attribute("alt") for n in range(2))
    assert stills.nth(1).evaluate("picture => picture.naturalWidth") == SIZE

    page.click("#clone")
    page.get_by_text("Say what the clone is for").wait_for()
    purpose(page, "personal use")
    page.click("#clone")
    page.wait_for_selector("#result-video", timeout=60_000)
    page.wait_for_function("document.querySelector('#result-video').currentTime > 0.3")
    videos = "[...document.querySelectorAll('#clone_result video')]"
    apart = f"(([a, b]) => Math.abs(a.currentTime - b.currentTime))({videos})"
    page.wait_for_function(f"{apart} < 0.1")
    page.evaluate("document.querySelector('#result-video').pause()")
    page.evaluate("document.querySelector('#result-video').currentTime = 1")
    page.wait_for_function(f"{apart} < 0.05 && document.querySelector('#clone_result video').paused")

    with page.expect_download() as download:
        page.click(".clone-keep >> nth=0")
    assert download.value.suggested_filename == "me_wave.mp4"
    download.value.save_as(tmp_path / "me_wave.mp4")
    id = re.search("id ([0-9a-f]{8})", page.inner_text("#clone_result"))[1]
    assert probe(tmp_path / "me_wave.mp4").frames == 60 and id in str(verify_video(tmp_path / "me_wave.mp4"))
    page.get_by_label("As poses").check()
    page.wait_for_function("document.querySelector('#result-video').src.endsWith('poses.mp4')")
    page.get_by_label("Alone").check()
    page.wait_for_function("document.querySelectorAll('#clone_result video').length == 1")

    other = visit(page.url)  # another browser, by the address
    other.wait_for_selector("#result-video")
    page.goto(studio.address)  # the same visitor, without it
    page.wait_for_selector("#result-video")
    stranger = visit(studio.address)
    arrive(stranger)
    assert stranger.locator("#result-video").count() == 0

    page.get_by_label("ben").check()
    page.wait_for_function("!document.querySelector('#result-video')")  # no old result beside a new choice
    page.get_by_alt_text("ben, the actor").wait_for()


def test_a_program_puts_a_clone_in_line_and_a_visitor_stops_it(studio, visit, tmp_path):
    from gradio_client import Client, handle_file

    client = Client(studio.address, verbose=False)
    driving = handle_file(cut(tmp_path / "long.mp4", 240))
    id = client.predict("anna", driving, "research", False, api_name="/clone")
    page = visit(f"{studio.address}/?job={id}")
    page.wait_for_selector("#clone-preview", timeout=150_000)
    page.wait_for_function("document.querySelector('#clone_standing').innerText.includes('of 240 frames. About')")
    first = page.get_attribute("#clone-preview", "src")
    page.wait_for_function(f"document.querySelector('#clone-preview').getAttribute('src') != {first!r}")
    assert page.locator("#clone").is_disabled()
    page.click("#clone_stop")
    page.wait_for_selector("#result-video", timeout=60_000)
    assert "You stopped it" in page.inner_text("#clone_result") and page.locator("#clone_stop").is_hidden()
    made = client.predict(id, api_name="/job")
    assert made["state"] == "done" and made["result"]["stopped"] and 0 < made["result"]["frames"] < 240
    clone = Path(client.predict(id, "clone.mp4", api_name="/file"))
    assert probe(clone).frames == made["result"]["frames"] and made["result"]["id"] in str(verify_video(clone))


@pytest.mark.parametrize(
    ("actor", "driving", "sentence"),
    [("eve", "wave.mp4", "There is no actor called eve"), ("../../etc", "wave.mp4", "is no Hub repository")],
)
def test_programs_are_told_what_is_wrong(studio, wave, actor, driving, sentence):
    from gradio_client import Client, handle_file
    from gradio_client.exceptions import AppError

    with pytest.raises(AppError, match=sentence):
        Client(studio.address, verbose=False).predict(actor, handle_file(wave), "personal", False, api_name="/clone")


def test_on_a_phone_in_japanese_with_wrong_files_and_a_poor_performance(studio, visit, wave, tmp_path):
    page = visit(studio.address, locale="ja-JP", viewport={"width": 390, "height": 844}, color_scheme="dark")
    page.get_by_text("同意の内容").wait_for()
    (tmp_path / "broken.mp4").write_bytes(wave.read_bytes()[:3000])
    upload(page, tmp_path / "broken.mp4")
    page.wait_for_selector("#clone_trouble .problem", timeout=10_000)
    said = page.inner_text("#clone_trouble")
    assert said.startswith("broken.mp4自体には映像が含まれていません") and "/" not in said
    assert page.locator("video").count() == 0  # no empty player

    poor = tmp_path / "poor.gif"  # only the upper half of somebody, five frames a second, in what no player takes
    half_at_five_frames(poor)
    upload(page, poor)
    page.wait_for_selector("#driving-video", timeout=60_000)
    page.wait_for_function("document.querySelector('#driving-video').videoWidth > 0")
    page.wait_for_selector(".clone-strip", timeout=60_000)
    said = page.inner_text("#clone_checked")
    assert "1秒あたり5コマしかない" in said and "上半身だけの撮影など" in said
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.locator("#clone").bounding_box()["y"] < 844  # in reach wherever one has scrolled
    page.add_script_tag(path=ROOT / "tests" / "axe" / "axe.min.js")
    found = page.evaluate("axe.run(document.querySelector('#tabs'))")["violations"]
    bad = {each["id"]: each["nodes"][0]["html"] for each in found if each["impact"] in ("serious", "critical")}
    assert not bad, bad


def half_at_five_frames(path: Path) -> None:
    """The upper half of the driving clip as a GIF."""
    from PIL import Image

    with VideoReader(next(iter(builtin.driving_clips().values())), max_side=256) as reader:
        frames = [Image.fromarray(frame.pixels[:150]) for n, frame in enumerate(reader) if n % 6 == 0]
    frames[0].save(path, save_all=True, append_images=frames[1:15], duration=200)


def test_where_clones_need_approval_nobody_sees_one_before(tmp_path):
    from studio.jobs.store import Store
    from studio.tabs.clone.shown import result
    from studio.tasks import clone

    review.require_approval(True)
    untrained_actor().save_pretrained(tmp_path / "me")
    asked = {"actor": str(tmp_path / "me"), "driving": "driving.mp4", "title": "wave.mp4", "purpose": "personal"}
    driving = cut(tmp_path / "wave.mp4", 12)
    job = Store(tmp_path / "studio").create("clone", "visit:me", asked, [(driving, "driving.mp4")])
    seen = []
    made = clone.run(job, lambda *_: seen.append(job.file(clone.PREVIEW)))
    job.end("done", made)
    assert made["held"] and job.file(clone.CLONE) is None and not any(seen)
    assert made["id"] in result(job, "both", None) and "<video" not in result(job, "both", None)
    review.approve(made["id"])
    review.release(made["id"])
    assert "<video" in result(job, "both", None) and probe(job.file(clone.CLONE)).frames == made["frames"]


def test_only_purposes_that_the_record_allows_are_offered_and_its_limits_are_said():
    from studio.allowed import limits
    from studio.tabs.clone.offered import purposes, refusal

    record = synthetic_record("anna", "0" * 64, SigningKey.new())
    some = ConsentRecord(
        subject="Eve",
        recorded_by="Studio",
        purposes=("education", "research"),
        media=("web",),
        starts="2020-01-01",
        expires="2099-12-31",
        train_others=False,
        revocation="By mail.",
        reference_sha256=("0" * 64,),
        territory=("JP", "FR"),
        purpose_note="A lecture on dance.",
    ).sign(SigningKey.new())
    assert len(purposes(record)) == 7 and purposes(some) == ["research", "education"] and purposes(None) == []
    said = " ".join(limits(some, None))
    for part in (
        "Eve agreed to: education, research.",
        "Not to: marketing",
        "the web",
        "JP, FR",
        "2099-12-31",
        "lecture",
    ):
        assert part in said
    over = ConsentRecord(**{**vars(some), "signature": None, "expires": "2020-12-31"}).sign(SigningKey.new())
    assert purposes(over) == [] and "expired on 2020-12-31" in refusal(over) and refusal(some) is None


def test_the_files_of_a_job_are_for_whoever_has_its_id_and_nothing_else_is_served(tmp_path):
    import gradio as gr
    from gradio.routes import App
    from starlette.testclient import TestClient

    from studio.job_files import link, route
    from studio.jobs.store import Store

    (tmp_path / "page.html").write_text("<script>alert(1)</script>")
    (tmp_path / "clip.mp4").write_bytes(bytes(range(100)))
    store = Store(tmp_path / "studio")
    files = [(tmp_path / "page.html", "driving.html"), (tmp_path / "clip.mp4", "clip.mp4")]
    job = store.create("clone", "visit:me", {}, files)
    client = TestClient(App.create_app(gr.Blocks(), app_kwargs={"routes": [route(store)]}))
    part = client.get(link(job, "clip.mp4"), headers={"Range": "bytes=10-19"})
    assert part.status_code == 206 and part.content == bytes(range(10, 20))
    kept = client.get(link(job, "clip.mp4", keep="ben & anna.mp4"))
    assert "attachment" in kept.headers["content-disposition"] and len(kept.content) == 100
    page = client.get(link(job, "driving.html"))
    assert page.headers["content-type"] == "application/octet-stream" and "sandbox" in str(page.headers)
    for name in ("asked.json", "..%2Fasked.json", "../asked.json", "", "gone.mp4"):
        assert client.get(f"jobs/{job.id}/{name}").status_code in (404, 405), name
    assert client.get(f"jobs/{'x' * 22}/clip.mp4").status_code == 404

"""The page: its handler with a tiny fake cloner, and the whole page in a real browser, as a visitor uses it."""

import io
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import SimpleNamespace

import gradio as gr
import numpy as np
import pytest
from PIL import Image

from perfclone import builtin
from perfclone.errors import UserError
from perfclone.video import VideoReader, VideoWriter, probe
from studio.handlers import make_clone
from studio.page import ActorEntry, build, launch_options

ROOT = Path(__file__).resolve().parents[1]
CHROMIUM = shutil.which("chromium")
pytestmark = pytest.mark.filterwarnings("ignore:.*:Warning:gradio")  # pandas deprecations inside gradio
needs_browser = pytest.mark.skipif(CHROMIUM is None, reason="no chromium here: apt-get install chromium")


class FakeCloner:
    """Copies the driving video and remembers what it was asked."""

    def __init__(self):
        self.calls = []

    def clone(self, driving, output, options=None, progress=None, force=False):
        if "nobody" in str(driving):
            raise UserError(f"No person was found in {Path(driving).name}.")
        for done in range(4):
            progress("clone", done + 1, 4)
        shutil.copy(driving, output)
        self.calls.append((Path(driving), Path(output), options))
        return SimpleNamespace(path=Path(output), frames=4, seconds=0.25, id=7)


def draw_clip(path: Path) -> Path:
    """Two seconds of a square that moves."""
    with VideoWriter(path, rate=10) as writer:
        for t in range(20):
            pixels = np.full((120, 160, 3), 40, np.uint8)
            pixels[40:80, 4 * t : 4 * t + 40] = (200, 120, 40)
            writer.write(pixels)
    return path


@pytest.fixture
def clip(tmp_path) -> Path:
    return draw_clip(tmp_path / "wave.mp4")


def quiet(*_, **__):
    """Progress that goes nowhere."""


def test_the_handler_gives_the_video_and_then_deletes_its_copy(clip):
    cloner = FakeCloner()
    answers = make_clone({"anna": cloner})("anna", str(clip), True, progress=quiet)
    video, download, summary = next(answers)
    assert video == download and Path(video).name == "anna_wave.mp4" and "4 frames in 0.2 s" in summary
    assert Path(video).read_bytes() == clip.read_bytes()
    assert cloner.calls[0][2].keep_proportions is True
    assert list(answers) == [] and not Path(video).parent.exists()


@pytest.mark.parametrize(
    ("actor", "driving", "sentence"),
    [
        ("anna", "nobody.mp4", r"No person was found in nobody\.mp4\."),
        ("anna", None, "no driving video yet"),
        ("eve", "wave.mp4", "no actor 'eve' here; choose one of anna"),
    ],
)
def test_the_handler_shows_errors_written_for_people(actor, driving, sentence):
    with pytest.raises(gr.Error, match=sentence):
        next(make_clone({"anna": FakeCloner()})(actor, driving, progress=quiet))


def test_a_fault_of_ours_is_not_shown_as_the_users(clip):
    broken = SimpleNamespace(clone=lambda *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        next(make_clone({"anna": broken})("anna", str(clip), progress=quiet))


def test_importing_the_app_loads_no_model():
    import app

    assert callable(app.main) and not [name for name, value in vars(app).items() if isinstance(value, gr.Blocks)]


def start_app(*arguments: str) -> subprocess.Popen:
    """Start `app.py` as a Space and `make demo` do."""
    command = [sys.executable, "app.py", *arguments]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_the_app_explains_itself():
    printed, _ = start_app("--help").communicate(timeout=60)
    assert printed.startswith("usage: python app.py ") and "--host" in printed and "--port" in printed
    assert "7860" in printed and "PERFCLONE_ACTORS" in printed


@pytest.mark.parametrize("port", ["0", "65536", "web"])
def test_what_is_no_port(port):
    process = start_app("--port", port)
    assert "must be a whole number in 1-65535" in process.communicate(timeout=60)[1] and process.returncode == 2


def test_a_port_that_is_taken_is_said_before_any_model_is_loaded():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        process = start_app("--port", str(port))
        complaint = process.communicate(timeout=60)[1]
    assert process.returncode == 2 and complaint.count("\n") == 1
    assert complaint.startswith(f"perfclone: The page cannot be served at 127.0.0.1, port {port} (")


@pytest.mark.slow
def test_the_app_serves_the_page_at_the_port_it_was_told():
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    process = start_app("--port", str(port))
    page, give_up = "", time.monotonic() + 120
    while not page and process.poll() is None and time.monotonic() < give_up:
        time.sleep(0.2)
        with suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=10) as answer:
            page = answer.read().decode()
    process.send_signal(signal.SIGINT)
    complaint = process.communicate(timeout=60)[1]
    assert "perfclone" in page and "Traceback" not in complaint, complaint


@contextmanager
def served(page: gr.Blocks) -> Iterator[str]:
    """Serve a page on localhost and give its address."""
    _, url, _ = page.launch(prevent_thread_lock=True, quiet=True, server_name="127.0.0.1", **launch_options())
    try:
        yield url
    finally:
        page.close()


@contextmanager
def visitor(url: str):
    """Open a page in chromium; no console error and no other host may be seen."""
    from playwright.sync_api import sync_playwright

    flags = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=flags)
        page = browser.new_page(viewport={"width": 1366, "height": 900})
        troubles = []
        page.on("console", lambda line: troubles.append(line.text) if line.type == "error" else None)
        page.on(
            "request",
            lambda asked: troubles.append(asked.url) if not asked.url.startswith((url, "data:", "blob:")) else None,
        )
        page.goto(url)
        page.wait_for_selector("#clone")
        yield page
        browser.close()
    assert not troubles


def clone_and_download(page, folder: Path, patience_s: float = 30) -> Path:
    """Click Clone, wait until the result plays, download it."""
    page.click("#clone")
    page.wait_for_selector("#result video", timeout=patience_s * 1000)
    page.wait_for_function("document.querySelector('#result video').currentTime > 0.1")
    page.wait_for_selector("#download:not([disabled])")
    with page.expect_download() as download:
        page.click("#download")
    path = folder / download.value.suggested_filename
    download.value.save_as(path)
    return path


@needs_browser
def test_a_visitor_clones_uploads_and_sees_what_went_wrong(clip, tmp_path):
    cloner, still = FakeCloner(), np.full((90, 60, 3), 128, np.uint8)
    actors = {"anna": ActorEntry(cloner, still), "ben": ActorEntry(cloner, still)}
    with served(build(actors, {"wave": clip})) as url, visitor(url) as page:
        page.wait_for_function("document.querySelector('#driving video').currentTime > 0.1")
        page.wait_for_function("document.querySelector('#driving video').muted")
        assert page.locator("#download").is_disabled()
        assert clone_and_download(page, tmp_path / "got").read_bytes() == clip.read_bytes()
        assert "4 frames" in page.inner_text("#summary")
        times = "[...document.querySelectorAll('#driving video, #result video')].map(video => video.currentTime)"
        page.wait_for_function(f"(([a, b]) => Math.abs(a - b) < 0.2)({times})")

        page.get_by_label("ben").check()
        page.set_input_files("#upload + input, #upload input, input[type=file]", draw_clip(tmp_path / "jump.mp4"))
        page.wait_for_function("document.querySelector('#driving video').src.includes('jump')")
        page.click("#clone")
        page.wait_for_function("document.querySelector('#result video')?.src.includes('ben_jump')")

        page.set_input_files("input[type=file]", draw_clip(tmp_path / "nobody.mp4"))
        page.wait_for_function("document.querySelector('#driving video').src.includes('nobody')")
        page.click("#clone")
        page.get_by_text("No person was found in nobody.mp4.").wait_for()
    assert not any(output.parent.exists() for _, output, _ in cloner.calls)


def test_programs_use_the_same_endpoint(clip):
    from gradio_client import Client, handle_file

    with served(build({"anna": ActorEntry(FakeCloner(), np.zeros((60, 40, 3), np.uint8))}, {"wave": clip})) as url:
        client = Client(url, verbose=False)
        assert list(client.view_api(return_format="dict")["named_endpoints"]) == ["/clone"]
        video, download, summary = client.predict("anna", handle_file(clip), False, api_name="/clone")
    assert "4 frames" in summary and Path(download).read_bytes() == clip.read_bytes()
    assert Path(video if isinstance(video, str) else video["video"]).read_bytes() == clip.read_bytes()


@needs_browser
@pytest.mark.slow
def test_a_visitor_clones_with_a_built_in_actor(tmp_path):
    from studio.actors import load_actors

    short = tmp_path / "short.mp4"
    driving = next(iter(builtin.driving_clips().values()))
    with VideoReader(driving) as reader, VideoWriter(short, rate=reader.info.fps) as writer:
        for frame, _ in zip(reader, range(25)):
            writer.write(frame.pixels)
    with served(build(load_actors(builtin.actors()), {"short": short})) as url, visitor(url) as page:
        result = clone_and_download(page, tmp_path / "got", patience_s=120)
    assert probe(result).frames == 25
    assert result.read_bytes() != short.read_bytes()


@pytest.mark.parametrize("name", ["owner/anna", "/somewhere/else/anna"])
def test_an_actors_place_does_not_lead_the_result_elsewhere(name, clip):
    cloner = FakeCloner()
    next(make_clone({name: cloner})(name, str(clip), progress=quiet))
    assert cloner.calls[0][1].name == "anna_wave.mp4" and "perfclone-" in cloner.calls[0][1].parent.name


def test_actors_of_the_hub_are_offered_with_their_posters(loopback, tmp_path, monkeypatch, caplog):
    from published import files_of, publish
    from tiny import untrained_actor

    from perfclone.actor.layout import POSTER
    from studio.actors import VARIABLE, load_actors

    Image.new("RGB", (30, 20), (200, 0, 0)).save(tmp_path / "red.jpg")
    publish(loopback, files_of(**{POSTER: (tmp_path / "red.jpg").read_bytes()}))
    here = untrained_actor().save_pretrained(tmp_path / "here")
    monkeypatch.setenv(VARIABLE, f"owner/anna, {here},owner/nobody")
    found = load_actors({})
    assert list(found) == ["owner/anna", "here"] and found["owner/anna"].cloner.actor.commit
    assert found["owner/anna"].still.shape == (20, 30, 3) and found["owner/anna"].still[0, 0, 0] > 190
    assert "owner/nobody is left out: Cannot load owner/nobody from the Hub" in caplog.text


def test_an_actor_trained_here_is_offered_by_its_folders_name_and_shown_by_its_plate(tmp_path, monkeypatch, clip):
    from tiny import untrained_actor

    from studio.actors import VARIABLE, load_actors

    actor = untrained_actor()
    actor.save_pretrained(tmp_path / "actors" / "me")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(VARIABLE, "actors/me")
    found = load_actors({})
    assert list(found) == ["me"] and (found["me"].still == actor.plate.numpy()).all()
    build(found, {"wave": clip})


def test_actors_of_one_name_are_told_apart_and_none_is_offered_twice(tmp_path):
    from tiny import untrained_actor

    from studio.actors import load_actors

    mine = untrained_actor().save_pretrained(tmp_path / "anna")
    built_in = builtin.actors()
    found = load_actors(built_in, [mine, "ben"])
    assert list(found) == [str(mine), "ben", str(built_in["anna"])]
    assert found[str(mine)].still.shape == (160, 160, 3)  # not the built-in anna's clip


def jpeg_of(width, height):
    """A JPEG that claims to be as large as it likes, in a few hundred bytes."""
    file = io.BytesIO()
    Image.new("RGB", (8, 8)).save(file, "jpeg")
    data = bytearray(file.getvalue())
    at = data.index(b"\xff\xc0") + 5
    data[at : at + 4] = height.to_bytes(2, "big") + width.to_bytes(2, "big")
    return bytes(data)


@pytest.mark.parametrize(
    "poster",
    [b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n", jpeg_of(5000, 8), jpeg_of(60000, 60000)],
)
def test_a_poster_that_is_meant_to_harm_is_not_opened(tmp_path, monkeypatch, poster):
    from tiny import untrained_actor

    from perfclone.actor.layout import POSTER
    from studio.actors import load_actors

    (tmp_path / "gs").write_text(f"#!/bin/sh\ntouch {tmp_path}/executed\n")
    (tmp_path / "gs").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setattr("PIL.EpsImagePlugin.gs_binary", None)
    here = untrained_actor().save_pretrained(tmp_path / "here")
    (here / POSTER).write_bytes(poster)
    with pytest.raises(UserError, match="no actor"):
        load_actors({}, [here])
    assert not (tmp_path / "executed").exists()


@pytest.mark.parametrize(("synthetic", "said"), [(True, "copy nobody"), (False, "eve lent their likeness")])
def test_the_page_says_who_is_seen(synthetic, said, clip):
    page = build({"eve": ActorEntry(FakeCloner(), np.zeros((60, 40, 3), np.uint8), synthetic)}, {"wave": clip})
    texts = [block.value for block in page.blocks.values() if isinstance(block, gr.Markdown)]
    assert any(said in text for text in texts if text)


def test_a_zero_gpu_space_lends_its_gpu_while_a_clone_is_made(tmp_path, monkeypatch, clip):
    """`spaces` is only on Spaces; what it must give is `GPU(duration=...)`, which decorates a function."""
    (tmp_path / "spaces.py").write_text(
        "lent = []\n"
        "def GPU(duration):\n"
        "    def decorate(function):\n"
        "        def run(*arguments, **named):\n"
        "            lent.append(duration)\n"
        "            yield from function(*arguments, **named)\n"
        "        return run\n"
        "    return decorate\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    cloner = FakeCloner()
    next(make_clone({"anna": cloner})("anna", str(clip), progress=quiet))
    import spaces

    assert spaces.lent == [120] and len(cloner.calls) == 1
    monkeypatch.delitem(sys.modules, "spaces")

"""Who asks, and how much: the cookie, the host's name, and the limits of a visitor."""

from types import SimpleNamespace

import gradio as gr
import pytest
from clips import clip
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from perfclone.errors import UserError
from studio.jobs.store import Store
from studio.limits import Limits
from studio.studio import Studio
from studio.visitors import COOKIE, Door, visitor

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


def browser(local=True, host="127.0.0.1:7860"):
    """A browser before a page that says whom it takes its visitor for."""
    page = Starlette(routes=[Route("/", lambda request: PlainTextResponse(visitor(request)))])
    return TestClient(Door(page, local), base_url=f"http://{host}")


def test_a_browser_is_the_same_visitor_from_its_first_request_on_and_another_is_another():
    one, other = browser(), browser()
    first = one.get("/")
    assert first.text.startswith("visit:") and first.text == f"visit:{one.cookies[COOKIE]}"
    assert {one.get("/").text for _ in range(3)} == {first.text} != {other.get("/").text}
    said = first.headers["set-cookie"].lower()
    assert "httponly" in said and "samesite=lax" in said and "set-cookie" not in one.get("/").headers


@pytest.mark.parametrize("cookie", ["short", "../../etc/passwd", "a" * 44, "user:anna", '"' + "a" * 43])
def test_a_cookie_that_is_not_ours_is_replaced(cookie):
    page = browser()
    answer = page.get("/", headers={"cookie": f"other=1; {COOKIE}={cookie}"})
    assert answer.text == f"visit:{page.cookies[COOKIE]}" and cookie not in answer.text


def test_a_name_from_a_login_is_the_visitor_whatever_the_cookie():
    request = SimpleNamespace(username="anna", headers={"cookie": f"{COOKIE}={'a' * 43}"})
    assert visitor(request) == "user:anna"


@pytest.mark.parametrize("host", ["evil.example", "evil.example:7860", "127.0.0.1.evil.example", "localhost.evil", ""])
def test_a_page_for_this_machine_answers_to_no_other_name(host):
    answer = browser().get("/", headers={"host": host})
    assert answer.status_code == 421 and answer.text == "This page is served to this machine only."
    assert browser(local=False).get("/", headers={"host": host or "a"}).status_code == 200


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:8080", "[::1]:7860", "LOCALHOST:1"])
def test_a_page_for_this_machine_answers_to_its_own_names(host):
    assert browser().get("/", headers={"host": host}).status_code == 200


@pytest.fixture
def studio(tmp_path):
    return Studio(Store(tmp_path / "studio"), {}, {}, limits=Limits(jobs=2, waiting=3, seconds=1))


def comes(letter, language="en"):
    return gr.Request(
        SimpleNamespace(headers={"cookie": f"{COOKIE}={letter * 43}", "accept-language": language}), username=None
    )


def test_a_visitor_has_so_many_jobs_in_a_line_and_all_have_so_many(studio):
    jobs = [studio.ask("clone", comes("a"), {}) for _ in range(2)]
    with pytest.raises(UserError, match="You have 2 jobs here"):
        studio.ask("train", comes("a"), {})
    with pytest.raises(UserError, match="まだ終わっていないジョブが2件"):
        studio.ask("train", comes("a", "ja"), {})
    studio.ask("verify", comes("a"), {})  # the other line
    last = studio.ask("train", comes("b"), {})
    assert studio.before(last) == 2
    with pytest.raises(UserError, match="Too many jobs"):
        studio.ask("clone", comes("c"), {})
    jobs[0].stop()
    assert studio.before(last) == 1
    studio.ask("clone", comes("a"), {})


@pytest.mark.parametrize("looks", ["preflight", "check", "verify"])
def test_what_is_waited_for_at_the_page_waits_for_no_long_job(studio, looks):
    for who, long in zip("aab", ("evaluate", "train", "clone"), strict=True):
        studio.ask(long, comes(who), {})
    look = studio.ask(looks, comes("c"), {})
    assert studio.before(look) == 0
    assert studio.before(studio.ask("verify", comes("a"), {})) == 1  # looks do for one another


def test_what_was_uploaded_is_judged_once_more_when_it_is_asked_for(studio, tmp_path, monkeypatch):
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "uploads"))
    (tmp_path / "uploads").mkdir()
    long = clip(tmp_path / "uploads" / "wave.mp4", 60)
    with pytest.raises(UserError, match=r"wave\.mp4 lasts"):
        studio.ask("clone", comes("a"), {}, [(long, "driving.mp4")])
    assert studio.store.listing() == []
    short = clip(tmp_path / "uploads" / "short.mp4", 15)
    job = studio.ask("clone", comes("a"), {}, [(short, "driving.mp4")])
    assert job.file("driving.mp4").read_bytes() == short.read_bytes()

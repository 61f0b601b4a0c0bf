"""Logins and roles, and the endpoints that a program uses, through a real server."""

import stat
import time
from pathlib import Path
from types import SimpleNamespace

import gradio as gr
import httpx2
import pytest
from gradio_client import Client
from gradio_client.exceptions import AppError, AuthenticationError

from perfclone.errors import UserError
from studio import cli, endpoints
from studio.job_files import link
from studio.jobs.store import Store
from studio.page import launch_options
from studio.roles import may, require
from studio.studio import Studio
from studio.users import Users
from studio.visitors import visitor

pytestmark = pytest.mark.filterwarnings("ignore:.*:Warning:gradio", "ignore::DeprecationWarning")
WORDS = "a long pass word"


@pytest.fixture(autouse=True)
def _at_home(tmp_path, monkeypatch):
    monkeypatch.setenv("PERFCLONE_HOME", str(tmp_path / "home"))
    for variable in ("PERFCLONE_USERS", "SPACE_ID", "SPACE_AUTHOR_NAME", "OAUTH_CLIENT_ID"):
        monkeypatch.delenv(variable, raising=False)


def comes(name=None, session=None, language="en"):
    scope = {"type": "http", "session": session} if session else {"type": "http"}
    inner = SimpleNamespace(headers={"accept-language": language}, scope=scope)
    return gr.Request(inner, username=name)


def typed(monkeypatch, *words, password=WORDS):
    monkeypatch.setattr("sys.stdin", SimpleNamespace(isatty=lambda: False, readline=lambda: password + "\n"))
    return cli.main(["users", *words])


def test_users_are_added_listed_and_removed_at_the_command_line(monkeypatch, capsys):
    assert typed(monkeypatch, "add", "anna", "--role", "reviewer") == 0
    assert typed(monkeypatch, "add", "ben@studio.example") == 0
    capsys.readouterr()
    assert typed(monkeypatch, "list") == 0
    assert capsys.readouterr().out.split() == ["anna", "reviewer", "ben@studio.example", "operator"]
    assert typed(monkeypatch, "remove", "anna") == 0 and Users().roles() == {"ben@studio.example": "operator"}
    assert typed(monkeypatch, "remove", "anna") == 2 and "no user 'anna'" in capsys.readouterr().err


@pytest.mark.parametrize(("name", "password"), [("an na", WORDS), ("", WORDS), ("../x", WORDS), ("anna", "short")])
def test_what_cannot_be_a_user_is_said(monkeypatch, capsys, name, password):
    assert typed(monkeypatch, "add", name, password=password) == 2
    assert capsys.readouterr().err.count("\n") == 1 and not Users()


def test_the_file_keeps_no_password_and_is_its_owners_alone():
    users = Users()
    users.add("anna", "viewer", WORDS)
    users.add("ben", "viewer", WORDS)
    text = users.path.read_text()
    assert WORDS not in text and stat.S_IMODE(users.path.stat().st_mode) == 0o600
    hashes = [line for line in text.splitlines() if '"hash"' in line]
    assert len(hashes) == 2 and hashes[0] != hashes[1]


def test_a_password_opens_its_own_name_only():
    users = Users()
    users.add("anna", "viewer", WORDS)
    users.add("ben", "viewer", "another pass word")
    assert users.admit("anna", WORDS)
    assert not any(users.admit(*pair) for pair in [("anna", "another pass word"), ("eve", WORDS), ("anna", "")])
    users.add("anna", "operator", "a new pass word")
    assert not users.admit("anna", WORDS) and users.admit("anna", "a new pass word")


def test_a_damaged_file_lets_nobody_in(tmp_path, monkeypatch):
    monkeypatch.setenv("PERFCLONE_USERS", str(tmp_path / "users.json"))
    (tmp_path / "users.json").write_text("{")
    with pytest.raises(UserError, match="mend or remove it"):
        may(comes(), "look")


@pytest.mark.parametrize(
    ("role", "deeds"), [("viewer", {"look"}), ("operator", {"look", "make"}), ("reviewer", {"look", "review"})]
)
def test_a_role_allows_what_it_says(role, deeds):
    Users().add("anna", role, WORDS)
    allowed = {deed for deed in ("look", "make", "review") if may(comes("anna"), deed)}
    assert allowed == deeds
    assert not any(may(comes(name), deed) for name in (None, "eve") for deed in ("look", "make", "review"))


def test_without_users_everybody_may_all_and_what_one_may_not_is_said_in_their_language():
    assert all(may(comes(), deed) for deed in ("look", "make", "review"))
    Users().add("anna", "viewer", WORDS)
    with pytest.raises(UserError, match="role of an operator"):
        require(comes("anna"), "make")
    with pytest.raises(UserError, match="審査担当者"):
        require(comes("anna", language="ja"), "review")


def test_on_a_space_its_owner_alone_reviews(monkeypatch):
    monkeypatch.setenv("SPACE_ID", "anna/studio")
    monkeypatch.setenv("SPACE_AUTHOR_NAME", "anna")
    told = {"oauth_info": {"userinfo": {"preferred_username": "anna"}, "expires_at": time.time() + 60}}
    late = {"oauth_info": told["oauth_info"] | {"expires_at": time.time() - 60}}
    assert may(comes(session=told), "review") and visitor(comes(session=told)) == "user:anna"
    assert not may(comes(session=late), "review") and not may(comes(), "review") and may(comes(), "make")


class Served:
    """A page with the endpoints alone."""

    def __init__(self, folder):
        self.studio = Studio(Store(folder), {}, {})
        with gr.Blocks() as self.page:
            endpoints.build(self.studio)

    def __enter__(self):
        options = launch_options(self.studio)
        _, self.url, _ = self.page.launch(prevent_thread_lock=True, quiet=True, server_name="127.0.0.1", **options)
        return self

    def __exit__(self, *_):
        self.page.close()


@pytest.fixture
def served(tmp_path):
    with Served(tmp_path / "studio") as served:
        yield served


def test_a_program_follows_a_job_takes_its_file_and_stops_another(served, tmp_path):
    program = Client(served.url, verbose=False, download_files=str(tmp_path / "got"))
    first, second = (served.studio.store.create("clone", "visit:a", {}) for _ in range(2))
    assert program.predict(second.id, api_name="/job") == {
        "id": second.id,
        "kind": "clone",
        "state": "waiting",
        "before": 1,
        "standing": None,
        "why": None,
        "result": {},
        "files": [],
    }
    (first.files / "clone.mp4").write_bytes(b"a clip")
    with pytest.raises(AppError, match="has no file 'clone.mp4'; it has none yet"):
        program.predict(first.id, "clone.mp4", api_name="/file")
    first.end("done", {"frames": 4})
    told = program.predict(first.id, api_name="/job")
    assert (told["state"], told["result"], told["files"]) == ("done", {"frames": 4}, ["clone.mp4"])
    assert Path(program.predict(first.id, "clone.mp4", api_name="/file")).read_bytes() == b"a clip"
    for name in ("../asked.json", "/etc/passwd", "../../../users.json"):
        with pytest.raises(AppError, match="has no file"):
            program.predict(first.id, name, api_name="/file")
    assert program.predict(second.id, api_name="/stop")["state"] == "stopped" and second.state == "stopped"
    with pytest.raises(AppError, match="There is no such job any more"):
        program.predict("a" * 22, api_name="/job")


def test_a_login_is_asked_for_as_soon_as_there_is_a_user(tmp_path):
    Users().add("anna", "viewer", WORDS)
    with Served(tmp_path / "studio") as served:
        job = served.studio.store.create("clone", "visit:a", {})
        (job.files / "clone.mp4").write_bytes(b"a clip")
        with pytest.raises((AuthenticationError, ValueError)):
            Client(served.url, verbose=False)
        file = served.url + link(job, "clone.mp4")
        guessed = {f"access-token-unsecure-{served.page.app.cookie_id}": "a guess"}
        for cookies in ({}, guessed):
            answer = httpx2.get(file, cookies=cookies)
            assert answer.status_code == 403 and b"clip" not in answer.content
        with pytest.raises((AuthenticationError, ValueError)):
            Client(served.url, verbose=False, auth=("anna", "wrong pass word"))
        program = Client(served.url, verbose=False, auth=("anna", WORDS))
        assert program.predict(job.id, api_name="/job")["state"] == "waiting"
        assert httpx2.get(file, cookies=program.cookies).content == b"a clip"
        with pytest.raises(AppError, match="role of an operator"):
            program.predict(job.id, api_name="/stop")
        Users().remove("anna")
        assert httpx2.get(file, cookies=program.cookies).status_code == 403

"""Actors from the Hub: what is fetched and kept, what works without it, and what is said where it does not."""

import resource
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from published import REPOSITORY, asked, files_of, publish
from tiny import untrained_actor

from perfclone import PerformanceCloner
from perfclone.actor import Actor
from perfclone.actor.layout import CONFIG, CONSENT, LOADED, MANIFEST, WEIGHTS
from perfclone.actor.remote import errors
from perfclone.actor.remote.cache import find_cached, point
from perfclone.actor.remote.fetch import fetch
from perfclone.errors import UserError
from perfclone.governance.keys import SigningKey

pytestmark = pytest.mark.usefixtures("impatient")


#: Where the Hub sends people on to for large files.
STORAGE = "^/lfs/"


def storage(loopback):
    return [request for request in loopback.requests if request.host == "storage"]


def load(**how):
    return Actor.from_pretrained(REPOSITORY, **how)


def test_what_is_fetched_is_what_was_published(loopback):
    commit = publish(loopback, {**files_of(), "poster.jpg": b"poster", "notes.txt": b"notes"})
    actor = load()
    assert actor.commit == commit and actor.consent.subject == "anna"
    assert all(torch.equal(*pair) for pair in zip(actor.state_dict().values(), local().state_dict().values()))
    fetched = {path.rpartition("/")[2] for path in asked(loopback) if "/resolve/" in path}
    assert fetched == set(LOADED)
    assert PerformanceCloner.from_pretrained(REPOSITORY).name == REPOSITORY


def local():
    from tempfile import TemporaryDirectory

    with TemporaryDirectory() as folder:
        return Actor.from_pretrained(untrained_actor().save_pretrained(folder))


def test_a_commit_a_tag_and_a_branch_each_give_what_they_name(loopback):
    first = publish(loopback)
    loopback.hub.repositories["model", REPOSITORY].tags["v1"] = first
    second = publish(loopback, files_of(untrained_actor(seed=5)))
    third = publish(loopback, files_of(untrained_actor(seed=6)), branch="dev/six")
    found = {revision: load(revision=revision).commit for revision in (first, "v1", None, "main", "dev/six")}
    assert found == {first: first, "v1": first, None: second, "main": second, "dev/six": third}
    offline = {revision: load(revision=revision, local_files_only=True).commit for revision in found}
    assert offline == found


def test_what_is_cached_is_not_fetched_again(loopback):
    publish(loopback)
    load()
    asked(loopback)
    load()
    assert asked(loopback) == [f"/api/models/{REPOSITORY}"]


def test_a_cached_actor_loads_offline_at_once(loopback):
    publish(loopback)
    code = (
        "import time; from perfclone.actor import Actor; began = time.monotonic();"
        f"print(Actor.from_pretrained({REPOSITORY!r}).commit, time.monotonic() - began)"
    )
    load()
    asked(loopback)
    env = {**loopback.env(), "HF_HUB_OFFLINE": "1"}
    run = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, timeout=120)
    commit, seconds = run.stdout.split()
    assert commit == load(local_files_only=True).commit and float(seconds) < 5
    assert asked(loopback) == []


def test_without_a_network_a_cached_actor_loads_after_one_try(loopback, monkeypatch, caplog):
    commit = publish(loopback)
    load()
    monkeypatch.setattr(errors, "WAITS", (60.0,))
    loopback.unplug()
    began = time.monotonic()
    assert load().commit == commit and time.monotonic() - began < 5
    assert f"loaded from the cache, at commit {commit}" in caplog.text


def test_a_hub_in_trouble_does_not_keep_a_cached_actor_from_loading(loopback):
    commit = publish(loopback)
    load()
    loopback.fail(f"/api/models/{REPOSITORY}", status=503, times=9)
    assert load().commit == commit


@pytest.mark.parametrize("path", [r"/api/models/", r"/resolve/.*config.json", r"/resolve/.*safetensors", "/_lfs|/lfs"])
@pytest.mark.parametrize("status", [500, 503])
def test_errors_that_pass_are_waited_for(loopback, path, status):
    publish(loopback)
    loopback.fail(path, status=status, times=2)
    assert load().commit


def test_a_download_that_breaks_off_goes_on_where_it_stopped(loopback, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.DOWNLOAD_CHUNK_SIZE", 4096)  # 10 MB, more than this actor has
    commit = publish(loopback)
    loopback.drop(STORAGE, after=40960, method="GET")
    assert load().commit == commit
    assert [request.headers.get("range") for request in storage(loopback)] == [None, "bytes=40960-"]


def test_files_that_arrived_before_a_failure_are_not_fetched_again(loopback):
    publish(loopback)
    loopback.fail(STORAGE, status=404, method="GET")
    with pytest.raises(UserError, match="no such thing"):
        load()
    assert any(CONFIG in path for path in asked(loopback))
    load()
    assert not any(CONFIG in path for path in asked(loopback))


@pytest.mark.parametrize(
    ("how", "token", "match"),
    [
        ({"private": True}, None, r"no owner/anna, or it is private and you are not logged in; .*hf auth login"),
        ({"private": True}, "hf_reader", r"private and not shared with you; check name and account"),
        (
            {"gated": "manual"},
            None,
            r"owner/anna is gated and you have no access yet; ask for it at http.*/owner/anna",
        ),
        ({"gated": "manual"}, "hf_reader", r"gated and you have no access yet"),
        ({"private": True}, "hf_nobody", r"does not accept your token; run `hf auth login`"),
        ({"gated": "manual"}, "hf_nobody", r"does not accept your token; run `hf auth login`"),
    ],
)
def test_who_may_not_have_it_is_told_what_to_do(loopback, how, token, match):
    publish(loopback, **how)
    if token:
        loopback.login(token)
    with pytest.raises(UserError, match=match) as error:
        load()
    assert "\n" not in str(error.value) and str(token) not in str(error.value)


@pytest.mark.parametrize("how", ["login", "given"])
def test_an_expired_token_does_not_keep_a_public_actor_from_loading(loopback, how, caplog):
    commit = publish(loopback)
    if how == "login":
        loopback.login("hf_expired")
    assert load(**({"token": "hf_expired"} if how == "given" else {})).commit == commit
    assert caplog.text.count("does not accept your token") == 1 and "hf_expired" not in caplog.text
    assert load(local_files_only=True).commit == commit


@pytest.mark.parametrize("how", [{"private": True}, {"gated": "manual"}])
def test_an_expired_token_does_not_keep_a_cached_actor_from_loading(loopback, how, caplog):
    commit = publish(loopback, **how)
    load(token="hf_owner")
    loopback.login("hf_expired")
    loopback.put(REPOSITORY, files_of(untrained_actor(seed=5)), **how)
    assert load().commit == commit
    assert "does not accept your token" in caplog.text
    assert f"loaded from the cache, at commit {commit}" in caplog.text


def test_a_revoked_consent_is_seen_with_an_expired_token_too(loopback):
    publish(loopback)
    load()
    revoked = untrained_actor().consent.revoke("asked by mail", SigningKey.new())
    loopback.put(REPOSITORY, {CONSENT: revoked.to_bytes()})
    loopback.login("hf_expired")
    with pytest.raises(UserError, match="was revoked"):
        load()


def test_an_actor_that_is_not_there(loopback):
    with pytest.raises(UserError, match=r"no such folder here.*the Hub has no actors/me"):
        Actor.from_pretrained("actors/me")


def test_a_revision_that_is_not_there(loopback):
    publish(loopback)
    for revision in ("v9", "0" * 40):
        with pytest.raises(UserError, match="has no such revision; give a commit, tag or branch"):
            load(revision=revision)


def test_a_reader_who_was_accepted_and_the_owner_load_a_gated_actor(loopback):
    from huggingface_hub import HfApi

    commit = publish(loopback, gated="manual")
    loopback.ask(REPOSITORY, "reader", {"Purpose": "research"})
    HfApi(token="hf_owner").accept_access_request(REPOSITORY, "reader")
    assert load(token="hf_owner").commit == load(token="hf_reader").commit == commit


def test_a_network_that_is_down(loopback):
    loopback.unplug()
    with pytest.raises(UserError, match=r"the Hub cannot be reached .*check the network and run the same command"):
        load()


def test_a_hub_that_never_answers(loopback, monkeypatch):
    from hub.commit import client, find

    monkeypatch.setattr(errors, "PATIENCE", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        loopback.unplug(f"http://127.0.0.1:{silent.getsockname()[1]}")
        for ask in (load, lambda: find(client("hf_owner"), REPOSITORY)):
            began = time.monotonic()
            with pytest.raises(UserError, match="the Hub cannot be reached .*Timeout"), errors.explained("it", "ask"):
                ask()
            assert time.monotonic() - began < 10


def test_a_hub_that_stays_in_trouble(loopback):
    publish(loopback)
    loopback.fail("/api/models/", status=500, times=99)
    with pytest.raises(UserError, match=r"in trouble \(it answered 500\); try again later"):
        load()
    assert len(asked(loopback)) == 4  # once, and once after each wait


def test_a_call_for_which_the_client_waited_is_not_made_again(monkeypatch):
    from httpx2 import ConnectError

    calls = []

    def call():
        calls.append(time.sleep(0.02))
        raise ConnectError("down")

    for long, count in ((60.0, 4), (0.01, 1)):
        monkeypatch.setattr(errors, "LONG", long)
        calls.clear()
        with pytest.raises(ConnectError):
            errors.retried(call)
        assert len(calls) == count


def test_what_answers_is_no_hub(loopback):
    publish(loopback)
    loopback.fail("/resolve/", status=200, times=99)  # an answer without a commit, as of a hotel's login page
    with pytest.raises(UserError, match="no Hugging Face Hub; check HF_ENDPOINT"):
        load()


@pytest.mark.parametrize("answer", [{"status": 404}, {"status": 200}])
def test_a_login_page_in_between_does_not_keep_a_cached_actor_from_loading(loopback, answer):
    commit = publish(loopback)
    load()
    loopback.fail("/api/models/", times=9, **answer)
    assert load().commit == commit


def test_a_record_that_vanished_from_the_head_is_told(loopback, caplog):
    first = publish(loopback)
    publish(loopback, files_of(**{CONSENT: None}), delete=[CONSENT])
    assert load(revision=first).consent
    assert f"has no {CONSENT} any more at its head" in caplog.text


@pytest.mark.parametrize("revision", ["x" * 300, "a b", "a\nb"])
def test_what_is_no_revision(loopback, revision):
    publish(loopback)
    with pytest.raises(UserError, match="is no revision; give a commit, a tag or a branch"):
        load(revision=revision)


def test_offline_and_never_fetched(loopback):
    with pytest.raises(FileNotFoundError, match="no folder owner/anna.*never gave owner/anna at main"):
        load(local_files_only=True)


@pytest.mark.parametrize("name", ["nothing/at/all", "nothing", "/nothing/here", "a--b/c", "../up", "owner/"])
def test_what_is_neither_a_folder_nor_a_name(loopback, name):
    with pytest.raises(FileNotFoundError, match="There is no actor folder"):
        Actor.from_pretrained(name)
    assert asked(loopback) == []


def test_a_full_disk(loopback):
    publish(loopback)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(files_of()[WEIGHTS]) // 2, hard))
    try:
        with pytest.raises(UserError, match="the disk is full; free some space and try again"):
            load()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert load().commit


def test_a_failed_fetch_leaves_no_branch_in_the_cache_that_was_not_checked(loopback):
    first = publish(loopback)
    cache = load() and loopback.home / "hub"
    publish(loopback, files_of(untrained_actor(seed=5)))
    loopback.lie(REPOSITORY, WEIGHTS, sha256="0" * 64)
    with pytest.raises(UserError, match="is not the file that the Hub lists"):
        load()
    assert find_cached(cache, REPOSITORY).commit == first


def test_an_actor_without_a_record_loads_and_nothing_may_be_made_of_it(loopback):
    publish(loopback, files_of(**{CONSENT: None}))
    assert load().consent is None


def test_the_folder_that_was_fetched_is_an_actors_folder_itself(loopback):
    publish(loopback)
    folder = fetch(REPOSITORY).folder
    assert torch.equal(Actor.from_pretrained(folder).plate, untrained_actor().plate)
    assert (folder / MANIFEST).is_file()


@pytest.mark.parametrize("content", [b"\xff\xfe\0garbage", bytes(100_000), b"../../../../etc", b"main", b""])
def test_a_branch_of_the_cache_that_points_nowhere_is_mended(loopback, content):
    commit = publish(loopback)
    cache = fetch(REPOSITORY).folder.parents[1]
    (cache / "refs" / "main").write_bytes(content)
    with pytest.raises(FileNotFoundError, match="may not be asked now"):
        load(local_files_only=True)
    assert load().commit == commit == load(local_files_only=True).commit


def test_a_cache_that_cannot_be_written_serves_what_it_has(loopback, caplog):
    commit = publish(loopback)
    refs = fetch(REPOSITORY).folder.parents[1] / "refs"
    (refs / "main").unlink()
    refs.rmdir()
    refs.touch()  # a file, so that even root cannot put anything there
    assert load().commit == commit
    assert "cannot be written" in caplog.text


def test_several_may_point_a_branch_at_once(tmp_path, caplog):
    commits = [digit * 40 for digit in "abcd"]

    def often(commit):
        for _ in range(100):
            point(tmp_path, REPOSITORY, "main", commit)

    with ThreadPoolExecutor(len(commits)) as pool:
        list(pool.map(often, commits))
    refs = tmp_path / "models--owner--anna" / "refs"
    assert (refs / "main").read_text() in commits and [path.name for path in refs.iterdir()] == ["main"]
    assert not caplog.records

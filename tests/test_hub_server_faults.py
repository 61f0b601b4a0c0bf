"""The loopback Hub told to misbehave, and the helpers that change it without a request."""

import subprocess
import sys
import threading
from pathlib import Path

import pytest
from hub_server.samples import FILES, safetensors, status_of
from huggingface_hub import CommitOperationAdd, constants, get_session, hf_hub_download
from huggingface_hub.errors import HfHubHTTPError

# Faults


def test_a_failing_request_fails_so_many_times(loopback, api, repo):
    loopback.fail("/api/models/owner", status=500, times=2, method="GET")
    for _ in range(2):
        with pytest.raises(HfHubHTTPError, match="Made to fail") as error:
            api.model_info(repo)
        assert status_of(error) == 500
    assert api.model_info(repo).id == repo
    assert [seen.status for seen in loopback.requests] == [500, 500, 200]


def test_a_failed_upload_is_tried_again(loopback, api, repo):
    loopback.fail("/lfs/", method="PUT")
    api.upload_file(path_or_fileobj=safetensors(), path_in_repo="new.safetensors", repo_id=repo)
    assert [seen.status for seen in loopback.requests if seen.method == "PUT"] == [503, 200]


@pytest.mark.parametrize("name", ["model.safetensors", "README.md"])
def test_a_dropped_download_goes_on_where_it_stopped(loopback, repo, name, monkeypatch):
    """At the last whole chunk, that is: of 10 MB, so that a small file starts anew."""
    monkeypatch.setattr(constants, "DOWNLOAD_CHUNK_SIZE", 50)
    loopback.drop(r"/lfs/|README\.md", after=100)
    assert Path(hf_hub_download(repo, name)).read_bytes() == FILES[name]
    got = [(seen.status, seen.headers.get("range")) for seen in loopback.requests if seen.method == "GET"]
    assert got == [(200, None), (206, "bytes=100-")]


def test_a_dropped_listing_is_an_error(loopback, api, repo):
    loopback.drop("/api/models/owner/actor$", after=20)
    with pytest.raises(Exception, match="received 20 bytes, expected"):
        api.model_info(repo)
    assert api.model_info(repo).id == repo


def test_a_cut_upload_is_tried_again(loopback, api, repo):
    loopback.cut("/lfs/", method="PUT")
    api.upload_file(path_or_fileobj=safetensors(), path_in_repo="new.safetensors", repo_id=repo)
    assert [seen.status for seen in loopback.requests if seen.method == "PUT"] == [None, 200]


def test_a_lost_answer_hides_a_commit_that_was_made(loopback, api, repo):
    loopback.lose_answer("/commit/main")
    with pytest.raises(Exception, match="disconnected without sending a response"):
        api.create_commit(repo, [CommitOperationAdd("new.txt", b"new")], commit_message="made")
    assert loopback.repository(repo).titles[0] == "made"
    assert [seen.status for seen in loopback.requests if "/commit/" in seen.path] == [None]


def test_a_cut_commit_was_not_made(loopback, api, repo):
    loopback.cut("/commit/main")
    with pytest.raises(Exception, match="disconnected without sending a response"):
        api.create_commit(repo, [CommitOperationAdd("new.txt", b"new")], commit_message="not made")
    assert loopback.repository(repo).titles[0] == "put"


def test_something_happens_between_two_calls(loopback, api, repo):
    """The action may itself speak to the server, and is called once."""
    calls = []

    def move():
        calls.append(threading.current_thread().name)
        api.upload_file(path_or_fileobj=b"moved", path_in_repo="moved.txt", repo_id=repo)

    parent = api.model_info(repo).sha
    loopback.before("/commit/", move, method="POST")
    with pytest.raises(HfHubHTTPError) as error:
        api.create_commit(repo, [CommitOperationAdd("a", b"a")], commit_message="late", parent_commit=parent)
    assert status_of(error) == 412 and len(calls) == 1
    assert "moved.txt" in loopback.repository(repo).files


@pytest.mark.parametrize("name", ["model.safetensors", "config.json"])
def test_swapped_bytes_are_served_under_the_old_description(loopback, api, repo, name):
    told = api.get_paths_info(repo, [name])
    other = bytes(len(FILES[name]))
    loopback.swap(repo, name, other)
    assert api.get_paths_info(repo, [name]) == told
    assert Path(hf_hub_download(repo, name)).read_bytes() == other
    loopback.put("owner/twin", FILES)
    assert Path(hf_hub_download("owner/twin", name)).read_bytes() == FILES[name]


def test_lies_are_told_everywhere(loopback, api, repo):
    name, false = "model.safetensors", "f" * 64
    loopback.lie(repo, name, size=5, sha256=false)
    (sibling,) = [item for item in api.model_info(repo, files_metadata=True).siblings if item.rfilename == name]
    (path,) = api.get_paths_info(repo, [name])
    (listed,) = [item for item in api.list_repo_tree(repo) if item.path == name]
    for told in (sibling, path, listed):
        assert (told.size, told.lfs.size, told.lfs.sha256) == (5, 5, false)
    head = get_session().head(f"{loopback.url}/{repo}/resolve/main/{name}", follow_redirects=False)
    assert (head.headers["x-linked-size"], head.headers["x-linked-etag"]) == ("5", f'"{false}"')
    with pytest.raises(OSError, match="should be of size 5"):
        hf_hub_download(repo, name)
    loopback.lie(repo, "config.json", size=3)
    assert api.get_paths_info(repo, ["config.json"])[0].size == 3
    with pytest.raises(ValueError, match="not in LFS"):
        loopback.lie(repo, "config.json", sha256=false)


# Helpers


def test_files_are_put_without_a_request(loopback):
    first = loopback.put("owner/new", {"a.bin": b"a", "b.txt": b"b"}, private=True, gated="manual")
    second = loopback.put("owner/new", {"c.txt": b"c\0"}, branch="dev", delete=["b.txt"])
    state = loopback.repository("owner/new")
    assert (state.private, state.gated, state.sha) == (True, "manual", first)
    assert state.branches == {"main": first, "dev": second}
    assert {name: state.files[name] for name in ("a.bin", "b.txt")} == {"a.bin": b"a", "b.txt": b"b"}
    assert set(loopback.blobs.values()) == {b"a", b"c\0"}
    assert loopback.requests == [] and loopback.repository("owner/new", "space") is None


def test_a_fresh_process_speaks_to_it(loopback, repo, tmp_path):
    loopback.put(repo, {}, private=True)
    code = f"from huggingface_hub import hf_hub_download; print(hf_hub_download({repo!r}, 'model.safetensors'))"
    environment = loopback.env("hf_owner", tmp_path / "fresh")
    run = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=60)
    assert run.returncode == 0, run.stderr
    assert run.stdout.startswith(str(tmp_path / "fresh"))
    assert {seen.user for seen in loopback.requests if seen.host == "hub"} == {"owner"}
    assert "HF_TOKEN" not in loopback.env()

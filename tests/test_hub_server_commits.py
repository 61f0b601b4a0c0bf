"""The loopback Hub: commits, branches, tags, pull requests, and files that are deleted for good."""

from hashlib import sha256
from pathlib import Path

import pytest
from hub_server.samples import CARD, FILES, safetensors, status_of
from huggingface_hub import (
    CommitOperationAdd,
    CommitOperationCopy,
    CommitOperationDelete,
    HfApi,
    hf_hub_download,
)
from huggingface_hub.errors import HfHubHTTPError, RemoteEntryNotFoundError, RevisionNotFoundError


def text_of(path):
    return Path(path).read_text()


def test_a_commit_of_several_operations(loopback, api, repo):
    operations = [
        CommitOperationAdd("b.json", b"{}"),
        CommitOperationDelete("config.json"),
        CommitOperationDelete("sub/"),
        CommitOperationCopy("model.safetensors", "copy.safetensors"),
        CommitOperationCopy("README.md", "COPY.md"),
    ]
    first = loopback.repository(repo).sha
    api.create_commit(repo, operations, commit_message="ops", parent_commit=first[:7])
    files = loopback.repository(repo).files
    assert set(files) == {
        *(".gitattributes", "README.md", "COPY.md", "b.json", "empty.txt", "model.safetensors", "copy.safetensors")
    }
    assert files["copy.safetensors"] == files["model.safetensors"] and files["COPY.md"] == CARD.encode()
    with pytest.raises(HfHubHTTPError, match="A commit has happened since") as error:
        api.create_commit(repo, [CommitOperationAdd("b.json", b"1")], commit_message="late", parent_commit=first)
    assert status_of(error) == 412
    with pytest.raises(RemoteEntryNotFoundError, match="doesn't exist"):
        api.delete_file("nothing.txt", repo)
    api.delete_file("b.json", repo)
    assert [item.title for item in api.list_repo_commits(repo)] == loopback.repository(repo).titles
    assert loopback.repository(repo).titles[1:] == ["ops", "put", "initial commit"]


def test_revisions_stay_what_they_were(loopback, api, repo):
    first = loopback.repository(repo).sha
    api.create_tag(repo, tag="v1.0")
    api.create_branch(repo, branch="try/this", revision=first)
    api.upload_file(path_or_fileobj=b"2", path_in_repo="config.json", repo_id=repo, revision="try/this")
    api.upload_file(path_or_fileobj=b"3", path_in_repo="config.json", repo_id=repo)

    def config(revision):
        return text_of(hf_hub_download(repo, "config.json", revision=revision))

    told = {revision: config(revision) for revision in ("main", "try/this", "v1.0", first)}
    assert told == {"main": "3", "try/this": "2", "v1.0": '{"a": 1}', first: '{"a": 1}'}
    refs = api.list_repo_refs(repo)
    assert [item.name for item in refs.branches] == ["main", "try/this"]
    assert [(item.name, item.target_commit) for item in refs.tags] == [("v1.0", first)]
    assert refs.pull_requests is None
    with pytest.raises(RevisionNotFoundError):
        config("zzz")
    with pytest.raises(RemoteEntryNotFoundError):
        hf_hub_download(repo, "zzz.json")
    for make in (lambda: api.create_tag(repo, tag="v1.0"), lambda: api.create_branch(repo, branch="try/this")):
        with pytest.raises(HfHubHTTPError) as error:
            make()
        assert status_of(error) == 409
    api.delete_tag(repo, tag="v1.0")
    api.delete_branch(repo, branch="try/this")
    assert loopback.repository(repo).tags == {} and list(loopback.repository(repo).branches) == ["main"]
    assert not api.revision_exists(repo, "v1.0")


def test_a_pull_request_leaves_main_alone(loopback, repo):
    other = HfApi(token="hf_other")
    with pytest.raises(HfHubHTTPError) as error:
        other.upload_file(path_or_fileobj=b"x", path_in_repo="x.txt", repo_id=repo)
    assert status_of(error) == 403
    made = other.upload_file(path_or_fileobj=b"x", path_in_repo="x.txt", repo_id=repo, create_pr=True)
    assert made.pr_revision == "refs/pr/1"
    assert [item.ref for item in other.list_repo_refs(repo, include_pull_requests=True).pull_requests] == ["refs/pr/1"]
    assert text_of(hf_hub_download(repo, "x.txt", revision="refs/pr/1")) == "x"
    assert "x.txt" not in loopback.repository(repo).files


def test_history_can_be_squashed(loopback, api, repo):
    old = loopback.repository(repo).sha
    api.super_squash_history(repo, commit_message="all of it")
    state = loopback.repository(repo)
    assert state.titles == ["all of it"] and {name: state.files[name] for name in FILES} == FILES
    assert api.model_info(repo, revision=old).sha == old


@pytest.mark.parametrize("rewrite", [True, False])
def test_lfs_files_can_be_deleted_for_good(loopback, api, repo, rewrite):
    loopback.put(repo, {"later.txt": b"l"}, delete=["model.safetensors"])
    old = api.list_repo_commits(repo)[1].commit_id
    api.create_tag(repo, tag="v1", revision=old)
    (found,) = api.list_lfs_files(repo)
    assert (found.filename, found.size) == ("model.safetensors", len(FILES["model.safetensors"]))
    api.permanently_delete_lfs_files(repo, [found], rewrite_history=rewrite)
    assert not loopback.blobs and not list(api.list_lfs_files(repo))
    assert ("model.safetensors" in api.list_repo_files(repo, revision="v1")) is not rewrite
    assert api.revision_exists(repo, old) is not rewrite
    assert "later.txt" in loopback.repository(repo).files
    with pytest.raises(HfHubHTTPError) as error:
        hf_hub_download(repo, "model.safetensors", revision="v1")
    assert status_of(error) == 404


def test_an_upload_that_no_commit_names_is_listed(loopback, api, repo):
    loopback.fail("/commit/")
    with pytest.raises(HfHubHTTPError):
        api.create_commit(repo, [CommitOperationAdd("new.safetensors", safetensors())], commit_message="lost")
    names = {item.filename: item.ref for item in api.list_lfs_files(repo)}
    assert len(names) == 2 and names.pop("model.safetensors") == "refs/heads/main"
    assert set(names) == set(loopback.blobs) - {sha256(FILES["model.safetensors"]).hexdigest()}
    assert list(names.values()) == [None]

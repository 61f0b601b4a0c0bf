"""The loopback Hub, spoken to by the genuine client: what it answers, and what it does when told to misbehave."""

import os
import time
from hashlib import sha256
from pathlib import Path

import pytest
from hub_server.samples import CARD, FILES, REPO, safetensors
from huggingface_hub import (
    CommitOperationAdd,
    CommitOperationCopy,
    CommitOperationDelete,
    HfApi,
    HfFileSystem,
    ModelCard,
    constants,
    create_repo,
    get_session,
    hf_hub_download,
    list_models,
    scan_cache_dir,
    snapshot_download,
)
from huggingface_hub.errors import (
    BadRequestError,
    GatedRepoError,
    HfHubHTTPError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RemoteEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)


def status_of(error):
    return error.value.response.status_code


def text_of(path):
    return Path(path).read_text()


@pytest.fixture
def api(loopback):
    loopback.login("hf_owner")
    return HfApi()


@pytest.fixture
def reader():
    return HfApi(token="hf_reader")


@pytest.fixture
def repo(loopback):
    loopback.put(REPO, FILES)
    return REPO


# A folder goes up and comes down


@pytest.mark.parametrize("kind", ["model", "space"])
def test_a_folder_comes_back_as_it_went(loopback, api, tmp_path, kind):
    for name, content in FILES.items():
        (tmp_path / "source" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "source" / name).write_bytes(content)
    sdk = {"space_sdk": "gradio"} if kind == "space" else {}
    url = api.create_repo(REPO, repo_type=kind, private=True, **sdk)
    assert url == f"{loopback.url}/{'spaces/' if kind == 'space' else ''}{REPO}"
    made = api.upload_folder(folder_path=tmp_path / "source", repo_id=REPO, repo_type=kind, commit_message="first")

    state = loopback.repository(REPO, kind)
    assert state.private and state.sha == made.oid and state.titles == ["first", "initial commit"]
    assert state.sdk == sdk.get("space_sdk")
    assert {name: state.files[name] for name in FILES} == FILES
    assert loopback.blobs == {sha256(FILES["model.safetensors"]).hexdigest(): FILES["model.safetensors"]}

    folder = Path(snapshot_download(REPO, repo_type=kind))
    assert {name: (folder / name).read_bytes() for name in FILES} == FILES
    assert snapshot_download(REPO, repo_type=kind, local_files_only=True) == str(folder)


def test_the_same_file_is_uploaded_once(loopback, api, repo):
    again = {"other.safetensors": FILES["model.safetensors"], "model.safetensors": FILES["model.safetensors"]}
    api.create_commit(repo, [CommitOperationAdd(*item) for item in again.items()], commit_message="again")
    assert not [seen for seen in loopback.requests if seen.method == "PUT"]
    assert loopback.repository(repo).files["other.safetensors"] == FILES["model.safetensors"]
    api.create_commit(repo, [CommitOperationAdd("config.json", FILES["config.json"])], commit_message="nothing new")
    assert loopback.repository(repo).titles[0] == "again"


# Repositories


def test_making_and_deleting(loopback, api, reader):
    assert api.whoami()["name"] == "owner"
    create_repo(REPO)
    assert api.create_repo(REPO, exist_ok=True).repo_id == REPO
    with pytest.raises(HfHubHTTPError, match="already created") as error:
        api.create_repo(REPO)
    assert status_of(error) == 409
    for other, name in [(reader, "reader/mine"), (api, "other/theirs"), (reader, "owner/yours")]:
        with pytest.raises(HfHubHTTPError) as error:
            other.create_repo(name)
        assert status_of(error) == 403
    with pytest.raises(HfHubHTTPError) as error:
        reader.delete_repo(REPO)
    assert status_of(error) == 403
    assert api.repo_exists(REPO) and not api.repo_exists("owner/nothing")
    api.upload_file(path_or_fileobj=safetensors(), path_in_repo="a.safetensors", repo_id=REPO)
    api.delete_repo(REPO)
    assert loopback.repository(REPO) is None and not loopback.blobs
    api.delete_repo(REPO, missing_ok=True)
    with pytest.raises(RepositoryNotFoundError):
        api.delete_repo(REPO)


def test_what_is_told_of_a_repository(loopback, api, repo):
    info = api.model_info(repo, files_metadata=True)
    weights = FILES["model.safetensors"]
    assert info.sha == loopback.repository(repo).sha
    assert (info.library_name, info.pipeline_tag, info.card_data.license) == ("perfclone", "video-to-video", "other")
    assert {"performance-cloning", "actor", "license:other", "safetensors"} <= set(info.tags)
    told = {item.rfilename: item for item in info.siblings}
    assert set(told) == {*FILES, ".gitattributes"}
    assert {name: told[name].size for name in FILES} == {name: len(content) for name, content in FILES.items()}
    assert told["model.safetensors"].lfs.sha256 == sha256(weights).hexdigest()
    assert told["config.json"].lfs is None and len(told["config.json"].blob_id) == 40
    assert api.model_info(repo).siblings[0].size is None
    assert api.model_info(repo, expand=["gated"]).sha is None
    assert api.get_safetensors_metadata(repo).parameter_count == {"F32": 1000}
    assert api.resolve_revision(repo, repo_type="model").resolved == info.sha
    loopback.put("owner/studio", {"app.py": b""}, type="space")
    assert api.space_info("owner/studio").sdk == "gradio"


def test_files_and_folders_are_listed(loopback, api, repo):
    loopback.page_size = 2
    assert {item.path for item in api.list_repo_tree(repo)} == {
        *(".gitattributes", "README.md", "config.json", "empty.txt", "model.safetensors", "sub")
    }
    assert {item.path for item in api.list_repo_tree(repo, "sub")} == {"sub/deep", "sub/notes.txt"}
    assert {item.path for item in api.list_repo_tree(repo, "sub/deep")} == {"sub/deep/more.txt"}
    assert set(api.list_repo_files(repo)) == {*FILES, ".gitattributes"}
    with pytest.raises(RemoteEntryNotFoundError):
        list(api.list_repo_tree(repo, "nothing"))
    told = api.get_paths_info(repo, ["config.json", "sub", "nothing"])
    assert [(item.path, getattr(item, "size", None)) for item in told] == [("config.json", 8), ("sub", None)]
    assert api.file_exists(repo, "config.json") and not api.file_exists(repo, "nothing")
    assert api.verify_repo_checksums(repo, local_dir=snapshot_download(repo)).checked_count == 7


def test_repositories_are_found(loopback, api, reader):
    loopback.page_size = 2
    for number in range(5):
        loopback.put(f"owner/actor-{number}", {"README.md": CARD.encode()}, private=number == 4)
    loopback.put("other/thing", {"a.txt": b"a"})
    loopback.put("owner/studio", {"app.py": b""}, type="space")

    def found(api, **query):
        return [item.id.partition("/")[2] for item in api.list_models(**query)]

    shown = [f"actor-{number}" for number in range(4)]
    assert found(api, author="owner") == [*shown, "actor-4"]
    assert found(reader, filter=["perfclone", "actor"]) == shown
    assert found(reader, search="thing") == ["thing"]
    assert found(reader, filter="no-such-tag") == []
    assert found(reader, pipeline_tag="video-to-video", limit=3) == shown[:3]
    assert found(reader, sort="created_at")[0] == "thing"
    bare, full = next(list_models(search="actor-0")), next(api.list_models(search="actor-0", full=True))
    assert bare.siblings is None and bare.gated is None
    assert [item.rfilename for item in full.siblings] == [".gitattributes", "README.md"] and full.gated is False
    assert next(api.list_models(cardData=True, author="owner")).card_data.license == "other"
    assert [item.id for item in api.list_spaces(author="owner")] == ["owner/studio"]


# Commits, branches, tags


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


# Who may do what


def test_a_private_repository_is_hidden(loopback, api, reader, repo):
    assert loopback.repository(repo).private is False
    api.update_repo_settings(repo, private=True)
    assert loopback.repository(repo).private is True
    for other, status in [(reader, 404), (HfApi(token=False), 401)]:
        with pytest.raises(RepositoryNotFoundError) as error:
            other.model_info(repo)
        assert status_of(error) == status
        with pytest.raises(RepositoryNotFoundError):
            hf_hub_download(repo, "config.json", token=other.token)
        assert not other.repo_exists(repo)
    assert api.model_info(repo).private


def test_a_bad_token_is_refused(loopback, repo):
    with pytest.raises(HfHubHTTPError, match="Invalid") as error:
        HfApi(token="hf_bad").model_info(repo)
    assert status_of(error) == 401 and not isinstance(error.value, RepositoryNotFoundError)


def test_a_gated_repository_gives_its_files_to_the_accepted(loopback, api, reader, repo, tmp_path):
    api.update_repo_settings(repo, gated="manual")

    def fetched():
        return hf_hub_download(repo, "model.safetensors", token="hf_reader", cache_dir=tmp_path, force_download=True)

    def refused(status=403, token="hf_reader"):
        with pytest.raises(GatedRepoError) as error:
            HfApi(token=token).auth_check(repo)
        assert status_of(error) == status
        with pytest.raises(GatedRepoError):
            hf_hub_download(repo, "config.json", token=token, cache_dir=tmp_path / "new")
        return True

    assert reader.model_info(repo).gated == "manual" and "config.json" in reader.list_repo_files(repo)
    assert refused() and refused(401, token=False)
    asked = loopback.ask(repo, "reader", {"purpose": "film"})
    (pending,) = api.list_pending_access_requests(repo)
    assert (pending.username, pending.fields, pending.request_id) == ("reader", {"purpose": "film"}, asked.id)
    assert refused()
    api.accept_access_request(repo, "reader")
    assert [item.username for item in api.list_accepted_access_requests(repo)] == ["reader"]
    assert Path(fetched()).read_bytes() == FILES["model.safetensors"]
    api.cancel_access_request(repo, "reader")
    assert refused()
    api.reject_access_request(repo, request_id=asked.id, rejection_reason="not a film")
    assert loopback.repository(repo).access["reader"].reason == "not a film"
    assert [item.username for item in api.list_rejected_access_requests(repo)] == ["reader"]
    assert refused()
    api.grant_access(repo, "reader")
    assert fetched()
    with pytest.raises(HfHubHTTPError):
        api.grant_access(repo, "nobody")
    with pytest.raises(HfHubHTTPError):
        list(reader.list_pending_access_requests(repo))
    api.update_repo_settings(repo, gated="auto")
    assert loopback.ask(repo, "someone").status == "accepted"
    api.update_repo_settings(repo, gated=False)
    with pytest.raises(BadRequestError):
        list(api.list_pending_access_requests(repo))


def test_a_person_asks_on_the_page(loopback, api, repo):
    loopback.put(repo, {}, gated="manual")
    headers = {"Authorization": "Bearer hf_reader"}
    get_session().post(f"{loopback.url}/{repo}/ask-access", json={"why": "film"}, headers=headers).raise_for_status()
    assert [item.fields for item in api.list_pending_access_requests(repo)] == [{"why": "film"}]


def test_writing_needs_a_token_that_may(loopback, api, reader, repo):
    api.auth_check(repo, write=True)
    with pytest.raises(HfHubHTTPError) as error:
        reader.auth_check(repo, write=True)
    assert status_of(error) == 403
    with pytest.raises(HfHubHTTPError) as error:
        HfApi(token=False).upload_file(path_or_fileobj=b"x", path_in_repo="x", repo_id=repo)
    assert status_of(error) == 401
    assert api.file_exists(repo, "x") is False


def test_the_storage_never_sees_a_token(loopback, api, repo):
    api.upload_file(path_or_fileobj=safetensors(), path_in_repo="more.safetensors", repo_id=repo)
    hf_hub_download(repo, "more.safetensors")
    stored = [seen for seen in loopback.requests if seen.host == "storage"]
    assert [(seen.method, seen.status, seen.user) for seen in stored] == [("PUT", 200, None), ("GET", 200, None)]
    assert all("authorization" not in seen.headers for seen in stored)
    assert {seen.user for seen in loopback.requests if seen.host == "hub"} == {"owner"}
    url = f"{loopback.storage_url}{stored[1].path}"
    assert get_session().get(url, headers={"Authorization": "Bearer hf_owner"}).status_code == 400
    assert get_session().put(url, content=b"other bytes").status_code == 400


# Other parts of the client


def test_cards_are_validated_and_pushed(loopback, api, repo):
    card = ModelCard.load(repo)
    assert card.data.library_name == "perfclone"
    card.validate()
    card.data.license = "mit"
    card.push_to_hub(repo)
    assert "license:mit" in api.model_info(repo).tags
    answer = get_session().post(f"{loopback.url}/api/validate-yaml", json={"content": "---\na: [\n---\n"})
    assert answer.status_code == 400 and answer.json()["errors"]


def test_the_file_system_reads_and_writes(loopback, api, repo):
    files = HfFileSystem(skip_instance_cache=True)
    assert len(files.ls(repo, detail=False)) == 6
    assert files.read_text(f"{repo}/config.json") == '{"a": 1}'
    with files.open(f"{repo}/model.safetensors", block_size=512) as file:
        file.seek(1000)
        assert file.read(10) == FILES["model.safetensors"][1000:1010]
    assert "bytes=" in "".join(seen.headers.get("range", "") for seen in loopback.requests)
    files.write_text(f"{repo}/written.txt", "hello")
    assert loopback.repository(repo).files["written.txt"] == b"hello"


@pytest.mark.parametrize(
    ("asked", "status", "content"),
    [("bytes=2-4", 206, b'a": '[:3]), ("bytes=5-", 206, b" 1}"), ("bytes=-2", 206, b"1}"), ("bytes=9-", 416, b"")],
)
def test_a_part_of_a_file(loopback, repo, asked, status, content):
    answer = get_session().get(f"{loopback.url}/{repo}/resolve/main/config.json", headers={"Range": asked})
    assert (answer.status_code, answer.content) == (status, content)


# The reconfiguration


def test_nothing_of_the_client_points_home(loopback, repo):
    """A newer client may keep a file in yet another place: then this fails, and PATHS wants a line more."""
    home = os.path.join(os.path.expanduser("~"), ".cache")
    places = [name for name, value in vars(constants).items() if isinstance(value, str) and value.startswith(home)]
    assert places == ["default_home"]
    hf_hub_download(repo, "config.json")
    assert [item.repo_id for item in scan_cache_dir().repos] == [repo]


def test_it_is_quick(loopback, api, repo):
    """With Nagle's algorithm on, each call waits 40 ms."""
    api.model_info(repo)
    start = time.perf_counter()
    for _ in range(20):
        api.model_info(repo)
    assert time.perf_counter() - start < 20 * 0.03


def test_the_session_is_offline_again_after_it():
    """Runs in any order: without the fixture there is no Hub."""
    assert constants.HF_HUB_OFFLINE and constants.ENDPOINT == "https://huggingface.co"
    with pytest.raises(OfflineModeIsEnabled):
        HfApi().model_info(REPO)
    with pytest.raises(LocalEntryNotFoundError):
        hf_hub_download(REPO, "config.json")

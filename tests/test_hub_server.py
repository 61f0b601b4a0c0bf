"""The loopback Hub, spoken to by the genuine client: what it answers of repositories and files."""

import os
import time
from hashlib import sha256
from pathlib import Path

import pytest
from hub_server.samples import CARD, FILES, REPO, safetensors, status_of
from huggingface_hub import (
    CommitOperationAdd,
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
    HfHubHTTPError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RemoteEntryNotFoundError,
    RepositoryNotFoundError,
)

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

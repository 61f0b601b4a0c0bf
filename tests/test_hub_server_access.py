"""The loopback Hub: who may do what, with which token, and who is let in at the gate."""

from pathlib import Path

import pytest
from hub_server.samples import FILES, safetensors, status_of
from huggingface_hub import HfApi, get_session, hf_hub_download
from huggingface_hub.errors import BadRequestError, GatedRepoError, HfHubHTTPError, RepositoryNotFoundError


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

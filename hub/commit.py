"""One commit with everything or none, and what is needed around it: a repository, its state, its files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from perfclone.errors import UserError
from perfclone.remote import errors
from perfclone.remote.errors import passing, retried

if TYPE_CHECKING:
    from huggingface_hub import HfApi

#: Seconds between two signs of life while something is up- or downloaded or committed.
_SILENCE = 60.0
RepoType = Literal["model", "space"]


def client(token: str | None = None) -> HfApi:
    """The Hub's client; the token is taken from the usual places unless it is given, and is kept nowhere.

    By itself it waits for ever; from here on it gives up on a Hub that says nothing for so long.
    """
    from httpx2 import Timeout
    from huggingface_hub import HfApi, get_session

    get_session().timeout = Timeout(_SILENCE, connect=errors.PATIENCE)
    return HfApi(token=token, library_name="perfclone")


def require_token(api: HfApi) -> None:
    """Refuse to begin what needs a token without one.

    Raises:
        UserError: There is none in the usual places.
    """
    from huggingface_hub import get_token

    if not (api.token or get_token()):
        raise UserError("You are not logged in to the Hub; run `hf auth login` or set HF_TOKEN.")


def find(api: HfApi, repo_id: str, repo_type: RepoType = "model"):
    """What the Hub tells of a repository, or None where there is none that this user may see."""
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError

    try:
        return retried(lambda: api.repo_info(repo_id, repo_type=repo_type, timeout=errors.PATIENCE))
    except GatedRepoError:
        raise
    except RepositoryNotFoundError:
        return None


def read_head(api: HfApi, repo_id: str, name: str, limit: int, revision: str | None = None) -> bytes | None:
    """Read a small file of a repository as it is now, past every cache; None where it has no such file.

    Raises:
        UserError: It is larger than the limit.
    """
    import tempfile

    from huggingface_hub.errors import EntryNotFoundError

    sizes = retried(lambda: api.get_paths_info(repo_id, [name], revision=revision))
    if not sizes:
        return None
    if getattr(sizes[0], "size", limit + 1) > limit:
        raise UserError(f"{name} of {repo_id} is larger than {limit} bytes, so it is not what it is called.")
    with tempfile.TemporaryDirectory(prefix="perfclone-") as folder:
        try:
            path = api.hf_hub_download(repo_id, name, revision=revision, local_dir=folder)
        except EntryNotFoundError:
            return None
        return Path(path).read_bytes()


def commit(
    api: HfApi, repo_id: str, files: Mapping[str, Path | bytes], delete: Sequence[str], message: str, parent: str,
    *, description: str = "", repo_type: RepoType = "model",
) -> str:  # fmt: skip
    """Add and delete files in one commit on top of a certain one.

    Large files are uploaded first, which no reader of the repository sees; what was uploaded when a push broke off
    is not uploaded again. Then the commit comes, whole or not at all.

    Args:
        api: The client.
        repo_id: The repository.
        files: Path in it -> a file here, or the content.
        delete: Paths in it that go.
        message: First line of the commit's message.
        parent: The commit that must be the branch's head; otherwise nothing is changed.
        description: The rest of the message.
        repo_type: Which kind of repository.

    Returns:
        The new commit's 40 hex digits.
    """
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete

    def send() -> str:
        adding = [CommitOperationAdd(name, str(f) if isinstance(f, Path) else f) for name, f in files.items()]
        return api.create_commit(
            repo_id, [*adding, *(CommitOperationDelete(name) for name in delete)], commit_message=message,
            commit_description=description, parent_commit=parent, repo_type=repo_type,
        ).oid  # fmt: skip

    def send_or_find() -> str:
        try:
            return send()
        except Exception as error:
            if isinstance(error, ValueError) and "Invalid metadata" in str(error):  # the client asks before it uploads
                said = " ".join(str(error).split())
                raise UserError(
                    f"The Hub refuses the card ({said}), so nothing was pushed; check --license."
                ) from error
            if not passing(error) and getattr(getattr(error, "response", None), "status_code", None) != 412:
                raise
            # The commit may have been made and only the answer lost; then it is the head, with this message.
            found = _made(api, repo_id, message, description, parent, repo_type)
            if not found:
                raise
            return found

    return retried(send_or_find)


def _made(api: HfApi, repo_id: str, message: str, description: str, parent: str, repo_type: RepoType) -> str | None:
    """The head, if it is the child of a commit and says what we said."""
    commits = retried(lambda: api.list_repo_commits(repo_id, repo_type=repo_type))
    if len(commits) < 2 or commits[1].commit_id != parent or commits[0].title != message:
        return None
    return commits[0].commit_id if not description or description in (commits[0].message or "") else None

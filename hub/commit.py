"""One commit with everything or none, and what is needed around it: a repository, its state, its files."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from perfclone.actor.layout import CONSENT, LIMITS
from perfclone.actor.remote import errors
from perfclone.actor.remote.errors import passing, retried, status_of
from perfclone.errors import UserError

if TYPE_CHECKING:
    from huggingface_hub import HfApi, ModelInfo, SpaceInfo

    from perfclone.governance.consent.record import ConsentRecord

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
    except GatedRepoError:  # which is one of the next kind to the client
        raise
    except RepositoryNotFoundError:
        return None


def names_of(there: ModelInfo | SpaceInfo) -> set[str]:
    """Paths of the files in a repository."""
    return {sibling.rfilename for sibling in there.siblings or ()}


def head_record(api: HfApi, repo_id: str) -> ConsentRecord | None:
    """The consent record of an actor's repository as it is now, past every cache; None where it has none.

    Raises:
        ConsentError: It is no record.
        UserError: It is larger than a record can be.
    """
    from huggingface_hub.errors import EntryNotFoundError

    from perfclone.governance.consent.record import ConsentRecord

    sizes = retried(lambda: api.get_paths_info(repo_id, [CONSENT]))
    if not sizes:
        return None
    if getattr(sizes[0], "size", LIMITS[CONSENT] + 1) > LIMITS[CONSENT]:
        raise UserError(f"{CONSENT} of {repo_id} is larger than {LIMITS[CONSENT]} bytes, so it is no record.")
    with tempfile.TemporaryDirectory(prefix="perfclone-") as folder:
        try:
            path = api.hf_hub_download(repo_id, CONSENT, local_dir=folder)
        except EntryNotFoundError:
            return None
        return ConsentRecord.from_bytes(Path(path).read_bytes(), f"{CONSENT} of {repo_id}")


def commit(
    api: HfApi,
    repo_id: str,
    files: Mapping[str, Path | bytes],
    delete: Sequence[str],
    message: str,
    parent: str,
    *,
    description: str = "",
    repo_type: RepoType = "model",
) -> str:
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
            repo_id,
            [*adding, *(CommitOperationDelete(name) for name in delete)],
            commit_message=message,
            commit_description=description,
            parent_commit=parent,
            repo_type=repo_type,
        ).oid

    def send_or_find() -> str:
        try:
            return send()
        except Exception as error:
            if isinstance(error, ValueError) and "Invalid metadata" in str(error):  # the client asks before it uploads
                said = " ".join(str(error).split())
                raise UserError(
                    f"The Hub refuses the card ({said}), so nothing was pushed; check the licence."
                ) from error
            if not passing(error) and status_of(error) != 412:
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

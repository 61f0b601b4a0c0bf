"""Fetching an actor from the Hub: one commit, only the files of the format, each as the Hub and the manifest say.

A branch is resolved to a commit first, and everything after asks for that commit, whatever happens to the branch
meanwhile. What is fetched goes to the Hub's usual cache; a branch of the cache points to a commit only once its files
were checked, so that what loads offline was checked too.
"""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from perfclone.actor.layout import CONFIG, LIMITS, LOADED, MANIFEST, WEIGHTS, place
from perfclone.actor.remote import errors
from perfclone.actor.remote.cache import COMMIT, Fetched, find_cached, point, root_of
from perfclone.actor.remote.errors import explained, no_hub, passing, require_repo_id, retried, token_refused
from perfclone.errors import UserError
from perfclone.files.reading import file_sha256, shown
from perfclone.governance.consent.record import CONSENT

if TYPE_CHECKING:
    from huggingface_hub import HfApi, ModelInfo
    from huggingface_hub.errors import HfHubHTTPError
    from huggingface_hub.hf_api import RepoSibling

log = logging.getLogger(__name__)
#: What weights are called that are pickles, which can run code when they are read.
_PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle")
#: Seconds that a Hub may take to answer when there is a cached actor to fall back on.
_BRIEFLY = 5.0


def fetch(
    repo_id: str,
    revision: str | None = None,
    *,
    names: Sequence[str] = LOADED,
    token: str | bool | None = None,
    cache_dir: str | Path | None = None,
    local_files_only: bool = False,
    doing: str | None = None,
) -> Fetched:
    """Fetch an actor's files, or take them from the cache where they are there.

    Online, ``consent.json`` at the head of the repository is looked at, whichever revision is asked for.

    Args:
        repo_id: "owner/name".
        revision: Commit, tag or branch; None is the main branch.
        names: Which files of the format.
        token: Hub token; None takes the one that is logged in, False takes none. Where the Hub does not accept it,
            it is asked without one.
        cache_dir: The cache; None takes the usual one.
        local_files_only: Do not ask the Hub; so does ``HF_HUB_OFFLINE=1``.
        doing: What a sentence says cannot be done, such as "pull owner/name"; by default to load it.

    Raises:
        FileNotFoundError: ``repo_id`` is no name of a repository, or the Hub may not be asked and it is not cached.
        ConsentError: The consent was revoked.
        UserError: The repository holds no actor or one that is not safe to load, or the Hub does not give it.
    """
    from huggingface_hub import HfApi, constants
    from huggingface_hub.errors import HfHubHTTPError

    _check_names(repo_id, revision)
    cache = Path(cache_dir or constants.HF_HUB_CACHE).expanduser().absolute()
    cached = find_cached(cache, repo_id, revision)
    if local_files_only or constants.is_offline_mode():
        if cached is None:
            raise FileNotFoundError(
                f"There is no folder {repo_id}, and the Hub, which may not be asked now, never gave {repo_id} at "
                f"{revision or 'main'} to this machine; check the path, or load it once without HF_HUB_OFFLINE."
            )
        return cached
    ask = partial(_ask, repo_id, revision, names, cache, cached)
    with explained(repo_id, doing or f"load {repo_id} from the Hub (there is no such folder here)"):
        try:
            return ask(HfApi(token=token, library_name="perfclone"))
        except HfHubHTTPError as error:
            if not token_refused(error):
                raise
            return _without_token(ask, repo_id, cached, error)


def _ask(
    repo_id: str, revision: str | None, names: Sequence[str], cache: Path, cached: Fetched | None, api: HfApi
) -> Fetched:
    """Fetch an actor from a Hub that may be asked; see :func:`fetch`."""
    from huggingface_hub import constants

    head = head_of(api, repo_id, cached)
    if head is None:
        return cached
    _refuse_revoked(api, repo_id, head, cache)
    info = head if revision is None else info_of(api, repo_id, revision)
    if CONSENT in _siblings(info) and CONSENT not in _siblings(head):
        log.warning("%s has no %s any more at its head; ask its owner why before you use it.", repo_id, CONSENT)
    folder = download(api, repo_id, info.sha, _wanted(repo_id, info, names), cache)
    if revision != info.sha:
        point(cache, repo_id, revision or constants.DEFAULT_REVISION, info.sha)
    return Fetched(folder, info.sha)


def _without_token(
    ask: Callable[[HfApi], Fetched], repo_id: str, cached: Fetched | None, refused: HfHubHTTPError
) -> Fetched:
    """Fetch what everybody may have, or take it from the cache, after the Hub refused the token."""
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError

    log.warning(
        "The Hub does not accept your token, which may have expired; %s is asked for without it. "
        "Run `hf auth login` or set HF_TOKEN to a valid one.",
        repo_id,
    )
    try:
        return ask(HfApi(token=False, library_name="perfclone"))
    except HfHubHTTPError:
        if cached is None:
            raise refused from None
        log.warning("%s is not public; it is loaded from the cache, at commit %s.", repo_id, cached.commit)
        return cached


def _check_names(repo_id: str, revision: str | None) -> None:
    try:
        require_repo_id(repo_id)
    except UserError as error:
        raise FileNotFoundError(f"There is no actor folder {repo_id}, and {error}") from error
    if revision and not re.fullmatch(r"[^\s\x00-\x1f]{1,200}", revision):
        raise UserError(f"{shown(revision)} is no revision; give a commit, a tag or a branch of {repo_id}.")


def head_of(api: HfApi, repo_id: str, cached: Fetched | None) -> ModelInfo | None:
    """Give what the Hub tells of the head; None where it cannot be asked and there is something to fall back on."""
    try:
        return info_of(api, repo_id, None, quick=cached is not None)
    except Exception as error:
        if cached is None or not (passing(error) or no_hub(error)):
            raise
        log.warning(
            "The Hub cannot be asked (%s); %s is loaded from the cache, at commit %s.",
            type(error).__name__,
            repo_id,
            cached.commit,
        )
        return None


def info_of(api: HfApi, repo_id: str, revision: str | None, quick: bool = False) -> ModelInfo:
    """Give what the Hub tells of a revision; asked once and briefly, or patiently.

    Raises:
        UserError: It names no commit, or another than it was asked for.
    """
    from huggingface_hub.errors import FileMetadataError

    def ask() -> ModelInfo:
        patience = _BRIEFLY if quick else errors.PATIENCE
        try:
            return api.model_info(repo_id, revision=revision, files_metadata=True, timeout=patience)
        except KeyError as error:
            raise FileMetadataError(f"an answer without {error}") from error

    info = ask() if quick else retried(ask)
    if not COMMIT.fullmatch(info.sha or ""):
        raise UserError(f"The Hub names no commit of {repo_id}; try again later.")
    if revision and COMMIT.fullmatch(revision) and info.sha != revision:
        raise UserError(f"The Hub was asked for commit {revision} of {repo_id} and gave {info.sha}; do not use it.")
    return info


def _refuse_revoked(api: HfApi, repo_id: str, head: ModelInfo, cache: Path) -> None:
    """Refuse an actor whose consent is revoked at the head, and note that here, so that it also counts offline."""
    from perfclone.governance.consent import revocations
    from perfclone.governance.consent.record import ConsentError, ConsentRecord

    sibling = _siblings(head).get(CONSENT)
    if sibling is None:
        return
    _check_size(repo_id, sibling)
    record = ConsentRecord.load(download(api, repo_id, head.sha, [sibling], cache) / CONSENT)
    record.verify()
    if record.revoked is None:
        return
    if record.revoked.signature.public_key == record.signature.public_key:
        revocations.note(record.id, record.to_json()["revoked"])
    raise ConsentError(
        f"The consent for {repo_id} was revoked on {record.revoked.on} ({record.revoked.reason}), so it does not "
        "load; delete what you have of it."
    )


def _siblings(info: ModelInfo) -> dict[str, RepoSibling]:
    return {sibling.rfilename: sibling for sibling in info.siblings or ()}


def _wanted(repo_id: str, info: ModelInfo, names: Sequence[str]) -> list[RepoSibling]:
    """The files to fetch, all of the format and none too large."""
    there = _siblings(info)
    if WEIGHTS not in there:
        pickles = [name for name in there if name.endswith(_PICKLES)]
        raise UserError(
            f"{repo_id} has its weights as pickle ({pickles[0]}), which can run code and is never read; "
            f"ask its owner for {WEIGHTS}."
            if pickles
            else f"{repo_id} at commit {info.sha} is no actor: it has no {WEIGHTS}; check the name."
        )
    for name in (CONFIG, MANIFEST):
        if name not in there:
            raise UserError(f"{repo_id} at commit {info.sha} is no actor: it has no {name}; ask its owner to push it.")
    wanted = [there[name] for name in names if name in there]
    for sibling in wanted:
        _check_size(repo_id, sibling)
    return wanted


def _check_size(repo_id: str, sibling: RepoSibling) -> None:
    limit = LIMITS[sibling.rfilename]
    if sibling.size is None or sibling.size > limit:
        raise UserError(
            f"{sibling.rfilename} of {repo_id} is said to have {sibling.size} bytes and may have {limit:,}; "
            "nothing of it was fetched, do not use this actor."
        )


def download(api: HfApi, repo_id: str, commit: str, wanted: Sequence[RepoSibling], cache: Path) -> Path:
    """Fetch files of a commit, those that are not there yet, and check each against what the Hub says of it.

    Returns:
        The folder of the commit in the cache.

    Raises:
        UserError: A file is another one than the Hub says; it is removed.
    """
    from huggingface_hub import hf_hub_download

    folder = root_of(cache, repo_id) / "snapshots" / commit
    for sibling in wanted:
        name = sibling.rfilename
        if not (folder / name).exists():
            retried(
                lambda name=name: hf_hub_download(
                    repo_id, name, revision=commit, cache_dir=cache, token=api.token, library_name="perfclone"
                )
            )
        _check_content(repo_id, folder, sibling)
    return folder


def _check_content(repo_id: str, folder: Path, sibling: RepoSibling) -> None:
    """Refuse a file that is another one than the Hub says, and remove it, so that it is fetched anew."""
    name = sibling.rfilename
    path = place(folder, name, LIMITS.get(name, sibling.size))
    if path is None:
        raise UserError(f"{name} of {repo_id} did not arrive in {folder}; try again.")
    if sibling.lfs:
        said, found = sibling.lfs.sha256, file_sha256(path)
    else:
        data = path.read_bytes()
        said, found = sibling.blob_id, hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()
    if said != found or path.stat().st_size != sibling.size:
        path.resolve().unlink()
        (folder / name).unlink(missing_ok=True)
        raise UserError(
            f"{name} of {repo_id} is not the file that the Hub lists, although it may have its size; it was removed "
            "again: try once more, and if this stays, tell its owner."
        )

"""Withdrawing an actor: the consent was revoked, so the weights go, and a tombstone stays that says so."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from perfclone.actor.layout import README
from perfclone.actor.remote.errors import explained, require_repo_id, retried, status_of
from perfclone.errors import UserError
from perfclone.governance.consent.record import CONSENT

from .commit import client, commit, find, head_record, names_of, require_token

if TYPE_CHECKING:
    from huggingface_hub import HfApi

    from perfclone.governance.consent.record import ConsentRecord

#: Tag of a repository whose actor is gone.
WITHDRAWN = "consent-revoked"
ATTRIBUTES = ".gitattributes"


class Withdrawn(NamedTuple):
    """What a withdrawal gave.

    Attributes:
        repository: Its id.
        commit: The head now, 40 hex digits.
        left: Sentences: what the Hub did not let go, and who has to see to it.
    """

    repository: str
    commit: str
    left: list[str]


def withdraw(repo_id: str, reason: str, *, consent: str | Path | None = None, token: str | None = None) -> Withdrawn:
    """Revoke the consent of an actor on the Hub and take the actor down; run again, it goes on where it stopped.

    The revocation is noted on this machine first: whatever fails then, nothing more is made of the actor here. One
    commit removes every file but the tombstone and the revoked record. Then branches, tags, history and the large
    files behind them are removed.

    Args:
        repo_id: "owner/name".
        reason: One line; it is shown.
        consent: The record where it was revoked already; by default the repository's own is revoked.
        token: Hub token; None takes the one that is logged in.

    Raises:
        ConsentError: The repository has no record, or another one than was given.
        UserError: The Hub refuses.
    """
    require_repo_id(repo_id)
    api, doing = client(token), f"withdraw {repo_id}"
    require_token(api)
    with explained(repo_id, doing):
        there = find(api, repo_id)
        if there is None:
            raise UserError(f"The Hub has no {repo_id}, or it is not shared with you; check the name and the account.")
        # Before anything is noted, which nobody can take back: a slip in the name may have met somebody else's actor.
        retried(lambda: api.auth_check(repo_id, write=True))
        record = _revoked(api, repo_id, reason, Path(consent) if consent else None)
        _note(record, repo_id, there.sha)
        files = {README: _tombstone(repo_id, record), CONSENT: record.to_bytes()}
        gone = sorted(names_of(there) - {*files, ATTRIBUTES})
        head = commit(
            api, repo_id, files, gone, f"Withdraw the actor: consent revoked on {record.revoked.on}", there.sha
        )
        left = _purge(api, repo_id)
        head = retried(lambda: api.model_info(repo_id)).sha or head
    return Withdrawn(repo_id, head, left)


def _revoked(api: HfApi, repo_id: str, reason: str, given: Path | None) -> ConsentRecord:
    """The revoked record: as given, as it is there already, or revoked now."""
    from perfclone.governance.consent.record import ConsentError, ConsentRecord
    from perfclone.governance.keys import signing_key

    there = head_record(api, repo_id)
    record = ConsentRecord.load(given) if given else there
    if record is None:
        raise ConsentError(f"{repo_id} has no {CONSENT}; give the actor's consent record.")
    record.verify()
    if there and record.id != there.id:
        raise ConsentError(f"{given} is not the record of {repo_id}; give the actor's own.")
    if there and there.revoked:
        return there
    return record if record.revoked else record.revoke(reason, signing_key())


def _note(record: ConsentRecord, repo_id: str, sha: str) -> None:
    """Note the revocation here, once."""
    from perfclone.governance.consent import revocations
    from perfclone.governance.ledger.ledger import Ledger

    if revocations.noted(record.id):
        return
    revocations.note(record.id, record.to_json()["revoked"])
    Ledger().append(
        "revoke",
        actor=repo_id,
        commit=sha,
        consent=record.digest(),
        consent_id=record.id,
        reason=record.revoked.reason,
    )


def _tombstone(repo_id: str, record: ConsentRecord) -> bytes:
    from .card import template

    text = template("tombstone.md.jinja").render(
        repo_id=repo_id,
        name=repo_id.partition("/")[2],
        tag=WITHDRAWN,
        revoked=record.revoked,
        digest=record.digest(),
        recorded_by=record.recorded_by,
    )
    return text.encode()


def _purge(api: HfApi, repo_id: str) -> list[str]:
    """Remove what still leads to the weights: branches, tags, history, large files; give what could not be."""
    from httpx2 import TransportError
    from huggingface_hub.errors import HfHubHTTPError

    left: list[str] = []

    def attempt(what: str, act: Callable[[], object]) -> None:
        try:
            retried(act)
        except (HfHubHTTPError, TransportError) as error:
            status = status_of(error) or type(error).__name__
            left.append(f"{what} of {repo_id} could not be removed ({status}); run withdraw again or delete it there.")

    refs = retried(lambda: api.list_repo_refs(repo_id, include_pull_requests=True))
    for branch in refs.branches:
        if branch.name != "main":
            attempt(f"branch {branch.name}", lambda name=branch.name: api.delete_branch(repo_id, branch=name))
    for tag in refs.tags:
        attempt(f"tag {tag.name}", lambda name=tag.name: api.delete_tag(repo_id, tag=name))
    attempt("the large files", lambda: api.permanently_delete_lfs_files(repo_id, list(api.list_lfs_files(repo_id))))
    attempt("the history", lambda: api.super_squash_history(repo_id, commit_message="Withdraw the actor"))
    if refs.pull_requests:
        left.append(f"{repo_id} has pull requests, which keep what they changed; close and delete them on its page.")
    return left

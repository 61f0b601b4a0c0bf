"""Pushing an actor to the Hub: everything in one commit, or nothing."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from perfclone.actor.layout import LIMITS, MANIFEST, README, WEIGHTS
from perfclone.actor.manifest import Manifest
from perfclone.actor.remote.errors import explained, require_repo_id, retried
from perfclone.errors import UserError
from perfclone.files.writing import full_disk_explained

from .commit import client, commit, find, head_record, names_of, require_token

if TYPE_CHECKING:
    from huggingface_hub import HfApi

    from perfclone.actor import Actor


class Pushed(NamedTuple):
    """What a push gave.

    Attributes:
        repository: Its id.
        commit: 40 hex digits.
        url: The page of the repository.
        private: Whether only its owner sees it.
        gated: Whether others have to ask for access.
    """

    repository: str
    commit: str
    url: str
    private: bool
    gated: bool


def push(
    actor: Actor | str | Path,
    repo_id: str,
    *,
    private: bool = True,
    gated: bool = True,
    report: str | Path | Mapping[str, Any] | None = None,
    commands: Sequence[str] | None = None,
    preview: bool = True,
    licence: str = "other",
    token: str | None = None,
    message: str = "Push the actor with perfclone",
    told: Callable[[str], None] = lambda stage: None,
) -> Pushed:
    """Push an actor to the Hub: its files, card, poster, preview and manifest, in one commit.

    Whatever fails before that commit, the repository stays as it was; a repository that was made for it is private and
    empty. It is opened, where it is to be public, only after the commit.

    Args:
        actor: The actor, or its folder.
        repo_id: "owner/name"; made if it is not there.
        private: Let only the owner see the repository.
        gated: Let people have the files only after the owner accepted their request.
        report: `report.json` of an evaluation, its folder, or what is in it; for the card.
        commands: What was typed to make the actor, for the card; by default what its config tells.
        preview: Whether to draw poster and clip.
        licence: The Hub's name of a licence, for the card.
        token: Hub token; None takes the one that is logged in.
        message: Of the commit.
        told: Called with what is being done now.

    Raises:
        ConsentError: The actor has no consent record, or it does not hold today.
        UserError: The actor's files are not in order, or the Hub refuses.
    """
    require_repo_id(repo_id)
    actor = _ready(actor, private)
    api, doing = client(token), f"push to {repo_id}"
    require_token(api)
    with explained(repo_id, doing, "Nothing was changed."):
        there = find(api, repo_id)
        _check_target(api, repo_id, there, actor, private, gated)
    told("drawing the preview" if preview else "writing the card")
    files = _contents(actor, repo_id, report, commands, preview, licence)
    told("uploading")
    with explained(repo_id, doing, "At most an empty, private repository was made."):
        parent = there.sha if there else _make(api, repo_id, gated)
    with explained(repo_id, doing, f"The repository is {'as it was' if there else 'empty and private'}."):
        gone = sorted(LIMITS.keys() & names_of(there) - files.keys()) if there else []
        digest = hashlib.sha256(files[MANIFEST]).hexdigest()
        oid = commit(api, repo_id, files, gone, message, parent, description=f"{MANIFEST} sha256:{digest}")
    _enter(actor, repo_id, private, oid, files[WEIGHTS])
    with explained(repo_id, f"set who may see {repo_id}", f"It was pushed (commit {oid}); set that there."):
        _open(api, repo_id, there, private, gated)
    return Pushed(repo_id, oid, f"{api.endpoint}/{repo_id}", private, gated)


def _enter(actor: Actor, repo_id: str, private: bool, oid: str, weights: bytes) -> None:
    """Enter the push in the ledger."""
    from perfclone.governance.ledger.ledger import Ledger

    Ledger().append(
        "push",
        actor=repo_id,
        repository=repo_id,
        private=private,
        commit=oid,
        consent=actor.consent.digest(),
        consent_id=actor.consent.id,
        actor_sha256=hashlib.sha256(weights).hexdigest(),
    )


def _ready(actor: Actor | str | Path, private: bool) -> Actor:
    """The actor, once all of it is in order and the record lets it leave."""
    from perfclone.actor import Actor
    from perfclone.governance.consent.record import ConsentError

    if not isinstance(actor, Actor):
        if not Path(actor).is_dir():
            raise FileNotFoundError(f"There is no actor folder {actor}; train one with `python -m perfclone train`.")
        actor = Actor.from_pretrained(actor)
    record = actor.consent
    if record is None:
        raise ConsentError(
            "This actor has no consent.json, so it cannot be pushed; train it with the person's consent."
        )
    record.verify()
    record.check_current()
    if not private and "web" not in record.media:
        raise ConsentError(
            f"{record.subject} agreed to {', '.join(record.media)}, not to web: push it as private, "
            f"or ask {record.recorded_by} for a record that allows it."
        )
    return actor


def _check_target(api: HfApi, repo_id: str, there, actor: Actor, private: bool, gated: bool) -> None:
    """Refuse a repository that is open wider than this push says, or from which this consent was withdrawn."""
    from perfclone.governance.consent.record import ConsentError

    if there is None:
        return
    if private and not there.private:
        raise UserError(
            f"{repo_id} is public, and this push is to be private; "
            "push it as public, or make it private on its page first."
        )
    if not there.private and not there.gated and gated:
        raise UserError(f"{repo_id} is open to everybody; push it without a gate, or set the gate on its page first.")
    record = head_record(api, repo_id)
    if record and record.revoked and record.id == actor.consent.id:
        raise ConsentError(
            f"The consent for {repo_id} was revoked on {record.revoked.on} ({record.revoked.reason}); "
            "delete the actor here as well, or push one with a new consent."
        )


def _make(api: HfApi, repo_id: str, gated: bool) -> str:
    """Make the repository, private and with its gate, and give its first commit."""
    retried(lambda: api.create_repo(repo_id, private=True, exist_ok=True))
    if gated:
        retried(lambda: api.update_repo_settings(repo_id, gated="manual"))
    return retried(lambda: api.model_info(repo_id)).sha


def _open(api: HfApi, repo_id: str, there, private: bool, gated: bool) -> None:
    """Set gate and visibility as told, the gate before anything is opened."""
    has_gate = bool(there.gated) if there else gated
    if has_gate != gated:
        retried(lambda: api.update_repo_settings(repo_id, gated="manual" if gated else False))
    if not private and (there is None or there.private):
        retried(lambda: api.update_repo_settings(repo_id, private=False))


def _contents(
    actor: Actor, repo_id: str, report, commands: Sequence[str] | None, preview: bool, licence: str
) -> dict[str, bytes]:
    """Everything that is pushed, by its name in the repository."""
    from .card import check_card, check_report, load_report, render_card
    from .preview import write_preview

    if report is not None:
        report = check_report(report) if isinstance(report, Mapping) else load_report(Path(report))
    files, pictures = actor.files(), ()
    if preview:
        with tempfile.TemporaryDirectory(prefix="perfclone-push-") as name:
            folder = Path(name)
            with full_disk_explained(folder, "push again"):
                pictures = write_preview(actor, repo_id, folder)
            files |= {picture: (folder / picture).read_bytes() for picture in pictures}
    card = render_card(
        actor.config, actor.consent, report, commands, repo_id=repo_id, pictures=pictures, licence=licence
    )
    check_card(card)
    files[README] = card.encode()
    return {**files, MANIFEST: Manifest.of(files).to_bytes()}

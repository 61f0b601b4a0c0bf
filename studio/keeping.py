"""What a visitor does with an actor of their own: keep it as a file, push it, delete it, withdraw its consent."""

from __future__ import annotations

import shutil
import tempfile
import zipfile
from pathlib import Path

import gradio as gr

from perfclone.actor import layout
from perfclone.errors import UserError
from perfclone.governance.consent import revocations
from perfclone.governance.consent.record import CONSENT, ConsentRecord
from perfclone.governance.keys import signing_key
from perfclone.governance.ledger.ledger import Ledger

from .actors import own_actors, own_folder
from .files import shown
from .jobs.job import Job
from .phrases import say
from .studio import Studio
from .visitors import visitor

#: The file of a job in which a Hub token waits for the worker, which removes it.
TOKEN = "token"


def place_of(studio: Studio, request: gr.Request, name: str | None) -> Path:
    """Where a visitor's own actor is.

    Raises:
        UserError: They have none of that name.
    """
    if not name or name not in own_actors(studio, visitor(request)):
        raise UserError(say("train_mine_none", request))
    return own_folder(studio.store, visitor(request)) / name


def zip_of(place: Path) -> str:
    """Pack an actor's folder, so that a page may offer it."""
    with tempfile.TemporaryDirectory(prefix="perfclone-zip-") as folder:
        packed = Path(folder) / f"{place.name}.zip"
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as file:
            for name in layout.LIMITS:
                if part := layout.place(place, name):
                    file.write(part, f"{place.name}/{name}")
        return shown(packed)


def delete_actor(studio: Studio, request: gr.Request, place: Path) -> None:
    """Delete an actor, its run, and the jobs that have its footage; one that is being trained is stopped first.

    Raises:
        UserError: It is still being trained.
    """
    mine = [job for job in studio.store.listing(visitor(request)) if _about(job, place)]
    for job in mine:
        job.stop()
    if any(job.alive for job in mine):
        raise UserError(say("train_delete_busy", request, name=place.name))
    references = {job.request["reference"] for job in mine if job.kind == "train"}
    for job in studio.store.listing(visitor(request)):
        if job in mine or _about(job, place) or (job.kind == "check" and job.request["reference"] in references):
            shutil.rmtree(job.path, ignore_errors=True)
    for folder in (place, place.with_name(f"{place.name}.run")):
        shutil.rmtree(folder, ignore_errors=True)


def revoke_consent(place: Path, reason: str) -> None:
    """Withdraw the consent of whoever an actor shows: nothing is generated of them here any more.

    Raises:
        UserError: There is no record, or it was revoked before.
    """
    record = ConsentRecord.load(place / CONSENT).revoke(reason.strip() or "The person withdrew it.", signing_key())
    revocations.note(record.id, record.to_json()["revoked"])  # first: no copy is of use from then on
    record.save(place / CONSENT)
    Ledger().append("revoke", consent=record.digest(), consent_id=record.id, reason=record.revoked.reason)


def push_actor(
    studio: Studio, request: gr.Request, place: Path, repository: str, token: str, public: bool
) -> Job:
    """Put the push of an actor to the Hub in line.

    Raises:
        UserError: That is no name of a repository.
    """
    from perfclone.actor.remote.errors import require_repo_id

    require_repo_id(repository.strip())
    asked = {"name": place.name, "repository": repository.strip(), "public": public}
    if not token.strip():
        return studio.ask("push", request, asked)
    with tempfile.TemporaryDirectory(prefix="perfclone-token-") as folder:
        file = Path(folder) / TOKEN
        file.write_text(token.strip())
        return studio.ask("push", request, asked, [(file, TOKEN)])


def _about(job: Job, place: Path) -> bool:
    """Whether a job made, uses or shows an actor."""
    asked = job.request
    return (job.kind in ("train", "push") and asked["name"] == place.name) or asked.get("actor") == str(place)

"""What a visitor does with an actor of their own: keep it as a file, push it, delete it, withdraw its consent."""

from __future__ import annotations

import json
import shutil
import tempfile
import time
import zipfile
from pathlib import Path

import gradio as gr
from gradio.utils import get_upload_folder

from perfclone.actor import layout
from perfclone.errors import UserError
from perfclone.governance.consent.record import CONSENT, ConsentRecord
from perfclone.governance.withdrawal import withdraw

from .actors import own_actors, own_folder
from .jobs.job import Job
from .phrases import say
from .roles import require
from .showing import forget, shown
from .studio import Studio
from .visitors import login, visitor

#: The file of a job in which a Hub token waits for the worker, which removes it.
TOKEN = "token"
#: Seconds that the jobs of an actor get to stop before it is deleted: while one loads a model it hears nothing.
_PATIENCE = 60.0


def place_of(studio: Studio, request: gr.Request, name: str | None) -> Path:
    """Where a visitor's own actor is, for who may change it.

    Raises:
        UserError: They have none of that name, or may not.
    """
    require(request, "make")
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
    """Delete an actor, its run, and the jobs that have its footage, with what was uploaded for them.

    Those that are about it are stopped first.

    Raises:
        UserError: They do not stop.
    """
    mine = [job for job in studio.store.listing(visitor(request)) if _about(job, place)]
    for job in mine:
        job.stop()
    give_up = time.monotonic() + _PATIENCE
    while (busy := any(job.alive for job in mine)) and time.monotonic() < give_up:
        time.sleep(0.2)
    if busy:
        raise UserError(say("train_delete_busy", request, name=place.name))
    references = {job.request["reference"] for job in mine if job.kind == "train"}
    for job in studio.store.listing(visitor(request)):
        if job in mine or _about(job, place) or (job.kind == "check" and job.request["reference"] in references):
            _delete(job)
    _forget_zips(place)
    for folder in (place, place.with_name(f"{place.name}.run")):
        shutil.rmtree(folder, ignore_errors=True)


def revoke_consent(place: Path, reason: str, request: gr.Request) -> None:
    """Withdraw the consent of whoever an actor shows: nothing is generated of them here any more.

    Raises:
        UserError: There is no record, or it was withdrawn before.
    """
    record = ConsentRecord.load(place / CONSENT)
    withdraw(record, reason.strip() or "The person withdrew it.", place / CONSENT, who=login(request))
    _forget_zips(place)  # in which it is not withdrawn


def push_actor(studio: Studio, request: gr.Request, place: Path, repository: str, token: str, public: bool) -> Job:
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


def _delete(job: Job) -> None:
    for file in (*job.files.iterdir(), Path(job.request.get("statement") or "")):
        forget(file)
    shutil.rmtree(job.path, ignore_errors=True)


def _forget_zips(place: Path) -> None:
    """Delete what :func:`zip_of` made: one for each time that the actor had changed."""
    record = f"{place.name}/{CONSENT}"
    if not (place / CONSENT).is_file():
        return
    id = json.loads((place / CONSENT).read_bytes())["id"]
    for packed in Path(get_upload_folder()).glob(f"*/{place.name}.zip"):
        with zipfile.ZipFile(packed) as file:
            mine = record in file.namelist() and json.loads(file.read(record))["id"] == id
        if mine:
            packed.unlink()


def _about(job: Job, place: Path) -> bool:
    """Whether a job made, uses or shows an actor."""
    asked = job.request
    return (job.kind in ("train", "push") and asked["name"] == place.name) or asked.get("actor") == str(place)

"""What a visitor asks for in the tab: an actor, a performance, the look at it, the clone, its end."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import gradio as gr

from perfclone.errors import UserError
from perfclone.governance.policy import authorise_clone

from ...jobs.job import Job
from ...looking import COPY, plays
from ...phrases import say
from ...studio import Studio
from .offered import Chosen, choose, purposes, refusal
from .shown import title


@dataclass(frozen=True)
class Asked:
    """What a visitor is at, as the ids of jobs.

    Attributes:
        source: The job among whose files the driving video is.
        preflight: The job that looks at it.
        clone: The job that clones.
    """

    source: str = ""
    preflight: str = ""
    clone: str = ""


def found(studio: Studio, id: str) -> Job | None:
    """A job by its id, or None where it is not there any more."""
    try:
        return studio.store.find(id) if id else None
    except UserError:
        return None


def take(studio: Studio, request: gr.Request, chosen: Chosen, driving: Path, title: str) -> Job:
    """Take a driving video and have a look at it.

    Raises:
        UserError: It is no video that can be read; or nothing may be made of the actor.
    """
    studio.judge(driving, request)
    return _preflight(studio, request, chosen, [(driving, _name(driving))], title, copy=not plays(driving))


def look_again(studio: Studio, request: gr.Request, chosen: Chosen, source: Job) -> Job:
    """Have a look at the same video for another actor."""
    return _preflight(studio, request, chosen, _files(source), title(source), source.request.get("copy"))


def _preflight(studio: Studio, request: gr.Request, chosen: Chosen, files, title: str, copy: bool) -> Job:
    if why := refusal(chosen.entry.record):
        raise UserError(why)
    asked = {
        **_of(chosen, files, title, copy),
        "purposes": purposes(chosen.entry.record) or ["evaluation"],
    }
    return studio.ask("preflight", request, asked, files)


def clone(studio: Studio, request: gr.Request, chosen: Chosen, source: Job | None, purpose: str, keep: bool) -> Job:
    """Put a clone in line.

    Raises:
        UserError: There is no performance or no purpose, or the record does not allow it.
    """
    if source is None:
        raise UserError(say("clone_no_driving", request))
    return _clone(studio, request, chosen, _files(source), title(source), source.request.get("copy"), purpose, keep)


def clone_file(studio: Studio, request: gr.Request, name: str, driving: str, purpose: str, keep: bool) -> Job:
    """The same in one call, for programs.

    Raises:
        UserError: As :func:`clone`.
    """
    if not driving:
        raise UserError(say("clone_no_driving", request))
    path = Path(driving)
    studio.judge(path, request)
    files = [(path, _name(path))]
    return _clone(studio, request, choose(studio, request, name), files, path.name, not plays(path), purpose, keep)


def _clone(studio, request, chosen: Chosen, files, title: str, copy, purpose: str, keep: bool) -> Job:
    if not purpose:
        raise UserError(say("clone_no_purpose", request))
    if chosen.entry.record is not None or isinstance(chosen.entry.place, Path):
        authorise_clone(chosen.entry.record, purpose)
    asked = {
        **_of(chosen, files, title, copy),
        "purpose": purpose,
        "keep_proportions": bool(keep),
        "person": 0,
    }
    return studio.ask("clone", request, asked, files)


def _of(chosen: Chosen, files, title: str, copy) -> dict:
    """What both jobs are told of the actor and the video."""
    return {
        "actor": str(chosen.entry.place),
        "name": chosen.name,
        "driving": files[0][1],
        "title": title,
        "copy": bool(copy),
    }


def _files(source: Job) -> list[tuple[Path, str]]:
    """A job's driving video, with the copy for looking where it has one already."""
    names = [source.request["driving"], *([COPY] if source.file(COPY) else [])]
    return [(source.files / name, name) for name in names]


def _name(path: Path) -> str:
    """What a driving video is called in a job's folder: nothing of its name but the ending."""
    ending = path.suffix.lower()
    return f"driving{ending}" if ending[1:].isalnum() else "driving"

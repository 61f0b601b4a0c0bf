"""What a program may ask for that has no place on the page: how far a job is, its files, and its end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import gradio as gr

from perfclone.errors import UserError

from .jobs.job import Job
from .roles import require
from .studio import Studio
from .watching import plainly

_DONE = ("done", "stopped")


def build(studio: Studio) -> None:
    """Add the named endpoints ``/job``, ``/stop`` and ``/file`` to the page."""

    def job(id: str, request: gr.Request) -> dict[str, Any]:
        """Tell how far a job is and what came of it.

        Args:
            id: The job's id, as the endpoint that asked for it gave it.
            request: Of the visitor.

        Returns:
            id, kind, state (waiting, running, done, failed or stopped), before (how many jobs are before a waiting
            one), standing (stage, done, total, left_s of a running one), why (a sentence, of a failed one), result,
            and files, the names of those that ``/file`` gives.
        """
        with _shown(request):
            require(request, "look")
            return told(studio, studio.store.find(id))

    def stop(id: str, request: gr.Request) -> dict[str, Any]:
        """Ask for a job's end; what is done by then is kept where that is of use.

        Args:
            id: The job's id.
            request: Of the visitor.

        Returns:
            As ``/job`` does.
        """
        with _shown(request):
            require(request, "make")
            found = studio.store.find(id)
            found.stop()
            return told(studio, found)

    def file(id: str, name: str, request: gr.Request) -> str:
        """Give a file that a job made.

        Args:
            id: The job's id.
            name: One of the names that ``/job`` gives as files.
            request: Of the visitor.
        """
        with _shown(request):
            require(request, "look")
            found = studio.store.find(id)
            if name not in _files(found):
                raise UserError(f"The job has no file {name!r}; it has {', '.join(_files(found)) or 'none yet'}.")
            return str(found.files / name)

    gr.api(job, api_name="job", queue=False)
    gr.api(stop, api_name="stop", queue=False)
    with gr.Row(visible=False):
        asked = [gr.Textbox(label="id"), gr.Textbox(label="name")]
        gr.Button().click(file, asked, gr.File(label="file"), api_name="file", queue=False)


def told(studio: Studio, job: Job) -> dict[str, Any]:
    """A job in JSON, with nothing of where it lies on this machine."""
    state, standing = job.state, job.standing
    return {
        "id": job.id,
        "kind": job.kind,
        "state": state,
        "before": studio.before(job) if state == "waiting" else 0,
        "standing": standing and standing._asdict() | {"left_s": standing.left_s},
        "why": job.why,
        "result": job.result,
        "files": _files(job),
    }


def _files(job: Job) -> list[str]:
    """What it may give away: what it made, once it ended."""
    return sorted(path.name for path in job.files.iterdir() if path.is_file()) if job.state in _DONE else []


@contextmanager
def _shown(request: gr.Request) -> Iterator[None]:
    """Tell a program what is wrong in the sentence that a person would read."""
    try:
        yield
    except UserError as error:
        raise gr.Error(plainly(error, request), print_exception=False) from error

"""The files of jobs: to play (a part at a time, as browsers ask for it) and to keep.

They are for whoever has a job's id and may look here, so where people log in, for nobody without a login.
"""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

import gradio as gr
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.routing import Route

from perfclone.errors import UserError

from .jobs.job import Job
from .jobs.store import Store
from .roles import require

#: What a browser may open; everything else it keeps and does not look into.
_SHOWN = {
    ".mp4": "video/mp4",
    ".m4v": "video/mp4",
    ".mov": "video/mp4",
    ".webm": "video/webm",
    ".jpg": "image/jpeg",
    ".png": "image/png",
}
#: Nothing that lies in a job's folder is a page, whatever it says of itself.
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Cache-Control": "private, no-cache",
}


def route(store: Store) -> Route:
    """The way to the files of a store's jobs; see :func:`link`."""

    def serve(request: Request) -> Response:
        try:
            require(_asker(request), "look")
        except UserError as error:
            return PlainTextResponse(str(error), 403)
        try:
            path = store.find(request.path_params["id"]).file(request.path_params["name"])
        except UserError as error:
            return PlainTextResponse(str(error), 404)
        if path is None:
            return PlainTextResponse("The job has no such file.", 404)
        media = _SHOWN.get(path.suffix.lower(), "application/octet-stream")
        if media == "image/jpeg":  # a preview that the next one may replace while it is sent
            return Response(path.read_bytes(), media_type=media, headers=_HEADERS)
        kept = request.query_params.get("keep")
        return FileResponse(path, media_type=media, filename=kept and Path(kept).name, headers=_HEADERS)

    return Route("/jobs/{id}/{name}", serve)


def _asker(request: Request) -> gr.Request:
    """The request as Gradio gives it to the page's events: with the name of the login that a cookie stands for."""
    app = request.app
    given = (request.cookies.get(f"access-token{kind}-{app.cookie_id}") for kind in ("", "-unsecure"))
    return gr.Request(request, username=next(filter(None, map(app.tokens.get, given)), None))


def link(job: Job, name: str, keep: str = "", version: object = "") -> str:
    """The address of a job's file, from the page.

    Args:
        job: The job.
        name: The file.
        keep: Its name when it is downloaded; empty for what is to be shown.
        version: What tells it from what had the name before.
    """
    asked = f"?keep={quote(keep)}" if keep else f"?v={version}" if version != "" else ""
    return f"jobs/{job.id}/{quote(name)}{asked}"

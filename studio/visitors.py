"""Who is asking: a visitor is told apart by a cookie that nobody can guess, or by the name of a login.

What stands in front of the page is here too: a server that listens on this machine only answers to no other name
(a page elsewhere could otherwise point its own name at it: DNS rebinding).
"""

from __future__ import annotations

import os
import re
import secrets
import time
from typing import TYPE_CHECKING

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse

if TYPE_CHECKING:
    import gradio as gr

COOKIE = "perfclone_visitor"
_VALUE = re.compile(rf"(?:^|; *){COOKIE}=([A-Za-z0-9_-]{{43}})(?=;|$)")
#: Names by which a machine calls itself.
_LOCAL = {"localhost", "127.0.0.1", "[::1]"}
#: Seconds that a browser keeps the cookie.
_KEPT = 30 * 24 * 3600


def visitor(request: gr.Request) -> str:
    """Tell a visitor from all others: "user:NAME" after a login, "visit:..." by the cookie.

    A program that sends neither is somebody new each time; the ids of its jobs are all that it has.
    """
    if name := login(request):
        return f"user:{name}"
    value = _cookie(request.headers.get("cookie", ""))
    return f"visit:{value or secrets.token_urlsafe(32)}"


def login(request: gr.Request) -> str | None:
    """The name under which a visitor logged in, with a password or, on a Space, with Hugging Face."""
    if name := getattr(request, "username", None):
        return name
    scope = getattr(getattr(request, "request", None), "scope", None) or {}
    told = (scope.get("session") or {}).get("oauth_info") or {}
    if told.get("expires_at", 0) < time.time():
        return None
    return (told.get("userinfo") or {}).get("preferred_username")


def _cookie(header: str) -> str | None:
    found = _VALUE.search(header)  # past whatever other pages of this host left there, which need not be well formed
    return found[1] if found else None


class Door:
    """Middleware: gives each browser its cookie, and turns away requests for another host.

    Args:
        app: What is behind it.
        local: Whether only this machine is served.
    """

    def __init__(self, app, local: bool):
        self.app, self.local = app, local

    async def __call__(self, scope, receive, send):
        """Answer a request."""
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        headers = Headers(scope=scope)
        if self.local and re.sub(r":\d+$", "", headers.get("host", "")).lower() not in _LOCAL:
            answer = PlainTextResponse("This page is served to this machine only.", 421)
            return await answer(scope, receive, send)
        if _cookie(headers.get("cookie", "")):
            return await self.app(scope, receive, send)
        value = secrets.token_urlsafe(32)

        async def with_cookie(message):
            if message["type"] == "http.response.start":
                cookie = f"{COOKIE}={value}; Path=/; HttpOnly; Max-Age={_KEPT}; {self._sent_by(headers)}"
                MutableHeaders(scope=message).append("set-cookie", cookie)
            await send(message)

        return await self.app(_as_if_sent(scope, value), receive, with_cookie)

    @staticmethod
    def _sent_by(headers: Headers) -> str:
        """A Space's page is a frame in another one, which only gets cookies that say so, and only over HTTPS."""
        framed = headers.get("x-forwarded-proto", "").startswith("https") and "SPACE_ID" in os.environ
        return "SameSite=None; Secure; Partitioned" if framed else "SameSite=Lax"


def _as_if_sent(scope: dict, value: str) -> dict:
    """A request with the cookie that its answer brings, so that already the first is the visitor's."""
    others = [(name, sent) for name, sent in scope["headers"] if name != b"cookie"]
    known = [sent for name, sent in scope["headers"] if name == b"cookie"]
    cookies = b"; ".join([f"{COOKIE}={value}".encode(), *known])
    return {**scope, "headers": [*others, (b"cookie", cookies)]}

"""The layer around the routes: it notes every request, and makes the ones go wrong that a test names."""

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple
from urllib.parse import unquote

from starlette.responses import JSONResponse

#: The client asks for this on its own account, once in a process.
UNNOTED = "/api/agent-harnesses"
NOTED_HEADERS = ("authorization", "content-length", "range", "user-agent")


class Seen(NamedTuple):
    """A request that was answered, or with status None one whose connection was closed instead."""

    method: str
    path: str
    status: int | None
    user: str | None
    headers: dict[str, str]
    host: str
    query: str


@dataclass
class Fault:
    kind: str
    pattern: str
    times: int = 1
    method: str | None = None
    status: int = 503
    headers: dict[str, str] | None = None
    after: int = 0
    action: Callable[[], object] | None = None

    def matches(self, scope):
        if self.kind == "drop" and scope["method"] == "HEAD":
            return False
        return self.times > 0 and self.method in (None, scope["method"]) and re.search(self.pattern, scope["path"])


class Gatekeeper:
    """ASGI application that notes requests and applies faults around another."""

    def __init__(self, app, hub):
        self.app = app
        self.hub = hub
        self.faults: list[Fault] = []
        self.requests: list[Seen] = []

    async def __call__(self, scope, receive, send):
        scope = {**scope, "path": readable(scope["raw_path"])}
        if action := self.take(scope, "before"):
            await asyncio.to_thread(action.action)
        fault = self.take(scope, "fail", "drop", "cut", "lose_answer")
        line = Line(scope, receive, self.noting(scope, send))
        if fault is None:
            await self.app(scope, receive, line.send)
        else:
            await getattr(self, fault.kind)(fault, line)
        if line.closing:
            if line.status is None:
                self.note(scope, None)
            await line.close()

    def take(self, scope, *kinds):
        """The first fault that applies, counted down."""
        fault = next((fault for fault in self.faults if fault.kind in kinds and fault.matches(scope)), None)
        if fault:
            fault.times -= 1
        return fault

    async def fail(self, fault, line):
        await line.body()
        headers = {"X-Error-Message": "Made to fail", "Retry-After": "0", **(fault.headers or {})}
        await JSONResponse({"error": "Made to fail"}, fault.status, headers)(line.scope, line.receive, line.send)

    async def drop(self, fault, line):
        line.left = fault.after
        await self.app(line.scope, line.receive, line.send)

    async def cut(self, fault, line):
        await line.body()
        line.closing = True

    async def lose_answer(self, fault, line):
        line.closing = True
        await self.app(line.scope, line.receive, line.swallow)

    def noting(self, scope, send):
        """Note the request before its answer leaves, so that whoever has the answer finds the note."""

        async def send_noted(message):
            if message["type"] == "http.response.start":
                self.note(scope, message["status"])
            await send(message)

        return send_noted

    def note(self, scope, status):
        if scope["path"] == UNNOTED:
            return
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        user = self.hub.users.get(headers.get("authorization", "").removeprefix("Bearer "))
        seen = Seen(
            method=scope["method"],
            path=scope["path"],
            status=status,
            user=user and user.name,
            headers={name: headers[name] for name in NOTED_HEADERS if name in headers},
            host="storage" if self.hub.storage_url == f"http://{headers['host']}" else "hub",
            query=scope["query_string"].decode(),
        )
        self.requests.append(seen)


class Line:
    """One request's connection, which can be closed in the middle of an answer."""

    def __init__(self, scope, receive, send):
        self.scope = scope
        self.receive = receive
        self._send = send
        self.status = None
        self.left = None
        self.closing = False

    async def send(self, message):
        """Pass the answer on; after ``left`` bytes of its body, where that is set, nothing more."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
        elif self.left is not None and len(message.get("body", b"")) > self.left:
            message = {**message, "body": message["body"][: self.left], "more_body": True}
            self.closing = True
        await self._send(message)

    async def swallow(self, message):
        pass

    async def body(self):
        """Read the request to its end: closed before that, the client may meet a reset instead of an end."""
        while (await self.receive()).get("more_body"):
            pass

    async def close(self):
        """Close the connection once what was written has left, and wait until the server has noticed."""
        self.scope["state"]["transport"].close()
        while (await self.receive())["type"] != "http.disconnect":
            pass


def readable(raw_path):
    """The path with its escapes resolved, but for the slashes inside one segment, as in refs%2Fpr%2F1."""
    segments = raw_path.decode().partition("?")[0].split("/")
    return "/".join(unquote(segment).replace("/", "%2F") for segment in segments)

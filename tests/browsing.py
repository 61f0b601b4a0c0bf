"""A visit by a real browser: chromium, with whatever goes wrong in a page noted as trouble. Fixtures are in conftest.

    def test_something(studio, visit):
        page = visit(studio.address, locale="ja-JP")
        page.click("#clone")

At the end of the test no visit of it may have had trouble: no page error, no error in the console, no failed request,
none to another host.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[1]
CHROMIUM = shutil.which("chromium")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
#: Milliseconds to wait for what must come: a machine that is busy with much else is slow, not wrong.
PATIENCE_MS = 60_000
#: What a browser says of a request that it gave up itself, as when a player gets another video.
GIVEN_UP = "net::ERR_ABORTED"


class Served(NamedTuple):
    """A studio that is served: its address, its operator's home, and the process."""

    address: str
    home: Path
    process: subprocess.Popen


@contextmanager
def chromium() -> Iterator:
    """A browser, as playwright's sync API gives it."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@contextmanager
def visited(browser, address: str, deletes: str | None = None, **context) -> Iterator:
    """Open a page as a new visitor, who shares no cookie with others; at the end there was no trouble.

    Args:
        browser: As :func:`chromium` gives it.
        address: Of the page.
        deletes: Part of the address of what the visit itself deletes while the page may still show it.
        context: Further options of playwright's ``new_context``, such as ``locale`` and ``color_scheme``.
    """
    opened = browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **context})
    opened.set_default_timeout(PATIENCE_MS)
    page, troubles = opened.new_page(), []
    note_troubles(page, address, troubles, deletes)
    page.goto(address)
    yield page
    opened.close()
    assert not troubles, "\n".join(troubles)


def note_troubles(page, address: str, troubles: list[str], deletes: str | None = None) -> None:
    """Note every page error, console error, failed request and request to another host than that of `address`."""
    host = address.split("?")[0].rstrip("/")
    page.on("pageerror", lambda error: troubles.append(f"page error: {error}"))

    def gone(url: str) -> bool:
        return deletes is not None and deletes in url

    def said(line):
        if line.type == "error" and not gone(line.location["url"]):
            troubles.append(f"console: {line.text}")

    def failed(request):
        if request.failure != GIVEN_UP:
            troubles.append(f"failed: {request.url} {request.failure}")

    def asked(request):
        if not request.url.startswith((host, "data:", "blob:", "about:")):
            troubles.append(f"another host: {request.url}")

    def answered(response):
        if response.status >= 400 and not gone(response.url):
            troubles.append(f"{response.status}: {response.url}")

    page.on("console", said)
    page.on("requestfailed", failed)
    page.on("request", asked)
    page.on("response", answered)


@contextmanager
def served(folder: Path, *arguments: str, **environment: str) -> Iterator[Served]:
    """Serve the studio as its operator does: `app.py` in a process of its own, at a free port.

    Args:
        folder: Where its home and its jobs are, and ``log`` with what it says.
        arguments: Further options.
        environment: Further variables.
    """
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    own = {"PERFCLONE_HOME": str(folder / "home"), "PERFCLONE_STUDIO": str(folder / "studio")}
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "log").open("a") as log:
        command = [sys.executable, "app.py", "--port", str(port), *arguments]
        process = subprocess.Popen(command, cwd=ROOT, env={**os.environ, **own, **environment}, stdout=log, stderr=log)
    try:
        address = f"http://127.0.0.1:{port}"
        await_answer(address, process, folder / "log")
        yield Served(address, folder / "home", process)
    finally:
        process.send_signal(signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            process.wait(20)
        process.kill()


def await_answer(address: str, process: subprocess.Popen, log: Path, patience_s: float = 60) -> None:
    """Wait until a page is served."""
    give_up = time.monotonic() + patience_s
    while process.poll() is None and time.monotonic() < give_up:
        with suppress(OSError), urllib.request.urlopen(address, timeout=10):
            return
        time.sleep(0.1)
    pytest.fail(f"Nothing is served at {address}: {log.read_text()}")

"""`app.py` and `perfclone studio`: what is served, to whom, how soon, and with how little loaded."""

import os
import re
import resource
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import suppress
from pathlib import Path

import pytest

from studio.cli import _is_local, _whom

ROOT = Path(__file__).resolve().parents[1]
#: What the server never needs: the workers load models.
HEAVY = ("torch", "mediapipe", "transformers", "controlnet_aux", "matplotlib", "scipy")


def app(*arguments, **variables):
    """Start `app.py` as a Space and `make demo` do."""
    command = [sys.executable, str(ROOT / "app.py"), *arguments]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(command, cwd=ROOT, env=os.environ | variables, **pipes)


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as free:
        return free.getsockname()[1]


def test_importing_the_app_serves_nothing():
    import app

    assert callable(app.main)


def test_the_app_explains_itself():
    printed, _ = app("--help").communicate(timeout=60)
    assert printed.startswith("usage: python app.py ") and "7860" in printed and "PERFCLONE_ACTORS" in printed
    assert all(word in printed for word in ("--host", "--port", "--mcp", "users"))


@pytest.mark.parametrize("port", ["0", "65536", "web"])
def test_what_is_no_port(port):
    process = app("--port", port)
    assert "must be a whole number in 1-65535" in process.communicate(timeout=60)[1] and process.returncode == 2


def test_a_port_that_is_taken_is_said_before_anything_is_started():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        process = app("--port", str(port))
        complaint = process.communicate(timeout=60)[1]
    assert process.returncode == 2 and complaint.count("\n") == 1
    assert complaint.startswith(f"perfclone: The page cannot be served at 127.0.0.1, port {port} (")


@pytest.mark.parametrize(("variables", "said"), [({"PERFCLONE_LIMIT_JOBS": "many"}, "PERFCLONE_LIMIT_JOBS must be")])
def test_a_setting_that_cannot_be_is_said(variables, said):
    process = app("--port", str(free_port()), **variables)
    assert said in process.communicate(timeout=60)[1] and process.returncode == 2


@pytest.mark.parametrize(
    ("host", "local"),
    [
        ("127.0.0.1", True),
        ("localhost", True),
        ("::1", True),
        ("0.0.0.0", False),
        ("::", False),
        ("studio.lan", False),
    ],
)
def test_who_is_let_in_is_said(host, local):
    assert _is_local(host) is local
    assert ("this machine only" in _whom(local, login=False)) is local
    assert "log in" in _whom(local, login=True) and ("EVERYBODY" in _whom(local, login=False)) is not local


@pytest.mark.slow
def test_the_page_is_up_in_fifteen_seconds_for_this_machine_with_no_model_loaded(tmp_path):
    port, told = free_port(), tmp_path / "told.txt"  # a file: what is imported is more than a pipe holds
    environment = os.environ | {"PERFCLONE_HOME": str(tmp_path / "home"), "PYTHONPROFILEIMPORTTIME": "1"}
    began, page, address = computed(), "", f"http://127.0.0.1:{port}/"
    with told.open("w") as file:
        command = [sys.executable, str(ROOT / "app.py"), "--port", str(port)]
        process = subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=file, stderr=subprocess.STDOUT)
    try:
        give_up = time.monotonic() + 120
        while not page and process.poll() is None and time.monotonic() < give_up:
            time.sleep(0.1)
            with suppress(OSError), urllib.request.urlopen(address, timeout=10) as answer:
                page, cookie = answer.read().decode(), answer.headers["set-cookie"]
        while page and "The studio is at" not in told.read_text() and time.monotonic() < give_up:
            time.sleep(0.1)  # it answers before it says so
        process.send_signal(signal.SIGINT)
        process.wait(60)
    finally:
        process.kill()
    assert "perfclone" in page and cookie.startswith("perfclone_visitor=") and computed() - began < 15, (
        told.read_text()
    )
    assert f"The studio is at {address} (for this machine only); Ctrl-C ends it." in told.read_text()
    loaded = set(re.findall(r"\| +([\w.]+)$", told.read_text(), re.M))
    assert "gradio" in loaded and not loaded & set(HEAVY) and "Traceback" not in told.read_text()


def computed():
    """Seconds that the processes which ended have computed; the clock's depend on what else the machine does."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime

"""Every test runs offline, on one thread, from the same seeds, with a home of its own for keys and ledger."""

import atexit
import os
import random
import shutil
import signal
import sys
import tempfile

# A shell starts background jobs deaf to Ctrl-C, and the programs that tests interrupt would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)

# The keys, the ledger and the revocations of whoever runs the tests are none of their business.
HOME = tempfile.mkdtemp(prefix="perfclone-tests-")
atexit.register(shutil.rmtree, HOME, ignore_errors=True)

# Read once by the libraries when they are imported, so set before any of them is.
os.environ.update(
    GRADIO_ANALYTICS_ENABLED="False",
    HF_HUB_DISABLE_TELEMETRY="1",
    HF_HUB_OFFLINE="1",
    MPLBACKEND="Agg",
    OMP_NUM_THREADS=os.environ.get("OMP_NUM_THREADS", "1"),
    OMP_WAIT_POLICY="passive",
    PERFCLONE_HOME=HOME,
    TOKENIZERS_PARALLELISM="false",
)

import numpy as np  # noqa: E402
import pytest  # noqa: E402


@pytest.fixture(autouse=True)
def seeds():
    """Seed the global generators before each test; torch only where a test has it loaded."""
    random.seed(0)
    np.random.seed(0)
    if "torch" in sys.modules:
        sys.modules["torch"].manual_seed(0)


@pytest.fixture(scope="session")
def hub_listener():
    """The thread behind ``loopback``, started by the first test that wants it."""
    from hub_server.listener import Listener

    listener = Listener()
    yield listener
    listener.close()


@pytest.fixture
def loopback(hub_listener, monkeypatch, tmp_path):
    """An empty Hub on the loopback interface, which the client of this process talks to during the test.

    This is the one documented reconfiguration of huggingface_hub: it reads its environment once, at import, and the
    test session is offline, so its constants are set for the test and set back after it. See hub_server/client.py.
    """
    from hub_server import Loopback
    from huggingface_hub.utils import close_session

    close_session()
    with monkeypatch.context() as patch:
        yield Loopback(hub_listener, patch, tmp_path / "hf-home")
    close_session()


@pytest.fixture
def impatient(monkeypatch):
    """Wait a moment where perfclone waits seconds before it asks the Hub again."""
    from perfclone.actor.remote import errors

    monkeypatch.setattr(errors, "WAITS", (0.01, 0.01, 0.01))


@pytest.fixture
def owner(loopback, impatient):
    """Be logged in to the loopback Hub as the owner of its repositories."""
    loopback.login("hf_owner")


@pytest.fixture(scope="session")
def reports(tmp_path_factory):
    """The folders of two reports, of two methods on the same clips."""
    from studied import two_reports

    return two_reports(tmp_path_factory.mktemp("reports"))


@pytest.fixture(scope="session")
def study(reports, tmp_path_factory):
    """A blind study of these reports."""
    from studied import make

    return make(reports, tmp_path_factory.mktemp("study") / "new")

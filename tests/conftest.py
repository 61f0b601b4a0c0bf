"""Every test runs offline, on one thread, from the same seeds, with a home of its own for keys and ledger."""

import atexit
import os
import random
import shutil
import signal
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

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


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport():
    """What a test printed is sent to the main process, which takes no half of a surrogate pair in a file's name."""
    report = yield
    report.sections = [(name, text.encode(errors="replace").decode()) for name, text in report.sections]
    return report


@pytest.fixture(autouse=True)
def seeds():
    """Seed the global generators before each test; torch only where a test has it loaded."""
    random.seed(0)
    np.random.seed(0)
    if "torch" in sys.modules:
        sys.modules["torch"].manual_seed(0)


@pytest.fixture
def own_home(tmp_path, monkeypatch):
    """The folder of keys and ledger of an operator who has nothing yet, for one test."""
    use_home(monkeypatch, tmp_path / "home")
    return tmp_path / "home"


def use_home(monkeypatch, folder):
    """Be the operator of a folder, with no certificate but what is made there."""
    monkeypatch.setenv("PERFCLONE_HOME", str(folder))
    for name in ("PERFCLONE_CERT", "PERFCLONE_CERT_KEY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def record(own_home):
    """A person's consent, signed by this operator."""
    from records import annas_record

    return annas_record()


@pytest.fixture(scope="session")
def made_here(tmp_path_factory):
    """A folder with ``clone.mp4`` and a ``home`` whose ledger knows it; nobody changes it."""
    from clones import CONSENT_ID, cut, make, note

    from perfclone.governance.ledger.ledger import Ledger

    folder = tmp_path_factory.mktemp("made")
    with pytest.MonkeyPatch.context() as patch:
        use_home(patch, folder / "home")
        clone = make(folder / "clone.mp4", cut("anna_reference"))
        Ledger().append("train", actor="anna", consent_id=CONSENT_ID)
        note(clone)
    return folder


@pytest.fixture
def clone_home(made_here, own_home):
    """The home of whoever made ``clone``, for one test, which may change it."""
    shutil.copytree(made_here / "home", own_home)
    return own_home


@pytest.fixture
def clone(made_here, clone_home, tmp_path):
    """A clone that the ledger knows, for one test, which may change it."""
    return Path(shutil.copy(made_here / "clone.mp4", tmp_path / "clone.mp4"))


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


@pytest.fixture
def api(loopback):
    """The genuine client, as the owner of the loopback Hub's repositories."""
    from huggingface_hub import HfApi

    loopback.login("hf_owner")
    return HfApi()


@pytest.fixture
def reader():
    """The genuine client, as somebody who may read what is public."""
    from huggingface_hub import HfApi

    return HfApi(token="hf_reader")


@pytest.fixture
def repo(loopback):
    """The name of a repository of the owner's with a few files of each kind."""
    from hub_server.samples import FILES, REPO

    loopback.put(REPO, FILES)
    return REPO


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


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    """A reference video of the clip's person."""
    from tiny import write_clip

    return write_clip(tmp_path_factory.mktemp("reference") / "reference.mp4")


@pytest.fixture(scope="module")
def browser():
    """A chromium for the tests of a file."""
    from browsing import CHROMIUM, chromium

    if CHROMIUM is None:
        pytest.skip("no chromium here: apt-get install chromium")
    with chromium() as opened:
        yield opened


@pytest.fixture
def visit(browser):
    """Open pages as new visitors, none of whom may have had trouble at the end; see browsing.py."""
    from browsing import visited

    with ExitStack() as visits:
        yield lambda address, **context: visits.enter_context(visited(browser, address, **context))


@pytest.fixture(scope="session")
def studio(tmp_path_factory):
    """The studio, served to this machine for all tests that want no other, with a home of its own."""
    from browsing import served

    with served(tmp_path_factory.mktemp("studio")) as found:
        yield found

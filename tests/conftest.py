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

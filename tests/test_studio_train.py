"""The training tab, as a visitor uses it: footage, consent, a run that survives its server, and an actor of one's own."""

import json
import os
import shutil
import signal
import time
import zipfile
from contextlib import suppress
from pathlib import Path

import pytest
from browsing import served
from tiny import write_clip

from perfclone.actor import layout
from perfclone.governance.consent.record import ConsentRecord
from perfclone.governance.ledger.ledger import Ledger

pytestmark = pytest.mark.filterwarnings("ignore:.*:Warning:gradio")


@pytest.fixture(scope="module")
def footage(tmp_path_factory):
    """Three seconds of a person, in a container that no browser plays."""
    return write_clip(tmp_path_factory.mktemp("footage") / "me at home.mkv", 60)


def value(page, id):
    return page.locator(f"#{id} textarea, #{id} input").first


def agree(page, name="Anna Example"):
    value(page, "train-subject").fill(name)
    page.check("#train-agreed input")


def upload(page, file):
    page.set_input_files("#train-upload input[type=file]", file)
    page.wait_for_selector("#train-findings h3", timeout=60_000)


def begin(page, name, minutes="0.5"):
    value(page, "train-name").fill(name)
    page.get_by_label("128").check()
    page.locator("#train-minutes input[type=number]").fill(minutes)
    page.keyboard.press("Tab")
    page.click("#train-begin")


def wait_until(condition, patience_s=60):
    give_up = time.monotonic() + patience_s
    while not (found := condition()):
        assert time.monotonic() < give_up
        time.sleep(0.2)
    return found

"""What other systems lack: modules of POSIX, and letters in a console's alphabet."""

import io
import subprocess
import sys

from perfclone import cli
from perfclone.commands import demo

WITHOUT_POSIX = """
import os, sys
for name in ("fcntl", "grp", "pwd", "resource", "termios"):
    sys.modules[name] = None
for name in ("fork", "getuid", "posix_fallocate", "sched_getaffinity"):
    delattr(os, name)
import perfclone.devices, perfclone.preflight, perfclone.terminal.display, perfclone.terminal.program
import perfclone.video.writer as writer, numpy as np
with writer.VideoWriter(sys.argv[1], rate=25) as out:
    out.write(np.zeros((32, 32, 3), np.uint8))
"""


def test_video_terminal_and_preflight_need_nothing_of_posix(tmp_path):
    path = tmp_path / "out.mp4"
    run = subprocess.run([sys.executable, "-c", WITHOUT_POSIX, str(path)], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert path.is_file()


def test_a_console_without_a_letter_gets_another(monkeypatch, tmp_path):
    def run(args):
        print("✓ fertig: Grüße")
        return 0

    console = io.TextIOWrapper(io.BytesIO(), encoding="cp1252")
    monkeypatch.setattr(demo, "run", run)
    monkeypatch.setattr(sys, "stdout", console)
    assert cli.main(["demo", "-o", str(tmp_path / "x.mp4")]) == 0
    console.flush()
    assert console.buffer.getvalue().decode("cp1252").strip() == "? fertig: Grüße"

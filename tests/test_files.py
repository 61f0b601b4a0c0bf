"""Files: folders made for them, written whole or not at all, private, and locked against other processes."""

import os
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from perfclone.errors import UserError
from perfclone.files.locking import locked
from perfclone.files.reading import one_line
from perfclone.files.writing import beside, ensure_parent, write_private, write_text

ROOT = Path(__file__).resolve().parents[1]
COUNT = (
    "import sys; from pathlib import Path; from perfclone.files.locking import locked; path = Path(sys.argv[1])\n"
    "for _ in range(200):\n    with locked(path): path.write_text(str(int(path.read_text()) + 1))"
)
#: What a Python for Windows has not.
UNIX = ("fcntl", "grp", "pwd", "resource", "termios")


def test_folders_are_made_for_what_is_written(tmp_path):
    ensure_parent(tmp_path / "a" / "b" / "actor")
    assert (tmp_path / "a" / "b").is_dir() and not (tmp_path / "a" / "b" / "actor").exists()
    ensure_parent(tmp_path / "a" / "b" / "actor")
    assert write_text(tmp_path / "c" / "d" / "note.txt", "é\n").read_bytes() == b"\xc3\xa9\n"


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    for place in ("file/out.mp4", "file/deeper/out.mp4"):
        with pytest.raises(UserError, match=r"The folder .* for out.mp4 cannot be made \(.*\); choose another\."):
            ensure_parent(tmp_path / place)
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(UserError, match="for out.mp4 cannot be written to; choose another"):
        ensure_parent(tmp_path / "out.mp4")


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_a_failed_writing_leaves_what_was_there(tmp_path, error):
    path = write_text(tmp_path / "note.txt", "old")
    with pytest.raises(error), beside(path) as part:
        part.write_text("new, half of")
        raise error
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]


def test_a_private_file_is_its_owners_and_the_first_one_may_stay(tmp_path):
    path = tmp_path / "key"
    assert write_private(path, b"one") and stat.S_IMODE(path.stat().st_mode) == 0o600
    assert not write_private(path, b"two", replace=False) and path.read_bytes() == b"one"
    path.chmod(0o644)
    assert write_private(path, b"three") and path.read_bytes() == b"three"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600 and list(tmp_path.iterdir()) == [path]


def test_processes_take_their_turn(tmp_path):
    path = write_text(tmp_path / "count", "0")
    processes = [subprocess.Popen([sys.executable, "-c", COUNT, str(path)], cwd=ROOT) for _ in range(4)]
    assert [process.wait(timeout=120) for process in processes] == [0] * 4
    assert path.read_text() == "800"


def test_threads_wait_and_an_error_gives_the_lock_back(tmp_path):
    path, seen = tmp_path / "file", []

    def wait():
        with locked(path):
            seen.append("other")

    with pytest.raises(RuntimeError), locked(path):
        other = threading.Thread(target=wait)
        other.start()
        time.sleep(0.1)
        seen.append("first")
        raise RuntimeError
    other.join(timeout=10)
    assert seen == ["first", "other"]


def test_whoever_reads_waits_for_whoever_writes_and_leaves_no_file(tmp_path):
    path, seen = tmp_path / "file", []
    with locked(path, reading=True):
        assert not list(tmp_path.iterdir())

    def read():
        with locked(path, reading=True):
            seen.append("reader")

    with locked(path):
        reader = threading.Thread(target=read)
        reader.start()
        time.sleep(0.1)
        seen.append("writer")
    reader.join(timeout=10)
    assert seen == ["writer", "reader"]


def test_nothing_is_imported_that_only_unix_has():
    """With those modules gone, as on Windows, all that is imported to record a consent and to clone still is."""
    rooms = [ROOT / "perfclone" / room for room in ("files", "governance", "commands")]
    paths = [path for room in rooms for path in room.rglob("*.py") if path.stem != "__init__"]
    modules = [".".join(path.relative_to(ROOT).with_suffix("").parts) for path in paths]
    code = (
        f"import importlib, sys, warnings; warnings.simplefilter('ignore')\n"
        f"sys.modules.update(dict.fromkeys({UNIX}))\n"
        f"[importlib.import_module(name) for name in {modules}]"
    )
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert run.returncode == 0, run.stderr


def test_texts_of_others_stay_on_their_line():
    assert one_line("a\nb\x1b[2J\u202ec é") == "a\ufffdb\ufffd[2J\ufffdc é"
    assert one_line("a\nb", " ") == "a b"

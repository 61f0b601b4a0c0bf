"""Files that appear whole or not at all, where they are wanted; and a full disk in one sentence."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, TypeVar

from perfclone.errors import UserError

T = TypeVar("T")
#: What a disk, a quota or a limit on the size of files says when there is no more room.
FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
LONGEST_NAME = 255  # bytes that a disk takes for the name of a file
_PENDING, _GONE = ".saved", ".gone"


def ensure_parent(path: Path) -> None:
    """Make the folder that a file or folder is to go to, and those above it, where they are not there yet.

    Raises:
        UserError: It cannot be made or written to.
    """
    folder = path.absolute().parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        why = error.strerror or error
        raise UserError(f"The folder {path.parent} for {path.name} cannot be made ({why}); choose another.") from error
    if not os.access(folder, os.W_OK):
        raise UserError(f"The folder {path.parent} for {path.name} cannot be written to; choose another.")


def sibling(path: Path, before: str = "", after: str = "") -> Path:
    """Name a file beside another after its stem: where that would be too long for a disk, its beginning and a hash.

    Args:
        path: The other file.
        before: What the name begins with.
        after: What the name ends with.
    """
    name, room = os.fsencode(path.stem), LONGEST_NAME - len(os.fsencode(before + after))
    if len(name) > room:
        mark = f"-{hashlib.sha256(name).hexdigest()[:8]}"
        name = name[: room - len(mark)].decode("utf-8", "ignore").encode() + mark.encode()
    return path.with_name(f"{before}{os.fsdecode(name)}{after}")


@contextmanager
def beside(path: Path) -> Iterator[Path]:
    """Give a name beside a file to write to; what was written takes the file's place, or is gone after an error.

    The file's folder is made where it is not there.
    """
    ensure_parent(path)
    part = sibling(path, ".new.", path.suffix)  # its ending stays, as coders go by it
    try:
        yield part
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def write_text(path: Path, text: str, durable: bool = False) -> Path:
    """Write a text file in UTF-8, whole or not at all; see :func:`beside`.

    Args:
        path: One that exists is replaced.
        text: What it shall hold.
        durable: Wait until it is on the disk, so that a power cut leaves the old file or the new one.

    Returns:
        `path`.
    """
    with beside(path) as part, part.open("wb") as file:
        file.write(text.encode("utf-8"))
        if durable:
            _sync(file)
    return path


def write_private(path: Path, data: bytes, replace: bool = True) -> bool:
    """Write a file that its owner alone may read, whole or not at all, and wait until it is on the disk.

    Args:
        path: Its folder must be there.
        data: What it shall hold.
        replace: Whether it may take the place of a file; otherwise, of several processes, the first one's stays.

    Returns:
        Whether it was written.
    """
    part = path.with_name(f".{path.name}.{uuid.uuid4().hex}")  # a name that no other process uses
    try:
        with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(data)
            _sync(file)
        if replace:
            part.replace(path)
        else:
            os.link(part, path)
    except FileExistsError:
        return False
    finally:
        part.unlink(missing_ok=True)
    return True


def _sync(file: IO) -> None:
    """Wait until what was written to a file is on the disk."""
    file.flush()
    os.fsync(file.fileno())


def write_together(folder: Path, files: Mapping[str, bytes | None]) -> None:
    """Write files of a folder so that :func:`saved` gives all of the new ones or all of the old ones, never a mixture.

    They are written to a folder inside, which counts from the moment that it gets its final name, and are then moved
    out of it. Other files of the folder stay.

    Args:
        folder: Made where it is not there.
        files: Contents by name; None removes a file.
    """
    made = not folder.exists()
    folder.mkdir(parents=True, exist_ok=True)
    _settle(folder)
    part = folder / f"{_PENDING}.part"
    shutil.rmtree(part, ignore_errors=True)
    try:
        part.mkdir()
        for name, content in files.items():
            if content is None:
                (part / f"{name}{_GONE}").touch()
            else:
                (part / name).write_bytes(content)
        part.rename(folder / _PENDING)
    except BaseException:
        shutil.rmtree(folder if made else part, ignore_errors=True)
        raise
    _settle(folder)


def saved(folder: Path, name: str) -> Path:
    """Where a file that :func:`write_together` wrote or removed is, even if interrupted before it had moved it."""
    pending = folder / _PENDING / name
    removed = pending.with_name(f"{name}{_GONE}").is_file()
    return pending if removed or pending.is_file() else folder / name


def read_together(folder: Path, read: Callable[[], T]) -> T:
    """Read files of a folder anew where :func:`write_together` of another process changed them meanwhile.

    Args:
        folder: Where they are.
        read: Reads them, from where :func:`saved` says.

    Returns:
        What `read` gave of files that belong together.

    Raises:
        UserError: As `read` does, of a folder in which nothing changed.
    """
    while True:
        before = _state(folder)
        try:
            found = read()
        except UserError:
            if _state(folder) == before:
                raise
        else:
            if _state(folder) == before:
                return found


def _state(folder: Path) -> tuple[int, list[tuple[str, int]]]:
    """What tells whether files of a folder, or what waits to be moved there, are still the same."""
    entries = []
    for place in (folder, folder / _PENDING):
        with suppress(FileNotFoundError):
            entries += [(entry.path, entry.inode()) for entry in os.scandir(place)]
    return folder.stat().st_mtime_ns, sorted(entries)


def _settle(folder: Path) -> None:
    """Move what was saved to its place."""
    pending = folder / _PENDING
    if pending.is_dir():
        for file in list(pending.iterdir()):
            if file.suffix == _GONE:
                (folder / file.stem).unlink(missing_ok=True)
                file.unlink()
            else:
                file.replace(folder / file.name)
        pending.rmdir()


@contextmanager
def full_disk_explained(folder: Path, advice: str) -> Iterator[None]:
    """Turn a full disk inside the block into a sentence.

    Args:
        folder: What was being written.
        advice: What to do once there is space.

    Raises:
        UserError: The disk is full.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in FULL:
            raise
        raise UserError(f"The disk is full: {folder} cannot be written; free some space and {advice}.") from error

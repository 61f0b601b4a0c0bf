"""Files that appear whole or not at all, and a full disk in one sentence."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from perfclone.errors import UserError

#: What a disk, a quota or a limit on the size of files says when there is no more room.
FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_PENDING, _GONE = ".saved", ".gone"


@contextmanager
def beside(path: Path) -> Iterator[Path]:
    """Give a name beside a file to write to; what was written takes the file's place, or is gone after an error."""
    part = path.with_name(f".part.{path.name}")
    try:
        yield part
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


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

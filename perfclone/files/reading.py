"""Reading what others may have written: texts and JSON without surprises, files of a limited size, sha256 of files."""

from __future__ import annotations

import hashlib
import json
import reprlib
import stat
from pathlib import Path

from perfclone.errors import UserError

_SHORT = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxother = 60


def shown(value: object) -> str:
    """Show a value of any kind in a sentence: short, with control characters escaped."""
    return _SHORT.repr(value)


def one_line(text: str, instead: str = "\ufffd") -> str:
    """Replace in a text of others what a terminal would obey, or what would break or turn a line."""
    return "".join(letter if letter.isprintable() else instead for letter in text)


def plain_name(name: str, longest: int = 200) -> str:
    """Say the name of a file or folder in one line: with plain spaces, without what cannot be seen or turns a line.

    Args:
        name: Any name, such as "Screen Recording at 3.14\u202fPM".
        longest: Characters after which it is cut.

    Returns:
        It in printable characters; "untitled" where none is left.
    """
    spaced = "".join(" " if letter.isspace() else letter for letter in name)
    return " ".join(one_line(spaced, "").split())[:longest].rstrip() or "untitled"


def read_limited(path: Path, limit: int, what: str) -> bytes:
    """Read a small file.

    Args:
        path: Where it is.
        limit: Most bytes that such a file can have.
        what: The kind of file, such as "consent record".

    Raises:
        UserError: It is not there, is no ordinary file, cannot be read, or is larger.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise UserError(f"{path} is not a file; give the file of the {what}.")
        with path.open("rb") as file:
            data = file.read(limit + 1)
    except FileNotFoundError as error:
        raise UserError(f"There is no {what} {path}; check the name.") from error
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        if isinstance(error, UserError):
            raise
        reason = getattr(error, "strerror", None) or error
        raise UserError(f"The {what} {path} cannot be read ({reason}); check its permissions.") from error
    if len(data) > limit:
        raise UserError(f"{path} is larger than {limit} bytes, so it is no {what}; give the right file.")
    return data


def parse_json(data: bytes, what: str) -> object:
    """Parse JSON as the standard has it: UTF-8, no repeated keys, no NaN, no endless nesting.

    Args:
        data: The file's content.
        what: What the sentences call it.

    Raises:
        UserError: It is anything else.
    """
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise UserError(f"{what} is damaged: byte {error.start} is not UTF-8; get it anew.") from error
    try:
        return json.loads(text, object_pairs_hook=_unique, parse_constant=_refuse_constant)
    except RecursionError as error:
        raise UserError(f"{what} is nested too deeply; get it anew.") from error
    except json.JSONDecodeError as error:
        raise UserError(f"{what} is not JSON ({error.msg} in line {error.lineno}); get it anew.") from error
    except ValueError as error:  # a repeated key, NaN, or a number with thousands of digits
        raise UserError(f"{what} cannot be read: {str(error).partition(';')[0]}; get it anew.") from error


def _unique(pairs: list[tuple[str, object]]) -> dict:
    """Build an object whose keys appear once."""
    built = dict(pairs)
    if len(built) != len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))
        raise ValueError(f"it says {shown(twice)} twice")
    return built


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not a number")


def file_sha256(path: Path) -> str:
    """Hash a file of any size.

    Returns:
        64 hex digits.

    Raises:
        UserError: It is not there or cannot be read.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise UserError(f"{path} is not a file; give a video file.")
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError as error:
        raise UserError(f"There is no file {path}; check the name.") from error
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror or error}); check its permissions.") from error

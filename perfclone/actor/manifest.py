"""`manifest.json`: sha256 and size of each file of an actor, and the version of the format that they have.

The Hub's client compares only sizes; this shows that a file is the one that was saved with the others.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from perfclone.actor.layout import FORMAT_VERSION, LIMITS, MANIFEST
from perfclone.errors import UserError
from perfclone.files.reading import file_sha256, parse_json, read_limited, shown

_SHA256 = re.compile("[0-9a-f]{64}")
_NAME = re.compile(r"[\w-][\w.-]{0,99}")


class FileEntry(NamedTuple):
    """What a manifest says of one file.

    Attributes:
        sha256: 64 hex digits.
        size: Bytes.
    """

    sha256: str
    size: int


@dataclass(frozen=True)
class Manifest:
    """What an actor's files are.

    Attributes:
        files: Name -> what it must be; ``manifest.json`` itself is not among them.
        format_version: Of the folder's format.
    """

    files: Mapping[str, FileEntry]
    format_version: int = FORMAT_VERSION

    @classmethod
    def of(cls, files: Mapping[str, bytes]) -> Manifest:
        """Describe files by their contents."""
        return cls({name: FileEntry(hashlib.sha256(data).hexdigest(), len(data)) for name, data in files.items()})

    @classmethod
    def load(cls, path: Path) -> Manifest:
        """Read a manifest, strictly.

        Raises:
            UserError: It is not there, is no manifest, or its format is newer than this code.
        """
        return cls.from_bytes(read_limited(path, LIMITS[MANIFEST], "manifest"), f"The manifest {path}")

    @classmethod
    def from_bytes(cls, data: bytes, what: str = "The manifest") -> Manifest:
        """Read what :meth:`to_bytes` gave; see :meth:`load`."""
        value = parse_json(data, what)
        version = value.get("format_version") if isinstance(value, dict) else None
        if type(version) is not int or version < 1:
            raise UserError(f"{what} names no format_version, so it is none; fetch the actor again.")
        if version > FORMAT_VERSION:
            raise UserError(
                f"{what} has format version {version}, this perfclone reads up to {FORMAT_VERSION}; update perfclone."
            )
        files = value.get("files")
        if not isinstance(files, dict) or not files:
            raise UserError(f"{what} lists no files; fetch the actor again.")
        return cls({name: _entry(name, entry, what) for name, entry in files.items()}, version)

    def to_bytes(self) -> bytes:
        """Give the content of ``manifest.json``."""
        files = {name: {"sha256": entry.sha256, "size": entry.size} for name, entry in sorted(self.files.items())}
        return (json.dumps({"format_version": self.format_version, "files": files}, indent=2) + "\n").encode()

    def check(self, places: Mapping[str, Path | None]) -> None:
        """Compare files with it.

        Args:
            places: Name -> where the file is, as :func:`~perfclone.actor.layout.place` says; a file that is not there,
                None, must not be listed either.

        Raises:
            UserError: A file is missing, is not listed, or is another one.
        """
        for name, path in places.items():
            entry = self.files.get(name)
            if path is None and entry is None:
                continue
            if path is None or entry is None:
                what = f"{MANIFEST} does not list {name}" if path else f"{name} is missing, which {MANIFEST} lists"
                raise UserError(f"This actor is not as it was saved: {what}; fetch it again.")
            if (file_sha256(path), path.stat().st_size) != entry:
                raise UserError(f"{path} is not the file that {MANIFEST} lists; fetch the actor again.")


def _entry(name: str, value: object, what: str) -> FileEntry:
    if not _NAME.fullmatch(name) or name == MANIFEST:
        raise UserError(f"{what} lists {shown(name)}, which is no name of an actor's file; do not use this actor.")
    good = isinstance(value, dict) and value.keys() == {"sha256", "size"}
    if not good or not isinstance(value["sha256"], str) or not _SHA256.fullmatch(value["sha256"]):
        raise UserError(f"{what} gives no sha256 and size of {name}; fetch the actor again.")
    if type(value["size"]) is not int or value["size"] < 0:
        raise UserError(f"{what} gives {name} the size {shown(value['size'])}; fetch the actor again.")
    return FileEntry(value["sha256"], value["size"])

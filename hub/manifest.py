"""`manifest.json`: sha256 and size of each file of an actor, and the version of the format that they have.

The Hub's client compares only sizes, so this is what shows that a file is not the one that was pushed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from perfclone.errors import UserError
from perfclone.files import beside
from perfclone.governance.reading import file_sha256, parse_json, read_limited, shown

MANIFEST = "manifest.json"
#: Of what this code writes; it reads every older one. Version 1 of an actor may come without a manifest.
FORMAT_VERSION = 1
_LIMIT = 64 * 1024
_SHA256 = re.compile("[0-9a-f]{64}")
_NAME = re.compile(r"[\w-][\w.-]{0,99}")


@dataclass(frozen=True)
class FileEntry:
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
    def of(cls, folder: Path) -> Manifest:
        """Describe the files that lie in a folder now; hidden ones, folders and the manifest are left out."""
        paths = [p for p in sorted(folder.iterdir()) if p.is_file() and p.name != MANIFEST and p.name[0] != "."]
        return cls({path.name: FileEntry(file_sha256(path), path.stat().st_size) for path in paths})

    @classmethod
    def load(cls, path: Path) -> Manifest:
        """Read a manifest, strictly.

        Raises:
            UserError: It is not there, is no manifest, or its format is newer than this code.
        """
        return cls.from_bytes(read_limited(path, _LIMIT, "manifest"), f"The manifest {path}")

    @classmethod
    def from_bytes(cls, data: bytes, what: str = "The manifest") -> Manifest:
        """Read what :meth:`to_bytes` gave; see :meth:`load`."""
        value = parse_json(data, what)
        version = value.get("format_version") if isinstance(value, dict) else None
        if type(version) is not int or version < 1:
            raise UserError(f"{what} names no format_version, so it is none; fetch the actor anew.")
        if version > FORMAT_VERSION:
            raise UserError(
                f"{what} has format version {version}, this perfclone reads up to {FORMAT_VERSION}; update perfclone."
            )
        files = value.get("files")
        if not isinstance(files, dict) or not files:
            raise UserError(f"{what} lists no files; fetch the actor anew.")
        return cls({name: _entry(name, entry, what) for name, entry in files.items()}, version)

    def to_bytes(self) -> bytes:
        """Give the content of ``manifest.json``."""
        files = {name: {"sha256": entry.sha256, "size": entry.size} for name, entry in sorted(self.files.items())}
        return (json.dumps({"format_version": self.format_version, "files": files}, indent=2) + "\n").encode()

    def save(self, folder: Path) -> Path:
        """Write ``manifest.json`` into a folder, whole or not at all."""
        with beside(folder / MANIFEST) as part:
            part.write_bytes(self.to_bytes())
        return folder / MANIFEST

    def check(self, folder: Path) -> None:
        """Compare a folder's files with it; files that it does not list are not looked at.

        Raises:
            UserError: A file is missing or another one.
        """
        for name, entry in self.files.items():
            path = folder / name
            if path.is_symlink() or not path.is_file():
                raise UserError(f"{folder} has no file {name}, which its {MANIFEST} lists; fetch the actor anew.")
            if path.stat().st_size != entry.size or file_sha256(path) != entry.sha256:
                raise UserError(f"{path} is not the file that {MANIFEST} lists; fetch the actor anew.")


def _entry(name: str, value: object, what: str) -> FileEntry:
    if not _NAME.fullmatch(name) or name == MANIFEST:
        raise UserError(f"{what} lists {shown(name)}, which is no name of an actor's file; do not use this actor.")
    good = isinstance(value, dict) and value.keys() == {"sha256", "size"}
    if not good or not isinstance(value["sha256"], str) or not _SHA256.fullmatch(value["sha256"]):
        raise UserError(f"{what} gives no sha256 and size of {name}; fetch the actor anew.")
    if type(value["size"]) is not int or value["size"] < 0:
        raise UserError(f"{what} gives {name} the size {shown(value['size'])}; fetch the actor anew.")
    return FileEntry(value["sha256"], value["size"])

"""The files of an actor's folder, which is also its repository: their names, how large they may be, where they lie."""

from __future__ import annotations

import os
from pathlib import Path

from perfclone.errors import UserError
from perfclone.files.writing import saved
from perfclone.governance.consent import record
from perfclone.governance.consent.record import CONSENT

CONFIG, WEIGHTS, MANIFEST = "config.json", "model.safetensors", "manifest.json"
README, POSTER, PREVIEW = "README.md", "poster.jpg", "preview.mp4"
#: Version of the format that is written; every older one is read, and tests/formats keeps an actor of each.
FORMAT_VERSION = 3
#: Every file of the format and the most bytes that it may have; no other is fetched, pushed or read.
LIMITS = {
    CONFIG: 64 << 10,
    WEIGHTS: 1 << 30,
    CONSENT: record.LIMIT,
    MANIFEST: 64 << 10,
    README: 1 << 20,
    POSTER: 8 << 20,
    PREVIEW: 64 << 20,
}
#: What loading an actor reads; the rest is for people.
LOADED = (CONFIG, WEIGHTS, CONSENT, MANIFEST)


def place(folder: Path, name: str, most: int | None = None) -> Path | None:
    """Where a file of an actor's folder is, or None where it has none.

    Args:
        folder: The actor's, or another that the Hub's cache keeps.
        name: Of the file.
        most: Bytes that it may have; None is what the format allows.

    Raises:
        UserError: It is a link that leads elsewhere, no ordinary file, or larger than such a file can be.
    """
    cache = _cache(folder)
    path = folder / name if cache else saved(folder, name)
    if not path.is_symlink() and not path.exists():
        return None
    home = cache or Path(os.path.realpath(folder))
    if path.is_symlink() and not Path(os.path.realpath(path)).is_relative_to(home):
        raise UserError(f"{path} is a link that leads out of {folder}; put the file itself there if you trust it.")
    if not path.is_file():
        raise UserError(f"{path} is not a file; fetch or train the actor again.")
    most = LIMITS[name] if most is None else most
    if path.stat().st_size > most:
        raise UserError(f"{path} is larger than {most:,} bytes, so it is not what it is called; do not use it.")
    return path


def _cache(folder: Path) -> Path | None:
    """The whole of the Hub's cache, to which links may lead, where a folder is a snapshot in it."""
    folder = Path(os.path.realpath(folder))
    in_cache = folder.parent.name == "snapshots" and folder.parents[1].name.startswith("models--")
    return folder.parents[2] if in_cache else None

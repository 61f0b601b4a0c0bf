"""Weights in torch's cache, whose file names end in the beginning of their SHA-256; nothing is downloaded here."""

from __future__ import annotations

import hashlib
from pathlib import Path

import torch

from perfclone.errors import UserError


def cached(name: str) -> Path | None:
    """A file in torch's cache (``TORCH_HOME``), or None where it is not there."""
    path = Path(torch.hub.get_dir()) / "checkpoints" / name
    return path if path.is_file() else None


def require_published(path: Path, name: str, needed: str) -> None:
    """Refuse a file that is not the published one of that name.

    Args:
        path: The file.
        name: Its published name, such as "alexnet-owt-7be5be79.pth".
        needed: Who needs what, for the message: "LPIPS needs the published AlexNet".

    Raises:
        UserError: Its SHA-256 begins otherwise.
    """
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    expected = Path(name).stem.rpartition("-")[2]
    if not found.startswith(expected):
        raise UserError(
            f"{needed}, but {path} is something else or incomplete: its SHA-256 begins with {found[:8]} instead of "
            f"{expected}; delete it, or download it again."
        )

"""The Hub's cache on this machine: an actor's place in it, and which commit a branch of it points to."""

from __future__ import annotations

import logging
import re
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from perfclone.actor.layout import CONFIG, MANIFEST, WEIGHTS

log = logging.getLogger(__name__)
COMMIT = re.compile("[0-9a-f]{40}")


class Fetched(NamedTuple):
    """An actor in the Hub's cache.

    Attributes:
        folder: With the files.
        commit: That they are of, 40 hex digits.
    """

    folder: Path
    commit: str


def find_cached(
    cache: Path, repo_id: str, revision: str | None = None, names: Sequence[str] = (CONFIG, WEIGHTS, MANIFEST)
) -> Fetched | None:
    """Find an actor in the Hub's cache without asking the Hub; None where it is not there.

    Args:
        cache: The cache's folder.
        repo_id: "owner/name".
        revision: Commit, tag or branch; None is the main branch.
        names: Files without which it does not count as there.
    """
    commit, root = revision or "main", root_of(cache, repo_id)
    if not COMMIT.fullmatch(commit):
        ref = root / "refs" / commit
        if not ref.resolve().is_relative_to(root.resolve() / "refs") or not ref.is_file():
            return None
        commit = ref.read_bytes()[:64].decode("ascii", "replace").strip()
    folder = root / "snapshots" / commit
    there = COMMIT.fullmatch(commit) and all((folder / name).is_file() for name in names)
    return Fetched(folder, commit) if there else None


def root_of(cache: Path, repo_id: str) -> Path:
    """Where the cache keeps a repository."""
    return cache / f"models--{repo_id.replace('/', '--')}"


def point(cache: Path, repo_id: str, revision: str, commit: str) -> None:
    """Let a branch or tag of the cache point to a commit; several processes may, and a cache may be read-only."""
    ref = root_of(cache, repo_id) / "refs" / revision
    try:
        if ref.is_file() and ref.read_bytes() == commit.encode():
            return
        ref.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".part.", dir=ref.parent) as own:
            part = Path(own) / "ref"
            part.write_text(commit)
            part.replace(ref)
    except OSError as error:
        log.warning(
            "%s cannot be written (%s): without the Hub, %s will not be found at %s.",
            ref,
            error.strerror or error,
            repo_id,
            revision,
        )

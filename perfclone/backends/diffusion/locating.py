"""Where a base is on this machine: in a folder of ours, in the Hub's cache, or still to be fetched."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from perfclone.backends.diffusion.bases import BASES, Base
from perfclone.backends.diffusion.fetch import PARTS, fetch_base

if TYPE_CHECKING:
    from perfclone.backends.diffusion.config import DiffusionConfig


class Located(NamedTuple):
    """Where a base is on this machine: folders, and the commits that they are of, empty for what came along."""

    base: Base
    pipeline: Path
    control: Path
    fast: Path | None
    motion: Path | None
    commits: dict[str, str]


def locate(name: str, commits: dict[str, str] | None = None) -> Located:
    """Find a base, or fetch it.

    Args:
        name: One of :data:`BASES`.
        commits: Which to take, by what :attr:`Base.repos` calls them; None takes the newest.

    Raises:
        UserError: The Hub does not give it, or what it gives is not safe to load.
    """
    base = BASES[name]
    if not base.repo:
        return Located(base, base.folder, base.folder / "controlnet", None, None, {})
    found = {
        part: fetch_base(repo, (commits or {}).get(part), PARTS if part == "base" else ()) if repo else (None, "")
        for part, repo in base.repos.items()
    }
    folders, at = zip(*found.values())
    return Located(base, *folders, dict(zip(found, at)))


def located_of(config: DiffusionConfig) -> Located:
    """Find the base of an actor, at the commits that it was trained with."""
    commits = {name: getattr(config, f"{name}_commit") for name in BASES[config.base].repos}
    return locate(config.base, {name: commit for name, commit in commits.items() if commit} or None)

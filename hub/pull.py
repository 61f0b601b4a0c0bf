"""Pulling an actor from the Hub into a folder: all of its files or none."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from perfclone.actor.layout import CONFIG, LIMITS, MANIFEST, POSTER, PREVIEW, WEIGHTS, place
from perfclone.actor.manifest import Manifest
from perfclone.actor.remote.errors import require_repo_id
from perfclone.errors import UserError
from perfclone.files.writing import ensure_parent, full_disk_explained, write_together


class Pulled(NamedTuple):
    """What a pull gave.

    Attributes:
        folder: With the actor.
        commit: That it is of, 40 hex digits.
    """

    folder: Path
    commit: str


def pull(
    repo_id: str, revision: str | None, folder: str | Path, *, force: bool = False, token: str | None = None
) -> Pulled:
    """Fetch an actor with its card and pictures into a folder, checked as :mod:`perfclone.actor.remote.fetch` does.

    Until everything is there and was loaded once, the folder is as it was.

    Args:
        repo_id: "owner/name".
        revision: Commit, tag or branch; None is the main branch.
        folder: Made here; its parent must be there.
        force: Replace the actor that is in it. Other files in it stay.
        token: Hub token; None takes the one that is logged in.

    Raises:
        ConsentError: The consent was revoked.
        UserError: The folder holds something, or the Hub gives no actor that is safe to load.
    """
    from perfclone.actor import Actor
    from perfclone.actor.remote.fetch import fetch

    folder = Path(folder)
    require_repo_id(repo_id)
    _check_target(folder, force)
    fetched = fetch(repo_id, revision, names=tuple(LIMITS), token=token, doing=f"pull {repo_id}")
    Actor.from_pretrained(fetched.folder)
    found = {name: place(fetched.folder, name) for name in LIMITS}
    # Loading held the rest against it, but for the card, which its owner may edit on the Hub's page.
    Manifest.load(fetched.folder / MANIFEST).check({name: found[name] for name in (POSTER, PREVIEW)})
    with full_disk_explained(folder, "pull again"):
        write_together(folder, {name: path.read_bytes() if path else None for name, path in found.items()})
    return Pulled(folder, fetched.commit)


def _check_target(folder: Path, force: bool) -> None:
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise UserError(f"{folder} is not a folder; choose another name.")
    ensure_parent(folder)
    if not folder.exists() or not any(folder.iterdir()):
        return
    if not (folder / CONFIG).exists() or not (folder / WEIGHTS).exists():
        raise UserError(f"{folder} holds something that is no actor; choose another name.")
    if not force:
        raise UserError(f"{folder} exists; choose another name, or replace the actor in it with force.")

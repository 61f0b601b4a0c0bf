"""Rendering the synthetic suite: all of it beside its place, then the folder is renamed."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

from perfclone.errors import UserError
from perfclone.files.writing import ensure_parent
from perfclone.progress import Progress

from ..synthetic import Scene
from ..synthetic.routines import routine
from ..synthetic.takes import film
from .description import VERSION, SyntheticSuite

MANIFEST = "manifest.json"


def render_suite(wanted: SyntheticSuite, folder: Path, progress: Progress | None = None) -> None:
    """Render a suite into a folder that is not there yet, or empty; what an interrupted rendering left is thrown away.

    Memory does not grow with the clips' length: a frame is written as soon as it is rendered.

    Args:
        wanted: The parameters.
        folder: Where the suite shall be.
        progress: Called with what is going on, frames done and frames in all.

    Raises:
        UserError: The folder holds something, or cannot be made.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UserError(f"{folder} exists and holds no suite; give another folder, or an empty one.")
    ensure_parent(folder)
    part = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    digests = _film_all(wanted, part, progress)
    files = {str(p.relative_to(part)): p.stat().st_size for p in sorted(part.rglob("*")) if p.is_file()}
    manifest = {
        "version": VERSION,
        "parameters": wanted.parameters(),
        "sha256": _digest(digests),
        "takes": digests,
        "files": files,
    }
    (part / MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n")
    part.replace(folder)


def _film_all(wanted: SyntheticSuite, folder: Path, progress: Progress | None) -> dict[str, str]:
    """Every actor in both routines: "ACTOR/TAKE" -> SHA-256 of its frames."""
    if progress:
        progress("joining motions", 0, 0)
    routines = {
        "reference": routine(wanted.train, wanted.fps, wanted.reference_seconds),
        "test": routine(wanted.test, wanted.fps, wanted.test_seconds),
    }
    total, done, digests = len(wanted.actors) * sum(map(len, routines.values())), 0, {}
    for actor in wanted.actors:
        (folder / actor).mkdir(parents=True)
        scene = Scene(actor, wanted.size, wanted.noise, wanted.samples)
        for take, frames in routines.items():
            tell = (
                (lambda _, n, __, before=done: progress("rendering the suite", before + n, total))
                if progress
                else None
            )
            digests[f"{actor}/{take}"] = film(scene, frames, wanted.fps, folder / actor / take, tell)
            done += len(frames)
    return digests


def _digest(takes: dict[str, str]) -> str:
    """One hash for the suite out of those of its takes."""
    return hashlib.sha256("".join(f"{name}\0{digest}\0" for name, digest in takes.items()).encode()).hexdigest()

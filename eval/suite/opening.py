"""A suite in its folder: rendered unless it stands there already, opened, and checked.

    FOLDER/manifest.json                        version, parameters, hashes, files
    FOLDER/ACTOR/reference.mp4 .npz .zip        the training reference: video, true joints, true mattes and shadows
    FOLDER/ACTOR/test.mp4 .npz .zip             the test routine: a driving video for others, the truth for itself

One's own footage is laid out as FOLDER/NAME/reference.mp4, truth.mp4 and, unless the truth drives itself, driving.mp4.
"""

from __future__ import annotations

import hashlib
import json
from itertools import permutations
from pathlib import Path

from perfclone.errors import UserError
from perfclone.progress import Progress
from perfclone.video import probe

from .description import VERSION, Suite, SyntheticSuite, Trial
from .rendering import MANIFEST, render_suite


def synthetic_suite(wanted: SyntheticSuite, folder: Path, progress: Progress | None = None) -> Suite:
    """The suite with these parameters in a folder: rendered unless it stands there already.

    Args:
        wanted: The parameters.
        folder: Where it is or shall be; it appears under its name only once it is whole.
        progress: Called with what is going on, frames done and frames in all.

    Raises:
        UserError: The folder holds something else, or a suite that was damaged.
    """
    folder = Path(folder)
    if not (folder / MANIFEST).is_file():
        render_suite(wanted, folder, progress)
    suite = load_suite(folder)
    if suite.parameters != wanted.parameters():
        raise UserError(
            f"{folder} holds a suite with other parameters or of another version; give another folder, or remove it."
        )
    return suite


def load_suite(folder: Path) -> Suite:
    """Open a rendered suite, or a folder of one's own footage; see the head of this module for the layout.

    Raises:
        FileNotFoundError: There is no such folder.
        UserError: It is neither, a file is missing or damaged, or the videos do not fit together.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise FileNotFoundError(f"There is no suite at {folder}; give a folder, or `synthetic`.")
    return _rendered(folder) if (folder / MANIFEST).is_file() else _own(folder)


def _rendered(folder: Path) -> Suite:
    try:
        manifest = json.loads((folder / MANIFEST).read_text())
        version, told, digest, files = (manifest[key] for key in ("version", "parameters", "sha256", "files"))
        actors = list(told["actors"])
        damaged = [name for name, size in files.items() if not _is_file_of(folder / name, size)]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(f"{folder / MANIFEST} cannot be read ({error}); remove {folder} to render it anew.") from error
    if version != VERSION:
        raise UserError(f"{folder} holds version {version} of the suite and this is {VERSION}; remove it, or move it.")
    if damaged:
        raise UserError(f"{folder / damaged[0]} is missing or damaged; remove {folder} to render the suite anew.")
    trials = tuple(
        Trial(f"{performer}-as-{target}", target, *_take(folder, performer, target))
        for performer, target in permutations(actors, 2)
    )
    takes = {
        folder / actor / f"{take}.mp4": folder / actor / f"{take}.npz"
        for actor in actors
        for take in ("reference", "test")
    }
    return Suite(folder, digest, trials, told, takes)


def _take(folder: Path, performer: str, target: str) -> tuple[Path, Path, Path, Path]:
    own = folder / target
    return own / "reference.mp4", folder / performer / "test.mp4", own / "test.mp4", own / "test.zip"


def _is_file_of(path: Path, size: int) -> bool:
    return path.is_file() and path.stat().st_size == size


def _own(folder: Path) -> Suite:
    digest, trials = hashlib.sha256(), []
    for truth in sorted(folder.glob("*/truth.mp4")):
        name, own = truth.parent.name, truth.parent
        driving = own / "driving.mp4" if (own / "driving.mp4").is_file() else truth
        trial = Trial(name, name, own / "reference.mp4", driving, truth)
        _check(trial)
        for video in (trial.reference, *({driving: None, truth: None})):
            with open(video, "rb") as file:
                digest.update(f"{name}/{video.name}\0{hashlib.file_digest(file, 'sha256').hexdigest()}\0".encode())
        trials.append(trial)
    if not trials:
        raise UserError(
            f"{folder} holds no suite: neither {MANIFEST}, nor clips as NAME/reference.mp4 and NAME/truth.mp4."
        )
    return Suite(folder, digest.hexdigest(), tuple(trials))


def _check(trial: Trial) -> None:
    """Refuse videos that do not fit together, before any work is done."""
    infos = [probe(video) for video in (trial.reference, trial.truth, trial.driving)]
    (width, height), other = ((info.width, info.height) for info in infos[:2])
    if (width, height) != other:
        raise UserError(
            f"{trial.reference} is {width}x{height} and {trial.truth} {other[0]}x{other[1]}; both must show the "
            "target in one framing, so give them one size."
        )
    if infos[1].frames != infos[2].frames:
        raise UserError(
            f"{trial.driving} has {infos[2].frames} frames and {trial.truth} {infos[1].frames}; cut both to the same "
            "moments."
        )

"""The suite: clips on which a clone across actors has an exact answer, rendered once and known by their hash.

Synthetic people perform the same routines, so for each pair of them the truth of a clone is simply the target filmed
in the performer's test routine. What an actor learns from (TRAIN motions) and what is tested (TEST motions) differ by
motion, never by neighbouring frames.

    FOLDER/manifest.json                        version, parameters, hashes, files
    FOLDER/ACTOR/reference.mp4 .npz .zip        the training reference: video, true joints, true mattes and shadows
    FOLDER/ACTOR/test.mp4 .npz .zip             the test routine: a driving video for others, the truth for itself

One's own footage is laid out as FOLDER/NAME/reference.mp4, truth.mp4 and, unless the truth drives itself, driving.mp4.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from itertools import permutations
from pathlib import Path

from perfclone.errors import UserError
from perfclone.progress import Progress
from perfclone.video import probe

from ..synthetic import ACTORS, TEST, TRAIN

#: Rises whenever the same parameters give other frames: numbers of different versions are not compared.
VERSION = 1
MANIFEST = "manifest.json"


@dataclass(frozen=True)
class SyntheticSuite:
    """What a synthetic suite is made of; the same values give the same frames on one machine.

    Attributes:
        actors: Two or more of `eval.synthetic.ACTORS`; each performs for each other.
        size: Side of the square picture, pixels, even.
        fps: Frames a second.
        reference_seconds: Length of each training reference.
        test_seconds: Length of each test clip.
        train: Motions of the references, in this order; they begin again, mirrored, where the time is longer.
        test: Motions of the test clips.
        noise: Standard deviation of the sensor noise in every video, 8-bit levels.
        samples: Samples a pixel along each axis.
    """

    actors: tuple[str, ...] = ("anna", "ben")
    size: int = 256
    fps: int = 30
    reference_seconds: float = 24.0
    test_seconds: float = 10.0
    train: tuple[str, ...] = ("turn", "arms", "walk", "dance_a", "squats", "punch", "kick")
    test: tuple[str, ...] = ("wave", "dance_b", "jump", "steps")
    noise: float = 1.2
    samples: int = 2

    def __post_init__(self):
        unknown = set(self.actors) - set(ACTORS)
        if unknown or len(self.actors) < 2 or len(set(self.actors)) < len(self.actors):
            raise ValueError(f"actors must be two or more of {', '.join(ACTORS)}, each once, got {self.actors}")
        for name, known in (("train", TRAIN), ("test", TEST)):
            if not getattr(self, name) or set(getattr(self, name)) - set(known):
                raise ValueError(f"{name} must be some of {', '.join(known)}, got {getattr(self, name)}")
        if self.size % 2:
            raise ValueError(f"size must be even, got {self.size}")
        for name, least, most in (
            ("size", 32, 2160), ("fps", 5, 120), ("reference_seconds", 0.1, 600), ("test_seconds", 0.1, 600),
            ("noise", 0, 20), ("samples", 1, 4),
        ):  # fmt: skip
            if not least <= getattr(self, name) <= most:
                raise ValueError(f"{name} must lie in {least}-{most}, got {getattr(self, name)}")


@dataclass(frozen=True)
class Clip:
    """One test: somebody performs, and the truth shows the target in that performance.

    Attributes:
        name: For the report: PERFORMER-as-TARGET, or the folder's name of one's own footage.
        target: Whose reference it is; clips of one target share the training.
        reference: Video that the target's actor learns from.
        driving: The performance.
        truth: The target in it, frame by frame.
        mattes: The truth's mattes and shadows for `eval.synthetic.takes.read_layer`; None where they are not known.
    """

    name: str
    target: str
    reference: Path
    driving: Path
    truth: Path
    mattes: Path | None = None


@dataclass(frozen=True)
class Suite:
    """A suite that is there.

    Attributes:
        folder: Where it is.
        digest: SHA-256, 64 hex digits: over the raw RGB of all rendered frames, or over the bytes of one's own files.
        clips: The tests.
        parameters: Of a synthetic suite, JSON-native; empty for one's own footage.
        takes: Video -> true joints, for those videos where they are known.
    """

    folder: Path
    digest: str
    clips: tuple[Clip, ...]
    parameters: dict = field(default_factory=dict)
    takes: dict[Path, Path] = field(default_factory=dict)

    def describe(self) -> dict:
        """What stands in every report, JSON-native: kind, version, hash, parameters, names of the clips."""
        kind = "synthetic" if self.parameters else "own footage"
        names = [clip.name for clip in self.clips]
        return {
            "kind": kind, "version": VERSION, "sha256": self.digest, "parameters": self.parameters, "clips": names,
        }  # fmt: skip


def synthetic_suite(wanted: SyntheticSuite, folder: Path, progress: Progress | None = None) -> Suite:
    """The suite with these parameters in a folder: rendered unless it stands there already.

    Args:
        wanted: The parameters.
        folder: Where it is or shall be; it appears under its name only once it is whole.
        progress: Called with what is going on, frames done and frames in all.

    Raises:
        UserError: The folder holds something else, or a suite that was damaged.
    """
    from .rendering import render_suite

    folder = Path(folder)
    if not (folder / MANIFEST).is_file():
        render_suite(wanted, folder, progress)
    suite = load_suite(folder)
    if suite.parameters != parameters(wanted):
        raise UserError(
            f"{folder} holds a suite with other parameters or of another version; give another folder, or remove it."
        )
    return suite


def parameters(wanted: SyntheticSuite) -> dict:
    """The parameters as JSON gives them back."""
    return json.loads(json.dumps(asdict(wanted)))


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
    clips = tuple(
        Clip(f"{performer}-as-{target}", target, *_take(folder, performer, target))
        for performer, target in permutations(actors, 2)
    )
    takes = {
        folder / actor / f"{take}.mp4": folder / actor / f"{take}.npz"
        for actor in actors
        for take in ("reference", "test")
    }
    return Suite(folder, digest, clips, told, takes)


def _take(folder: Path, performer: str, target: str) -> tuple[Path, Path, Path, Path]:
    own = folder / target
    return own / "reference.mp4", folder / performer / "test.mp4", own / "test.mp4", own / "test.zip"


def _is_file_of(path: Path, size: int) -> bool:
    return path.is_file() and path.stat().st_size == size


def _own(folder: Path) -> Suite:
    digest, clips = hashlib.sha256(), []
    for truth in sorted(folder.glob("*/truth.mp4")):
        name, own = truth.parent.name, truth.parent
        driving = own / "driving.mp4" if (own / "driving.mp4").is_file() else truth
        clip = Clip(name, name, own / "reference.mp4", driving, truth)
        _check(clip)
        for video in (clip.reference, *({driving: None, truth: None})):
            with open(video, "rb") as file:
                digest.update(f"{name}/{video.name}\0{hashlib.file_digest(file, 'sha256').hexdigest()}\0".encode())
        clips.append(clip)
    if not clips:
        raise UserError(
            f"{folder} holds no suite: neither {MANIFEST}, nor clips as NAME/reference.mp4 and NAME/truth.mp4."
        )
    return Suite(folder, digest.hexdigest(), tuple(clips))


def _check(clip: Clip) -> None:
    """Refuse videos that do not fit together, before any work is done."""
    infos = [probe(video) for video in (clip.reference, clip.truth, clip.driving)]
    (width, height), other = ((info.width, info.height) for info in infos[:2])
    if (width, height) != other:
        raise UserError(
            f"{clip.reference} is {width}x{height} and {clip.truth} {other[0]}x{other[1]}; both must show the target "
            "in one framing, so give them one size."
        )
    if infos[1].frames != infos[2].frames:
        raise UserError(
            f"{clip.driving} has {infos[2].frames} frames and {clip.truth} {infos[1].frames}; cut both to the same "
            "moments."
        )

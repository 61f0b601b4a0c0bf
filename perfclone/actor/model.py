"""Actor: G's weights, the plate, the body and the filmed poses of one person; one folder, one Hub repository."""

from __future__ import annotations

import dataclasses
import json
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from perfclone.actor.layout import CONFIG, FORMAT_VERSION, LIMITS, LOADED, MANIFEST, WEIGHTS, place
from perfclone.actor.manifest import Manifest
from perfclone.actor.weights import Hollow, read_weights, weights_bytes
from perfclone.backends.layered.generator import Generator
from perfclone.errors import UserError
from perfclone.files.reading import parse_json, read_limited, shown
from perfclone.files.writing import write_together
from perfclone.governance.consent.record import CONSENT, ConsentRecord
from perfclone.retarget import Body

#: Poses of the reference that travel with an actor, to tell which driving poses were never filmed.
BANK = 256
#: What numbers of a config can be. The side of G's crop is in none of its tensors' shapes, and memory grows with it.
_RANGES = {
    **dict.fromkeys(("width", "height", "side", "texture_channels", "texture_side"), (1, 8192)),
    "resolution": (1, 2048), "fps": (0.01, 1000), "poses": (0, 65536), "steps": (0, 10**12), "minutes": (0, 10**9),
    "holdout": (0, 1), "format_version": (1, FORMAT_VERSION),
}  # fmt: skip
_FAR = 10**5


@dataclass(frozen=True)
class ActorConfig:
    """What an actor is, apart from its tensors: flat and JSON-native.

    Attributes:
        width: Of the reference video and of the plate, pixels.
        height: Of the same, pixels.
        fps: Frame rate of the reference video.
        side: Usual side of the person's crop in the frame, pixels.
        body_lengths: ``Body.lengths``, pixels.
        body_centre_x: ``Body.centre_x``, pixels.
        body_floor_y: ``Body.floor_y``, pixels.
        resolution: Side of G's crop, pixels.
        widths: Channels of G's levels, finest first.
        texture_channels: Features of a texel.
        texture_side: Texels along the side of a texture.
        memory: Whether G is told its previous output.
        window: Whether G is told the poses before and after.
        whole_frame: Whether G paints the whole frame, with no plate behind.
        poses: Number of poses in the bank.
        extractor: Pose extractor of the training.
        preset: Name of the preset.
        steps: Training steps behind the weights.
        minutes: Training minutes behind the weights.
        seed: Of the training.
        holdout: Share of the reference, at its end, that was kept out of training.
        format_version: Of the folder's format.
    """

    width: int
    height: int
    fps: float
    side: int
    body_lengths: tuple[float, ...]
    body_centre_x: float
    body_floor_y: float
    resolution: int
    widths: tuple[int, ...]
    texture_channels: int = 12
    texture_side: int = 32
    memory: bool = True
    window: bool = True
    whole_frame: bool = False
    poses: int = 0
    extractor: str = "blazepose"
    preset: str = "base"
    steps: int = 0
    minutes: float = 0.0
    seed: int = 0
    holdout: float = 0.0
    format_version: int = FORMAT_VERSION

    def __post_init__(self):
        for name in ("body_lengths", "widths"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        for name, (low, high) in _RANGES.items():
            if not low <= getattr(self, name) <= high:
                raise ValueError(f"{name} must lie in {low}-{high}, got {shown(getattr(self, name))}")
        whole = all(isinstance(width, int) for width in self.widths)
        if not 2 <= len(self.widths) <= 8 or not whole or max(self.widths) > 2048 or min(self.widths) < 8:
            raise ValueError(f"widths must be 2-8 whole numbers in 8-2048, got {shown(self.widths)}")
        for name in ("body_lengths", "body_centre_x", "body_floor_y"):
            numbers = np.ravel(getattr(self, name))
            if not all(-_FAR <= number <= _FAR for number in numbers):
                raise ValueError(f"{name} must lie within {_FAR} pixels, got {shown(getattr(self, name))}")
        if not re.fullmatch(r"[\w.-]{1,64}", self.preset):  # cards show it in a command
            raise ValueError(f"preset must be a name, got {shown(self.preset)}")
        if not self.extractor.isprintable() or len(self.extractor) > 64 or set("`|") & set(self.extractor):
            raise ValueError(f"extractor must be a name, got {shown(self.extractor)}")
        self.body  # noqa: B018  checks the lengths

    @property
    def body(self) -> Body:
        """The actor's body in the frame."""
        return Body(self.body_lengths, self.body_centre_x, self.body_floor_y)

    @classmethod
    def load(cls, path: Path) -> ActorConfig:
        """Read ``config.json``; unknown keys, missing ones and values out of range are a UserError."""
        values = parse_json(read_limited(path, LIMITS[CONFIG], "config"), f"The config {path}")
        if not isinstance(values, dict):
            raise UserError(f"{path} is not the config of an actor; fetch or train the actor again.")
        version = values.get("format_version", FORMAT_VERSION)
        if isinstance(version, int) and version > FORMAT_VERSION:
            raise UserError(
                f"{path} has format version {version}, this perfclone reads up to {FORMAT_VERSION}; update perfclone."
            )
        unknown = sorted(set(values) - {field.name for field in dataclasses.fields(cls)})
        if unknown:
            raise UserError(
                f"{path} has unknown keys ({', '.join(unknown)}); it belongs to another version or project."
            )
        _check_types(values, path)
        try:
            return cls(**values)
        except (TypeError, ValueError) as error:
            raise UserError(f"{path} does not describe an actor: {error}.") from error


def _check_types(values: dict, path: Path) -> None:
    """Hold JSON values against the field types, which are all simple."""
    accepts = {"int": (int,), "float": (int, float), "bool": (bool,), "str": (str,)}
    for field in dataclasses.fields(ActorConfig):
        if field.name not in values:
            continue
        value = values[field.name]
        if field.type.startswith("tuple"):
            good = isinstance(value, list) and all(type(v) in (int, float) for v in value)
        else:
            good = type(value) in accepts[field.type]
        if not good:
            raise UserError(f"{path}: {field.name} must be {field.type}, got {value!r}.")


class Actor(nn.Module):
    """A trained actor.

    Attributes:
        config: Its description.
        generator: G.
        plate: (H, W, 3) uint8 RGB, the empty background.
        pose_bank: (N, J, 2) float32, torso lengths around the middle of the hips: poses of the reference video.
        pose_bank_scores: (N, J) uint8, 1 where the joint is known.
        consent: What the person agreed to; an actor without it can be looked at, but nothing is generated of it.
        commit: Of the Hub's repository that it was loaded from, 40 hex digits; None for a folder.
    """

    consent: ConsentRecord | None
    commit: str | None

    def __init__(self, config: ActorConfig):
        super().__init__()
        self.config = config
        self.consent = self.commit = None
        self.generator = Generator(
            config.resolution,
            config.widths,
            config.texture_channels,
            config.texture_side,
            config.memory,
            config.window,
        )
        joints = (config.poses, 28)
        self.register_buffer("plate", torch.zeros(config.height, config.width, 3, dtype=torch.uint8))
        self.register_buffer("pose_bank", torch.zeros(*joints, 2))
        self.register_buffer("pose_bank_scores", torch.zeros(*joints, dtype=torch.uint8))

    @property
    def body(self) -> Body:
        """The actor's body in the frame."""
        return self.config.body

    def save_pretrained(self, folder: str | Path) -> Path:
        """Write ``config.json``, ``model.safetensors`` (16-bit) and ``consent.json``, all or none; other files stay.

        Without a record there is no ``consent.json`` afterwards, and never a manifest: those of an actor who stood
        there are not this one's.

        Raises:
            ConsentError: The record is not signed, or was changed after it was.
        """
        folder = Path(folder)
        if self.consent:
            self.consent.verify()
        write_together(folder, {CONSENT: None, MANIFEST: None, **self.files()})
        return folder

    def files(self) -> dict[str, bytes]:
        """Give the contents of ``config.json``, ``model.safetensors`` and, with a record, ``consent.json``."""
        config = dataclasses.replace(self.config, format_version=FORMAT_VERSION)
        files = {
            CONFIG: (json.dumps(dataclasses.asdict(config), indent=2) + "\n").encode(),
            WEIGHTS: weights_bytes(self.state_dict()),
        }
        return {**files, CONSENT: self.consent.to_bytes()} if self.consent else files

    @classmethod
    def from_pretrained(
        cls, name: str | Path, *, revision: str | None = None, token: str | bool | None = None,
        cache_dir: str | Path | None = None, local_files_only: bool = False,
    ) -> Actor:  # fmt: skip
        """Load an actor from a folder or from the Hub; safetensors only, every file, tensor and the consent checked.

        A record that is not signed or was changed is refused. One that is over or was revoked is not, since whether
        something may be generated is asked each time, by :func:`perfclone.governance.policy.authorise_clone`; but an
        actor whose consent was revoked on the Hub does not load from there, see :mod:`perfclone.actor.remote.fetch`.

        Args:
            name: A folder, or a Hub repository id such as "owner/anna".
            revision: Commit, tag or branch on the Hub.
            token: Hub token; None takes the one that is logged in, False takes none.
            cache_dir: Where the Hub's files are kept.
            local_files_only: Do not ask the Hub.

        Raises:
            FileNotFoundError: There is neither such a folder, nor such a repository for this user.
            UserError: The files do not hold an actor, or the Hub does not give them.
        """
        if Path(name).is_dir():
            return cls._load(Path(name))
        from perfclone.actor.remote.fetch import fetch

        fetched = fetch(
            str(name), revision, token=token, cache_dir=cache_dir, local_files_only=local_files_only
        )  # fmt: skip
        actor = cls._load(fetched.folder)
        actor.commit = fetched.commit
        return actor

    def push_to_hub(
        self, repo_id: str, *, commit_message: str = "Push the actor with perfclone", private: bool = True,
        gated: bool = True, token: str | None = None, **how,
    ) -> str:  # fmt: skip
        """Push to the Hub with card, poster, preview and manifest, in one commit; see :func:`hub.publish.push`.

        Args:
            repo_id: "owner/name"; made if it is not there.
            commit_message: Its first line.
            private: Let only the owner see the repository.
            gated: Let people have the files only after the owner accepted their request.
            token: Hub token; None takes the one that is logged in.
            **how: ``report``, ``commands``, ``preview`` and ``licence`` of ``push``.

        Returns:
            The new commit's 40 hex digits.

        Raises:
            ConsentError: There is no consent record, or it does not hold today.
            UserError: The Hub refuses.
        """
        from hub.publish import push  # the one place that looks over this wall: here is where people look for it

        return push(self, repo_id, not private, gated, message=commit_message, token=token, **how).commit

    @classmethod
    def _load(cls, folder: Path) -> Actor:
        paths = {name: place(folder, name) for name in LOADED}
        for name in (CONFIG, WEIGHTS):
            if paths[name] is None:
                raise UserError(
                    f"{folder} is not an actor: it has no {name}; train one with `python -m perfclone train`."
                )
        record = ConsentRecord.load(paths[CONSENT]) if paths[CONSENT] else None
        if record:
            record.verify()
        if paths[MANIFEST]:
            # A record that was revoked since differs from the one that was saved; nothing is allowed by it.
            held = (CONFIG, WEIGHTS) if record and record.revoked else (CONFIG, WEIGHTS, CONSENT)
            Manifest.load(paths[MANIFEST]).check({name: paths[name] for name in held})
        try:
            with Hollow():
                actor = cls(ActorConfig.load(paths[CONFIG]))
        except UserError:
            raise
        except ValueError as error:
            raise UserError(f"{paths[CONFIG]} does not describe an actor: {error}.") from error
        actor.load_state_dict(read_weights(paths[WEIGHTS], actor.state_dict()), strict=True, assign=True)
        actor.consent = record
        return actor.eval().requires_grad_(False)


def pose_bank(normalised: np.ndarray, scores: np.ndarray) -> tuple[Tensor, Tensor]:
    """At most BANK evenly spread poses of (T, J, 2) and (T, J), as an actor keeps them."""
    chosen = np.unique(np.linspace(0, len(normalised) - 1, min(BANK, len(normalised))).astype(int))
    return torch.from_numpy(normalised[chosen]), torch.from_numpy((scores[chosen] > 0).astype(np.uint8))

"""`config.json`: what an actor is, apart from its tensors."""

from __future__ import annotations

import dataclasses
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from perfclone.actor.layout import CONFIG, FORMAT_VERSION, LIMITS
from perfclone.backends import backend
from perfclone.errors import UserError
from perfclone.files.reading import parse_json, read_limited, shown
from perfclone.pose.body import Body

#: What numbers of a config can be. The side of the crop is in none of the tensors' shapes, and memory grows with it.
_RANGES = {
    "width": (1, 8192), "height": (1, 8192), "side": (1, 8192), "fps": (0.01, 1000), "poses": (0, 65536),
    "steps": (0, 10**12), "minutes": (0, 10**9), "holdout": (0, 1), "format_version": (1, FORMAT_VERSION),
}  # fmt: skip
_FAR = 10**5
_ACCEPTED = {"int": (int,), "float": (int, float), "bool": (bool,), "str": (str,)}


@dataclass(frozen=True)
class ActorConfig:
    """An actor's description. In the file it is flat: the fields of ``generator`` stand beside the others.

    Attributes:
        width: Of the reference video and of the plate, pixels.
        height: Of the same, pixels.
        fps: Frame rate of the reference video.
        side: Usual side of the person's crop in the frame, pixels.
        body_lengths: ``Body.lengths``, pixels.
        body_centre_x: ``Body.centre_x``, pixels.
        body_floor_y: ``Body.floor_y``, pixels.
        generator: The sizes of the backend's network, an instance of its ``config``.
        backend: Name of the backend that paints the actor.
        plate: Whether training was to find an empty background.
        whole_frame: Whether the whole frame is painted, with no plate behind, as some actors of format 2 are.
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
    generator: Any
    backend: str = "layered"
    plate: bool = True
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
        object.__setattr__(self, "body_lengths", tuple(self.body_lengths))
        for name, (low, high) in _RANGES.items():
            if not low <= getattr(self, name) <= high:
                raise ValueError(f"{name} must lie in {low}-{high}, got {shown(getattr(self, name))}")
        for name in ("body_lengths", "body_centre_x", "body_floor_y"):
            if not all(-_FAR <= number <= _FAR for number in np.ravel(getattr(self, name))):
                raise ValueError(f"{name} must lie within {_FAR} pixels, got {shown(getattr(self, name))}")
        if not re.fullmatch(r"[\w.-]{1,64}", self.preset):  # cards show it in a command
            raise ValueError(f"preset must be a name, got {shown(self.preset)}")
        if not self.extractor.isprintable() or len(self.extractor) > 64 or set("`|") & set(self.extractor):
            raise ValueError(f"extractor must be a name, got {shown(self.extractor)}")
        if not isinstance(self.generator, backend(self.backend).config):
            raise ValueError(f"generator must be of the backend {self.backend}, got {shown(self.generator)}")
        self.body  # noqa: B018  checks the lengths

    @property
    def body(self) -> Body:
        """The actor's body in the frame."""
        return Body(self.body_lengths, self.body_centre_x, self.body_floor_y)

    def to_json(self) -> str:
        """The file's text, in the newest format."""
        values = dataclasses.asdict(dataclasses.replace(self, format_version=FORMAT_VERSION))
        sizes = values.pop("generator")
        return json.dumps({**values, **sizes}, indent=2) + "\n"

    @classmethod
    def load(cls, path: Path) -> ActorConfig:
        """Read ``config.json``; unknown keys, missing ones and values out of range are a UserError."""
        values = parse_json(read_limited(path, LIMITS[CONFIG], "config"), f"The config {path}")
        if not isinstance(values, dict):
            raise UserError(f"{path} is not the config of an actor; fetch or train the actor again.")
        _bring_up_to_date(values, path)
        own = [field for field in dataclasses.fields(cls) if field.name != "generator"]
        _check_types(values, own, path)
        kind = backend(values.get("backend", cls.backend)).config
        sizes = dataclasses.fields(kind)
        unknown = sorted(set(values) - {field.name for field in (*own, *sizes)})
        if unknown:
            raise UserError(
                f"{path} has unknown keys ({', '.join(unknown)}); it belongs to another version or project."
            )
        _check_types(values, sizes, path)
        try:
            generator = kind(**{field.name: values.pop(field.name) for field in sizes if field.name in values})
            return cls(**values, generator=generator)
        except (TypeError, ValueError) as error:
            raise UserError(f"{path} does not describe an actor: {error}.") from error


def _bring_up_to_date(values: dict, path: Path) -> None:
    """Make of an older format's values those of today's; ``format_version`` stays what it was.

    Format 1 had no ``backend``, and G could be trained without its previous output.
    """
    version = values.get("format_version", FORMAT_VERSION)
    if isinstance(version, int) and version > FORMAT_VERSION:
        raise UserError(
            f"{path} has format version {version}, this perfclone reads up to {FORMAT_VERSION}; update perfclone."
        )
    if version == 1 and values.pop("memory", True) is not True:
        raise UserError(f"{path}: memory must be true; other actors are no longer painted, train this one again.")


def _check_types(values: dict, fields: list | tuple, path: Path) -> None:
    """Hold JSON values against the types of dataclass fields, which are all simple."""
    for field in fields:
        if field.name not in values:
            continue
        value = values[field.name]
        if field.type.startswith("tuple"):
            good = isinstance(value, list) and all(type(v) in (int, float) for v in value)
        else:
            good = type(value) in _ACCEPTED[field.type]
        if not good:
            raise UserError(f"{path}: {field.name} must be {field.type}, got {value!r}.")

"""What is asked of a training run, in a form that can be put aside and taken up again."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from pathlib import Path

from perfclone.errors import UserError
from perfclone.files.reading import parse_json, read_limited
from perfclone.files.sequence import existing
from perfclone.files.writing import beside
from perfclone.governance.consent.record import ConsentRecord
from perfclone.governance.policy import authorise_training, record_for
from perfclone.training.config import TrainConfig, check_types

#: Most bytes of a request's file: a consent record may be in it, and the names of many driving videos.
LIMIT = 1 << 20
#: Most people in a reference video.
MOST_PEOPLE = 20


@dataclass(frozen=True)
class TrainRequest:
    """An actor to be trained.

    Attributes:
        reference: Video of the target actor.
        output: The actor's folder; the run keeps what it needs in ``OUTPUT.run`` beside it.
        consent: The record of whoever is seen, or its file, which is read anew each time; None is refused.
        config: Settings.
        driving: Driving videos, or poses saved of some (.npz), for the unpaired branch; none takes the motion that
            ships with perfclone.
        extractor: Name of the pose extractor, as in :func:`perfclone.pose.build_extractor`.
        weights: Folder or Hub repository with its weights; None takes its default.
        poses: What ``poses --mattes`` saved of the reference: no extractor is run.
        person: Which person of the reference video, 0 the largest.
    """

    reference: Path
    output: Path
    _: KW_ONLY
    consent: ConsentRecord | Path | None
    config: TrainConfig = TrainConfig()
    driving: tuple[Path, ...] = ()
    extractor: str = "blazepose"
    weights: str | None = None
    poses: Path | None = None
    person: int = 0

    def __post_init__(self):
        if isinstance(self.driving, str | Path) or not isinstance(self.driving, Sequence):
            raise ValueError(f"driving must be a list of files, got {self.driving!r}")
        object.__setattr__(self, "driving", tuple(map(Path, self.driving)))
        for name in ("reference", "output", "consent", "poses"):
            if isinstance(value := getattr(self, name), str):
                object.__setattr__(self, name, Path(value))
        check_types(self)
        if self.output.name in ("", ".."):
            raise ValueError(f"output must be a folder with a name of its own, such as actors/me, got {self.output}")
        if not 0 <= self.person <= MOST_PEOPLE:
            raise ValueError(f"person must lie in 0-{MOST_PEOPLE}, got {self.person}")

    @property
    def run_dir(self) -> Path:
        """The folder of the run, beside the actor's."""
        return self.output.with_name(f"{self.output.name}.run")

    def permitted(self) -> tuple[ConsentRecord, str]:
        """Ask whether the actor may be trained: the first thing that :func:`perfclone.training.train` does.

        Returns:
            The record, and the reference video's sha256 in hex.

        Raises:
            FileNotFoundError: There is no such video.
            ConsentError: There is no record that allows it.
        """
        existing(self.reference, "reference video")
        record = record_for(self.consent, self.reference)
        return record, authorise_training(record, self.reference)

    def save(self, path: str | Path) -> Path:
        """Write the request as JSON, its paths absolute; written beside, then renamed."""
        with beside(Path(path)) as part:
            part.write_text(json.dumps(self.to_json(), indent=2) + "\n", encoding="utf-8")
        return Path(path)

    @classmethod
    def load(cls, path: str | Path) -> TrainRequest:
        """Read what :meth:`save` wrote, and nothing else.

        Raises:
            UserError: It is not there, or something in it is missing, unknown or of a wrong kind.
        """
        what = f"The request {path}"
        return cls.from_json(parse_json(read_limited(Path(path), LIMIT, "request for a training"), what), what)

    def to_json(self) -> dict:
        """Give it as a JSON object."""
        values = {field.name: _plain(getattr(self, field.name)) for field in dataclasses.fields(self)}
        if self.weights and Path(self.weights).is_dir():
            values["weights"] = _plain(Path(self.weights))
        return {**values, "config": dataclasses.asdict(self.config)}

    @classmethod
    def from_json(cls, value: object, what: str = "The request") -> TrainRequest:
        """Read what :meth:`to_json` gave; see :meth:`load`."""
        if not isinstance(value, dict) or not isinstance(value.get("config"), dict):
            raise UserError(f"{what} is none for a training; make it anew.")
        try:
            consent = value.get("consent")
            if isinstance(consent, dict):
                consent = ConsentRecord.from_json(consent, f"The consent record in {what[0].lower()}{what[1:]}")
            return cls(**{**value, "consent": consent, "config": TrainConfig(**value["config"])})
        except UserError:
            raise
        except (TypeError, ValueError) as error:
            raise UserError(f"{what} is not one of this perfclone ({error}); make it anew.") from error


def _plain(value: object) -> object:
    match value:
        case Path():
            return str(value.absolute())
        case tuple():
            return [_plain(each) for each in value]
        case ConsentRecord():
            return value.to_json()
        case _:
            return value

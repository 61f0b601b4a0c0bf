"""Who somebody is and what they wear, drawn from a seed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from . import catalogue
from .catalogue import Piece
from .shape import Phenotype


@dataclass(frozen=True)
class Look:
    """One person.

    Attributes:
        seed: Draws everything that is not said here: colours and patterns.
        phenotype: The body.
        skin: Name of the skin's picture.
        pieces: What is worn, hair, brows and lashes too.
        chosen: What is not drawn but chosen: a piece's name, "hair" or "eyes" -> its colour (sRGB 0-255), a piece's
            name -> None for its author's picture as it is; "skin" -> the factor by which it is lighter, and no beard.
    """

    seed: int
    phenotype: Phenotype
    skin: str
    pieces: tuple[Piece, ...]
    chosen: Mapping[str, tuple[int, int, int] | float | None] = field(default_factory=dict)


def draw(seed: int, details: list[str]) -> Look:
    """A person nobody has seen before.

    Args:
        seed: The same number gives the same person.
        details: Names of the small changes that a face can have.
    """
    rng = np.random.default_rng([seed, 17])
    woman = rng.uniform() < 0.55
    sex = "f" if woman else "m"
    phenotype, skin = _body(rng, woman)
    few = rng.choice(len(details), 24, replace=False)
    phenotype = replace(phenotype, details=tuple((details[i], float(rng.uniform(0, 0.6))) for i in few))
    pieces = _clothes(rng, sex) + [_one(rng, "shoes", sex), _one(rng, "brows", sex)]
    pieces.append(_one(rng, "teeth", sex))
    if woman or rng.uniform() < 0.7:
        pieces.append(_one(rng, "lashes", sex))
    hat = rng.uniform() < 0.08
    if hat:
        pieces.append(_one(rng, "hat", sex))
    if woman or rng.uniform() < 0.94:
        pieces.append(_hair(rng, sex, hat))
    if rng.uniform() < 0.1:
        pieces.append(_one(rng, "glasses", sex))
    return Look(seed, phenotype, skin, tuple(pieces))


def _one(rng: np.random.Generator, kind: str, sex: str) -> Piece:
    choices = catalogue.of(kind, sex)
    return choices[rng.integers(len(choices))]


def _body(rng: np.random.Generator, woman: bool) -> tuple[Phenotype, str]:
    groups = ("african", "asian", "caucasian")
    shares = rng.dirichlet((0.35, 0.35, 0.35))
    age = float(np.clip(rng.choice([rng.uniform(0.56, 0.72), rng.uniform(0.72, 0.97)], p=[0.7, 0.3]), 0, 1))
    years = "young" if age < 0.72 else "middleage" if age < 0.86 else "old"
    skin = f"{years}_{groups[int(shares.argmax())]}_{'female' if woman else 'male'}"
    low = 0.05 if woman else 0.75
    return Phenotype(
        sex=float(rng.uniform(low, low + 0.2)),
        age=age,
        muscle=float(rng.uniform(0.2, 0.8)),
        weight=float(np.clip(rng.normal(0.5, 0.17), 0.12, 0.95)),
        height=float(np.clip(rng.normal(0.5, 0.18), 0.05, 0.95)),
        proportions=float(rng.uniform(0.1, 0.8)),
        cup=float(rng.uniform(0.2, 0.8)),
        firmness=float(rng.uniform(0.3, 0.8)),
        african=float(shares[0]),
        asian=float(shares[1]),
        caucasian=float(shares[2]),
    ), skin


def _clothes(rng: np.random.Generator, sex: str) -> list[Piece]:
    own = catalogue.TAILORED
    if sex == "m":
        kind = rng.choice(["suit", "own", "coat", "robe"], p=[0.62, 0.26, 0.07, 0.05])
        if kind == "coat":
            return [catalogue.of("coat", "f")[0], own["trousers"]]
        return {"suit": [_one(rng, "suit", sex)], "own": [own["top"], own["trousers"]], "robe": [own["robe"]]}[kind]
    kind = rng.choice(["dress", "coat", "robe", "skirt", "trousers", "suit"], p=[0.24, 0.08, 0.13, 0.2, 0.17, 0.18])
    if kind == "coat":
        return [_one(rng, "coat", sex), _one(rng, "trousers", sex)]
    if kind == "robe":
        return [own["robe"]]
    if kind in ("dress", "suit"):
        return [_one(rng, kind, sex)]
    lower = own[kind] if rng.uniform() < 0.6 else _one(rng, kind, sex)
    upper = own["top"] if rng.uniform() < 0.5 else _one(rng, "top", sex)
    return [lower, upper]


def _hair(rng: np.random.Generator, sex: str, hat: bool) -> Piece:
    choices = [p for p in catalogue.of("hair", sex) if not hat or p.name != "afro01"]
    loose = [p for p in choices if p.loose]
    if loose and rng.uniform() < 0.55:
        return loose[rng.integers(len(loose))]
    return choices[rng.integers(len(choices))]

"""Who plays in the examples: Anna and Ben, what they wear, and where they live."""

from __future__ import annotations

from dataclasses import dataclass

from .catalogue import PIECES, TAILORED, Piece
from .look import Look
from .shape import Phenotype


@dataclass(frozen=True)
class Role:
    """Somebody and their room.

    Attributes:
        look: Who it is.
        room: A name from `rooms.ROOMS`.
    """

    look: Look
    room: str


def _wear(names: str) -> tuple[Piece, ...]:
    known = {piece.name: piece for piece in (*PIECES, *TAILORED.values())}
    return tuple(known[name] for name in names.split())


CAST: dict[str, Role] = {
    "anna": Role(
        Look(
            5,
            Phenotype(0.06, 0.64, 0.5, 0.42, 0.5, 0.15, 0.42, 0.6, 0.45, 0.2, 0.35),
            "young_asian_female",
            _wear("F_Dress_01 shoes03 eyebrow001 eyelashes02 Teeth_Base long01"),
            {"F_Dress_01": (150, 40, 50), "shoes03": None, "hair": (40, 28, 23), "eyes": (66, 44, 28), "skin": 0.84},
        ),
        "living room",
    ),
    "ben": Role(
        Look(
            8,
            Phenotype(0.94, 0.66, 0.55, 0.45, 0.45, 0.15, 0.5, 0.5, 0.1, 0.1, 0.8),
            "young_caucasian_male",
            _wear("male_casualsuit05 shoes02 eyebrow001 Teeth_Base short01"),
            {"male_casualsuit05": None, "shoes02": None, "hair": (88, 60, 40), "eyes": (70, 100, 120), "skin": 0.84},
        ),
        "study",
    ),
}

"""Who plays in the examples: Anna and Ben, whom one clones, and who performs for them; their clothes, their rooms."""

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
    "mina": Role(
        Look(
            13,
            Phenotype(0.1, 0.7, 0.45, 0.55, 0.45, 0.25, 0.5, 0.55, 0.85, 0.05, 0.1),
            "young_african_female",
            _wear("female_elegantsuit01 shoes01 eyebrow003 eyelashes02 Teeth_Base afro01"),
            {"female_elegantsuit01": None, "shoes01": None, "hair": (34, 26, 24), "eyes": (58, 38, 26), "skin": 0.95},
        ),
        "kitchen",
    ),
    "otto": Role(
        Look(
            21,
            Phenotype(0.92, 0.8, 0.5, 0.6, 0.6, 0.3, 0.5, 0.5, 0.05, 0.85, 0.1),
            "middleage_asian_male",
            _wear("male_casualsuit01 shoes05 eyebrow001 Teeth_Base short02"),
            {"male_casualsuit01": None, "shoes05": None, "hair": (46, 42, 42), "eyes": (56, 40, 30), "skin": 0.88},
        ),
        "classroom",
    ),
    "lena": Role(
        Look(
            34,
            Phenotype(0.08, 0.66, 0.7, 0.42, 0.6, 0.15, 0.4, 0.7, 0.1, 0.15, 0.75),
            "young_caucasian_female",
            _wear("female_sportsuit01 shoes04 eyebrow001 eyelashes02 Teeth_Base ponytail01"),
            {"female_sportsuit01": None, "shoes04": None, "hair": (104, 66, 40), "eyes": (80, 100, 84), "skin": 0.8},
        ),
        "loft",
    ),
}

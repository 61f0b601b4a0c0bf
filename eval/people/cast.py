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
            Phenotype(0.06, 0.64, 0.5, 0.42, 0.5, 0.15, 0.42, 0.6, 0.12, 0.14, 0.74),
            "young_caucasian_female",
            _wear("female_elegantsuit01 shoes02 eyebrow002 eyelashes02 Teeth_Base long01"),
            {"female_elegantsuit01": None, "shoes02": None, "hair": (84, 54, 36), "eyes": (78, 54, 34), "skin": 1.0},
        ),
        "living room",
    ),
    "ben": Role(
        Look(
            8,
            Phenotype(0.94, 0.66, 0.55, 0.45, 0.56, 0.15, 0.5, 0.5, 0.62, 0.12, 0.26),
            "young_african_male",
            _wear("male_casualsuit05 shoes06 eyebrow004 Teeth_Base short04"),
            {"male_casualsuit05": None, "shoes06": None, "hair": (30, 22, 18), "eyes": (58, 38, 26), "skin": 1.0},
        ),
        "study",
    ),
}

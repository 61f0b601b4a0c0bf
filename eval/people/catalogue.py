"""Which pieces people wear, and what each is: only those whose authors allow it, see LICENCES.md."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["suit", "dress", "skirt", "top", "trousers", "coat", "robe", "shoes", "hat", "glasses", "hair",
               "brows", "lashes", "teeth"]  # fmt: skip


@dataclass(frozen=True)
class Piece:
    """One thing to wear.

    Attributes:
        path: Its folder in the package.
        kind: What it is.
        sex: Who wears it: "f", "m" or "fm".
        loose: Whether it hangs and sways.
    """

    path: str
    kind: Kind
    sex: str = "fm"
    loose: bool = False

    @property
    def name(self) -> str:
        """The last part of its path."""
        return self.path.rsplit("/", 1)[-1]

    @property
    def tailored(self) -> bool:
        """Whether it is cut to measure, see `tailoring`, and not in the package."""
        return self.path.startswith("tailored/")


def _pieces(kind: Kind, group: str, sex: str, names: str, loose: bool = False) -> list[Piece]:
    return [Piece(f"{group}/{name}", kind, sex, loose) for name in names.split()]


PIECES: tuple[Piece, ...] = tuple(
    _pieces("suit", "clothes", "m", "male_casualsuit01 male_casualsuit02 male_casualsuit03 male_casualsuit04")
    + _pieces("suit", "clothes", "m", "male_casualsuit05 male_casualsuit06 male_elegantsuit01 male_worksuit01")
    + _pieces("suit", "clothes", "f", "female_casualsuit01 female_casualsuit02 female_sportsuit01")
    + _pieces("suit", "clothes", "f", "female_elegantsuit01", True)
    + _pieces("dress", "clothes", "f", "F_Dress_01 F_Dress_02 F_Dress_03 F_Dress_04 F_Beach_Dress_01 TubeDress", True)
    + _pieces("coat", "clothes", "f", "Coat", True)
    + _pieces("skirt", "clothes", "f", "JeansSkirt miniskirt", True)
    + _pieces("trousers", "clothes", "f", "Tightjeans ShortJeans")
    + _pieces("top", "clothes", "f", "Sleeveless TubeTop VNeckTop spaghetti-top Tank_Top_01 short_tail_camo_tee")
    + _pieces("top", "clothes", "f", "Asymmetric_Tunic_and_Sash")
    + _pieces("shoes", "clothes", "fm", "shoes01 shoes02 shoes03 shoes04 shoes05 shoes06")
    + _pieces("shoes", "clothes", "f", "WinterBoots")
    + _pieces("teeth", "teeth", "fm", "Teeth_Base Teeth_Shape01 Teeth_Shape02 Teeth_Shape03 Teeth_Shape04")
    + _pieces("hat", "clothes", "fm", "fedora Fishing_Hat_01 pith_helmet")
    + _pieces("glasses", "clothes", "fm", "glasses")
    + _pieces("hair", "hair", "f", "long01 ponytail01 Braid01", True)
    + _pieces("hair", "hair", "f", "bob01 bob02")
    + _pieces("hair", "hair", "fm", "afro01 short01 short02 short03 short04")
    + _pieces("brows", "eyebrows", "fm", " ".join(f"eyebrow{n:03d}" for n in range(1, 13)))
    + _pieces("lashes", "eyelashes", "fm", "Eyelashes01 eyelashes02 eyelashes03 eyelashes04")
)
#: Folders of skins, by whom they are of.
SKINS: tuple[str, ...] = tuple(
    f"{age}_{kind}_{sex}"
    for age in ("young", "middleage", "old")
    for kind in ("african", "asian", "caucasian")
    for sex in ("female", "male")
)


#: What is cut to measure.
TAILORED: dict[str, Piece] = {
    kind: Piece(f"tailored/{kind}", kind, "fm", kind in ("skirt", "robe"))
    for kind in ("top", "trousers", "skirt", "robe")
}


def of(kind: Kind, sex: str) -> list[Piece]:
    """The pieces of a kind that somebody of that sex wears."""
    return [piece for piece in PIECES if piece.kind == kind and sex in piece.sex]

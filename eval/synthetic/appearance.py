"""What a synthetic person looks like: four named ones, and as many random ones as there are seeds."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np

Colour = tuple[int, int, int]
Pattern = Literal["plain", "stripes", "checks", "dots", "block"]
PATTERNS: tuple[Pattern, ...] = ("plain", "stripes", "checks", "dots", "block")
HairStyle = Literal["short", "bob", "ponytail", "bun"]
HAIR_STYLES: tuple[HairStyle, ...] = ("short", "bob", "ponytail", "bun")


@dataclass(frozen=True)
class Proportions:
    """Factors on a body's own measures; 1 leaves them as they are, sensible values lie in 0.85-1.2."""

    height: float = 1.0
    arms: float = 1.0
    legs: float = 1.0
    torso: float = 1.0
    head: float = 1.0
    shoulders: float = 1.0
    girth: float = 1.0

    def __post_init__(self):
        for name, value in vars(self).items():
            if not 0.6 <= value <= 1.6:
                raise ValueError(f"{name} must be a factor from 0.6 to 1.6, got {value}")


@dataclass(frozen=True)
class Garment:
    """One piece of clothing.

    Attributes:
        colour: sRGB, 0-255.
        accent: The pattern's second colour.
        pattern: What is printed on it.
        length: For a top, where the sleeve ends (0 shoulder, 1 elbow, 2 wrist); for trousers, where the leg ends
            (1 knee, 2 ankle).
        scale: Size of the pattern, 1 is about 5 cm.
    """

    colour: Colour
    accent: Colour = (240, 240, 240)
    pattern: Pattern = "plain"
    length: float = 2.0
    scale: float = 1.0

    def __post_init__(self):
        if self.pattern not in PATTERNS:
            raise ValueError(f"pattern must be one of {', '.join(PATTERNS)}, got {self.pattern!r}")


@dataclass(frozen=True)
class Room:
    """The empty background, seen by a still camera.

    Attributes:
        wall, floor: sRGB base colours, 0-255.
        surface: What the floor is made of.
        things: Seeds what stands and hangs in the room.
    """

    wall: Colour = (196, 204, 208)
    floor: Colour = (150, 118, 88)
    surface: Literal["planks", "tiles", "carpet"] = "planks"
    things: int = 0


@dataclass(frozen=True)
class Appearance:
    """Everything that makes one synthetic person and their room.

    Attributes:
        name: Used in file names and messages.
        shape: Weights of `bodies.SHAPES` (three women, three men); they are normalised to sum to 1.
        proportions: Factors on the limbs.
        skin, hair, lips: sRGB, 0-255.
        hair_style: How the hair is worn.
        beard: 0 none to 1 full.
        top, bottom, shoes: The clothes.
        room: The background.
    """

    name: str
    shape: tuple[float, float, float, float, float, float]
    proportions: Proportions = field(default_factory=Proportions)
    skin: Colour = (214, 168, 140)
    hair: Colour = (60, 42, 30)
    lips: Colour = (176, 98, 94)
    eyes: Colour = (84, 66, 48)
    hair_style: HairStyle = "short"
    beard: float = 0.0
    top: Garment = field(default_factory=lambda: Garment((60, 90, 150)))
    bottom: Garment = field(default_factory=lambda: Garment((50, 54, 66)))
    shoes: Colour = (235, 235, 235)
    room: Room = field(default_factory=Room)

    def __post_init__(self):
        if len(self.shape) != 6 or min(self.shape) < 0 or sum(self.shape) <= 0:
            raise ValueError(f"shape must be 6 weights, none negative, not all 0, got {self.shape}")
        if self.hair_style not in HAIR_STYLES:
            raise ValueError(f"hair_style must be one of {', '.join(HAIR_STYLES)}, got {self.hair_style!r}")


#: The people that the examples and benchmarks know by name.
ACTORS: dict[str, Appearance] = {
    person.name: person
    for person in (
        Appearance(
            "anna", (0.75, 0.25, 0, 0, 0, 0), Proportions(height=0.98, legs=1.04, arms=0.97),
            skin=(158, 112, 84), hair=(38, 27, 24), lips=(150, 66, 66), hair_style="bob",
            top=Garment((226, 164, 44), (248, 240, 222), "stripes", 1.85, 1.1),
            bottom=Garment((38, 62, 104), (62, 88, 134), "plain", 1.97), shoes=(240, 240, 236),
            room=Room((186, 200, 186), (168, 128, 92), "planks", 1),
        ),
        Appearance(
            "ben", (0, 0, 0, 0.8, 0.2, 0), Proportions(height=1.03, legs=0.94, arms=1.05, torso=1.07, girth=1.03),
            skin=(232, 188, 162), hair=(112, 74, 42), lips=(190, 118, 108), eyes=(70, 104, 128), hair_style="short",
            top=Garment((176, 40, 48), (236, 232, 226), "block", 0.62), shoes=(52, 54, 60),
            bottom=Garment((150, 142, 122), (128, 120, 102), "plain", 1.95),
            room=Room((178, 190, 206), (126, 132, 142), "tiles", 2),
        ),
        Appearance(
            "cleo", (0, 0.45, 0.55, 0, 0, 0), Proportions(height=1.05, legs=0.97, arms=1.02, girth=0.97),
            skin=(238, 200, 172), hair=(150, 78, 36), hair_style="ponytail", eyes=(70, 110, 84),
            top=Garment((32, 122, 116), (240, 226, 190), "dots", 0.7), shoes=(186, 60, 70),
            bottom=Garment((46, 42, 52), (70, 64, 78), "plain", 1.5),
            room=Room((216, 198, 186), (120, 96, 88), "carpet", 3),
        ),
        Appearance(
            "dan", (0, 0, 0, 0, 0.3, 0.7), Proportions(height=1.0, legs=1.05, arms=1.0, torso=0.97, shoulders=1.04),
            skin=(104, 70, 52), hair=(24, 20, 20), lips=(112, 62, 58), eyes=(52, 36, 26), beard=0.8,
            top=Garment((74, 112, 74), (30, 44, 52), "checks", 1.9, 1.2), shoes=(124, 82, 50),
            bottom=Garment((58, 58, 64), (80, 80, 88), "plain", 1.1),
            room=Room((208, 206, 198), (152, 140, 120), "planks", 4),
        ),
    )
}  # fmt: skip

SKINS: tuple[Colour, ...] = (
    (244, 208, 184),
    (232, 188, 162),
    (206, 156, 122),
    (166, 118, 88),
    (118, 80, 60),
    (88, 60, 46),
)
HAIRS: tuple[Colour, ...] = ((28, 22, 20), (62, 42, 30), (110, 72, 40), (168, 122, 66), (150, 76, 38), (150, 148, 146))


def random_actor(seed: int) -> Appearance:
    """A person nobody has seen before, and a room for them.

    Args:
        seed: The same number gives the same person.
    """
    rng = np.random.default_rng([seed, 7])
    woman = bool(rng.integers(2))

    def colour(low: int = 20, high: int = 240) -> Colour:
        return tuple(int(v) for v in rng.integers(low, high, 3))

    def muted(low: int, high: int) -> Colour:
        vivid = np.array(colour(low, high))
        return tuple(int(v) for v in 0.45 * vivid + 0.55 * vivid.mean())

    def shade(base: Colour) -> Colour:
        return tuple(int(np.clip(v * rng.uniform(0.92, 1.08), 8, 250)) for v in base)

    def garment(length: float) -> Garment:
        pattern = PATTERNS[rng.choice(5, p=(0.3, 0.25, 0.15, 0.15, 0.15))]
        return Garment(colour(), colour(), pattern, length, float(rng.uniform(0.7, 1.8)))

    weights = rng.dirichlet((0.7, 0.7, 0.7))
    skin = shade(SKINS[rng.integers(len(SKINS))])
    factors = {n: float(rng.uniform(0.93, 1.07)) for n in Proportions.__dataclass_fields__}
    return Appearance(
        f"random_{seed}",
        tuple(float(w) for w in (*weights, 0, 0, 0)) if woman else (0, 0, 0, *map(float, weights)),
        Proportions(**factors),
        skin=skin,
        hair=shade(HAIRS[rng.integers(len(HAIRS))]),
        lips=tuple(int(v * f) for v, f in zip(skin, (0.88, 0.62, 0.66))),
        eyes=colour(30, 120),
        hair_style=HAIR_STYLES[rng.integers(4)] if woman else "short",
        beard=0.0 if woman else float(rng.choice((0, 0, 0.5, 0.9))),
        top=garment(float(rng.choice((0.6, 0.75, 1.3, 1.85)))),
        shoes=colour(),
        bottom=Garment(colour(20, 190), colour(), "plain", float(rng.choice((1.05, 1.5, 1.95)))),
        room=Room(muted(110, 235), muted(70, 190), ("planks", "tiles", "carpet")[rng.integers(3)], seed + 10),
    )

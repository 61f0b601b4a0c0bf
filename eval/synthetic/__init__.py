"""Synthetic people: anybody's motion, nobody's likeness, and the exact truth about every frame."""

from .appearance import ACTORS, Appearance, Garment, Proportions, Room, random_actor
from .motions import TEST, TRAIN, motion
from .render import Rendered, Scene

__all__ = [
    "ACTORS",
    "TEST",
    "TRAIN",
    "Appearance",
    "Garment",
    "Proportions",
    "Rendered",
    "Room",
    "Scene",
    "motion",
    "random_actor",
]

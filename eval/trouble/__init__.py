"""Ordinary trouble with known truth: synthetic people, filmed as people film, and all that is true about the clip."""

from .filming import Truth, film
from .recipes import TROUBLES, Trouble

__all__ = ["TROUBLES", "Trouble", "Truth", "film"]

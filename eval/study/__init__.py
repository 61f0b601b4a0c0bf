"""A blind study for people's eyes: two methods' clips of the same moments side by side, and what the answers say.

`write_study` makes a page and its key from two reports; `score` reads the answers that the page saved.
"""

from .scoring import Preference, StudyResult, score
from .writing import StudyOptions, write_study

__all__ = ["Preference", "StudyOptions", "StudyResult", "score", "write_study"]

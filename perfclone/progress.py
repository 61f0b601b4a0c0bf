"""How far a long job is."""

from __future__ import annotations

from collections.abc import Callable

#: Called as often as one likes with the stage, steps done and steps in all (0 if not known).
Progress = Callable[[str, int, int], None]

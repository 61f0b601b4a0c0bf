"""What a diffusion actor's file must say of it, beside what `layered`'s says."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from perfclone.backends.diffusion.bases import BASES
from perfclone.backends.layered.config import GeneratorConfig
from perfclone.files.reading import shown

#: Steps from pure noise that every sampler of the table can take.
_MOST = 50


@dataclass(frozen=True)
class DiffusionConfig(GeneratorConfig):
    """The sizes of the G that paints first, which always has exemplars, and how a base refines what it painted.

    Attributes:
        base: Name of the base, one of :data:`BASES`; nothing else is ever fetched for an actor.
        base_commit: Of its repository, 40 hex digits; empty where `examples.diffusion` made it.
        control_commit: The same of the ControlNet's.
        fast_commit: The same of the LoRA for few steps; empty where the base has none.
        motion_commit: The same of the motion module's; empty where the base has none.
        rank: Of the actor's LoRA.
        passes: Denoising steps a frame.
        strength: How far back into noise a painted frame is taken, (0, 1].
        held: How much of the last frame's correction the next begins with, [0, 1).
    """

    base: str = "small"
    base_commit: str = ""
    control_commit: str = ""
    fast_commit: str = ""
    motion_commit: str = ""
    rank: int = 16
    passes: int = 2
    strength: float = 0.4
    held: float = 0.5

    def __post_init__(self):
        super().__post_init__()
        if not self.exemplars:
            raise ValueError("exemplars must be at least 1, got 0")
        if self.base not in BASES:
            raise ValueError(f"base must be one of {', '.join(BASES)}, got {shown(self.base)}")
        for name, repo in BASES[self.base].repos.items():
            commit = getattr(self, f"{name}_commit")
            if not re.fullmatch("[0-9a-f]{40}" if repo else "", commit):
                wanted = "a commit's 40 hex digits" if repo else "empty"
                raise ValueError(f"{name}_commit must be {wanted}, got {shown(commit)}")
        for name, low, high in (("rank", 1, 128), ("passes", 1, 50), ("strength", 0.02, 1), ("held", 0, 0.95)):
            if not low <= getattr(self, name) <= high:
                raise ValueError(f"{name} must lie in {low}-{high}, got {shown(getattr(self, name))}")
        if math.ceil(self.passes / self.strength) > _MOST:
            raise ValueError(f"passes / strength must be at most {_MOST}, got {self.passes} / {self.strength:g}")

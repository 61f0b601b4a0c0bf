"""What a training run can be told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from perfclone.backends.layered.config import PRESETS, Preset


@dataclass(frozen=True)
class TrainConfig:
    """Settings of a training run.

    Attributes:
        preset: "tiny" (128 px), "base" (256 px) or "hd" (512 px).
        minutes: Length of the run by the clock, not counting preparation; 20 if neither is given.
        steps: Length of the run in steps, which makes it repeatable to the bit on one machine.
        holdout: Share of the video, at its end, that is never trained on nor used to choose weights, [0, 0.5].
        seed: Of everything random.
        person: Which person of the reference video, 0 the largest.
        plate: Composite over an empty background; otherwise paint whole frames.
        batch: Clips a step and process; None takes the preset's.
        learning_rate: Of the U-Net at its highest; the textures learn ten times as fast.
        accumulate: Gradient accumulation steps.
        mixed_precision: "no", "fp16" or "bf16", as accelerate names it, or "auto", which suits the device.
        unpaired: Train on driving poses without ground truth, too.
        critic: The discriminator.
        window: G sees the poses before and after.
        checkpoint_minutes: Longest time between two checkpoints.
        warm_start: Start from the generator that ships with perfclone, trained on synthetic people only.
    """

    preset: Literal["tiny", "base", "hd"] = "base"
    minutes: float | None = None
    steps: int | None = None
    holdout: float = 0.0
    seed: int = 0
    person: int = 0
    plate: bool = True
    batch: int | None = None
    learning_rate: float = 1e-3
    accumulate: int = 1
    mixed_precision: Literal["auto", "no", "fp16", "bf16"] = "no"
    unpaired: bool = True
    critic: bool = True
    window: bool = True
    checkpoint_minutes: float = 2.0
    warm_start: bool = True

    def __post_init__(self):
        if self.preset not in PRESETS:
            raise ValueError(f"preset must be one of {', '.join(PRESETS)}, got {self.preset!r}")
        if self.minutes is not None and self.steps is not None:
            raise ValueError("give minutes or steps, not both")
        if self.minutes is None and self.steps is None:
            object.__setattr__(self, "minutes", 20.0)
        for name, least, most in (
            ("minutes", 1e-3, 1e5), ("steps", 1, 10**8), ("holdout", 0.0, 0.5), ("batch", 1, 256), ("person", 0, 20),
            ("learning_rate", 1e-6, 0.1), ("accumulate", 1, 1024), ("seed", 0, 2**31),
            ("checkpoint_minutes", 0, 1e4),
        ):  # fmt: skip
            value = getattr(self, name)
            if value is not None and not least <= value <= most:
                raise ValueError(f"{name} must lie in {least}-{most}, got {value}")

    @property
    def size(self) -> Preset:
        """The preset's numbers."""
        return PRESETS[self.preset]

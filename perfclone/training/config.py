"""What a training run can be told."""

from __future__ import annotations

from dataclasses import dataclass, fields
from types import UnionType
from typing import Any, Literal, get_args, get_origin, get_type_hints

from perfclone.backends import backend
from perfclone.files.reading import shown

#: Length of a run that is told none.
MINUTES = 3.0
#: What is kept out of training where nothing else is said: this share at the end of the video, but no less than so
#: many seconds, and nothing of a video that is shorter than the last, which needs every frame.
HOLDOUT, HOLDOUT_SECONDS, SHORTEST_HELD = 0.1, 2.0, 10.0
#: Between which values numbers must lie.
_RANGES = {
    "minutes": (1e-3, 1e5), "steps": (1, 10**8), "holdout": (0.0, 0.5), "batch": (1, 256), "seed": (0, 2**31),
    "learning_rate": (1e-6, 0.1), "accumulate": (1, 1024), "checkpoint_minutes": (0, 1e4),
}  # fmt: skip


@dataclass(frozen=True)
class TrainConfig:
    """Settings of a training run.

    Attributes:
        preset: One of the backend's: of layered "tiny" (128 px), "base" (256 px) or "hd" (512 px), of diffusion a base
            model; None takes its usual one.
        minutes: Length of the run by the clock, not counting preparation; 3 if neither is given.
        steps: Length of the run in steps, which makes it repeatable to the bit on the processors of one machine.
        holdout: Share of the video, at its end, that is never trained on nor used to choose weights, [0, 0.5].
        seed: Of everything random.
        plate: Composite over an empty background where one is to be had; otherwise clones stand before one frame's.
        batch: Sequences of frames a step and process; None takes the preset's.
        learning_rate: Of G at its highest.
        accumulate: Gradient accumulation steps.
        device: Where to train, as PyTorch names devices; None takes what accelerate finds.
        mixed_precision: "no", "fp16" or "bf16", as accelerate names it, or "auto", which suits the device.
        unpaired: Train on driving poses without ground truth, too.
        critic: The discriminator.
        window: G sees the poses before and after.
        checkpoint_minutes: Longest time between two checkpoints.
        warm_start: Start from the generator that ships with perfclone, trained on synthetic people only.
        backend: Name of the backend that will paint the actor.
    """

    preset: str | None = None
    minutes: float | None = None
    steps: int | None = None
    holdout: float = 0.0
    seed: int = 0
    plate: bool = True
    batch: int | None = None
    learning_rate: float = 1e-4
    accumulate: int = 1
    device: str | None = None
    mixed_precision: Literal["auto", "no", "fp16", "bf16"] = "no"
    unpaired: bool = True
    critic: bool = True
    window: bool = True
    checkpoint_minutes: float = 2.0
    warm_start: bool = True
    backend: str = "layered"

    def __post_init__(self):
        check_types(self)
        known = backend(self.backend)
        if self.preset is None:
            object.__setattr__(self, "preset", known.usual)
        if self.preset not in known.presets:
            raise ValueError(f"preset must be one of {', '.join(known.presets)}, got {self.preset!r}")
        if self.minutes is not None and self.steps is not None:
            raise ValueError("give minutes or steps, not both")
        for name, (least, most) in _RANGES.items():
            value = getattr(self, name)
            if value is not None and not least <= value <= most:
                raise ValueError(f"{name} must lie in {least}-{most}, got {value}")

    @property
    def length(self) -> float | None:
        """Length of the run by the clock, minutes; None where it is measured in steps."""
        return None if self.steps else self.minutes or MINUTES


def usual_holdout(seconds: float) -> float:
    """The share of a video that is kept out of training for `eval actor` unless the user says otherwise.

    Args:
        seconds: Length of the reference video.

    Returns:
        From 0 to 0.2, for :attr:`TrainConfig.holdout`.
    """
    return round(max(HOLDOUT, HOLDOUT_SECONDS / seconds), 3) if seconds >= SHORTEST_HELD else 0.0


def holdout_told(share: float, seconds: float) -> str:
    """What is kept out of training, in a sentence.

    Args:
        share: Of the video.
        seconds: Length of the video.
    """
    if not share:
        return f"{seconds:.1f} s are too short to keep any of it out of training, so `eval actor` can only flatter"
    return f"the last {share * seconds:.1f} s are kept out of training for `eval actor` to measure on"


def check_types(settings: Any) -> None:
    """Hold the values of a dataclass, which may come from a file, against the types of its fields.

    Raises:
        ValueError: One is of another type.
    """
    hints = get_type_hints(type(settings))
    for field in fields(settings):
        if not _fits(value := getattr(settings, field.name), hints[field.name]):
            raise ValueError(f"{field.name} must be {field.type}, got {shown(value)}")


def _fits(value: object, hint: Any) -> bool:
    if get_origin(hint) is Literal:
        return value in get_args(hint)
    if get_origin(hint) is UnionType:
        return any(_fits(value, each) for each in get_args(hint))
    if get_origin(hint) is tuple:
        return isinstance(value, tuple)
    if isinstance(value, bool):
        return hint is bool
    return isinstance(value, (int, float) if hint is float else hint)

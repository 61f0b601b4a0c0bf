"""What a minute of output costs, and when the training of an actor has paid for itself. Plain sums, no I/O."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Cost:
    """Time and, where prices are given, money. Money is in whatever currency the prices are in.

    Attributes:
        stages: Stage -> seconds of work for a frame of output.
        fps: Frames a second of the output.
        training_minutes: What training the actor took; None if that is not known.
        price_per_hour: Of the machine (GPU-hour); None leaves money out.
        videos_per_month: How many videos are made with the actor; None if nobody said.
        minutes_per_video: Length of one of them.
        alternative_per_minute: What a minute of output costs otherwise; None compares with nothing.
    """

    stages: dict[str, float] = field(default_factory=dict)
    fps: float = 25.0
    training_minutes: float | None = None
    price_per_hour: float | None = None
    videos_per_month: float | None = None
    minutes_per_video: float | None = None
    alternative_per_minute: float | None = None

    def __post_init__(self):
        optional = (
            self.training_minutes,
            self.price_per_hour,
            self.videos_per_month,
            self.minutes_per_video,
            self.alternative_per_minute,
        )
        values = [*self.stages.values(), self.fps, *(value for value in optional if value is not None)]
        if not all(math.isfinite(value) and value >= 0 for value in values) or self.fps == 0:
            raise ValueError(f"times, rates and prices must be finite and not negative, and fps over 0; got {self}")

    @property
    def seconds_per_frame(self) -> float:
        """Seconds of work for a frame of output, all stages together."""
        return sum(self.stages.values())

    @property
    def seconds_per_minute(self) -> float:
        """Seconds of work for a minute of output: seconds a frame x fps x 60."""
        return self.seconds_per_frame * self.fps * 60

    @property
    def per_minute(self) -> float | None:
        """Money for a minute of output: its seconds of work / 3600 x the price of an hour."""
        return None if self.price_per_hour is None else self.seconds_per_minute / 3600 * self.price_per_hour

    @property
    def training(self) -> float | None:
        """Money for the training: its minutes / 60 x the price of an hour."""
        if self.price_per_hour is None or self.training_minutes is None:
            return None
        return self.training_minutes / 60 * self.price_per_hour

    @property
    def per_month(self) -> float | None:
        """Money for a month's videos, the training left out."""
        if None in (self.per_minute, self.videos_per_month, self.minutes_per_video):
            return None
        return self.per_minute * self.videos_per_month * self.minutes_per_video

    @property
    def break_even(self) -> int | None:
        """Videos after which the training has paid for itself: training / (saved a minute x minutes a video), up.

        None where something is not known or nothing is saved.
        """
        if None in (self.training, self.minutes_per_video, self.alternative_per_minute):
            return None
        saved = (self.alternative_per_minute - self.per_minute) * self.minutes_per_video
        return math.ceil(self.training / saved - 1e-9) if saved > 0 else None

    def to_dict(self) -> dict[str, Any]:
        """What ``Report.cost`` holds: the fields, and what follows from them for whoever only reads JSON."""
        names = ("seconds_per_frame", "seconds_per_minute", "per_minute", "training", "per_month", "break_even")
        return {**dataclasses.asdict(self), "derived": {name: getattr(self, name) for name in names}}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Cost:
        """Read what :meth:`to_dict` made; what follows is reckoned anew and what is unknown passed over."""
        known = {each.name for each in dataclasses.fields(cls)}
        return cls(**{name: value for name, value in values.items() if name in known})

    def sentences(self) -> list[str]:
        """What this means, in plain words; nothing about money where no price is given."""
        told = (
            [
                f"A frame takes {self.seconds_per_frame:.3g} s, so a minute of output at {self.fps:g} frames a second"
                f" takes {_span(self.seconds_per_minute)} of work."
            ]
            if self.stages
            else []
        )
        if self.training_minutes is not None:
            told.append(f"Training the actor took {_span(60 * self.training_minutes)}, once.")
        if self.price_per_hour is None:
            return told
        price = f"at {_money(self.price_per_hour)} an hour of the machine"
        if self.stages:
            told.append(f"A minute of output costs {_money(self.per_minute)} {price}.")
        if self.training is not None:
            told.append(f"Training the actor costs {_money(self.training)} {price}.")
        if self.stages and self.per_month is not None:
            told.append(
                f"{self.videos_per_month:g} videos of {self.minutes_per_video:g} min a month cost"
                f" {_money(self.per_month)} a month."
            )
        return told + self._pays()

    def _pays(self) -> list[str]:
        """When the training has paid for itself, or that it never does."""
        if not self.stages or None in (self.training, self.minutes_per_video, self.alternative_per_minute):
            return []
        other = f"at {_money(self.alternative_per_minute)} a minute otherwise"
        count = self.break_even
        if count is None:
            return [f"The training never pays for itself: {other}, a minute made here is no cheaper."]
        if not count:
            return [f"The training cost nothing, and each minute saves money {other}."]
        months = ""
        if self.videos_per_month:
            span = count / self.videos_per_month
            months = f" ({span:.2g} months)" if span > 1 else " (in the first month)"
        videos = "1 video" if count == 1 else f"{count} videos"
        return [f"The training has paid for itself after {videos} of {self.minutes_per_video:g} min{months}, {other}."]


def _span(seconds: float) -> str:
    """Seconds, minutes or hours, as one would say it."""
    if seconds < 90:
        return f"{seconds:.3g} s"
    return f"{seconds / 60:.3g} min" if seconds < 5400 else f"{seconds / 3600:.3g} h"


def _money(value: float) -> str:
    """Two decimal places, or two digits that say something."""
    return f"{value:.2f}" if value >= 0.1 or not value else f"{value:.2g}"

"""What one visitor may ask of the machine, each by an environment variable too."""

from __future__ import annotations

import os
from dataclasses import dataclass, fields

from perfclone.errors import UserError

#: The variables are called so, and then as the limit in capitals: PERFCLONE_LIMIT_SECONDS.
PREFIX = "PERFCLONE_LIMIT_"


@dataclass(frozen=True)
class Limits:
    """The limits of a studio.

    Attributes:
        bytes: Of an upload.
        seconds: That a clip lasts.
        pixels: Of a frame.
        jobs: Of a visitor that wait or run at once, in each line.
        waiting: Jobs of all visitors that wait at once, in each line.
    """

    bytes: int = 1 << 30
    seconds: int = 600
    pixels: int = 8192 * 4320
    jobs: int = 3
    waiting: int = 100

    def __post_init__(self):
        for field in fields(self):
            value = getattr(self, field.name)
            if not isinstance(value, int) or value < 1:
                raise ValueError(f"{field.name} must be a whole number from 1, got {value!r}")

    @classmethod
    def from_environment(cls) -> Limits:
        """The limits as the environment sets them.

        Raises:
            UserError: A variable is no whole number from 1.
        """
        set_ = {field.name: os.environ.get(PREFIX + field.name.upper()) for field in fields(cls)}
        wrong = {name: text for name, text in set_.items() if text and not (text.isdecimal() and int(text) > 0)}
        for name, text in wrong.items():
            raise UserError(f"{PREFIX}{name.upper()} must be a whole number from 1, got {text!r}; set it anew.")
        return cls(**{name: int(text) for name, text in set_.items() if text})

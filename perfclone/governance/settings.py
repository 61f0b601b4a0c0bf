"""The operator's settings, ``home()/settings.json``: a flat JSON object, of which each part reads its own names."""

from __future__ import annotations

import fcntl
import json
import os

from perfclone.errors import UserError
from perfclone.files.reading import parse_json, read_limited
from perfclone.files.writing import beside
from perfclone.governance.home import home

LIMIT = 64 * 1024


def read_settings() -> dict[str, object]:
    """Give all the settings; none where there is no file.

    Raises:
        UserError: The file is damaged; nothing is guessed then.
    """
    path = home() / "settings.json"
    if not path.exists():
        return {}
    settings = parse_json(read_limited(path, LIMIT, "settings file"), f"The settings file {path}")
    if not isinstance(settings, dict):
        raise UserError(f"The settings file {path} must hold an object; mend it or remove it.")
    return settings


def change_settings(**values: object) -> None:
    """Set some settings; the others stay.

    Raises:
        UserError: The file is damaged.
    """
    path = home() / "settings.json"
    with path.with_name(".settings.lock").open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        settings = read_settings() | values
        with beside(path) as part, part.open("w", encoding="utf-8") as file:
            json.dump(settings, file, indent=2)
            file.flush()
            os.fsync(file.fileno())

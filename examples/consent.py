"""Write the consent records of the built-in actors: that nobody is shown, each for the clip it was trained on.

python -m examples.consent [--force]

Each is signed with a key of its own that is thrown away at once: nobody needs to sign for nobody, and no key of a real
person is tied to this repository. Train a built-in actor anew with the record that it has:

python -m perfclone train examples/clips/anna_reference.mp4 --consent examples/actors/anna/consent.json -o my_anna
"""

from __future__ import annotations

import argparse
from pathlib import Path

from perfclone.errors import UserError
from perfclone.files.reading import file_sha256
from perfclone.governance.consent.kinds import synthetic_record
from perfclone.governance.consent.record import CONSENT
from perfclone.governance.keys import SigningKey
from perfclone.terminal.arguments import refuse_existing

HERE = Path(__file__).parent
ACTORS = ("anna", "ben")


def record(actor: str, force: bool = False) -> Path:
    """Write the record of a built-in actor into its folder.

    Raises:
        UserError: There is one and `force` is off, or the clip is missing.
    """
    path, reference = HERE / "actors" / actor / CONSENT, HERE / "clips" / f"{actor}_reference.mp4"
    refuse_existing([path], force)
    synthetic_record(actor.capitalize(), file_sha256(reference), SigningKey.new()).save(path)
    return path


def main() -> None:
    """Parse the command line and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--force", action="store_true", help="replace records that are there")
    force = parser.parse_args().force
    try:
        for actor in ACTORS:
            print(record(actor, force))
    except UserError as error:
        parser.exit(2, f"{error}\n")


if __name__ == "__main__":
    main()

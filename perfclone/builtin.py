"""The synthetic actors and clips that come with the project, and the one way to name an actor."""

from __future__ import annotations

from pathlib import Path

from perfclone.actor.remote.errors import require_repo_id
from perfclone.companions import folder
from perfclone.errors import UserError

EXAMPLES = folder("examples")


def find_actor(name: str | Path) -> Path | str:
    """Find out whom a name means: a folder that is there, else a built-in actor, else an actor on the Hub.

    Args:
        name: A folder, a built-in actor's name such as "anna", or a Hub repository id such as "studio/anna".

    Returns:
        The folder, or the repository id; whether the Hub has it is not asked.

    Raises:
        FileNotFoundError: It can be none of them.
    """
    built_in = actors()
    if Path(name).is_dir():
        return Path(name)
    if str(name) in built_in:
        return built_in[str(name)]
    try:
        require_repo_id(str(name))
    except UserError as error:
        raise FileNotFoundError(
            f"There is no actor folder {name}; nor is it a built-in actor ({', '.join(built_in) or 'none is here'}) "
            "or a Hub repository (OWNER/NAME). See what there is with `python -m perfclone actors`."
        ) from error
    return str(name)


def actors(root: Path = EXAMPLES) -> dict[str, Path]:
    """Find the built-in actors.

    Args:
        root: The folder that holds `actors/NAME/`.

    Returns:
        Name -> folder of each trained actor, in alphabetical order; empty where there is none.
    """
    return {config.parent.name: config.parent for config in sorted((root / "actors").glob("*/config.json"))}


def driving_clips(root: Path = EXAMPLES) -> dict[str, Path]:
    """Find the built-in driving clips.

    Args:
        root: The folder that holds `clips/driving_NAME.mp4`.

    Returns:
        Name -> file of each clip, in alphabetical order; empty where there is none.
    """
    return {clip.stem.removeprefix("driving_"): clip for clip in sorted((root / "clips").glob("driving_*.mp4"))}


def reference_clip(actor: str, root: Path = EXAMPLES) -> Path | None:
    """Find the footage that a built-in actor was trained on; None where it is not there."""
    clip = root / "clips" / f"{actor}_reference.mp4"
    return clip if clip.is_file() else None


def pick(kind: str, found: dict[str, Path], name: str) -> Path:
    """Take one built-in thing by its name.

    Raises:
        UserError: It is not there.
    """
    if name not in found:
        there = ", ".join(found) or "none"
        raise UserError(
            f"The built-in {kind} {name!r} is missing (there: {there}); run this from a full checkout, "
            f"or use `python -m perfclone clone` with an actor and a clip of your own."
        )
    return found[name]

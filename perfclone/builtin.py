"""The synthetic actors and clips that come with the project."""

from __future__ import annotations

from pathlib import Path

from perfclone.errors import UserError

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"


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

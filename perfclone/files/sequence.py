"""What a video consists of on the disk: one file, or images numbered in order."""

from __future__ import annotations

import hashlib
import os
import re
from collections import defaultdict
from pathlib import Path

from perfclone.errors import UserError
from perfclone.files.reading import file_sha256
from perfclone.files.writing import LONGEST_NAME

#: Endings of the images that can make up a video.
IMAGES = (".png", ".jpg", ".jpeg", ".webp", ".bmp")


def existing(path: str | Path, what: str = "video") -> Path:
    """Make sure that there is a video.

    Raises:
        FileNotFoundError: There is nothing of that name; the message calls it `what`.
        UserError: It is a folder without images, or with several sequences of them.
    """
    try:
        video_files(path)
    except FileNotFoundError:
        raise FileNotFoundError(f"There is no {what} at {path}; check the path.") from None
    return Path(path)


def video_files(path: str | Path) -> list[Path]:
    """Find the files of a video.

    Args:
        path: A video file, a folder of numbered images (.png, .jpg, .webp or .bmp), or a pattern of their names with
            one `%d` or `%05d`.

    Returns:
        The file, or the images by their numbers, some of which may be left out.

    Raises:
        FileNotFoundError: There is nothing of that name.
        UserError: It is a folder without such images, or with several sequences of them.
    """
    path = Path(path)
    check_length(path)
    if path.is_file():
        return [path]
    if path.is_dir():
        return _in_folder(path)
    found = _matching(path)
    if path.exists():
        raise UserError(f"{path} is not a file; give the name of a video file.")
    if not found:
        raise FileNotFoundError(f"{path} does not exist; check the name.")
    return found


def check_length(path: Path) -> None:
    """Refuse a name that is longer than disks take.

    Raises:
        UserError: It is.
    """
    if len(os.fsencode(path.name)) > LONGEST_NAME:
        raise UserError(f"The name {path.name[:40]}... is longer than {LONGEST_NAME} bytes; give a shorter one.")


def video_sha256(path: str | Path) -> str:
    """Hash a video: its file, or its images one after the other.

    Returns:
        64 hex digits.

    Raises:
        UserError: It is not there or cannot be read.
    """
    path = Path(path)
    try:
        files = video_files(path)
        if files == [path]:
            return file_sha256(path)
        digest = hashlib.sha256()
        for image in files:
            digest.update(image.read_bytes())
        return digest.hexdigest()
    except FileNotFoundError as error:
        raise UserError(f"There is no file {path}; check the name.") from error
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror or error}); check its permissions.") from error


def _in_folder(folder: Path) -> list[Path]:
    """The numbered images of a folder, of one name but for the number."""
    sequences = defaultdict(list)
    for file in folder.iterdir():
        numbered = re.fullmatch(r"(?!\.)(.*?)(\d+)", file.stem)
        if numbered and file.suffix.lower() in IMAGES and file.is_file():
            sequences[numbered[1], file.suffix.lower()].append((int(numbered[2]), file))
    if not sequences:
        raise UserError(f"{folder} is not a file, nor a folder of numbered images; give the name of a video file.")
    if len(sequences) > 1:
        (one, suffix), (other, ending) = sorted(sequences)[:2]
        raise UserError(
            f"{folder} holds several sequences of images, such as {one}%d{suffix} and {other}%d{ending}; "
            f"name the one that you mean: {folder / f'{one}%d{suffix}'}."
        )
    return [file for _, file in sorted(*sequences.values())]


def _matching(pattern: Path) -> list[Path]:
    """The images whose names match a pattern with a number in it; none where it is no such pattern."""
    parts = re.fullmatch(r"([^%]*)%(?:0(\d+))?d([^%]*)", pattern.name)
    if not parts or pattern.suffix.lower() not in IMAGES or not pattern.parent.is_dir():
        return []
    before, digits, after = parts.groups()
    name = re.compile(rf"{re.escape(before)}(\d{{{int(digits or 1)},}}){re.escape(after)}")
    matches = ((name.fullmatch(file.name), file) for file in pattern.parent.iterdir())
    return [file for _, file in sorted((int(match[1]), file) for match, file in matches if match)]

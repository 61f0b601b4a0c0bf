"""Review: a clone is pending until somebody approves or rejects it, and may be held back until then.

The state is what the ledger says, and nothing else: the last decision counts, the earlier ones stay on record. A file
that is held lies in ``.pending`` in its output folder, under its watermark's id; ``home()/held`` has a note of where.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from perfclone.errors import UserError
from perfclone.files.reading import file_sha256, parse_json, read_limited
from perfclone.files.writing import beside, sibling, write_text
from perfclone.governance.home import home, private_folder
from perfclone.governance.ledger.fields import watermark_text
from perfclone.governance.ledger.ledger import Entry, Ledger
from perfclone.governance.settings import change_settings, read_settings

State = Literal["pending", "approved", "rejected"]
REQUIRED = "require_approval"
PENDING = ".pending"
_LIMIT = 16 * 1024


@dataclass(frozen=True)
class Review:
    """A clone and what was decided about it.

    Attributes:
        id: The watermark's, 8 hex digits.
        state: "pending", "approved" or "rejected".
        clone: The ledger's entry of the clone.
        decision: The ledger's entry of the last decision, or None.
    """

    id: str
    state: State
    clone: Entry
    decision: Entry | None = None


def listing(ledger: Ledger | None = None) -> list[Review]:
    """Give all the clones, oldest first.

    Raises:
        LedgerError: The ledger was changed.
    """
    found: dict[str, Review] = {}
    for entry in (ledger or Ledger()).entries():
        mark = entry.data.get("watermark")
        if entry.event == "clone" and mark:
            found.setdefault(mark, Review(mark, "pending", entry))
        elif entry.event == "review" and mark in found and "decision" in entry.data:
            found[mark] = replace(found[mark], state=entry.data["decision"], decision=entry)
    return list(found.values())


def find(watermark: int | str, ledger: Ledger | None = None) -> Review:
    """Give one clone, by its watermark's id.

    Raises:
        UserError: The ledger knows none.
    """
    mark, ledger = watermark_text(watermark), ledger or Ledger()
    for review in listing(ledger):
        if review.id == mark:
            return review
    raise UserError(f"No clone with the id {mark} is in {ledger.path}; `review list --all` shows those that are.")


def state(watermark: int | str, ledger: Ledger | None = None) -> State:
    """Say whether a clone is pending, approved or rejected.

    Raises:
        UserError: The ledger knows no such clone.
    """
    return find(watermark, ledger).state


def approve(watermark: int | str, note: str = "", ledger: Ledger | None = None, who: str | None = None) -> Review:
    """Approve a clone; a rejected one needs a note that says why after all.

    Args:
        watermark: The clone's id.
        note: Why.
        ledger: Where it is entered; the operator's by default.
        who: Who decides; whoever uses this machine by default.

    Raises:
        UserError: There is no such clone, or it was approved before.
    """
    return _decide(watermark, "approved", note, ledger, who)


def reject(watermark: int | str, note: str = "", ledger: Ledger | None = None, who: str | None = None) -> Review:
    """Reject a clone; one that was approved needs a note that says why after all. Arguments as for :func:`approve`.

    Raises:
        UserError: There is no such clone, or it was rejected before.
    """
    return _decide(watermark, "rejected", note, ledger, who)


def approval_required() -> bool:
    """Whether a clone is held back until somebody approved it.

    Raises:
        UserError: The settings are damaged.
    """
    required = read_settings().get(REQUIRED, False)
    if not isinstance(required, bool):
        raise UserError(f"{REQUIRED} in {home() / 'settings.json'} must be true or false; run: review require on")
    return required


def require_approval(required: bool) -> None:
    """Choose whether clones are held back until somebody approved them."""
    change_settings(**{REQUIRED: required})


def pending_place(path: Path, watermark: int | str) -> Path:
    """Where a clone is held that will be at `path` once it is approved."""
    return sibling(path.parent / PENDING / path.name, f"{watermark_text(watermark)}-", path.suffix)


def hold(path: Path, watermark: int | str) -> Path:
    """Move a finished clone out of reach until it is approved; one written to its :func:`pending_place` stays there.

    Args:
        path: Its place after approval, where it is now.
        watermark: The id.

    Returns:
        Where it is held.

    Raises:
        UserError: There is no such file, or another is held by that id.
    """
    path, mark = Path(path).absolute(), watermark_text(watermark)
    place = pending_place(path, mark)
    if (note := _note_of(mark)) and note != path:
        raise UserError(f"{pending_place(note, mark)} is held by the id {mark} already; approve or reject it first.")
    if place.exists() and path.exists():
        raise UserError(f"{place} is there already; move it away before {path.name} is held by the same id.")
    if not place.exists() and not path.is_file():
        raise UserError(f"There is no file {path} to hold; check the name.")
    private_folder(home() / "held")
    write_text(_note_place(mark), json.dumps({"path": os.fsdecode(path)}), durable=True)
    if not place.exists():
        private_folder(place.parent)
        path.rename(place)
    return place


def held(watermark: int | str) -> Path | None:
    """Where a clone is held, or None.

    Raises:
        UserError: The note of it is damaged.
    """
    mark = watermark_text(watermark)
    path = _note_of(mark)
    return pending_place(path, mark) if path else None


def release(watermark: int | str, path: Path | None = None, ledger: Ledger | None = None) -> Path:
    """Move an approved clone from where it is held to its place.

    Args:
        watermark: The id.
        path: Its place; the one that :func:`hold` was told by default.
        ledger: Says whether it is approved, and its hash.

    Returns:
        The place.

    Raises:
        UserError: It is not held or not approved, is not the file that was made, or its place is taken; it stays held.
    """
    mark = watermark_text(watermark)
    noted = _note_of(mark)
    path = Path(path).absolute() if path else noted
    if path is None:
        raise UserError(f"No file is held by the id {mark}; nothing is left to release.")
    review = find(mark, ledger)
    if review.state != "approved":
        raise UserError(f"The clone {mark} is {review.state}, so {path.name} stays held; run: review approve {mark}")
    place = pending_place(noted or path, mark)
    if not place.is_file():
        raise UserError(f"The held file {place} is gone; look for it, or remove {_note_place(mark)} and clone anew.")
    made = review.clone.data.get("output_sha256")
    if made and file_sha256(place) != made:
        raise UserError(f"{place} is not the file that the ledger knows as {mark}; find out who changed it.")
    _move(place, path)
    _note_place(mark).unlink(missing_ok=True)
    if not any(place.parent.iterdir()):
        place.parent.rmdir()
    return path


def _decide(watermark: int | str, decision: State, note: str, ledger: Ledger | None, who: str | None) -> Review:
    ledger = ledger or Ledger()
    review = find(watermark, ledger)
    if review.state == decision:
        last = review.decision
        raise UserError(f"The clone {review.id} was {decision} on {last.time[:10]} by {last.data['who']} already.")
    if review.decision and not note.strip():
        raise UserError(f"The clone {review.id} was {review.state}; say in a note why it is {decision} after all.")
    output = review.clone.data.get("output_sha256")
    entry = ledger.append(
        "review", watermark=review.id, decision=decision, note=note.strip() or None, output_sha256=output, who=who
    )
    return replace(review, state=decision, decision=entry)


def _move(source: Path, target: Path) -> None:
    """Move a file without ever replacing another."""
    taken = f"{target} exists; move it away, then release again: {source} stays held."
    try:
        os.link(source, target)
    except FileExistsError as error:
        raise UserError(taken) from error
    except FileNotFoundError as error:
        raise UserError(f"The folder {target.parent} is gone; create it, then release again.") from error
    except OSError:  # a file system without links, or another one
        _copy(source, target, taken)
    source.unlink()


def _copy(source: Path, target: Path, taken: str) -> None:
    """Copy a file to a name that is reserved first; the source stays."""
    import shutil

    try:
        target.open("xb").close()
    except FileExistsError as error:
        raise UserError(taken) from error
    try:
        with beside(target) as part:
            shutil.copyfile(source, part)
    except BaseException:
        target.unlink()
        raise


def _note_place(mark: str) -> Path:
    return home() / "held" / f"{mark}.json"


def _note_of(mark: str) -> Path | None:
    """Read where the clone that is held by an id belongs."""
    place = _note_place(mark)
    if not place.exists():
        return None
    note = parse_json(read_limited(place, _LIMIT, "note of a held file"), f"The note {place}")
    if not isinstance(note, dict) or not isinstance(note.get("path"), str) or "\0" in note["path"]:
        raise UserError(f"The note {place} is damaged; remove it, and release the file by giving its place.")
    return Path(note["path"])

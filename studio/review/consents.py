"""Withdrawing a consent: what it would end is said first."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import gradio as gr

from perfclone.errors import UserError
from perfclone.governance.consent.record import CONSENT, ConsentRecord
from perfclone.governance.consent.revocations import noted
from perfclone.governance.withdrawal import reach, withdraw

from ..phrases import say
from ..studio import Studio
from . import QUIET, plainly, require_reviewer, reviewer


def build(studio: Studio, page: gr.Blocks, changed: gr.State) -> None:
    """Build the part; `changed` counts what was decided."""
    words = studio.words
    gr.Markdown(words("withdraw_intro"))
    which = gr.Dropdown([], label=words("withdraw_which"), elem_id="withdraw_which")
    ends = gr.Markdown(elem_id="withdraw_ends")
    reason = gr.Textbox(label=words("withdraw_reason"), max_lines=2, elem_id="withdraw_reason")
    button = gr.Button(words("withdraw_button"), variant="stop", interactive=False, elem_id="withdraw")
    problem = gr.Markdown(elem_id="withdraw_problem", elem_classes="problem")

    def offer(request: gr.Request):
        try:
            require_reviewer(request)
            found = {record.id: f"{record.subject} ({name})" for name, _, record in records(studio)}
            return gr.Dropdown([(label, id) for id, label in found.items()], value=None)
        except (UserError, OSError):
            return gr.Dropdown([], value=None)

    def foresee(request: gr.Request, id: str | None):
        try:
            require_reviewer(request)
            return (_ends(studio, id, request) if id else ""), gr.Button(interactive=bool(id)), ""
        except (UserError, OSError) as error:
            return "", gr.Button(interactive=False), plainly(error, request)

    def end(request: gr.Request, id: str | None, reason: str, count: int):
        try:
            who = reviewer(request)
            if not reason.strip():
                raise UserError(say("withdraw_why", request))
            _withdraw(studio, id, reason.strip(), who)
            return say("withdraw_done", request), "", gr.Button(interactive=False), "", count + 1
        except (UserError, OSError) as error:
            return gr.skip(), reason, gr.skip(), plainly(error, request), count

    gr.on([page.load, changed.change], offer, None, which, **QUIET)
    which.input(foresee, which, [ends, button, problem], **QUIET)
    button.click(end, [which, reason, changed], [ends, reason, button, problem, changed], **QUIET)


def records(studio: Studio) -> Iterator[tuple[str, Path | None, ConsentRecord]]:
    """The consents of people that hold: the actor's name, its folder where it is one, and the record."""
    for name, entry in studio.actors.items():
        if (
            entry.record
            and entry.record.subject_kind == "person"
            and not (entry.record.revoked or noted(entry.record.id))
        ):
            yield name, entry.place if isinstance(entry.place, Path) else None, entry.record
    for path in sorted((studio.store.folder / "actors").glob(f"*/*/{CONSENT}")):
        record = ConsentRecord.load(path)
        if record.subject_kind == "person" and not (record.revoked or noted(record.id)):
            yield path.parent.name, path.parent, record


def _of(studio: Studio, id: str) -> list[tuple[str, Path | None, ConsentRecord]]:
    return [each for each in records(studio) if each[2].id == id]


def _ends(studio: Studio, id: str, request: gr.Request) -> str:
    """What the withdrawal of a consent would end, in sentences."""
    found, done = _of(studio, id), reach(id)
    names = ", ".join(dict.fromkeys(name for name, _, _ in found))
    told = [
        say("withdraw_actors", request, names=names),
        say("withdraw_clones", request, n=done.clones, waiting=done.waiting),
    ]
    if done.repositories:
        told.append(say("withdraw_pushed", request, names=", ".join(done.repositories)))
    return "\n".join(f"- {each}" for each in [*told, say("withdraw_for_good", request)])


def _withdraw(studio: Studio, id: str | None, reason: str, who: str | None) -> None:
    """Withdraw it here, then in each actor's folder that has the record."""
    found = _of(studio, id or "")
    if not found:
        raise UserError("There is no such consent that holds any more; load the page again.")
    written = withdraw(found[0][2], reason, who=who)
    for _, folder, _ in found:
        if folder:
            written.save(folder / CONSENT)

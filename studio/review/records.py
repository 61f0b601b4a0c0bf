"""The ledger in the page: filtered, checked, exported. Who may not review sees the lines of their own jobs alone."""

from __future__ import annotations

import tempfile
from collections import deque
from html import escape
from pathlib import Path

import gradio as gr

from perfclone.errors import UserError
from perfclone.governance.ledger.fields import EVENTS
from perfclone.governance.ledger.ledger import Entry, Ledger

from ..phrases import say
from ..phrases.library import translated
from ..roles import may
from ..showing import shown as served_copy
from ..studio import Studio
from ..visitors import visitor
from . import QUIET, plainly, require_reviewer
from .waiting import made_by

#: Most lines of the table: the newest.
SHOWN = 200
#: What a line of the table says besides its number, time and event.
TOLD = ("who", "actor", "purpose", "watermark", "decision", "note", "reason", "repository", "consent_id")

#: Those that are words of the library's, not somebody's own.
NAMED = ("purpose", "decision")


def build(studio: Studio, page: gr.Blocks, changed: gr.State) -> gr.Row:
    """Build the part.

    Args:
        studio: The studio.
        page: The page.
        changed: Counts what was decided, after which the ledger says more.

    Returns:
        What only reviewers see of it.
    """
    words = studio.words
    with gr.Row():
        choices = [(words("ledger_all"), ""), *((words(f"ledger_{event}"), event) for event in EVENTS)]
        event = gr.Dropdown(choices, value="", label=words("ledger_event"), min_width=150, elem_id="ledger_event")
        actor = gr.Textbox(label=words("ledger_actor"), max_lines=1, min_width=150, elem_id="ledger_actor")
        since = gr.Textbox(label=words("ledger_since"), placeholder="2026-01-31", max_lines=1, min_width=130)
        until = gr.Textbox(label=words("ledger_until"), placeholder="2026-12-31", max_lines=1, min_width=130)
    table = gr.HTML(elem_id="ledger")
    problem = gr.Markdown(elem_id="ledger_problem", elem_classes="problem")
    with gr.Row(visible=False) as tools:
        whole = gr.Button(words("ledger_check"), elem_id="ledger_check")
        export = gr.Button(words("ledger_export"), elem_id="ledger_export")
    said = gr.Markdown(elem_id="ledger_said")
    files = gr.File(label=words("ledger_files"), file_count="multiple", interactive=False, visible=False)

    def show(request: gr.Request, *filters: str):
        try:
            mine = None if may(request, "review") else _own(studio, request)
            return table_of(Ledger(), filters, mine, request), ""
        except (UserError, OSError) as error:
            return "", plainly(error, request)

    def check(request: gr.Request):
        try:
            require_reviewer(request)
            found = Ledger().verify()
            key = "ledger_whole" if found.sealed >= found.entries else "ledger_whole_unsealed"
            return say(key, request, entries=found.entries, sealed=found.sealed), ""
        except (UserError, OSError) as error:
            return "", plainly(error, request)

    def give(request: gr.Request):
        try:
            require_reviewer(request)
            return gr.File(exported(), visible=True), ""
        except (UserError, OSError) as error:
            return gr.File(visible=False), plainly(error, request)

    filters = [event, actor, since, until]
    gr.on(
        [page.load, event.change, actor.submit, since.submit, until.submit, changed.change],
        show,
        filters,
        [table, problem],
        **QUIET,
    )
    whole.click(check, None, [said, problem], **QUIET)
    export.click(give, None, [files, problem], **QUIET)
    return tools


def table_of(
    ledger: Ledger, filters: tuple[str, ...], mine: set[str] | None, request: gr.Request | None = None
) -> str:
    """The newest lines that pass, as an HTML table.

    Args:
        ledger: The ledger.
        filters: Event, part of the actor's name, first and last day; empty for any.
        mine: The clones whose lines may be seen; None for all lines.
        request: Whose language is spoken.

    Raises:
        UserError: The ledger was changed, or a day is none.
    """
    passes = _passing(*((text or "").strip() for text in filters), request)
    seen = (each for each in ledger.entries() if mine is None or each.data.get("watermark") in mine)
    passed = [each for each in seen if passes(each)]
    if not passed:
        return f"<p>{escape(say('ledger_none', request))}</p>"
    lines = deque(passed, maxlen=SHOWN)
    heads = "".join(
        f'<th scope="col">{escape(say(f"ledger_head_{name}", request))}</th>'
        for name in ("n", "time", "event", "told")
    )
    rows = "".join(_row(each, request) for each in reversed(lines))
    more = say("ledger_count", request, shown=len(lines), n=len(passed))
    return (
        f'<div class="ledger" tabindex="0" role="region" aria-label="{escape(say("ledger_table", request))}">'
        f"<table><caption>{escape(more)}</caption><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def exported() -> list[str]:
    """Export the ledger with its checkpoint; gives where both lie for the page to serve."""
    with tempfile.TemporaryDirectory(prefix="perfclone-") as folder:
        target = Path(folder) / "ledger.jsonl"
        Ledger().export(target)
        return [served_copy(path) for path in sorted(Path(folder).iterdir()) if path.suffix != ".lock"]


def _own(studio: Studio, request: gr.Request) -> set[str]:
    return {made for _, made in made_by(studio.store.listing(visitor(request)))}


def _passing(event: str, actor: str, since: str, until: str, request: gr.Request | None):
    from datetime import date

    for day in filter(None, (since, until)):
        try:
            date.fromisoformat(day)
        except ValueError as error:
            raise UserError(say("ledger_no_day", request, day=day)) from error

    def passes(each: Entry) -> bool:
        return (
            event in ("", each.event)
            and actor.casefold() in str(each.data.get("actor", "")).casefold()
            and (since or "0") <= each.time[:10] <= (until or "9")
        )

    return passes


def _row(each: Entry, request: gr.Request | None) -> str:
    data = each.data | {name: translated(each.data[name], request) for name in NAMED if each.data.get(name)}
    told = ", ".join(f"{say(f'ledger_of_{name}', request)} {data[name]}" for name in TOLD if name in data)
    cells = (each.n, each.time[:19].replace("T", " "), say(f"ledger_{each.event}", request), told)
    return f"<tr>{''.join(f'<td>{escape(str(cell))}</td>' for cell in cells)}</tr>"

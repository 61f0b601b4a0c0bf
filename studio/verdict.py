"""A verdict for somebody who knows nothing of watermarks: one sentence first, then its grounds, then its limits."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from typing import Any

import gradio as gr

from perfclone.governance.consent.rules import PURPOSES

from .phrases import say

#: Verdict -> how it is coloured.
_TONES = {
    "rejected": "bad",
    "made_here_untouched": "good",
    "tampered": "bad",
    "made_here_changed": "beware",
    "made_by_perfclone_unknown_ledger": "beware",
    "marked_elsewhere": "plain",
    "only_tagged": "plain",
    "no_sign": "plain",
}
_CROPPED = 0.98  # a share kept below this is told as a crop


def told(found: dict[str, Any], request: gr.Request | None = None) -> str:
    """Put a verdict into words.

    Args:
        found: As ``studio.tasks.verify`` gives it.
        request: Whose language is spoken.

    Returns:
        HTML; whatever comes from the video is escaped.
    """
    tone = _TONES[found["verdict"]]
    facts = _facts(found, request)
    headline = say(f"verify_{found['verdict']}", request, **facts)
    parts = [f'<h2 class="headline {tone}">{headline}</h2>']
    if found["match"]:
        parts.append(f"<p>{say('verify_about', request, **facts)}</p>")
    parts.append(f"<h3>{escape(say('verify_grounds', request))}</h3><dl>")
    for name, sentence in _grounds(found, facts, request):
        parts.append(f"<dt>{escape(say(f'verify_of_{name}', request))}</dt><dd>{sentence}</dd>")
    parts.append(f"</dl><h3>{escape(say('verify_limits', request))}</h3>{_items(_limits(found, facts, request))}")
    if "reasons" in found:
        exact = [found["summary"], *found["reasons"], *found["caveats"]]
        parts.append(f"<details><summary>{escape(say('verify_exact', request))}</summary>")
        parts.append(f'<div lang="en">{_items(map(escape, exact))}</div></details>')
    return "".join(parts)


def _items(sentences) -> str:
    return f"<ul>{''.join(f'<li>{sentence}</li>' for sentence in sentences)}</ul>"


def _facts(found: dict[str, Any], request: gr.Request | None) -> dict[str, str]:
    """What the phrases name, escaped."""
    match, mark = found["match"] or {}, found["watermark"]
    unknown = say("verify_somebody", request)
    facts = {
        "day": (match.get("time") or "")[:10],
        "actor": match.get("actor") or unknown,
        "purpose": purpose_told(match.get("purpose"), request),
        "who": match.get("who") or unknown,
        "decided": (match.get("decided") or "")[:10],
        "note": match.get("note") or "",
        "revoked": (match.get("consent_revoked") or "")[:10],
        "id": mark["id"] or "",
        "cut": f"{100 * (1 - (mark['kept'] or 1)):.0f}",
        "frames": mark["frames"],
        "signer": found["credentials"]["signer"] or unknown,
    }
    return {name: escape(str(value)) for name, value in facts.items()}


def purpose_told(purpose: str | None, request: gr.Request | None = None) -> str:
    """What a clone was made for, in the visitor's language."""
    return say(f"verify_purpose_{purpose}", request) if purpose in PURPOSES else purpose or "?"


def _grounds(found: dict[str, Any], facts: dict, request: gr.Request | None) -> Iterator[tuple[str, str]]:
    """What the verdict rests on: name -> sentences."""
    for name, keys in {
        "ledger": _of_ledger(found),
        "signature": [f"verify_signature_{_signature(found['credentials'])}"],
        "watermark": _of_watermark(found),
        "tags": [f"verify_tags_{_tags(found['metadata'])}"],
        "label": ["verify_label"],
    }.items():
        yield name, " ".join(say(key, request, **facts) for key in keys)


def _of_ledger(found: dict[str, Any]) -> Iterator[str]:
    match = found["match"]
    if not match:
        yield f"verify_ledger_{found['ledger']['state']}"
        return
    if not match["output_sha256"]:
        yield "verify_ledger_entry"
    else:
        yield "verify_ledger_same" if found["untouched"] else "verify_ledger_other"
    if "who" in match:
        yield "verify_ledger_who"
    if match["review"]:
        yield f"verify_ledger_{match['review']}"
    if match.get("note"):
        yield "verify_ledger_note"
    if match["consent_revoked"]:
        yield "verify_ledger_revoked"


def _of_watermark(found: dict[str, Any]) -> Iterator[str]:
    mark = found["watermark"]
    if mark["problem"]:
        yield "verify_watermark_unread"
    elif not mark["id"]:
        yield "verify_watermark_none"
    else:
        whole = found["ledger"]["state"] == "whole"
        yield f"verify_watermark_{'known' if mark['in_ledger'] else 'unknown' if whole else 'unasked'}"
        if mark["kept"] < _CROPPED:
            yield "verify_watermark_cut"


def _signature(credentials: dict[str, Any]) -> str:
    state = credentials["state"]
    return "ours" if state == "valid" and credentials["by_us"] else state


def _tags(metadata: dict[str, Any]) -> str:
    return "synthetic" if metadata["synthetic"] else "perfclone" if metadata["perfclone"] else "none"


def _limits(found: dict[str, Any], facts: dict, request: gr.Request | None) -> Iterator[str]:
    """What the verdict does not prove."""
    match, mark, credentials = found["match"], found["watermark"], found["credentials"]
    named = {match and match["watermark"], mark["id"], credentials["watermark"], found["metadata"]["id"]} - {None}
    applies = {
        "broken": found["ledger"]["state"] == "broken",
        "several": len(named) > 1,
        "anybody_marks": mark["id"] and not found["untouched"],
        "unsealed": match and not match["sealed"],
        "other_ledger": found["verdict"] == "made_by_perfclone_unknown_ledger",
        "any_name": credentials["state"] == "valid" and not credentials["by_us"],
        "any_tags": (found["metadata"]["synthetic"] or found["metadata"]["perfclone"]) and not match,
        "no_mark": not match and not mark["id"],
        "lawful": match,
    }
    return (say(f"verify_limit_{name}", request, **facts) for name, holds in applies.items() if holds)

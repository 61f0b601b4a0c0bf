"""The library's sentences in the visitor's language.

The library says what is wrong in English, a sentence each. As with gettext the English one is the key: each file
``library.LANGUAGE.json`` has the templates as the library's source has them, ``{}`` for what is put in, and a sentence
for each that takes the same values as ``{0}``, ``{1}`` ... A sentence that is in none stays English.
"""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from . import LANGUAGES, language

if TYPE_CHECKING:
    import gradio as gr


@cache
def catalogue(spoken: str) -> dict[str, str]:
    """The library's templates, each with what is said in a language; empty for the library's own."""
    if spoken == LANGUAGES[0]:
        return {}
    return json.loads(Path(__file__).with_name(f"library.{spoken}.json").read_text(encoding="utf-8"))


def translated(sentence: str, request: gr.Request | None = None) -> str:
    """What the library said, in the visitor's language; what is put into a sentence is translated likewise."""
    return _said(sentence, language(request))


def _said(sentence: str, spoken: str) -> str:
    for pattern, said in _patterns(spoken):
        if match := pattern.fullmatch(sentence):
            return said.format(*(_said(each, spoken) for each in match.groups()))
    parts = sentence.split(", ")
    named = [catalogue(spoken).get(each) for each in parts]
    return "、".join(named) if all(named) else sentence


@cache
def _patterns(spoken: str) -> list[tuple[re.Pattern, str]]:
    """What recognises each template, those with the most words of their own first."""
    templates = sorted(catalogue(spoken), key=lambda each: len(each.replace("{}", "")), reverse=True)
    return [
        (
            re.compile("(.+?)".join(map(re.escape, each.split("{}"))), re.DOTALL | re.IGNORECASE),
            catalogue(spoken)[each],
        )
        for each in templates
    ]

"""What the page says, in the browser's language: a file of phrases for each, all with the same keys."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import gradio as gr

LANGUAGES = ("en", "ja")


@cache
def phrases(language: str) -> dict[str, str]:
    """The phrases of a language by their keys."""
    return json.loads(Path(__file__).with_name(f"{language}.json").read_text(encoding="utf-8"))


def labels() -> gr.I18n:
    """The phrases for what stands on the page from the start; the browser chooses the language."""
    import gradio as gr

    return gr.I18n(**{language: phrases(language) for language in LANGUAGES})


def language(request: gr.Request | None) -> str:
    """The language of a visitor, by the order that the browser sends."""
    header = request.headers.get("accept-language", "") if request is not None else ""
    wanted = (part.split(";")[0].strip().lower().split("-")[0] for part in header.split(","))
    return next((each for each in wanted if each in LANGUAGES), LANGUAGES[0])


def say(key: str, request: gr.Request | None = None, /, *values, **named) -> str:
    """A phrase for what is said later, with its values put in."""
    return phrases(language(request))[key].format(*values, **named)

"""The tab in which clones are approved, the ledger is read, and a consent is withdrawn."""

from __future__ import annotations

import gradio as gr

from ..review import QUIET, consents, records, waiting
from ..roles import may
from ..studio import Studio


def build(studio: Studio, page: gr.Blocks) -> dict:
    """Build the tab: all of it for reviewers, for others the ledger's lines of their own clones.

    Returns:
        What is to be done whenever it is opened: all is read again, since clones are made in other tabs.
    """
    words = studio.words
    changed = gr.State(0)  # how often something was decided here or the tab opened, after which all is read again
    with gr.Column(visible=False) as queue:
        gr.Markdown(words("review_intro"))
        waiting.build(studio, page, changed)
        with gr.Accordion(words("withdraw_title"), open=False):
            consents.build(studio, page, changed)
    gr.Markdown(words("ledger_intro"))
    tools = records.build(studio, page, changed)

    def admit(request: gr.Request):
        allowed = may(request, "review")
        return gr.Column(visible=allowed), gr.Row(visible=allowed)

    page.load(admit, None, [queue, tools], **QUIET)
    return {"fn": lambda count: count + 1, "inputs": changed, "outputs": changed}

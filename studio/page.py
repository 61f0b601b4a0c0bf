"""The page: a tab for each part of the work, built by a file each in `tabs/`."""

from __future__ import annotations

import os
from importlib import import_module

import gradio as gr
from starlette.middleware import Middleware

from perfclone import companions
from perfclone.errors import UserError

from . import endpoints, job_files
from .phrases import LANGUAGES, phrases
from .studio import Studio
from .users import Users
from .visitors import Door
from .watching import QUIET

#: The tabs in their order: files in `tabs/`, each with ``build(studio, page)``, which may give what is to be done
#: whenever the tab is opened, and ``tab_NAME`` in the phrases.
TABS = ("clone", "train", "verify", "review", "evaluate")
#: The tabs of jobs that are not called like one.
TAB_OF = {"preflight": "clone", "check": "train", "push": "train"}
CSS = """
@media (max-width: 480px) {
    #tabs [role="tab"] {padding: 0 8px}
    .upload-container {padding-top: 44px !important}
    #review_queue .grid-container {grid-template-columns: 1fr !important}
}
.dark {--color-accent: var(--primary-300)}
.gradio-container > .main {max-width: 1280px !important; margin: 0 auto !important}
video, .still img {object-fit: contain; background: var(--block-background-fill)}
:root:lang(ja) .gradio-container {
    --font: "Hiragino Sans", "Noto Sans JP", "Noto Sans CJK JP", "Yu Gothic UI", Meiryo, system-ui, sans-serif;
    word-break: auto-phrase; line-break: strict}
.upload-container {padding-top: 28px}
.problem:not(:empty) {border-left: 4px solid #c2410c; padding-left: 12px}
.problem .problem {border-left: 0; padding-left: 0}
input[type="range"]::-webkit-slider-thumb {border: 2px solid var(--primary-600)}
#review_queue .caption-label {max-width: 100%; white-space: normal}
.verdict h2 {border-left: 8px solid #64748b; padding: 4px 0 4px 16px; line-height: 1.3}
.verdict h2.good {border-color: #15803d}
.verdict h2.beware {border-color: #b45309}
.verdict h2.bad {border-color: #b91c1c}
.verdict dt {font-weight: 600; margin-top: 10px}
.verdict dd, .verdict li, .verdict p {margin: 2px 0; line-height: 1.5}
.verdict summary {cursor: pointer; margin-top: 12px}
.ledger {overflow-x: auto}
.ledger table {width: 100%; border-collapse: collapse}
.ledger caption {text-align: left; padding: 4px 0}
.ledger th, .ledger td {text-align: left; padding: 6px 8px; border-bottom: 1px solid var(--border-color-primary)}
.report iframe {width: 100%; height: 75vh; border: 1px solid var(--border-color-primary); background: white}
"""
#: As it comes, hints and labels have a contrast of less than 4.5:1.
THEME = gr.themes.Soft(
    primary_hue="indigo", font=("system-ui", "sans-serif"), font_mono=("ui-monospace", "monospace")
).set(
    block_border_width="1px",
    block_info_text_color="*neutral_600",
    block_info_text_color_dark="*neutral_300",
    block_title_text_color="*primary_700",
    block_label_text_color="*primary_700",
    body_text_color_subdued="*neutral_600",
    body_text_color_subdued_dark="*neutral_300",
    button_primary_background_fill="*primary_600",
    button_primary_background_fill_hover="*primary_700",
    button_primary_background_fill_dark="*primary_600",
    checkbox_label_background_fill_selected="*primary_600",
    checkbox_label_background_fill_selected_dark="*primary_600",
    color_accent="*primary_600",
    checkbox_border_color="*neutral_500",
    checkbox_border_color_dark="*neutral_400",
    checkbox_border_width="1px",
    input_border_color="*neutral_500",
    input_border_color_dark="*neutral_400",
    input_border_width="1px",
    input_placeholder_color="*neutral_600",
    input_placeholder_color_dark="*neutral_300",
)
#: Where Gradio shows that there is nothing, it names what has no role. What a camera recorded has no length before
#: its end was sought. A player whose file was deleted meanwhile says so.
MENDED = """() => {
    document.addEventListener("loadedmetadata", ({target}) => {
        if (target.duration !== Infinity) return;
        target.addEventListener("timeupdate", () => { target.currentTime = 0; }, {once: true});
        target.currentTime = 1e9;
    }, true);
    document.addEventListener("error", ({target}) => {
        if (!target.dataset?.gone) return;
        const said = document.createElement("p");
        said.className = "clone-note";
        said.textContent = target.dataset.gone;
        target.replaceWith(said);
    }, true);
    const nothing = () => document.querySelectorAll(".empty[aria-label]:not([role])");
    const name = () => nothing().forEach((each) => each.setAttribute("role", "img"));
    new MutationObserver(name).observe(document.body, {childList: true, subtree: true});
    name();
}"""
#: Seconds between two cleanings of what was uploaded, and the age from which it is deleted.
CLEANING = (600, 24 * 3600)


def launch_options(studio: Studio, local: bool = True) -> dict:
    """What Gradio 6 takes in `launch()`: the looks, the words, the limits, and who stands at the door.

    Args:
        studio: Whose page it is.
        local: Whether only this machine is served.
    """
    users = Users()
    return {
        "app_kwargs": {"middleware": [Middleware(Door, local=local)], "routes": [job_files.route(studio.store)]},
        "auth": users.admit if users else None,
        "theme": THEME,
        "css": CSS + _spoken() + "".join(getattr(_tab(name), "CSS", "") for name in _offered()),
        "footer_links": ["api"],
        "max_file_size": studio.limits.bytes,
        "i18n": studio.words,
    }


def _spoken() -> str:
    """What Gradio says in English whatever the language, said in the visitor's."""
    camera = '[title="grant webcam access"] .wrap'
    return f"{camera} {{font-size: 0}}" + "".join(
        f':lang({each}) {camera}::after {{font-size: var(--text-lg); content: "{phrases(each)["camera_open"]}"}}'
        for each in LANGUAGES
    )


def _tab(name: str):
    """The module of a tab, which may bring looks of its own: ``CSS``."""
    return import_module(f".tabs.{name}", __package__)


def _offered() -> list[str]:
    """The tabs that can work here: a Space comes without `eval`."""
    return [name for name in TABS if name != "evaluate" or companions.there("eval")]


def build(studio: Studio) -> gr.Blocks:
    """Build the page."""
    with gr.Blocks(
        title="perfclone", analytics_enabled=False, delete_cache=CLEANING, fill_width=True, elem_classes="perfclone"
    ) as page:
        endpoints.build(studio)  # before the tabs, whose own events would otherwise take the names
        gr.Markdown(studio.words("header"))
        if os.environ.get("OAUTH_CLIENT_ID"):  # a Space whose card asks for it
            gr.LoginButton()
        with gr.Tabs(elem_id="tabs", overflow_behavior="wrap") as tabs:
            for name in _offered():
                with gr.Tab(studio.words(f"tab_{name}"), id=name) as tab:
                    opened = _tab(name).build(studio, page)
                if opened:
                    tab.select(**opened, **QUIET)
        gr.Markdown(studio.words("footer"))
        page.load(None, js=MENDED, **QUIET)

        @page.load(outputs=tabs, **QUIET)
        def open_the_tab_of_the_job(request: gr.Request):
            try:
                kind = studio.store.find(request.query_params.get("job", "")).kind
            except UserError:
                return gr.skip()
            return gr.Tabs(selected=TAB_OF.get(kind, kind))

    return page.queue(default_concurrency_limit=8)

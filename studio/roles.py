"""What a visitor may do: here everybody on this machine may all, and after a login those alone whose role says so."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import gradio as gr

Deed = Literal["review"]


def may(request: gr.Request, deed: Deed) -> bool:
    """Whether a visitor may do something."""
    return getattr(request, "username", None) is None

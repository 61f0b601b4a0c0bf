"""The parts of the review tab: what waits, the ledger, and withdrawing a consent."""

from __future__ import annotations

import gradio as gr

from perfclone.errors import UserError

from ..phrases import say
from ..roles import may
from ..visitors import login
from ..watching import QUIET, literal, plainly

__all__ = ["QUIET", "literal", "plainly", "require_reviewer", "reviewer"]


def require_reviewer(request: gr.Request) -> None:
    """Refuse whoever may not review: what a page hides can be asked for all the same.

    Raises:
        UserError: They may not.
    """
    if not may(request, "review"):
        raise UserError(say("review_forbidden", request))


def reviewer(request: gr.Request) -> str | None:
    """Who decides: the name of the login; None for whoever uses this machine.

    Raises:
        UserError: They may not review.
    """
    require_reviewer(request)
    return login(request)

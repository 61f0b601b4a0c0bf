"""What a visitor may do: without a login everybody may do all, with one it is the role that says so."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Literal

from perfclone.errors import UserError

from .phrases import say
from .users import Users
from .visitors import login

if TYPE_CHECKING:
    import gradio as gr

Deed = Literal["look", "make", "review"]
#: Role -> deeds. Who makes does not review: approval is another person's.
_MAY: dict[str, frozenset[Deed]] = {
    "viewer": frozenset({"look"}),
    "operator": frozenset({"look", "make"}),
    "reviewer": frozenset({"look", "review"}),
}
_ALL: frozenset[Deed] = frozenset({"look", "make", "review"})
#: Environment variables of a Space: that it is one, and whose it is.
SPACE, OWNER = "SPACE_ID", "SPACE_AUTHOR_NAME"


def may(request: gr.Request, deed: Deed) -> bool:
    """Whether a visitor may do something."""
    return deed in _deeds(login(request))


def require(request: gr.Request, deed: Deed) -> None:
    """Make sure that a visitor may do something.

    Raises:
        UserError: Their role does not allow it; in their language.
    """
    if not may(request, deed):
        raise UserError(say(f"role_{deed}", request))


def _deeds(name: str | None) -> frozenset[Deed]:
    users = Users()
    if users:
        return _MAY.get(users.roles().get(name, ""), frozenset())
    if os.environ.get(SPACE):  # the public makes, its owner alone sees what all made
        return _ALL if name and name == os.environ.get(OWNER) else _MAY["operator"]
    return _ALL

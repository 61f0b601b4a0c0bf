"""Whom a visitor may choose, and for what."""

from __future__ import annotations

from typing import NamedTuple

import gradio as gr

from perfclone.actor.remote.errors import require_repo_id
from perfclone.errors import UserError
from perfclone.governance.consent.record import ConsentRecord
from perfclone.governance.consent.rules import PURPOSES
from perfclone.governance.policy import authorise_clone

from ...actors import ActorEntry, entry, own_actors
from ...phrases import say
from ...studio import Studio
from ...visitors import visitor


class Chosen(NamedTuple):
    """An actor that was chosen.

    Attributes:
        name: On the page, in marks and in the ledger.
        entry: What is known without loading it.
    """

    name: str
    entry: ActorEntry


def offered(studio: Studio, request: gr.Request) -> dict[str, ActorEntry]:
    """The actors for a visitor: their own first, then those for everybody."""
    own = own_actors(studio, visitor(request))
    mine = {say("clone_mine", request, name=name) if name in studio.actors else name: own[name] for name in own}
    return {**mine, **studio.actors}


def choose(studio: Studio, request: gr.Request, name: str) -> Chosen:
    """Find an actor by what was chosen or typed.

    Raises:
        UserError: There is none of that name, here or on the Hub.
    """
    here = offered(studio, request)
    if name in here:
        return Chosen(name, here[name])
    if "/" not in name:
        raise UserError(say("clone_no_actor", request, name=name))
    require_repo_id(name)
    return Chosen(name, entry(name))  # never a folder: what a visitor types names no place on this machine


def purposes(record: ConsentRecord | None) -> list[str]:
    """What a clone may be made for today."""
    return [purpose for purpose in PURPOSES if _allows(record, purpose)]


def _allows(record: ConsentRecord | None, purpose: str) -> bool:
    try:
        authorise_clone(record, purpose)
    except UserError:
        return False
    return True


def refusal(record: ConsentRecord | None) -> str | None:
    """Why nothing at all may be made of an actor today; None where something may."""
    if purposes(record):
        return None
    try:
        authorise_clone(record, record.purposes[0] if record else PURPOSES[0])
    except UserError as error:
        return str(error)
    return None

"""Finding actors on the Hub, and who may have those that are gated."""

from __future__ import annotations

from typing import NamedTuple

from perfclone.actor.remote.errors import explained, require_repo_id, retried
from perfclone.errors import UserError

from .commit import client, find, require_token

#: Actors that `listing` gives at most.
MOST = 1000


class Listed(NamedTuple):
    """An actor on the Hub.

    Attributes:
        repository: Its id.
        private: Whether only its owner sees it.
        gated: Whether others have to ask for access.
        downloads: In the last 30 days, as the Hub counts them.
        updated: ISO date; empty where the Hub does not tell.
        withdrawn: Whether its consent was revoked and its weights are gone.
    """

    repository: str
    private: bool
    gated: bool
    downloads: int
    updated: str
    withdrawn: bool


class Request(NamedTuple):
    """Somebody asks for access to a gated actor.

    Attributes:
        user: Their name on the Hub.
        asked: ISO date.
        fields: What they answered to the card's questions.
    """

    user: str
    asked: str
    fields: dict[str, str]


def listing(owner: str | None = None, search: str | None = None, *, token: str | None = None) -> list[Listed]:
    """List the actors on the Hub that this user may see, those without weights any more at the end.

    Args:
        owner: Only those of a user or an organization.
        search: Words in the name.
        token: Hub token; None takes the one that is logged in, if there is one.

    Raises:
        UserError: The Hub cannot be asked.
    """
    from .withdraw import WITHDRAWN

    api = client(token)
    with explained(owner or "the Hub", "list the actors"):
        found = retried(
            lambda: list(api.list_models(filter="perfclone", author=owner, search=search, limit=MOST, full=True))
        )
    listed = [
        Listed(
            model.id, bool(model.private), bool(model.gated), model.downloads or 0,
            f"{model.last_modified:%Y-%m-%d}" if model.last_modified else "", WITHDRAWN in (model.tags or ()),
        )
        for model in found
    ]  # fmt: skip
    return sorted(listed, key=lambda actor: (actor.withdrawn, actor.repository))


def requests(
    repo_id: str,
    accept: str | None = None,
    reject: str | None = None,
    *,
    reason: str | None = None,
    token: str | None = None,
) -> list[Request]:
    """Accept or reject somebody's request for access to a gated actor, or none, and give those that still wait.

    Args:
        repo_id: "owner/name".
        accept: User whose request is accepted.
        reject: User whose request is rejected.
        reason: Why; the rejected user is told.
        token: Hub token; None takes the one that is logged in.

    Raises:
        UserError: Nobody of that name asked, or the Hub refuses.
    """
    require_repo_id(repo_id)
    api = client(token)
    require_token(api)
    with explained(repo_id, f"see who asks for {repo_id}"):
        there = find(api, repo_id)
        if there and not there.gated:
            raise UserError(f"{repo_id} is not gated, so nobody has to ask for it; push it anew with a gate.")
        waiting = _waiting(api, repo_id)
        for user in filter(None, (accept, reject)):
            if user not in {request.user for request in waiting}:
                names = ", ".join(request.user for request in waiting) or "nobody"
                raise UserError(f"{user} does not wait for access to {repo_id} (waiting: {names}); check the name.")
        if accept:
            retried(lambda: api.accept_access_request(repo_id, accept))
        if reject:
            retried(lambda: api.reject_access_request(repo_id, reject, rejection_reason=reason))
        return _waiting(api, repo_id) if accept or reject else waiting


def _waiting(api, repo_id: str) -> list[Request]:
    found = retried(lambda: list(api.list_pending_access_requests(repo_id)))
    return [Request(each.username or "", f"{each.timestamp:%Y-%m-%d}", dict(each.fields or {})) for each in found]

"""What every route needs: who asks, for which repository, and may they."""

from starlette.responses import JSONResponse

from .state import HubError

TYPES = {"models": "model", "datasets": "dataset", "spaces": "space"}


def hub_of(request):
    return request.app.state.hub


def user_of(request, required=False):
    token = request.headers.get("authorization", "").removeprefix("Bearer ").strip()
    user = hub_of(request).users.get(token)
    if token and user is None:
        raise HubError(401, "Invalid credentials in Authorization header")
    if required and user is None:
        raise HubError(401, "Unauthorized")
    return user


def visible(repository, user):
    return not repository.private or owns(repository, user)


def owns(repository, user):
    return user is not None and user.name == repository.owner


def repository_of(request, *, write=False, content=False):
    """The repository of the path, if the caller may see it, write to it, or read its files."""
    params = request.path_params
    type = TYPES.get(params.get("kind", "models"))
    return allowed(request, type, f"{params['owner']}/{params['name']}", write=write, content=content)


def allowed(request, type, id, *, write=False, content=False):
    user = user_of(request)
    repository = hub_of(request).repositories.get((type, id))
    if repository is None or not visible(repository, user):
        raise HubError(404 if user else 401, "Repository not found", "RepoNotFound")
    if write and not (owns(repository, user) and user.role == "write"):
        raise HubError(403 if user else 401, "You don't have write access to this repository")
    if content:
        check_gate(repository, user)
    return repository


def check_gate(repository, user):
    if not repository.gated or owns(repository, user):
        return
    message = f"Access to {repository.type} {repository.id} is restricted"
    if user is None:
        raise HubError(401, f"{message}. You must be authenticated to access it.", "GatedRepo")
    asked = repository.access.get(user.name)
    if asked is None or asked.status != "accepted":
        raise HubError(403, f"{message} and you are not in the authorized list.", "GatedRepo")


def revision_of(request):
    """A revision travels as one segment of the path, its slashes escaped."""
    return request.path_params.get("revision", "main").replace("%2F", "/")


def flag(request, name):
    return request.query_params.get(name, "").lower() in ("true", "1")


def paginated(request, items):
    """A page of the list, with the link to the next one."""
    size = int(request.query_params.get("limit", hub_of(request).page_size))
    start = int(request.query_params.get("cursor", 0))
    headers = {}
    if start + size < len(items):
        headers["Link"] = f'<{request.url.include_query_params(cursor=start + size)}>; rel="next"'
    return JSONResponse(items[start : start + size], headers=headers)

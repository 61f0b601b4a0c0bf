"""Routes about people: who am I, may I, and the requests for a gated repository."""

from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from .asking import hub_of, paginated, repository_of, user_of
from .repos import REPOSITORY
from .state import AccessRequest, HubError

REQUESTS = REPOSITORY + "/user-access-request"


async def whoami(request):
    user = user_of(request, required=True)
    token = {"displayName": "a token", "role": user.role}
    auth = {"type": "access_token", "accessToken": token}
    return JSONResponse({"type": "user", "name": user.name, "fullname": user.name, "orgs": [], "auth": auth})


async def auth_check(request):
    repository_of(request, content=True, write=request.url.path.endswith("/write"))
    return Response("OK")


def ask(repository, user, fields):
    """What the form on the web page does; the client has no call for it."""
    status = "accepted" if repository.gated == "auto" else "pending"
    repository.access[user] = AccessRequest(user, fields, status)
    return repository.access[user]


async def ask_on_page(request):
    repository, user = repository_of(request), user_of(request, required=True)
    return JSONResponse(access_json(ask(repository, user.name, await request.json())))


async def list_requests(request):
    repository, status = gated_repository(request), request.path_params["status"]
    return paginated(request, [access_json(item) for item in repository.access.values() if item.status == status])


def access_json(asked):
    user = {"user": asked.user, "fullname": asked.user, "email": f"{asked.user}@example.org"}
    told = {"user": user, "requestId": asked.id, "status": asked.status, "timestamp": asked.date}
    return {**told, "fields": asked.fields} if asked.fields is not None else told


async def handle(request):
    repository, body = gated_repository(request), await request.json()
    wanted = [item for item in repository.access.values() if body.get("user", item.user) == item.user]
    wanted = [item for item in wanted if body.get("requestId", item.id) == item.id]
    if not wanted:
        raise HubError(404, "User access request not found")
    if wanted[0].status == body["status"]:
        raise HubError(404, f"User access request is already {body['status']}")
    wanted[0].status = body["status"]
    wanted[0].reason = body.get("rejectionReason")
    return JSONResponse({})


async def grant(request):
    repository, user = gated_repository(request), (await request.json())["user"]
    if user not in hub_of(request).names:
        raise HubError(404, f"User {user} not found")
    if user in repository.access and repository.access[user].status == "accepted":
        raise HubError(400, f"User {user} already has access")
    repository.access[user] = AccessRequest(user, None, "accepted")
    return JSONResponse({})


def gated_repository(request):
    repository = repository_of(request, write=True)
    if not repository.gated:
        raise HubError(400, "Repository is not gated")
    return repository


routes = [
    Route("/api/whoami-v2", whoami),
    Route(REPOSITORY + "/auth-check", auth_check),
    Route(REPOSITORY + "/auth-check/write", auth_check),
    Route(REQUESTS + "/handle", handle, methods=["POST"]),
    Route(REQUESTS + "/grant", grant, methods=["POST"]),
    Route(REQUESTS + "/{status}", list_requests),
    *(Route(prefix + "{owner}/{name}/ask-access", ask_on_page, methods=["POST"]) for prefix in ("/", "/{kind}/")),
]

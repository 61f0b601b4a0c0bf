"""Routes that make, find, change and delete repositories, their branches, tags and history."""

import json

import yaml
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from .asking import TYPES, allowed, hub_of, paginated, repository_of, revision_of, user_of, visible
from .metadata import front_matter, narrowed, repository_json
from .state import HubError, sha1

REPOSITORY = "/api/{kind}/{owner}/{name}"


async def create(request):
    hub, user, body = hub_of(request), user_of(request, required=True), await request.json()
    type, owner = body.get("type") or "model", body.get("organization") or user.name
    id = f"{owner}/{body['name']}"
    if user.role != "write" or owner != user.name:
        raise HubError(403, f"You don't have the rights to create a {type} under the namespace {owner}")
    url = f"{hub.url}/{'' if type == 'model' else f'{type}s/'}{id}"
    with hub.lock:
        if (type, id) in hub.repositories:
            return JSONResponse({"error": f"You already created this {type} repo", "url": url}, 409)
        private = body.get("visibility") == "private" or bool(body.get("private"))
        hub.create(id, type, author=user.name, private=private, sdk=body.get("sdk"))
    return JSONResponse({"url": url, "name": id, "id": sha1(url)[:24]})


async def delete(request):
    hub, user, body = hub_of(request), user_of(request, required=True), await request.json()
    id = f"{body.get('organization') or user.name}/{body['name']}"
    with hub.lock:
        hub.delete(allowed(request, body.get("type") or "model", id, write=True))
    return Response("OK")


async def settings(request):
    repository, body = repository_of(request, write=True), await request.json()
    if "gated" in body:
        repository.gated = body["gated"]
    if "visibility" in body:
        repository.private = body["visibility"] == "private"
    if "private" in body:
        repository.private = bool(body["private"])
    return JSONResponse({"private": repository.private, "gated": repository.gated})


async def info(request):
    repository = repository_of(request)
    commit = repository.find(revision_of(request))
    blobs = request.query_params.get("blobs", "").lower() == "true"
    return JSONResponse(narrowed(request, repository_json(hub_of(request), repository, commit, blobs=blobs)))


async def listing(request):
    hub, user, query = hub_of(request), user_of(request), request.query_params
    if request.path_params["kind"] not in TYPES:
        raise HubError(404, "Not found")
    type = TYPES[request.path_params["kind"]]
    seen = [repository for repository in hub.repositories.values() if visible(repository, user)]
    told = [repository_json(hub, item, item.find("main")) for item in seen if item.type == type]
    found = sorted((item for item in told if matches(item, query)), key=lambda item: item["id"])
    if query.get("sort") in ("createdAt", "downloads", "lastModified", "likes"):
        found.sort(key=lambda item: item[query["sort"]], reverse=True)
    return paginated(request, [narrowed(request, item, listing=True) for item in found])


def matches(told, query):
    gated = query.get("gated", "").lower()
    return (
        query.get("author", told["author"]) == told["author"]
        and query.get("search", "").lower() in told["id"].lower()
        and query.get("pipeline_tag", told.get("pipeline_tag")) == told.get("pipeline_tag")
        and (not gated or (gated == "true") == bool(told["gated"]))
        and set(query.getlist("filter")) <= set(told["tags"])
    )


async def refs(request):
    repository = repository_of(request)
    told = {"branches": ref_list("refs/heads/", repository.branches), "converts": []}
    told["tags"] = ref_list("refs/tags/", repository.tags)
    if request.query_params.get("include_prs"):
        told["pullRequests"] = ref_list("", repository.pull_requests)
    return JSONResponse(told)


def ref_list(prefix, named):
    return [{"name": name, "ref": f"{prefix}{name}", "targetCommit": id} for name, id in named.items()]


async def commits(request):
    history = list(repository_of(request).history(revision_of(request)))
    return paginated(request, [commit_json(commit) for commit in history])


def commit_json(commit):
    authors = [{"user": commit.author}]
    return {"id": commit.id, "title": commit.title, "message": commit.message, "date": commit.date, "authors": authors}


async def make_branch(request):
    repository, name = repository_of(request, write=True), revision_of(request)
    start = json.loads(await request.body() or b"{}").get("startingPoint") or "main"
    if name.startswith("refs/"):
        raise HubError(400, f"Invalid reference for a branch: {name}")
    if name in repository.branches:
        raise HubError(409, f"Reference already exists: {name}")
    repository.branches[name] = repository.find(start).id
    return JSONResponse({})


async def delete_branch(request):
    repository, name = repository_of(request, write=True), revision_of(request)
    if name == "main":
        raise HubError(403, "The main branch cannot be deleted")
    return forget(repository.branches, name)


async def make_tag(request):
    repository, name = repository_of(request, write=True), (await request.json())["tag"]
    if name in repository.tags:
        raise HubError(409, f"Tag already exists: {name}")
    repository.tags[name] = repository.find(revision_of(request)).id
    return JSONResponse({})


async def delete_tag(request):
    return forget(repository_of(request, write=True).tags, revision_of(request))


def forget(named, name):
    if named.pop(name, None) is None:
        raise HubError(404, f"Invalid rev id: {name}", "RevisionNotFound")
    return Response("OK")


async def squash(request):
    repository, branch = repository_of(request, write=True), revision_of(request)
    hub, user, title = hub_of(request), user_of(request), (await request.json())["message"]
    with hub.lock:
        if branch not in repository.branches:
            raise HubError(404, f"Invalid rev id: {branch}", "RevisionNotFound")
        files = repository.find(branch).files
        repository.branches[branch] = hub.record(repository, files, title, author=user.name).id
    return JSONResponse({})


async def validate_yaml(request):
    try:
        front_matter((await request.json()).get("content", ""))
    except yaml.YAMLError as error:
        return JSONResponse({"errors": [{"message": str(error)}], "warnings": []}, 400)
    return JSONResponse({"errors": [], "warnings": []})


routes = [
    Route("/api/repos/create", create, methods=["POST"]),
    Route("/api/repos/delete", delete, methods=["DELETE"]),
    Route("/api/validate-yaml", validate_yaml, methods=["POST"]),
    Route("/api/{kind}", listing),
    Route(REPOSITORY, info),
    Route(REPOSITORY + "/revision/{revision}", info),
    Route(REPOSITORY + "/settings", settings, methods=["PUT"]),
    Route(REPOSITORY + "/refs", refs),
    Route(REPOSITORY + "/commits/{revision}", commits),
    Route(REPOSITORY + "/branch/{revision}", make_branch, methods=["POST"]),
    Route(REPOSITORY + "/branch/{revision}", delete_branch, methods=["DELETE"]),
    Route(REPOSITORY + "/tag/{revision}", make_tag, methods=["POST"]),
    Route(REPOSITORY + "/tag/{revision}", delete_tag, methods=["DELETE"]),
    Route(REPOSITORY + "/super-squash/{revision}", squash, methods=["POST"]),
]

"""Routes of an upload: which files go to LFS, their bytes, and the commit that names them all."""

import base64
import hashlib
import json

from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from .asking import hub_of, paginated, repository_of, revision_of, user_of
from .repos import REPOSITORY
from .state import HubError, wants_lfs

LFS_JSON = "application/vnd.git-lfs+json"


async def preupload(request):
    repository = repository_of(request, write="create_pr" not in request.query_params)
    files = repository.find(revision_of(request)).files
    return JSONResponse({"files": [upload_json(file, files) for file in (await request.json())["files"]]})


def upload_json(file, files):
    name, sample = file["path"], base64.b64decode(file.get("sample", ""))
    mode = "lfs" if wants_lfs(name, file["size"], sample) else "regular"
    oid = files[name].etag if name in files else None
    return {"path": name, "uploadMode": mode, "shouldIgnore": False, "oid": oid}


async def lfs_batch(request):
    hub, repository, body = hub_of(request), repository_of(request, write=True), await request.json()
    objects = [batch_json(hub, repository, item["oid"], item["size"]) for item in body["objects"]]
    return JSONResponse({"transfer": "basic", "objects": objects}, media_type=LFS_JSON)


def batch_json(hub, repository, sha256, size):
    told = {"oid": sha256, "size": size}
    if sha256 not in repository.lfs:
        upload = {"href": f"{hub.storage_url}/lfs/{repository.path}/{sha256}"}
        verify = {"href": f"{hub.url}/{repository.path}.git/info/lfs/verify"}
        told["actions"] = {"upload": upload, "verify": verify}
    return told


async def lfs_verify(request):
    hub, repository, body = hub_of(request), repository_of(request, write=True), await request.json()
    if body["oid"] not in repository.lfs or len(hub.blobs[body["oid"]]) != body["size"]:
        raise HubError(404, f"LFS object {body['oid']} was not uploaded")
    return JSONResponse({"message": "Uploaded successfully"})


async def commit(request):
    wants_review = "create_pr" in request.query_params
    hub, repository = hub_of(request), repository_of(request, write=not wants_review)
    author = user_of(request, required=True).name
    header, *changes = [json.loads(line) for line in (await request.body()).splitlines() if line.strip()]
    with hub.lock:
        parent = parent_of(repository, revision_of(request), header["value"].get("parentCommit"))
        files = dict(parent.files)
        for change in changes:
            apply(hub, repository, files, change["key"], change["value"])
        title, message = header["value"]["summary"], header["value"].get("description", "")
        made = hub.record(repository, files, title, message, author=author, parent=parent.id)
        review = publish(repository, made, None if wants_review else revision_of(request))
    url = f"{hub.url}/{repository.id}"
    told = {"success": True, "commitOid": made.id, "commitUrl": f"{url}/commit/{made.id}", "hookOutput": ""}
    return JSONResponse({**told, "pullRequestUrl": review and f"{url}/discussions/{review}"})


def parent_of(repository, revision, expected):
    if revision not in repository.branches and revision not in repository.pull_requests:
        raise HubError(404, f"Invalid rev id: {revision}", "RevisionNotFound")
    parent = repository.find(revision)
    if expected and not parent.id.startswith(expected):
        raise HubError(412, "A commit has happened since. Please refresh and try again.")
    return parent


def apply(hub, repository, files, key, value):
    """Apply one line of a commit to the files."""
    name = value["path"]
    if key == "file":
        # The client decides by the answer to preupload, and sends an empty file this way whatever its name.
        content = base64.b64decode(value["content"])
        files[name] = hub.store_text(content)
    elif key == "lfsFile":
        files[name] = hub.pointer(repository, value["oid"])
    elif key == "deletedFile":
        if files.pop(name, None) is None:
            raise HubError(404, f"A file with this name doesn't exist: {name}", "EntryNotFound")
    elif key == "deletedFolder":
        for inside in [other for other in files if other.startswith(name.rstrip("/") + "/")]:
            del files[inside]
    else:
        raise HubError(400, f"Unknown operation: {key}")


def publish(repository, commit, branch):
    """Let the branch, or a new pull request, point to the commit; the number of the pull request."""
    if branch is None:
        number = len(repository.pull_requests) + 1
        repository.pull_requests[f"refs/pr/{number}"] = commit.id
        return number
    (repository.branches if branch in repository.branches else repository.pull_requests)[branch] = commit.id
    return None


async def lfs_files(request):
    repository = repository_of(request, write=True)
    return paginated(request, [lfs_file_json(hub_of(request), repository, sha256) for sha256 in repository.lfs])


def lfs_file_json(hub, repository, sha256):
    """An uploaded file that no commit has is listed too, under its sha256."""
    places = [
        (name, branch)
        for branch in repository.branches
        for commit in repository.history(branch)
        for name, entry in commit.files.items()
        if entry.sha256 == sha256
    ]
    name, branch = places[0] if places else (sha256, None)
    told = {"fileOid": sha256, "oid": sha256, "filename": name, "size": len(hub.blobs[sha256])}
    return {**told, "pushedAt": repository.lfs[sha256], "ref": branch and f"refs/heads/{branch}"}


async def delete_lfs_files(request):
    hub, repository = hub_of(request), repository_of(request, write=True)
    deletions = (await request.json())["deletions"]
    with hub.lock:
        for sha256 in deletions["sha"]:
            repository.lfs.pop(sha256, None)
        if deletions["rewriteHistory"]:
            rewrite(hub, repository, set(deletions["sha"]))
        hub.sweep()
    return JSONResponse({})


def rewrite(hub, repository, gone):
    """Make every commit that has one of these files, or follows one that had it, anew without it."""
    renamed = {}
    for old in list(repository.commits.values()):
        files = {name: entry for name, entry in old.files.items() if entry.sha256 not in gone}
        if len(files) == len(old.files) and old.parent not in renamed:
            continue
        parent = renamed.get(old.parent, old.parent)
        made = hub.record(repository, files, old.title, old.message, author=old.author, parent=parent)
        renamed[old.id] = made.id
    for named in (repository.branches, repository.tags, repository.pull_requests):
        named.update({name: renamed.get(id, id) for name, id in named.items()})
    for id in renamed:
        del repository.commits[id]


async def lfs_put(request):
    """The storage is another company's computer: a token sent there is a token leaked."""
    hub, params, content = hub_of(request), request.path_params, await request.body()
    refuse_token(request)
    if hashlib.sha256(content).hexdigest() != params["sha256"]:
        raise HubError(400, "The bytes do not have this sha256")
    hub.upload(stored_repository(request), content)
    return Response()


def refuse_token(request):
    if "authorization" in request.headers:
        raise HubError(400, "A token was sent to the storage host")


def stored_repository(request):
    params = request.path_params
    key = params["kind"].removesuffix("s"), f"{params['owner']}/{params['name']}"
    repository = hub_of(request).repositories.get(key)
    if repository is None:
        raise HubError(404, "No such object")
    return repository


LFS = "{owner}/{name}.git/info/lfs"
STORED = "/lfs/{kind}/{owner}/{name}/{sha256}"

routes = [
    Route(REPOSITORY + "/preupload/{revision}", preupload, methods=["POST"]),
    Route(REPOSITORY + "/commit/{revision}", commit, methods=["POST"]),
    Route(REPOSITORY + "/lfs-files", lfs_files),
    Route(REPOSITORY + "/lfs-files/batch", delete_lfs_files, methods=["POST"]),
    *(Route(f"{prefix}{LFS}/objects/batch", lfs_batch, methods=["POST"]) for prefix in ("/", "/{kind}/")),
    *(Route(f"{prefix}{LFS}/verify", lfs_verify, methods=["POST"]) for prefix in ("/", "/{kind}/")),
]
storage_routes = [Route(STORED, lfs_put, methods=["PUT"])]

"""Routes that tell what files there are and give their bytes."""

import re
from urllib.parse import parse_qs

from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from .asking import flag, hub_of, paginated, repository_of, revision_of
from .commits import STORED, refuse_token, stored_repository
from .metadata import entry_json, folder_json
from .repos import REPOSITORY
from .state import HubError

RESOLVE = "{owner}/{name}/resolve/{revision}/{path:path}"


async def tree(request):
    repository = repository_of(request)
    files = repository.find(revision_of(request)).files
    folder = request.path_params.get("path", "").replace("%2F", "/").strip("/")
    inside = {name: entry for name, entry in files.items() if not folder or name.startswith(folder + "/")}
    if folder and not inside:
        raise HubError(404, f"{folder} does not exist", "EntryNotFound")
    told = [folder_json(name) for name in sorted(folders(inside)) if name != folder and name.startswith(folder)]
    told += [entry_json(repository, name, inside[name]) for name in sorted(inside)]
    if not flag(request, "recursive"):
        told = [item for item in told if item["path"].rpartition("/")[0] == folder]
    return paginated(request, told)


def folders(names):
    """Every folder that holds one of the files, at any depth."""
    parts = [name.split("/")[:-1] for name in names]
    return {"/".join(path[: depth + 1]) for path in parts for depth in range(len(path))}


async def paths_info(request):
    repository = repository_of(request)
    files = repository.find(revision_of(request)).files
    paths = parse_qs((await request.body()).decode())["paths"]
    told = [entry_json(repository, path, files[path]) for path in paths if path in files]
    return JSONResponse(told + [folder_json(path) for path in paths if path.rstrip("/") in folders(files)])


async def resolve(request):
    """The bytes of a small file; for one in LFS, where they are: on another host, as on the real Hub.

    The client follows a redirect to the same host already when it asks for the metadata, and loses them.
    """
    hub, repository = hub_of(request), repository_of(request, content=True)
    commit, path = repository.find(revision_of(request)), request.path_params["path"]
    if path not in commit.files:
        raise HubError(404, "Entry not found", "EntryNotFound", {"X-Repo-Commit": commit.id})
    entry = commit.files[path]
    claimed = repository.claimed(path, entry)
    headers = {"X-Repo-Commit": commit.id, "ETag": f'"{claimed.etag}"'}
    if request.method == "GET":
        repository.downloads += 1
    if entry.sha256:
        headers |= {"X-Linked-ETag": headers["ETag"], "X-Linked-Size": str(claimed.size)}
        return RedirectResponse(f"{hub.storage_url}/lfs/{repository.path}/{entry.sha256}", 302, headers)
    if request.method == "HEAD":
        return Response(headers={**headers, "Content-Length": str(claimed.size), "Accept-Ranges": "bytes"})
    return ranged(request, hub.read(repository, entry), headers)


async def lfs_get(request):
    refuse_token(request)
    repository, sha256 = stored_repository(request), request.path_params["sha256"]
    content = repository.swapped.get(sha256, hub_of(request).blobs.get(sha256))
    if content is None or sha256 not in repository.lfs:
        raise HubError(404, "No such object")
    return ranged(request, content, {"ETag": f'"{sha256}"'})


def ranged(request, content, headers):
    """The whole, or the part that the Range header names."""
    headers = {"Accept-Ranges": "bytes", **headers}
    match = re.fullmatch(r"bytes=(\d*)-(\d*)", request.headers.get("range", ""))
    if not match:
        return Response(content, 200, headers, "application/octet-stream")
    total, first, last = len(content), match[1], match[2]
    start = int(first) if first else max(total - int(last), 0)
    stop = min(int(last) + 1, total) if first and last else total
    if start >= stop:
        return Response(status_code=416, headers={"Content-Range": f"bytes */{total}"})
    headers["Content-Range"] = f"bytes {start}-{stop - 1}/{total}"
    return Response(content[start:stop], 206, headers, "application/octet-stream")


routes = [
    Route(REPOSITORY + "/tree/{revision}", tree),
    Route(REPOSITORY + "/tree/{revision}/{path:path}", tree),
    Route(REPOSITORY + "/paths-info/{revision}", paths_info, methods=["POST"]),
    *(Route(prefix + RESOLVE, resolve) for prefix in ("/", "/{kind}/")),
]
storage_routes = [Route(STORED, lfs_get)]

"""A Hub on the loopback interface that the genuine client can talk to, and that can be told to misbehave."""

from dataclasses import dataclass

from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Host, Router

from . import access, commits, content, repos
from .faults import Fault, Gatekeeper
from .listener import Listener
from .state import AccessRequest, Hub, HubError


@dataclass(frozen=True)
class RepositoryState:
    """A repository as it was when the test asked; the files are those at the head of main."""

    id: str
    type: str
    private: bool
    gated: str | bool
    sdk: str | None
    sha: str
    files: dict[str, bytes | None]
    branches: dict[str, str]
    tags: dict[str, str]
    pull_requests: dict[str, str]
    access: dict[str, AccessRequest]
    titles: list[str]


class HubServer:
    """``with HubServer() as server`` listens at ``server.url`` until the block ends.

    ``requests`` lists what was asked. ``blobs`` is the LFS storage, by sha256. ``users`` maps tokens to people:
    hf_owner and hf_other write, hf_reader reads. ``page_size`` is how much a page of any list holds.
    """

    def __init__(self, listener=None):
        self._own = None if listener else Listener()
        self._listener = listener or self._own
        self.hub = Hub(self._listener.url, self._listener.storage_url)
        self._gatekeeper = Gatekeeper(application(self.hub), self.hub)
        self._listener.app = self._gatekeeper

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.close()

    def close(self):
        if self._own:
            self._own.close()

    @property
    def url(self):
        return self.hub.url

    @property
    def storage_url(self):
        return self.hub.storage_url

    @property
    def requests(self):
        return self._gatekeeper.requests

    @property
    def blobs(self):
        return self.hub.blobs

    @property
    def users(self):
        return self.hub.users

    @property
    def page_size(self):
        return self.hub.page_size

    @page_size.setter
    def page_size(self, size):
        self.hub.page_size = size

    def fail(self, path_regex, status=503, times=1, method=None, headers=None):
        """Answer the next ``times`` requests with this status and do nothing of what they ask.

        Where the client tries again, it waits 1 s each time, as the answer has Retry-After: 0.
        """
        self._arm("fail", path_regex, times, method, status=status, headers=headers)

    def drop(self, path_regex, after, times=1, method=None):
        """Promise the whole answer, send ``after`` bytes of its body, close. Never applies to HEAD."""
        self._arm("drop", path_regex, times, method, after=after)

    def cut(self, path_regex, times=1, method=None):
        """Read the request, do nothing of what it asks, close without an answer."""
        self._arm("cut", path_regex, times, method)

    def lose_answer(self, path_regex, times=1, method=None):
        """Do what the request asks, close without an answer."""
        self._arm("lose_answer", path_regex, times, method)

    def before(self, path_regex, action, method=None):
        """Call ``action`` once, in a thread of its own, before the next such request is looked at."""
        self._arm("before", path_regex, 1, method, action=action)

    def _arm(self, kind, path_regex, times, method, **options):
        self._gatekeeper.faults.append(Fault(kind, path_regex, times, method, **options))

    def swap(self, repo_id, filename, content, type="model", revision="main"):
        """Serve other bytes for a file from now on; all that is told about it stays as it was."""
        repository = self.hub.repositories[type, repo_id]
        repository.swapped[repository.find(revision).files[filename].etag] = content

    def lie(self, repo_id, filename, *, size=None, sha256=None, type="model"):
        """Claim another size or sha256 than is true for a file, wherever metadata are told, at every revision."""
        repository = self.hub.repositories[type, repo_id]
        if sha256 and not repository.find("main").files[filename].sha256:
            raise ValueError(f"{filename} is not in LFS, so nothing tells its sha256")
        claims = {"size": size, "sha256": sha256}
        repository.lies[filename] = {key: value for key, value in claims.items() if value is not None}

    def put(
        self, repo_id, files, branch="main", delete=(), private=None, gated=None, type="model", sdk=None, title="put"
    ):
        """Commit files, making the repository and the branch where there are none; the id of the commit.

        ``private`` and ``gated`` change the repository where they are given.
        """
        owner = repo_id.partition("/")[0]
        with self.hub.lock:
            repository = self.hub.repositories.get((type, repo_id))
            if repository is None:
                sdk = sdk or ("gradio" if type == "space" else None)
                repository = self.hub.create(repo_id, type, author=owner, sdk=sdk)
            repository.private = repository.private if private is None else private
            repository.gated = repository.gated if gated is None else gated
            parent = repository.find(branch if branch in repository.branches else "main")
            kept = {name: entry for name, entry in parent.files.items() if name not in delete}
            added = {name: self.hub.store(repository, name, content) for name, content in files.items()}
            commit = self.hub.record(repository, {**kept, **added}, title, author=owner, parent=parent.id)
            repository.branches[branch] = commit.id
        return commit.id

    def ask(self, repo_id, user, fields=None, type="model"):
        """Let a person ask for access on the web page of a gated repository."""
        self.hub.names.add(user)
        return access.ask(self.hub.repositories[type, repo_id], user, fields)

    def repository(self, repo_id, type="model"):
        """What the Hub has now, None where there is no such repository."""
        with self.hub.lock:
            repository = self.hub.repositories.get((type, repo_id))
            return repository and state_of(self.hub, repository)


def state_of(hub, repository):
    head = repository.find("main")
    return RepositoryState(
        id=repository.id,
        type=repository.type,
        private=repository.private,
        gated=repository.gated,
        sdk=repository.sdk,
        sha=head.id,
        files={name: hub.read(repository, entry) for name, entry in head.files.items()},
        branches=dict(repository.branches),
        tags=dict(repository.tags),
        pull_requests=dict(repository.pull_requests),
        access=dict(repository.access),
        titles=[commit.title for commit in repository.history("main")],
    )


def application(hub):
    """The routes of the two hosts around one state."""
    routes = [*access.routes, *repos.routes, *commits.routes, *content.routes]
    storage = [*commits.storage_routes, *content.storage_routes]
    hosts = [Host("127.0.0.1", Router(routes)), Host("127.0.0.2", Router(storage))]
    app = Starlette(routes=hosts, exception_handlers={HubError: explain})
    app.state.hub = hub
    return app


async def explain(request, error):
    return JSONResponse({"error": error.message}, error.status, error.headers)

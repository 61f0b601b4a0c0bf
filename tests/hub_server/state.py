"""What the loopback Hub remembers: people, repositories with their commits, and the bytes of the files."""

import hashlib
import itertools
import threading
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

LFS_SIZE = 10 * 1024 * 1024
LFS_SUFFIXES = (".safetensors", ".bin", ".ckpt", ".h5", ".npz", ".onnx", ".pt", ".zip", ".mp4", ".png", ".jpg")
GIT_ATTRIBUTES = "".join(f"*{suffix} filter=lfs diff=lfs merge=lfs -text\n" for suffix in LFS_SUFFIXES)


class HubError(Exception):
    """An answer that is not a success; ``code`` is what the client picks its exception by."""

    def __init__(self, status, message, code=None, headers=()):
        super().__init__(message)
        self.status = status
        self.message = message
        self.headers = {"X-Error-Message": message, **({"X-Error-Code": code} if code else {}), **dict(headers)}


@dataclass(frozen=True)
class User:
    name: str
    role: str = "write"


USERS = {"hf_owner": User("owner"), "hf_reader": User("reader", "read"), "hf_other": User("other")}


@dataclass(frozen=True)
class Entry:
    """A file of a commit; one kept in LFS has a sha256, and its oid is that of the pointer."""

    oid: str
    size: int
    sha256: str | None = None

    @property
    def etag(self):
        return self.sha256 or self.oid


@dataclass
class Commit:
    id: str
    title: str
    message: str
    author: str
    parent: str | None
    files: dict[str, Entry]
    date: str = field(default_factory=lambda: now())


@dataclass
class AccessRequest:
    """What a person asked of the owner of a gated repository."""

    user: str
    fields: dict | None
    status: str = "pending"
    reason: str | None = None
    date: str = field(default_factory=lambda: now())

    @property
    def id(self):
        return sha1(self.user)[:24]


@dataclass
class Repository:
    id: str
    type: str = "model"
    private: bool = False
    gated: str | bool = False
    sdk: str | None = None
    created: str = field(default_factory=lambda: now())
    downloads: int = 0
    commits: dict[str, Commit] = field(default_factory=dict)
    branches: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    pull_requests: dict[str, str] = field(default_factory=dict)
    access: dict[str, AccessRequest] = field(default_factory=dict)
    #: sha256 -> when it was uploaded, whether or not a commit has it
    lfs: dict[str, str] = field(default_factory=dict)
    #: filename -> what the metadata claims instead of the truth
    lies: dict[str, dict] = field(default_factory=dict)
    #: etag -> the bytes served instead of the true ones
    swapped: dict[str, bytes] = field(default_factory=dict)

    @property
    def owner(self):
        return self.id.partition("/")[0]

    @property
    def path(self):
        return f"{self.type}s/{self.id}"

    def find(self, revision):
        """The commit of a branch, tag, pull request, or whole or shortened id.

        As in git, a commit that no branch leads to any more can still be had by its id.
        """
        branch = revision.removeprefix("refs/heads/")
        id = self.branches.get(branch) or self.tags.get(revision) or self.pull_requests.get(revision) or revision
        matches = [commit for key, commit in self.commits.items() if key.startswith(id) and len(id) >= 7]
        if len(matches) != 1:
            raise HubError(404, f"Invalid rev id: {revision}", "RevisionNotFound")
        return matches[0]

    def claimed(self, filename, entry):
        """The entry as the metadata tell it."""
        return replace(entry, **self.lies.get(filename, {}))

    def history(self, revision):
        commit = self.find(revision)
        while commit:
            yield commit
            commit = self.commits.get(commit.parent)


class Hub:
    """The whole state. The server's thread and the tests both change it, one at a time."""

    def __init__(self, url="", storage_url=""):
        self.url = url
        self.storage_url = storage_url
        self.page_size = 1000
        self.users = dict(USERS)
        self.names = {user.name for user in USERS.values()}
        self.repositories: dict[tuple[str, str], Repository] = {}
        self.blobs: dict[str, bytes] = {}
        self.texts: dict[str, bytes] = {}
        self.lock = threading.RLock()
        self._serial = itertools.count()

    def create(self, id, type="model", *, author, private=False, sdk=None):
        repository = Repository(id, type, private, sdk=sdk)
        files = {".gitattributes": self.store(repository, ".gitattributes", GIT_ATTRIBUTES.encode())}
        if type == "space":
            card = f"---\ntitle: {id.partition('/')[2]}\nsdk: {sdk}\n---\n"
            files["README.md"] = self.store(repository, "README.md", card.encode())
        repository.branches["main"] = self.record(repository, files, "initial commit", author=author).id
        self.repositories[type, id] = repository
        return repository

    def delete(self, repository):
        del self.repositories[repository.type, repository.id]
        self.sweep()

    def store(self, repository, filename, content):
        """Keep the bytes of a file, in LFS where an upload would have put it."""
        if wants_lfs(filename, len(content), content):
            return self.pointer(repository, self.upload(repository, content))
        return self.store_text(content)

    def store_text(self, content):
        oid = git_oid(content)
        self.texts[oid] = content
        return Entry(oid, len(content))

    def upload(self, repository, content):
        sha256 = hashlib.sha256(content).hexdigest()
        self.blobs[sha256] = content
        repository.lfs.setdefault(sha256, now())
        return sha256

    def pointer(self, repository, sha256):
        if sha256 not in repository.lfs:
            raise HubError(400, f"LFS object {sha256} was not uploaded")
        size = len(self.blobs[sha256])
        text = f"version https://git-lfs.github.com/spec/v1\noid sha256:{sha256}\nsize {size}\n"
        return Entry(git_oid(text.encode()), size, sha256)

    def read(self, repository, entry):
        """The bytes that are served for a file; None once they are deleted for good."""
        stored = self.blobs.get(entry.sha256) if entry.sha256 else self.texts[entry.oid]
        return repository.swapped.get(entry.etag, stored)

    def record(self, repository, files, title, message="", *, author, parent=None):
        """Make a commit that no branch points to yet."""
        id = sha1(f"{repository.path} {next(self._serial)} {parent} {sorted(files.items())}")
        repository.commits[id] = Commit(id, title, message, author, parent, files)
        return repository.commits[id]

    def sweep(self):
        """Forget the LFS content that no repository has any more."""
        kept = {sha256 for repository in self.repositories.values() for sha256 in repository.lfs}
        for sha256 in self.blobs.keys() - kept:
            del self.blobs[sha256]


def wants_lfs(filename, size, sample):
    """By suffix, by size, or because the sample is binary. An empty file never is, the client sees to that."""
    return size > 0 and (filename.lower().endswith(LFS_SUFFIXES) or size > LFS_SIZE or b"\0" in sample[:512])


def git_oid(content):
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


def sha1(text):
    return hashlib.sha1(text.encode()).hexdigest()


def now():
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"

"""An actor in a repository of the loopback Hub, as a push leaves it or as somebody changed it."""

from tiny import untrained_actor

from perfclone.actor.layout import MANIFEST, README
from perfclone.actor.manifest import Manifest

REPOSITORY = "owner/anna"


def files_of(actor=None, **changed):
    """What is in an actor's repository, with a manifest that fits; ``changed`` replaces files, None drops one."""
    files = {**(actor or untrained_actor()).files(), README: b"---\nlibrary_name: perfclone\n---\n", **changed}
    files = {name: data for name, data in files.items() if data is not None}
    return {**files, MANIFEST: Manifest.of(files).to_bytes()}


def publish(loopback, files=None, **how):
    """Put an actor on the loopback Hub; the commit."""
    return loopback.put(REPOSITORY, files_of() if files is None else files, **how)


def asked(loopback):
    """Paths that were asked for, in order, and the list is emptied."""
    paths = [request.path for request in loopback.requests]
    loopback.requests.clear()
    return paths

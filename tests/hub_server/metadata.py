"""What the Hub tells about repositories and files, and what it reads out of a card."""

import re

import yaml

from .state import sha1

#: What a listing leaves out unless it is asked for everything.
FULL = {"author", "sha", "lastModified", "gated", "disabled", "siblings"}


def front_matter(text):
    """The metadata at the top of a card; raises yaml.YAMLError where they cannot be read."""
    match = re.match(r"---[ \t]*\r?\n(.*?)\r?\n---[ \t]*(\r?\n|$)", text, re.DOTALL)
    return (yaml.safe_load(match[1]) or {}) if match else {}


def card_data(hub, repository, commit):
    entry = commit.files.get("README.md")
    try:
        data = front_matter(hub.read(repository, entry).decode(errors="replace")) if entry else {}
    except yaml.YAMLError:
        return {}
    return data if isinstance(data, dict) else {}


def tags_of(card, repository, commit):
    found = [card.get("library_name"), card.get("pipeline_tag"), *listed(card.get("tags"))]
    found += [f"base_model:{name}" for name in listed(card.get("base_model"))]
    found += [f"license:{card['license']}"] if card.get("license") else []
    found += ["safetensors"] if any(name.endswith(".safetensors") for name in commit.files) else []
    return list(dict.fromkeys(tag for tag in [repository.sdk, *found, "region:us"] if tag))


def listed(value):
    return [value] if isinstance(value, str) else list(value or [])


def repository_json(hub, repository, commit, *, blobs=False):
    """Everything that is told of a repository at a commit."""
    card = card_data(hub, repository, commit)
    told = {
        "_id": sha1(repository.path)[:24],
        "id": repository.id,
        "author": repository.owner,
        "sha": commit.id,
        "createdAt": repository.created,
        "lastModified": commit.date,
        "private": repository.private,
        "gated": repository.gated,
        "disabled": False,
        "downloads": repository.downloads,
        "likes": 0,
        "tags": tags_of(card, repository, commit),
        "cardData": card,
        "siblings": [sibling_json(repository, name, commit.files[name], blobs) for name in sorted(commit.files)],
    }
    if repository.type == "model":
        told["modelId"] = repository.id
        told |= {key: card[key] for key in ("library_name", "pipeline_tag") if card.get(key)}
    if repository.sdk:
        told["sdk"] = repository.sdk
    return told


def sibling_json(repository, name, entry, blobs):
    if not blobs:
        return {"rfilename": name}
    entry = repository.claimed(name, entry)
    told = {"rfilename": name, "size": entry.size, "blobId": entry.oid}
    return {**told, "lfs": lfs_json("sha256", entry)} if entry.sha256 else told


def entry_json(repository, name, entry):
    entry = repository.claimed(name, entry)
    told = {"type": "file", "oid": entry.oid, "size": entry.size, "path": name}
    return {**told, "lfs": lfs_json("oid", entry)} if entry.sha256 else told


def folder_json(name):
    return {"type": "directory", "oid": sha1(name), "size": 0, "path": name}


def lfs_json(key, entry):
    return {key: entry.sha256, "size": entry.size, "pointerSize": 130}


def narrowed(request, told, *, listing=False):
    """Only the properties that the caller asked for."""
    query = request.query_params
    if wanted := query.getlist("expand"):
        return {key: value for key, value in told.items() if key in {"_id", "id", *wanted}}
    if not listing:
        return told
    asked = {name: query.get(name, "").lower() == "true" for name in ("full", "cardData")}
    hidden = (set() if asked["full"] else FULL) | (set() if asked["cardData"] else {"cardData"})
    return {key: value for key, value in told.items() if key not in hidden}

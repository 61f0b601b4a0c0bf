"""The demo as a Space: this checkout is one already; what the page needs of it is pushed, in one commit."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from perfclone.actor.remote.errors import explained, require_repo_id, retried
from perfclone.errors import UserError

from .commit import client, commit, find, names_of, require_token

ROOT = Path(__file__).resolve().parents[1]
README, REQUIREMENTS = "README.md", "requirements.txt"
#: What a Space installs instead, whose accelerators want an older torch.
SPACE_REQUIREMENTS = "hub/space_requirements.txt"
#: What the page and its README need: files, and folders with all that is in them.
PARTS = (
    "app.py", README, "LICENSE", REQUIREMENTS, "packages.txt", "docs", "perfclone", "hub", "studio",
    "examples/actors", "examples/clips",
)  # fmt: skip
_IGNORED = frozenset({"__pycache__", ".ruff_cache", ".pytest_cache"})
#: Front matter that a Gradio Space must have.
FRONT_MATTER = ("title", "sdk", "sdk_version", "python_version", "app_file")


class Setting(NamedTuple):
    """Something that its owner sets on the Space's page; nothing of it is ever pushed.

    Attributes:
        name: Of the environment variable.
        secret: Whether it is a secret, or a variable that everybody may read.
        meaning: What it is for.
    """

    name: str
    secret: bool
    meaning: str


SETTINGS = (
    Setting(
        "PERFCLONE_HOME", False,
        "where keys, ledger and revocations are kept; a folder of persistent storage, such as /data/perfclone, "
        "or they are new after each restart",
    ),
    Setting("PERFCLONE_CERT", False, "a PEM file in that storage, to sign clones with a certificate of yours"),
    Setting("PERFCLONE_CERT_KEY", False, "the PEM file of its private key, there too; needed with the one above"),
    Setting("PERFCLONE_ACTORS", False, "actors of yours that the page offers too: OWNER/NAME, OWNER/OTHER"),
    Setting("PERFCLONE_LIMIT_SECONDS", False, "longest clip; ZeroGPU lends an unnamed visitor two minutes a day"),
    Setting("HF_TOKEN", True, "a token that may read these actors, if they are private or gated"),
)  # fmt: skip


class SpacePushed(NamedTuple):
    """What pushing the Space gave.

    Attributes:
        repository: Its id.
        commit: 40 hex digits.
        url: Its page.
        files: How many files it has of us.
        settings: What its owner may set there.
    """

    repository: str
    commit: str
    url: str
    files: int
    settings: tuple[Setting, ...]


def space_files(root: Path = ROOT) -> dict[str, Path]:
    """Find the files of a checkout that the Space needs, by their path in it.

    Raises:
        UserError: One of the parts is missing, or README.md has no front matter of a Space.
    """
    files: dict[str, Path] = {}
    for part in PARTS:
        path = root / part
        if not path.exists():
            raise UserError(f"There is no {path}; run this from a full checkout: python -m hub space")
        inside = sorted(path.rglob("*")) if path.is_dir() else [path]
        files |= {
            found.relative_to(root).as_posix(): found
            for found in inside
            if found.is_file() and not _IGNORED & set(found.parts) and found.suffix != ".pyc"
        }
    files[REQUIREMENTS] = root / SPACE_REQUIREMENTS
    check_front_matter((root / README).read_text(encoding="utf-8"), root)
    return files


def check_front_matter(text: str, root: Path = ROOT) -> None:
    """Check that README.md makes the repository a Space whose page starts.

    Raises:
        UserError: Something is missing, or is not what the checkout has.
    """
    import yaml
    from huggingface_hub import RepoCard

    try:
        data = RepoCard(text, ignore_metadata_errors=False).data
    except (ValueError, TypeError, yaml.YAMLError) as error:
        raise UserError(f"The front matter of {root / README} cannot be read: {error}; mend it.") from error
    missing = [name for name in FRONT_MATTER if not data.get(name)]
    if missing or data.sdk != "gradio":
        raise UserError(f"{root / README} is no Gradio Space's: its front matter lacks {', '.join(missing) or 'sdk'}.")
    if not (root / data.app_file).is_file():
        raise UserError(f"{root / README} names the app_file {data.app_file}, which is not there; mend it.")
    if f"gradio=={data.sdk_version}" not in (root / REQUIREMENTS).read_text().split():
        raise UserError(f"{root / README} names gradio {data.sdk_version}, requirements.txt another; make them one.")


def push_space(
    repo_id: str,
    *,
    private: bool = True,
    root: Path = ROOT,
    token: str | None = None,
    message: str = "Push the demo with perfclone",
) -> SpacePushed:
    """Push the demo as a Space, private unless told otherwise, in one commit; files of ours that went are removed.

    Args:
        repo_id: "owner/name" of the Space; made if it is not there.
        private: Let only its owner see and use it.
        root: The checkout.
        token: Hub token; None takes the one that is logged in.
        message: Of the commit.

    Raises:
        UserError: The checkout is no whole one, or the Hub refuses.
    """
    require_repo_id(repo_id)
    files = space_files(root)
    api = client(token)
    require_token(api)
    with explained(repo_id, f"push the Space {repo_id}", "The Space is as it was."):
        there = find(api, repo_id, "space")
        if private and there and not there.private:
            raise UserError(f"{repo_id} is public; push it as public, or make it private on its page first.")
        if not there:
            retried(
                lambda: api.create_repo(repo_id, repo_type="space", space_sdk="gradio", private=True, exist_ok=True)
            )
            there = retried(lambda: api.space_info(repo_id))
        folders = tuple(f"{part}/" for part in PARTS if (root / part).is_dir())
        gone = sorted(name for name in names_of(there) - files.keys() if name.startswith(folders))
        oid = commit(api, repo_id, files, gone, message, there.sha, repo_type="space")
    if not private and there.private is not False:
        with explained(repo_id, f"make {repo_id} public", f"It was pushed (commit {oid}); do that on its page."):
            retried(lambda: api.update_repo_settings(repo_id, private=False, repo_type="space"))
    return SpacePushed(repo_id, oid, f"{api.endpoint}/spaces/{repo_id}", len(files), SETTINGS)

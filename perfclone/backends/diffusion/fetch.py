"""Bases from the Hub: only repositories of the table, at one commit, weights as safetensors, nothing that is code."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from perfclone.actor.layout import place
from perfclone.actor.remote.cache import Fetched, find_cached, point
from perfclone.actor.remote.errors import explained, retried
from perfclone.actor.remote.fetch import download, head_of, info_of
from perfclone.errors import UserError

if TYPE_CHECKING:
    from huggingface_hub import HfApi, ModelInfo
    from huggingface_hub.hf_api import RepoSibling

#: What settings may be called; those of a pipeline; and the most bytes that they, and weights, may have.
_SETTINGS = re.compile(r"(config|scheduler_config|tokenizer(_config)?|special_tokens_map|vocab)\.json|merges\.txt")
INDEX = "model_index.json"
SMALL, _LARGE = 8 << 20, 16 << 30
#: What weights are called, those in 16 bit first.
WEIGHTS = tuple(
    f"{name}{half}.safetensors"
    for half in (".fp16", "")
    for name in ("diffusion_pytorch_model", "model", "pytorch_lora_weights")
)
_PICKLES = (".bin", ".pt", ".ckpt", ".pth", ".pkl")
#: Noted beside what was fetched whole.
_WHOLE = ".perfclone-whole"
#: Parts of a pipeline that are used; others, such as a safety checker, are not fetched.
PARTS = ("unet", "vae", "text_encoder", "text_encoder_2", "tokenizer", "tokenizer_2", "scheduler")


def fetch_base(repo_id: str, commit: str | None = None, parts: Sequence[str] = ()) -> Fetched:
    """Fetch a base, a ControlNet or a LoRA, or take it from the cache where it is there.

    Args:
        repo_id: "owner/name".
        commit: 40 hex digits, one of the main branch's; None takes the newest, and where the Hub cannot be asked the
            one that was the newest when it could.
        parts: The folders that a pipeline has; none where model or LoRA lie at the top.

    Raises:
        UserError: The Hub does not give it, gives another commit, or it has no weights as safetensors.
    """
    from huggingface_hub import HfApi, constants

    cache = Path(constants.HF_HUB_CACHE).expanduser().absolute()
    cached = find_cached(cache, repo_id, commit, [_WHOLE])
    with explained(repo_id, f"fetch the base model {repo_id}"):
        api = HfApi(library_name="perfclone")
        asked = commit is None and not (cached and constants.is_offline_mode())
        if asked and (head := head_of(api, repo_id, cached)):
            newest = fetch_base(repo_id, head.sha, parts)
            point(cache, repo_id, constants.DEFAULT_REVISION, head.sha)
            return newest
        if cached:
            _check_places(cached.folder)
            return cached
        info = info_of(api, repo_id, commit)
        _refuse_side_branch(api, repo_id, commit)
        folder = download(api, repo_id, commit, _wanted(repo_id, info, parts), cache)
    with suppress(OSError):  # a cache that may only be read
        (folder / _WHOLE).touch()
    return Fetched(folder, commit)


def _check_places(folder: Path) -> None:
    """Refuse a link in the cache that leads out of it."""
    for path in folder.rglob("*.*"):
        place(folder, path.relative_to(folder).as_posix(), _LARGE)


def _refuse_side_branch(api: HfApi, repo_id: str, commit: str) -> None:
    """Refuse a commit that is not the owner's: anybody may add one to a repository by opening a pull request."""
    owned = retried(lambda: api.list_repo_commits(repo_id))
    if commit not in (each.commit_id for each in owned):
        raise UserError(f"Commit {commit} is not on the main branch of {repo_id}; do not use what asks for it.")


def _wanted(repo_id: str, info: ModelInfo, parts: Sequence[str]) -> list[RepoSibling]:
    """The index of a pipeline, and of each part the settings, and the weights as safetensors."""
    there = {sibling.rfilename: sibling for sibling in info.siblings or ()}
    wanted = [there[INDEX]] if parts and INDEX in there else []
    for part in parts or ("",):
        inside = {name.rpartition("/")[2]: each for name, each in there.items() if name.rpartition("/")[0] == part}
        wanted += [each for name, each in inside.items() if _SETTINGS.fullmatch(name)]
        if weights := next((inside[name] for name in WEIGHTS if name in inside), None):
            wanted.append(weights)
        elif "config.json" in inside or not parts:
            raise UserError(_without_weights(f"{repo_id} at commit {info.sha}", part, inside))
    for sibling in wanted:
        most = _LARGE if sibling.rfilename.endswith(".safetensors") else SMALL
        if sibling.size is None or sibling.size > most:
            raise UserError(
                f"{sibling.rfilename} of {repo_id} is said to have {sibling.size} bytes and may have {most:,}; "
                "nothing of it was fetched, use another base."
            )
    return wanted


def _without_weights(where: str, part: str, names: Sequence[str]) -> str:
    """What is wrong with a part that has no weights that may be read."""
    pickled = next((name for name in names if name.endswith(_PICKLES)), None)
    if pickled:
        return (
            f"{where} has {f'{part}/{pickled}'.lstrip('/')} only as a pickle, which can run code and is never read; "
            "use another base."
        )
    return f"{where} has no weights{f' in {part}' if part else ''} as safetensors; use another base."

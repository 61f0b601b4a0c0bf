"""Was a video made here, and is it as it was made? What of the answer a visitor may see is settled when they ask."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from perfclone.governance.home import home

from ..jobs.job import Job

#: What only a reviewer sees: who made it and who decided, and the sentences that name them.
WITHHELD = ("summary", "reasons", "caveats")
NAMES = ("n", "who", "decided_by", "note", "consent", "consent_id", "commit")


def run(job: Job, tell: Callable[..., None]) -> dict[str, Any]:
    """Verify a job's video.

    Args:
        job: Asked for ``video``, the name of its file, and ``whole``, whether a reviewer asked.
        tell: Notes how far it is.

    Returns:
        The verdict as JSON, without places on this machine; for others than reviewers without names too.
    """
    from perfclone.governance.verify.verify import verify_video

    tell("verify")
    video = job.files / job.request["video"]
    found = _without(verify_video(video).to_json(), f"{video.parent}/", f"{home()}/")
    return found if job.request.get("whole") else public(found)


def public(found: dict[str, Any]) -> dict[str, Any]:
    """What everybody may see of a verdict: the ledger's lines are the reviewers'."""
    match = found["match"] and {name: value for name, value in found["match"].items() if name not in NAMES}
    ledger = {"state": found["ledger"]["state"]}
    rest = {name: value for name, value in found.items() if name not in WITHHELD}
    return rest | {"match": match, "ledger": ledger}


def _without(value: Any, *places: str) -> Any:
    """The same, with no place on this machine in any text of it."""
    if isinstance(value, dict):
        return {name: _without(each, *places) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_without(each, *places) for each in value]
    if isinstance(value, str):
        for place in places:
            value = value.replace(place, "")
    return value

"""Judge an actor on footage that it has not seen, or one or two videos beside what they should look like."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from perfclone.companions import companion

from ..jobs.job import Job

#: The report to be shown inside a page, all of it in one archive, and its video side by side.
PAGE, ARCHIVE, VIDEO = "report.html", "report.zip", "side_by_side.mp4"


def run(job: Job, tell: Callable[[str, int, int], None]) -> dict[str, Any]:
    """Judge.

    Args:
        job: Asked for an ``actor`` and ``footage``, or for ``videos`` (name -> file) and their ``truth``; files are
            the job's own but for a built-in actor's reference, which is named by the actor as ``built_in``.
        tell: Notes how far it is.

    Returns:
        ``headline``, a few sentences; how many ``frames`` were judged, and in how many ``seconds``.
    """
    judging, began = companion("eval", "judging"), time.monotonic()
    asked, folder = job.request, job.path / "report"
    if "actor" in asked:
        report = judging.judge_actor(asked["actor"], _footage(job), folder, progress=tell)
    else:
        videos = {name: job.files / file for name, file in asked["videos"].items()}
        report = judging.judge_videos(videos, job.files / asked["truth"], folder, progress=tell)
    _keep(report, folder, job.files)
    return {
        "headline": companion("eval", "report.words").headline(report),
        "frames": report.rows[0].frames,
        "seconds": time.monotonic() - began,
    }


def _footage(job: Job) -> Path:
    from perfclone import builtin

    return (
        job.files / job.request["footage"]
        if "footage" in job.request
        else builtin.reference_clip(job.request["built_in"])
    )


def _keep(report, folder: Path, files: Path) -> None:
    """Keep the report as an archive, its first video, and the page without videos, which needs nothing beside it."""
    shutil.make_archive(str(files / Path(ARCHIVE).stem), "zip", folder)
    videos = [row.files.pop("video", None) for row in report.rows]
    (files / PAGE).write_text(companion("eval", "report.html").page(report, folder), encoding="utf-8")
    if first := next(filter(None, videos), None):
        shutil.move(folder / first, files / VIDEO)
    shutil.rmtree(folder)

"""What the preflight found, as HTML: a strip of the seconds that will work and those that will not, and sentences."""

from __future__ import annotations

from html import escape

import gradio as gr

from ...job_files import link
from ...jobs.job import Job
from ...phrases import say
from ...phrases.library import translated
from ...tasks.preflight import ACTOR, PERFORMER
from ...watching import lasting
from .shown import note, problem, why

#: Each kind of stretch with its colour and how it is hatched, for whoever tells no colours apart.
_KINDS = {
    "good": ("#15803d", None),
    "unusual": ("#f59e0b", "6 6"),
    "half": ("#2563eb", "2 6"),
    "nobody": ("#6b7280", "1 3"),
}
_SYMBOLS = {"pass": "✓", "warn": "!", "fail": "✗"}
_STAGES = {
    "look": "clone_check_copy",
    "load": "clone_loading",
    "driving": "clone_check_look",
    "timing": "clone_check_time",
}


def check(job: Job | None, before: int, request: gr.Request) -> str:
    """How far the preflight is, or what it found."""
    if job is None:
        return ""
    if job.state == "failed":
        return problem(why(job, request))
    if job.state == "done":
        return _found(job, request)
    how = job.standing
    if job.state != "running" or how is None:
        return note(say("clone_check_waiting" if before else "clone_check_next", request, before=before))
    said = say(_STAGES.get(how.stage, "clone_loading"), request)
    bar = (
        f'<progress max="{how.total}" value="{how.done}" aria-label="{escape(said)}"></progress>' if how.total else ""
    )
    return f'<div class="clone-standing">{note(said)}{bar}</div>'


def _found(job: Job, request: gr.Request) -> str:
    made = job.result
    heading = escape(say(f"clone_check_{made['status']}", request))
    time = f'<p class="clone-note">{escape(_time(made, request))}</p>' if made["seconds"] else ""
    found = [each for each in made["findings"] if each["name"] != "time"]
    doubts = _listed([each for each in found if each["status"] != "pass"], request)
    passed = _listed([each for each in found if each["status"] == "pass"], request)
    return (
        f'<p class="clone-note"><strong>{heading}</strong></p>{time}{doubts}{_strip(made, request)}'
        f"{_stills(job, request)}"
        f"<details><summary>{escape(say('clone_check_passed', request))}</summary>{passed}</details>"
    )


def _listed(found: list[dict], request: gr.Request) -> str:
    said = "".join(_finding(each, request) for each in found)
    return f'<ul class="clone-findings">{said}</ul>' if said else ""


def _time(made: dict, request: gr.Request) -> str:
    return say("clone_check_takes", request, time=lasting(made["seconds"], request))


def _finding(found: dict, request: gr.Request) -> str:
    key = f"clone_find_{found['name'].replace(' ', '_')}_{found['status']}"
    value = found["value"]
    said = say(key, request, value=f"{value:.3g}", share=f"{value:.0%}", why=translated(found["message"], request))
    return f'<li><span aria-hidden="true">{_SYMBOLS[found["status"]]} </span>{escape(said)}</li>'


def _strip(made: dict, request: gr.Request) -> str:
    """The timeline: a picture, what its colours mean, and the same in words."""
    end = max(made["duration"], 0.01)
    parts = "".join(_part(start / end, stop / end, kind) for start, stop, kind in made["timeline"])
    kinds = [kind for kind in _KINDS if any(each[2] == kind for each in made["timeline"])]
    works = sum(stop - start for start, stop, kind in made["timeline"] if kind == "good")
    said = say("clone_strip", request, good=f"{works:.1f}", all=f"{made['duration']:.1f}")
    legend = "".join(
        f'<li><i style="background:{_KINDS[kind][0]}" aria-hidden="true"></i>'
        f"{escape(say(f'clone_kind_{kind}', request))}</li>"
        for kind in kinds
    )
    words = "".join(f"<li>{escape(_stretch(*each, request))}</li>" for each in made["timeline"])
    return (
        f'<svg class="clone-strip" viewBox="0 0 1000 40" preserveAspectRatio="none" role="img" '
        f'aria-label="{escape(said)}">{parts}</svg>{note(said)}<ul class="clone-legend">{legend}</ul>'
        f"<details><summary>{escape(say('clone_strip_words', request))}</summary><ol>{words}</ol></details>"
    )


def _part(start: float, stop: float, kind: str) -> str:
    """A stretch, from 0 to 1, in its colour and hatched."""
    colour, dashes = _KINDS[kind]
    box = f'<rect x="{1000 * start:.1f}" width="{1000 * (stop - start):.1f}" height="40" fill="{colour}"/>'
    if dashes:
        box += (
            f'<line x1="{1000 * start:.1f}" x2="{1000 * stop:.1f}" y1="20" y2="20" stroke="#fff" stroke-width="40" '
            f'stroke-opacity=".35" stroke-dasharray="{dashes}"/>'
        )
    return box


def _stretch(start: float, stop: float, kind: str, request: gr.Request) -> str:
    return say(
        "clone_stretch", request, start=f"{start:.1f}", end=f"{stop:.1f}", kind=say(f"clone_kind_{kind}", request)
    )


def _stills(job: Job, request: gr.Request) -> str:
    """The performer at a moment, and where the actor will stand at the same."""
    if job.result["at"] is None:
        return ""
    at = f"{job.result['at']:.1f}"
    pictures = "".join(
        f'<figure class="clone-figure"><img src="{link(job, name)}" alt="{escape(say(key + "_alt", request, at=at))}">'
        f"<figcaption>{escape(say(key, request, at=at, name=job.request['name']))}</figcaption></figure>"
        for name, key in ((PERFORMER, "clone_still_performer"), (ACTOR, "clone_still_actor"))
    )
    return f'<div class="clone-pair">{pictures}</div>'

"""What the tab shows, as HTML: the actor, the performance, how far a job is, and what came of it."""

from __future__ import annotations

import base64
import io
from html import escape

import gradio as gr

from ...allowed import limits
from ...job_files import link
from ...jobs.job import Job
from ...looking import COPY
from ...phrases import say
from ...tasks.clone import CLONE, POSES, POSES_VIDEO, PREVIEW
from ...watching import lasting, plainly
from .offered import Chosen

CSS = """
.clone-figure {margin: 0}
.clone-figure img, .clone-figure video {display: block; width: 100%; max-height: 44vh; object-fit: contain;
    border-radius: var(--radius-lg); background: var(--background-fill-secondary)}
.clone-figure figcaption, .clone-note {color: var(--body-text-color); font-size: var(--text-md); margin-top: .4em}
.clone-pair {display: grid; grid-template-columns: 1fr 1fr; gap: .75em}
.clone-empty {padding: 2em 1em; text-align: center; border: 1px dashed var(--body-text-color);
    border-radius: var(--radius-lg)}
#clone_examples {display: grid; grid-template-columns: repeat(4, 1fr); gap: .5em}
.clone-example {flex-direction: column; gap: .3em; padding: .35em .2em; min-width: 0 !important; white-space: nowrap;
    font-size: var(--text-sm)}
.clone-example img {width: 100%; max-width: 120px; height: auto; aspect-ratio: 1; object-fit: cover;
    border-radius: var(--radius-md)}
.clone-keep {display: inline-block; margin: .6em .8em 0 0; padding: .5em 1.2em; border-radius: var(--radius-lg);
    background: var(--button-primary-background-fill); color: var(--button-primary-text-color) !important;
    text-decoration: none; font-weight: 600}
.clone-standing progress {width: 100%; height: 1em; accent-color: var(--color-accent)}
.clone-limits {margin: .4em 0 0; padding-left: 1.2em}
.clone-strip {width: 100%; height: 2.2em; display: block; border-radius: 4px}
.clone-legend {list-style: none; display: flex; flex-wrap: wrap; gap: .3em 1.2em; padding: 0; margin: .4em 0}
.clone-legend i {display: inline-block; width: 1em; height: 1em; margin-right: .4em; vertical-align: -.1em;
    border: 1px solid var(--body-text-color)}
.clone-findings {list-style: none; padding: 0; margin: .6em 0}
.clone-findings li {padding: .15em 0 .15em 1.6em; text-indent: -1.6em}
@media (max-width: 640px) {
    #clone_go {position: fixed; left: 0; right: 0; bottom: 0; z-index: 5; padding: .5em 1em;
        background: var(--body-background-fill); border-top: 1px solid var(--border-color-primary)}
    .gradio-container {padding-bottom: 4.5em}
    .clone-figure img, .clone-figure video {max-height: 30vh}
}
"""
#: The performance follows the clone beside it: played, halted, sought and looped together.
IN_STEP = """
const videos = () => [...element.querySelectorAll('video')];
const follow = (how) => {
    const [lead, ...others] = videos().sort((a, b) => ('lead' in b.dataset) - ('lead' in a.dataset));
    if (lead) others.forEach((other) => how(lead, other));
};
const meet = (lead, other, apart) => {
    if (Math.abs(lead.currentTime - other.currentTime) > apart) other.currentTime = lead.currentTime;
};
const on = (name, how) => element.addEventListener(name, (event) => {
    if (event.target.tagName === 'VIDEO' && 'lead' in event.target.dataset) follow(how);
}, true);
on('play', (lead, other) => { meet(lead, other, 0.02); other.play(); });
on('pause', (lead, other) => { other.pause(); meet(lead, other, 0.02); });
on('seeked', (lead, other) => meet(lead, other, 0.02));
on('ratechange', (lead, other) => { other.playbackRate = lead.playbackRate; });
on('timeupdate', (lead, other) => meet(lead, other, 0.15));
"""


def problem(text: str | Exception) -> str:
    """An error where it stays."""
    return f'<div class="problem" role="alert">{escape(str(text))}</div>'


def title(job: Job) -> str:
    """What a job's driving video is called by whoever gave it."""
    return job.request.get("title") or job.request["driving"]


def why(job: Job, request: gr.Request) -> str:
    """Why a job failed, with the driving video called as by whoever gave it."""
    return plainly((job.why or "").replace(str(job.files / job.request["driving"]), title(job)), request)


def note(text: str) -> str:
    """A sentence."""
    return f'<p class="clone-note">{escape(text)}</p>'


def actor(chosen: Chosen, request: gr.Request) -> str:
    """What an actor looks like, and what their consent allows."""
    still, name = chosen.entry.still, chosen.name
    if still is None:
        picture = f'<div class="clone-empty">{escape(say("clone_no_poster", request, name=name))}</div>'
    else:
        alternative = escape(say("clone_poster", request, name=name))
        picture = f'<img src="{_inline(still)}" alt="{alternative}">'
    said = "".join(f"<li>{escape(each)}</li>" for each in limits(chosen.entry.record, request))
    heading = escape(say("clone_limits", request))
    return (
        f'<figure class="clone-figure">{picture}<figcaption><strong>{escape(name)}</strong></figcaption></figure>'
        f'<p class="clone-note"><strong>{heading}</strong></p><ul class="clone-limits">{said}</ul>'
    )


def _inline(still) -> str:
    from PIL import Image

    picture, file = Image.fromarray(still), io.BytesIO()
    picture.thumbnail((640, 640))
    picture.save(file, "jpeg", quality=85)
    return f"data:image/jpeg;base64,{base64.b64encode(file.getvalue()).decode()}"


def performance(source: Job | None, request: gr.Request) -> str:
    """The driving video, or what to do where there is none."""
    if source is None:
        return f'<div class="clone-empty">{escape(say("clone_empty", request))}</div>'
    called = title(source)
    if not (name := _playable(source)):
        return f'<div class="clone-empty">{escape(say("clone_copying", request, title=called))}</div>'
    said = escape(say("clone_driving_video", request, title=called))
    video = _video(link(source, name), said, request, 'id="driving-video" controls loop autoplay')
    return f'<figure class="clone-figure">{video}<figcaption>{escape(called)}</figcaption></figure>'


def _video(source: str, label: str, request: gr.Request, how: str = "") -> str:
    """A player that says in a sentence that its file was deleted, once it is."""
    gone = escape(say("clone_gone", request))
    return f'<video src="{source}" aria-label="{label}" data-gone="{gone}" {how} muted playsinline></video>'


def _playable(job: Job) -> str | None:
    """The file to look at of a job's driving video, once there is one."""
    if job.request.get("copy"):
        return COPY if job.file(COPY) and (job.file(COPY).stat().st_size > 0) else None
    return job.request["driving"]


def standing(job: Job, before: int, request: gr.Request) -> str:
    """How far a clone is: place in line, frames and time left, and the frame that is at hand."""
    if job.state == "failed":
        return problem(why(job, request))
    if job.state == "stopped":
        return note(say("clone_stopped_early", request))
    if job.state == "done":
        return ""
    how = job.standing
    if job.state == "waiting" or how is None:
        return note(say("clone_waiting" if before else "clone_next", request, before=before))
    if how.stage == "reading":
        return note(say("clone_reading", request, total=how.total))
    if how.stage != "clone":
        return note(say("clone_loading", request))
    left = "" if how.left_s is None else say("clone_left", request, time=lasting(how.left_s, request))
    said = say("clone_frames", request, done=how.done, total=how.total)
    label = escape(say("clone_progress", request))
    bar = f'<progress max="{how.total}" value="{how.done}" aria-label="{label}"></progress>'
    return f'<div class="clone-standing">{bar}{note(f"{said} {left}")}{_preview(job, how.done, request)}</div>'


def _preview(job: Job, done: int, request: gr.Request) -> str:
    if not job.file(PREVIEW):
        return ""
    alternative = escape(say("clone_preview", request, done=done))
    return (
        f'<figure class="clone-figure"><img id="clone-preview" src="{link(job, PREVIEW, version=done)}" '
        f'alt="{alternative}"></figure>'
    )


def result(job: Job, view: str, request: gr.Request) -> str:
    """What came of a clone: beside the performance, alone or as poses; to keep; and how it was marked."""
    made = job.result
    if not made:
        return ""
    if made["held"] and not job.file(CLONE):
        return note(say("clone_held", request, id=made["id"]))
    file = POSES_VIDEO if view == "poses" else CLONE
    said = escape(say(f"clone_result_{'poses' if view == 'poses' else 'video'}", request, name=made["actor"]))
    video = _video(link(job, file), said, request, 'id="result-video" data-lead controls loop autoplay')
    lead = f'<figure class="clone-figure">{video}</figure>'
    beside = _playable(job) if view != "alone" else None
    if beside:
        said = escape(say("clone_driving_video", request, title=title(job)))
        follower = _video(link(job, beside), said, request)
        lead = f'<div class="clone-pair"><figure class="clone-figure">{follower}</figure>{lead}</div>'
    return lead + _keep(job, request) + note(_marked(made, request))


def _keep(job: Job, request: gr.Request) -> str:
    stem = f"{job.result['actor'].rsplit('/', 1)[-1]}_{title(job).rsplit('.', 1)[0]}"
    kept = ((CLONE, f"{stem}.mp4", "clone_download"), (POSES, f"{stem}_poses.npz", "clone_download_poses"))
    return "".join(
        f'<a class="clone-keep" href="{link(job, name, keep=to)}" download="{escape(to)}">'
        f"{escape(say(key, request))}</a>"
        for name, to, key in kept
    )


def _marked(made: dict, request: gr.Request) -> str:
    said = [say("clone_made", request, frames=made["frames"], time=lasting(made["seconds"], request))]
    if made["stopped"]:
        said.append(say("clone_stopped", request))
    marks = [
        say(f"clone_mark_{mark}", request, label=made["label"])
        for mark in ("label", "watermark", "credentials")
        if made[mark]
    ]
    said.append(say("clone_marked", request, id=made["id"], marks=say("clone_comma", request).join(marks)))
    said.append(say("clone_for", request, purpose=say(f"clone_purpose_{made['purpose']}", request)))
    return say("clone_space", request).join(said)

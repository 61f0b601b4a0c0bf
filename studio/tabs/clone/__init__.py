"""The tab that clones: an actor, a performance, a look at both, and the clone, as jobs that outlive the visit."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import gradio as gr

from perfclone.errors import UserError

from ...phrases import say
from ...studio import Studio
from ...watching import NOTE_JOB, QUIET, plainly
from . import asking, programs, shown
from .asking import Asked, found
from .checked import check
from .layout import Parts, lay_out
from .offered import choose, offered, purposes
from .shown import CSS as CSS

#: Seconds between two looks at a job.
EVERY = 0.7
#: On a phone a result would come below what is to be seen.
_SHOW = """() => { if (innerWidth < 640)
    document.querySelector('#clone_result video')?.scrollIntoView({block: 'center', behavior: 'smooth'});
}"""


def build(studio: Studio, page: gr.Blocks) -> None:
    """Build the tab."""
    parts, asked = lay_out(studio), gr.State(Asked())
    job = gr.Textbox(visible=False)
    looking, cloning = gr.Timer(EVERY, active=False), gr.Timer(EVERY, active=False)
    tab = _Tab(studio, parts, asked, job, looking, cloning)
    tab.wire(page)
    programs.build(studio)


class _Tab:
    """The tab's parts and what happens with them; a handler gives a dictionary of what changes."""

    def __init__(self, studio: Studio, parts: Parts, asked: gr.State, job: gr.Textbox, looking, cloning):
        self.studio, self.parts, self.asked, self.job = studio, parts, asked, job
        self.looking, self.cloning = looking, cloning

    def wire(self, page: gr.Blocks) -> None:
        """Say what happens on which click."""
        p = self.parts
        everything = [*(part for part in p if isinstance(part, gr.components.Component)), self.asked, self.job]
        everything += [self.looking, self.cloning]

        def on(event, handler, *inputs):
            return event(handler, [*inputs], everything, **QUIET)

        on(page.load, self.arrive, p.view)
        on(p.actor.input, self.choose, p.actor, self.asked)
        for event in (p.use.click, p.hub.submit):
            on(event, self.use, p.hub, self.asked)
        on(p.upload.upload, self.take, p.actor, p.upload, self.asked)
        on(p.record.stop_recording, self.film, p.actor, p.record, self.asked)
        for button, clip in zip(p.examples, self.studio.clips.values()):
            on(button.click, self.example(clip), p.actor, self.asked)
        started = on(p.go.click, self.go, p.actor, p.purpose, p.keep, self.asked)
        started.then(None, self.job, None, js=NOTE_JOB, **QUIET)
        on(p.stop.click, self.end, self.asked)
        on(p.view.input, self.show, p.view, self.asked)
        self.looking.tick(self.look, self.asked, [p.checked, p.driving_seen, self.looking], **QUIET)
        shown = [p.standing, p.result, p.view, p.go, p.stop, self.cloning]
        self.cloning.tick(self.watch, [p.view, self.asked], shown, **QUIET)
        p.result.change(None, js=_SHOW, **QUIET)

    def arrive(self, view: str, request: gr.Request) -> dict:
        """Show what is offered, and the clone that the visitor comes back to."""
        p, here = self.parts, offered(self.studio, request)
        name, asked = next(iter(here)), Asked()
        changes = {p.driving_seen: shown.performance(None, request)}
        if job := self.studio.last(request, "clone"):
            asked, name = Asked(source=job.id, clone=job.id), self._known(job.request.get("name"), name, request)
            changes = {p.driving_seen: shown.performance(job, request), **self._progress(job, view, request)}
        return {
            **self._actor(name, request),
            p.actor: gr.Radio(list(dict.fromkeys([*here, name])), value=name),
            self.asked: asked,
            **changes,
        }

    def _known(self, name: str | None, other: str, request: gr.Request) -> str:
        """An actor's name, or the other where this visitor knows none of that name."""
        try:
            return choose(self.studio, request, name or other).name
        except (UserError, OSError):
            return other

    def choose(self, name: str, asked: Asked, request: gr.Request) -> dict:
        """Take another actor: the old result goes, and the performance is looked at again."""
        changes = self._afresh(asked)
        source = found(self.studio, asked.source)
        self._look_no_longer(asked)
        try:
            changes |= self._actor(name, request)
            if source:
                job = asking.look_again(self.studio, request, choose(self.studio, request, name), source)
                changes |= self._looked_at(changes, asked, job, request)
        except (UserError, OSError) as error:
            changes[self.parts.trouble] = shown.problem(plainly(error, request))
        return changes

    def use(self, name: str, asked: Asked, request: gr.Request) -> dict:
        """Take an actor from the Hub."""
        p, name = self.parts, name.strip()
        try:
            choose(self.studio, request, name)
        except (UserError, OSError) as error:
            return {p.trouble: shown.problem(plainly(error, request))}
        names = dict.fromkeys([*offered(self.studio, request), name])
        return {**self.choose(name, asked, request), p.actor: gr.Radio(list(names), value=name)}

    def take(self, name: str, file: str | None, asked: Asked, request: gr.Request) -> dict:
        """Take a driving video that was uploaded."""
        return self._take(name, Path(file), asked, request) if file else {self.parts.trouble: ""}

    def film(self, name: str, file: str | None, asked: Asked, request: gr.Request) -> dict:
        """Take a driving video that was filmed here."""
        called = say("clone_filmed", request)
        return self._take(name, Path(file), asked, request, called) if file else {self.parts.trouble: ""}

    def example(self, clip: Path):
        """The handler that takes one of the clips that are offered."""

        def handler(name: str, asked: Asked, request: gr.Request) -> dict:
            return self._take(name, clip, asked, request)

        return handler

    def _take(self, name: str, file: Path, asked: Asked, request: gr.Request, called: str = "") -> dict:
        changes = self._afresh(asked)
        self._look_no_longer(asked)
        try:
            job = asking.take(self.studio, request, choose(self.studio, request, name), file, called or file.name)
        except (UserError, OSError) as error:
            empty = {self.parts.driving_seen: shown.performance(None, request), self.parts.checked: ""}
            return {**changes, **empty, self.parts.trouble: shown.problem(plainly(error, request))}
        return {**changes, **self._looked_at(changes, asked, job, request)}

    def _look_no_longer(self, asked: Asked) -> None:
        if job := found(self.studio, asked.preflight):
            job.stop()

    def _looked_at(self, changes: dict, asked: Asked, job, request: gr.Request) -> dict:
        p = self.parts
        return {
            self.asked: replace(changes.get(self.asked, asked), source=job.id, preflight=job.id),
            p.driving_seen: shown.performance(job, request),
            p.checked: check(job, self.studio.before(job), request),
            self.looking: gr.Timer(active=True),
        }

    def go(self, name: str, purpose: str | None, keep: bool, asked: Asked, request: gr.Request) -> dict:
        """Put the clone in line."""
        try:
            chosen, source = choose(self.studio, request, name), found(self.studio, asked.source)
            job = asking.clone(self.studio, request, chosen, source, purpose or "", keep)
        except (UserError, OSError) as error:
            return {self.parts.trouble: shown.problem(plainly(error, request))}
        return {
            **self._afresh(asked),
            self.asked: replace(asked, clone=job.id),
            self.job: job.id,
            **self._progress(job, "both", request),
        }

    def end(self, asked: Asked, request: gr.Request) -> dict:
        """Ask for the end; what is done is kept."""
        if job := found(self.studio, asked.clone):
            job.stop()
        return {self.parts.stop: gr.Button(interactive=False)}

    def show(self, view: str, asked: Asked, request: gr.Request) -> dict:
        """Show the result in another way."""
        job = found(self.studio, asked.clone)
        gone = shown.note(say("clone_gone", request)) if asked.clone else ""
        return {self.parts.result: shown.result(job, view, request) if job else gone}

    def look(self, asked: Asked, request: gr.Request):
        """How far the preflight is."""
        job = found(self.studio, asked.preflight)
        over = job is None or job.ended_at is not None
        said = check(job, self.studio.before(job) if job and not over else 0, request)
        copied = bool(job and job.request.get("copy") and over)
        seen = shown.performance(job, request) if copied else gr.skip()
        return said, seen, gr.Timer(active=not over)

    def watch(self, view: str, asked: Asked, request: gr.Request):
        """How far the clone is, and once it ended what came of it."""
        job = found(self.studio, asked.clone)
        changes = self._progress(job, view, request) if job else {}
        p = self.parts
        parts = (p.standing, p.result, p.view, p.go, p.stop)
        return *(changes.get(part, gr.skip()) for part in parts), changes.get(self.cloning, gr.Timer(active=False))

    def _progress(self, job, view: str, request: gr.Request) -> dict:
        p, over = self.parts, job.ended_at is not None
        whole = over and bool(job.result)
        return {
            p.standing: shown.standing(job, 0 if over else self.studio.before(job), request),
            p.result: shown.result(job, view, request) if over else "",
            p.view: gr.Radio(visible=whole and not (job.result["held"] and not job.file(shown.CLONE))),
            p.go: gr.Button(interactive=over),
            p.stop: gr.Button(visible=not over) if over else gr.Button(visible=True),
            self.cloning: gr.Timer(active=not over),
        }

    def _afresh(self, asked: Asked) -> dict:
        """No old result beside a new choice; a clone that is still being made stays in sight."""
        p, job = self.parts, found(self.studio, asked.clone)
        if job and not job.ended_at:
            return {p.trouble: ""}
        return {
            p.trouble: "",
            p.standing: "",
            p.result: "",
            p.view: gr.Radio(visible=False),
            p.go: gr.Button(interactive=True),
            p.stop: gr.Button(visible=False, interactive=True),
            self.cloning: gr.Timer(active=False),
            self.asked: replace(asked, clone=""),
        }

    def _actor(self, name: str, request: gr.Request) -> dict:
        """What is seen of an actor, and the purposes that the record allows."""
        p, chosen = self.parts, choose(self.studio, request, name)
        allowed = purposes(chosen.entry.record)
        named = [(say(f"clone_purpose_{each}", request), each) for each in allowed]
        return {
            p.actor_seen: shown.actor(chosen, request),
            p.purpose: gr.Dropdown(named, value=allowed[0] if len(allowed) == 1 else None),
        }

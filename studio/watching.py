"""A job that a tab asked for: put in line, watched until it ends, found again after a reload or in another browser."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import gradio as gr

from perfclone.errors import UserError

from .jobs.job import Job
from .phrases import say
from .phrases.library import translated
from .studio import Studio

#: For what happens on the page alone.
QUIET = {"api_visibility": "private", "show_progress": "hidden"}
#: The job's id goes into the address of the page, so that a reload, or another browser, finds it.
NOTE_JOB = """(id) => {
    if (!id) return;
    const address = new URL(location);
    address.searchParams.set("job", id);
    history.replaceState(null, "", address);
}"""


@dataclass(frozen=True)
class Watched:
    """What a tab shows of its job while it waits and runs; made where it is to stand.

    Attributes:
        studio: Whose job it is.
        kind: Its task.
    """

    studio: Studio
    kind: str

    def __post_init__(self):
        words, name = self.studio.words, self.kind
        made = {
            "id": gr.Textbox(visible=False, label="job"),
            "timer": gr.Timer(1, active=False),
            "status": gr.Markdown(elem_id=f"{name}_status", elem_classes="status"),
            "problem": gr.Markdown(elem_id=f"{name}_problem", elem_classes="problem"),
            "stop": gr.Button(words("watch_stop"), visible=False, size="sm", elem_id=f"{name}_stop"),
        }
        for each, component in made.items():
            object.__setattr__(self, each, component)

    def wire(
        self,
        page: gr.Blocks,
        triggers: Sequence[Callable],
        prepare: Callable[..., tuple[dict, list]],
        inputs: Sequence[gr.components.Component],
        show: Callable[[Job, gr.Request], tuple],
        outputs: Sequence[gr.components.Component],
    ) -> None:
        """Say what happens: asking, looking, stopping, and finding the job again.

        Args:
            page: The page, whose loading finds the job again.
            triggers: The events that ask for a job.
            prepare: (request, *inputs) -> what is asked, and the files that go with it; may raise UserError.
            inputs: Whose values it takes.
            show: (job, request) -> a value for each output, once the job is done.
            outputs: What shows the result.
        """
        shown = [self.timer, self.status, self.problem, self.stop, *outputs]

        def ask(request: gr.Request, *values):
            try:
                asked, files = prepare(request, *values)
                return self.studio.ask(self.kind, request, asked, files).id, "", *[None] * len(outputs)
            except (UserError, OSError) as error:
                return "", plainly(error, request), *[None] * len(outputs)

        def look(request: gr.Request, id: str):
            return self._look(id, request, show, len(outputs))

        def stop(id: str):
            self.studio.store.find(id).stop()

        gr.on(triggers, ask, inputs, [self.id, self.problem, *outputs], **QUIET).then(
            look, self.id, shown, js=None, **QUIET
        ).then(None, self.id, js=NOTE_JOB, **QUIET)
        self.timer.tick(look, self.id, shown, **QUIET)
        self.stop.click(stop, self.id, None, **QUIET)
        page.load(self._found, None, self.id, **QUIET).then(look, self.id, shown, **QUIET)

    def _found(self, request: gr.Request) -> str:
        job = self.studio.last(request, self.kind)
        return job.id if job else ""

    def _look(self, id: str, request: gr.Request, show: Callable, count: int) -> tuple:
        rest = [gr.skip()] * count
        if not id:
            return gr.Timer(active=False), "", gr.skip(), gr.Button(visible=False), *rest
        try:
            job = self.studio.store.find(id)
            if (state := job.state) in ("waiting", "running"):
                return gr.Timer(active=True), self._told(job, request), "", gr.Button(visible=True), *rest
            status = say("watch_stopped", request) if state == "stopped" else ""
            rest = show(job, request) if state == "done" else rest
            problem = plainly(job.why or "", request) if state == "failed" else ""
        except (UserError, OSError) as error:
            status, problem = "", plainly(error, request)
        return gr.Timer(active=False), status, problem, gr.Button(visible=False), *rest

    def _told(self, job: Job, request: gr.Request) -> str:
        """How far a job is, in a sentence."""
        standing = job.standing
        if not standing:
            before = self.studio.before(job)
            return say("watch_waits", request, before=before) if before else say("watch_next", request)
        stage = say(f"watch_{_STAGES.get(standing.stage.split()[0], 'works')}", request)
        if not standing.total:
            return stage
        told = say("watch_done", request, stage=stage, done=standing.done, total=standing.total)
        return (
            told
            if standing.left_s is None
            else told + say("watch_left", request, time=lasting(standing.left_s, request))
        )


_FOLDERS = re.compile(r"(?<![\w.:/])/(?:[^/\s]+/)+")
#: Stage of a task -> the phrase for it.
_STAGES = {"verify": "verify", "poses": "poses", "performing": "performs", "scoring": "scores", "pictures": "pictures"}


def lasting(seconds: float, request: gr.Request | None) -> str:
    """A length of time in words: seconds up to a minute and a half, up to ten minutes both, then minutes."""
    if seconds < 90:
        return say("watch_seconds", request, n=max(1, round(seconds)))
    minutes, rest = divmod(10 * round(seconds / 10), 60)
    told = say("watch_minutes", request, n=minutes if seconds < 600 else round(seconds / 60))
    parts = [told, say("watch_seconds", request, n=rest)] if rest and seconds < 600 else [told]
    return say("clone_space", request).join(parts)


def plainly(error: Exception | str, request: gr.Request | None) -> str:
    """What is wrong, in the visitor's language; files are named, but not where they lie on the server."""
    return translated(_FOLDERS.sub("", str(error)), request)


def literal(text: str) -> str:
    """A text that Markdown shows as it is."""
    return re.sub(r"([\\`*_{}\[\]()<>#+!|~&-])", r"\\\1", " ".join(text.split()))

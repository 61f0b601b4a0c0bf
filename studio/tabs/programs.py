"""The same for programs: the endpoints ``/check`` and ``/train``; ``/job`` tells how far a job is."""

from __future__ import annotations

import gradio as gr

from perfclone.errors import UserError
from perfclone.governance.consent.rules import MEDIA, PURPOSES

from ..consents import Agreement
from ..studio import Studio
from ..watching import plainly
from . import reference


def build(studio: Studio, ask) -> None:
    """Add the endpoints; `ask` puts a training in line, see :func:`studio.tabs.train.ask`."""

    def check(video: str, request: gr.Request) -> str:  # noqa: D417
        """Have footage judged from which an actor is to be trained; gives the job's id.

        Args:
            video: Footage of one person who agreed to be filmed.
        """
        return _told(request, lambda: reference.check(studio, video, request))

    def train(  # noqa: D417
        request: gr.Request,
        checked: str,
        name: str,
        subject: str,
        purposes: list[str],
        media: list[str],
        expires: str,
        agreed: bool,
        recorded_by: str = "",
        preset: str = "base",
        minutes: float = 3,
    ) -> str:
        """Train an actor from footage that ``/check`` was given; gives the job's id.

        Args:
            checked: The id that ``/check`` gave.
            name: What the actor is to be called.
            subject: Name or pseudonym of the person filmed.
            purposes: What they agreed to.
            media: Where it may be shown.
            expires: Last day on which the consent holds, such as 2027-12-31.
            agreed: That the person filmed read all this and agrees; nothing is trained otherwise.
            recorded_by: Who films them and keeps the actor; empty where they do so themselves.
            preset: base, hd or tiny.
            minutes: Length of the training.
        """

        def asked() -> str:
            agreement = Agreement(subject, recorded_by, purposes, media, expires, agreed=agreed)
            return ask(studio, request, checked, name, preset, minutes, agreement).id

        return _told(request, asked)

    with gr.Row(visible=False):
        id = gr.Textbox(label="job")
        gr.Button().click(check, gr.File(label="video"), id, api_name="check", show_progress="hidden")
        texts = {each: gr.Textbox(label=each) for each in ("checked", "name", "subject", "expires", "recorded_by")}
        lists = {
            "purposes": gr.CheckboxGroup(list(PURPOSES), label="purposes"),
            "media": gr.CheckboxGroup(list(MEDIA), label="media"),
        }
        gr.Button().click(
            train,
            [
                texts["checked"], texts["name"], texts["subject"], lists["purposes"], lists["media"],
                texts["expires"], gr.Checkbox(label="agreed"), texts["recorded_by"],
                gr.Textbox("base", label="preset"), gr.Number(3, label="minutes"),
            ],
            id, api_name="train", show_progress="hidden",
        )  # fmt: skip


def _told(request: gr.Request, work) -> str:
    """Tell a program what is wrong in the sentence that a person would read."""
    try:
        return work()
    except (UserError, OSError) as error:
        raise gr.Error(plainly(error, request), print_exception=False) from error

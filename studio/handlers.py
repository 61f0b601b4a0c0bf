"""What happens on a click: the page's values in, the cloner called, a file out."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import gradio as gr

from perfclone.errors import UserError
from perfclone.governance.review import approval_required
from perfclone.options import CloneOptions


class Cloner(Protocol):
    """What the page needs of a `PerformanceCloner`."""

    def clone(self, driving, output, options=None, progress=None, force=False):
        """Write the clone of a driving video; the result has `path`, `frames`, `seconds` and `id`."""


@contextmanager
def shown_to_the_user() -> Iterator[None]:
    """Turn the errors that are written for people into messages on the page."""
    try:
        yield
    except (UserError, OSError) as error:
        raise gr.Error(str(error), title="That did not work") from error


def make_clone(cloners: Mapping[str, Cloner]):
    """Make the handler of the Clone button.

    Args:
        cloners: Actor's name -> the cloner, its model loaded.

    Returns:
        A generator function of (actor, driving, keep_proportions, purpose) that yields (video, the same for download,
        summary) once and then deletes its copy: Gradio serves one of its own, which it deletes after an hour.
    """

    def clone(
        actor: str,
        driving: str | None,
        keep_proportions: bool = False,
        purpose: str = "personal",
        progress: gr.Progress = gr.Progress(),  # noqa: B008
    ):
        with shown_to_the_user(), tempfile.TemporaryDirectory(prefix="perfclone-") as folder:
            if driving is None:
                raise UserError("There is no driving video yet: choose a clip or upload one.")
            if actor not in cloners:
                raise UserError(f"There is no actor {actor!r} here; choose one of {', '.join(cloners)}.")
            if approval_required():
                raise UserError("Clones need approval here, which this page cannot give; use `perfclone clone`.")
            output = Path(folder) / f"{Path(actor).name}_{Path(driving).stem}.mp4"
            result = cloners[actor].clone(
                driving,
                output,
                CloneOptions(keep_proportions=keep_proportions, purpose=purpose),
                progress=lambda _, done, total: progress((done, max(done, total)), desc="Cloning", unit="frames"),
            )
            path = str(result.path)
            made = f"{result.frames} frames in {result.seconds:.1f} s, id `{result.id:08x}`."
            yield path, path, f"{made} This performance is synthetic, and the file says so."

    return _on_zero_gpu(clone)


def _on_zero_gpu(handler):
    """Ask a ZeroGPU Space for its GPU while the handler runs; elsewhere the handler as it is."""
    try:
        import spaces
    except ImportError:
        return handler
    return spaces.GPU(duration=120)(handler)

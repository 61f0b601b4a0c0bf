"""The whole of `train`: from a reference video to an actor in a folder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext, suppress
from functools import cache
from pathlib import Path

from perfclone.backends import Trained, backend
from perfclone.devices import agree, device_explained
from perfclone.errors import UserError
from perfclone.files.writing import full_disk_explained
from perfclone.governance.consent.record import ConsentRecord
from perfclone.pose.extractor import PoseExtractor
from perfclone.pose.saved import SavedPoses
from perfclone.pose.sequence import PoseSequence, is_poses
from perfclone.progress import Progress, titled
from perfclone.training.accelerator import accelerator_of_a_run
from perfclone.training.checkpoints import Checkpoints
from perfclone.training.finish import note, write_actor
from perfclone.training.held import HeldRun
from perfclone.training.interrupt import ctrl_c_waits
from perfclone.training.request import TrainRequest
from perfclone.training.result import TrainResult
from perfclone.video import probe


def train(
    request: TrainRequest,
    *,
    resume: bool = False,
    force: bool = False,
    extractor: PoseExtractor | None = None,
    progress: Progress | None = None,
    stop: Callable[[], bool] | None = None,
    ready: Callable[[Path], None] | None = None,
) -> TrainResult:
    """Train an actor from a reference video, if the person in it agreed.

    The consent record comes first: without one that covers that very file, and holds today, nothing is done, not even
    with ``resume``. It goes into the actor, and the training into the ledger.

    The run keeps its footage, checkpoints, log and pictures in ``OUTPUT.run`` beside the actor; what an earlier run
    left there goes once the footage of the new one is ready. From then on, before the first step, there is an actor to
    clone with, and each better one takes its place. Where an actor is to be replaced it stays until the end, and the
    new one grows in the run's folder. A run that was stopped, interrupted or even killed goes on with ``resume``; only
    the last loses what came after its last checkpoint. :class:`perfclone.training.Run` looks at it, and stops it, from
    any process.

    Args:
        request: What is to be trained.
        resume: Go on from the last checkpoint.
        force: Replace an actor that stands in the output.
        extractor: A pose extractor in place of the one that the request names.
        progress: Called with what is going on, how much is done and how much there is.
        stop: Asked again and again; once it says so, everything is saved and the result tells that it was stopped.
        ready: Called once, with the folder in which the first actor now is.

    Raises:
        FileNotFoundError: There is no such video.
        ConsentError: There is no record that allows it; nothing was done.
        UserError: The video or the saved poses will not do, the output is taken, or the run has another process.
    """
    record, digest = request.permitted()
    _check_output(request.output)
    probe(request.reference)
    if request.poses or isinstance(extractor, SavedPoses):
        _need_no_extractor(request.driving)
    run = HeldRun(request, digest)
    with accelerator_of_a_run(request.config) as accelerator:
        checkpoints = Checkpoints(run.path, accelerator, run.last_checkpoint(resume, force))
        accelerator.wait_for_everyone()  # each has looked before one changes anything
        with run.hold() if accelerator.is_main_process else nullcontext():
            return _Job(run, record, checkpoints, extractor, progress, stop, ready).do()


class _Stopped(Exception):
    """Told to stop before there is anything to save."""


class _Job:
    """A run, who is told how far it is, and who may stop it."""

    def __init__(
        self,
        run: HeldRun,
        record: ConsentRecord,
        checkpoints: Checkpoints,
        extractor: PoseExtractor | None,
        progress: Progress | None,
        stop: Callable[[], bool] | None,
        ready: Callable[[Path], None] | None,
    ):
        self.run, self.request, self.record, self.checkpoints = run, run.request, record, checkpoints
        self.accelerator, self.main = checkpoints.accelerator, checkpoints.accelerator.is_main_process
        self.backend = backend(run.request.config.backend)
        self.extractor = cache(lambda: extractor or _extractor(run.request))
        self.progress, self.asked, self.ready = progress, stop, ready

    def do(self) -> TrainResult:
        """Prepare, train, and write the actor."""
        with full_disk_explained(self.run.path, "run again"):
            driving = self.prepare()
        if driving is None:
            return self.result(0, 0.0, float("inf"), stopped=True)
        with full_disk_explained(self.run.path, "go on with resume"):
            trained = self.learn(driving)
        if trained.done and self.main:
            self.tell("actor", 0, 1)
            with full_disk_explained(self.request.output, "go on with resume"):
                self.write(trained, self.request.output, noted=True)
            self.run.finish()
            self.tell("actor", 1, 1)
        self.accelerator.wait_for_everyone()
        return self.result(trained.steps, trained.seconds / 60, trained.best, not trained.done)

    def prepare(self) -> Sequence[PoseSequence] | None:
        """Find poses and material, and make the run's folder its own; gives the driving poses, or None if stopped."""
        try:
            driving = self.driving() if self.request.config.unpaired else []
            if self.main and not self.run.destination.is_dir():
                extractor = self.extractor()
                self.backend.material(self.request, self.run.destination, extractor, self.tell_unless_stopped)
        except _Stopped:
            driving = None
        (stopped,) = agree(self.accelerator, driving is None)
        if stopped:
            return None
        if self.main:
            self.run.renew()
        self.accelerator.wait_for_everyone()
        return driving

    def driving(self) -> list[PoseSequence]:
        """The poses of the driving videos."""
        from perfclone.pose.perform import read_poses

        progress = titled(self.tell_unless_stopped, "driving poses")
        return [
            read_poses(path, None if is_poses(path) else self.extractor(), progress=progress)
            for path in self.request.driving
        ]

    def learn(self, driving: Sequence[PoseSequence]) -> Trained:
        """Train; Ctrl-C is held back until all is saved."""
        with ctrl_c_waits() as pressed:

            def tell(stage: str, done: int, total: int) -> None:
                try:
                    self.tell(stage, done, total)
                except KeyboardInterrupt:
                    if pressed.is_set():
                        raise
                    pressed.set()

            def stop() -> bool:
                return pressed.is_set() or self.stopped()

            with device_explained(self.accelerator.device):
                trained = self.backend.train(self.run, self.checkpoints, driving, tell, stop, self.offer)
        if pressed.is_set() and not trained.done:
            raise KeyboardInterrupt
        return trained

    def offer(self, trained: Trained) -> None:
        """Let the actor as it is by now be cloned with, and tell whoever waits for the first."""
        first, folder = self.run.actor is None, self.run.actor_dir
        with suppress(PermissionError):  # Windows', while somebody loads the one that is there
            self.write(trained, folder, noted=first)
        if first and self.ready:
            self.ready(folder)

    def write(self, trained: Trained, folder: Path, noted: bool) -> None:
        """Write the actor; also into the ledger where it is to be noted."""
        config = write_actor(self.request, trained, self.record, folder)
        if noted:
            note(config, self.record, self.run.digest, self.request.output.resolve().name, folder)

    def tell(self, stage: str, done: int, total: int) -> None:
        """Tell how far the run is, here and in its folder."""
        if self.main:
            self.run.note(stage, done, total)
        if self.progress:
            self.progress(stage, done, total)

    def tell_unless_stopped(self, stage: str, done: int, total: int) -> None:
        """The same where nothing is lost by stopping at once."""
        self.tell(stage, done, total)
        if self.stopped():
            raise _Stopped

    def stopped(self) -> bool:
        """Whether somebody wants it to stop."""
        return self.run.told_to_stop or bool(self.asked and self.asked())

    def result(self, steps: int, minutes: float, best: float, stopped: bool) -> TrainResult:
        """What the run gave."""
        scores = tuple(self.run.scores)
        return TrainResult(self.request.output, self.run.path, steps, minutes, best, scores, stopped)


def _check_output(output: Path) -> None:
    """Refuse a place for the actor that will not do, before any work is done."""
    there = next(folder for folder in (output.absolute(), *output.absolute().parents) if folder.exists())
    if not there.is_dir():
        raise UserError(f"{there} is a file, and an actor is a folder; give another name.")


def _extractor(request: TrainRequest) -> PoseExtractor:
    """The extractor that a request names."""
    if request.poses:
        return SavedPoses(request.poses)
    from perfclone.pose import build_extractor

    return build_extractor(request.extractor, weights=request.weights, matte=True)


def _need_no_extractor(driving: Sequence[Path]) -> None:
    """Refuse driving videos where the reference's poses are saved ones: they say nothing of another video."""
    for path in driving:
        if not is_poses(path):
            raise UserError(
                f"With saved poses no extractor is run, so the driving video {path} needs saved poses too; "
                f"make them with `python -m perfclone poses {path} -o driving.npz`."
            )

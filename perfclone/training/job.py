"""The whole of `train`: from a reference video to an actor in a folder."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import torch

from perfclone import __version__
from perfclone.actor.layout import CONFIG, WEIGHTS
from perfclone.actor.model import Actor, ActorConfig, pose_bank
from perfclone.backends.layered.generator import Generator
from perfclone.backends.layered.training.base import driving_poses, warm_start
from perfclone.backends.layered.training.footage import Footage
from perfclone.backends.layered.training.loop import Trainer, split
from perfclone.backends.layered.training.prepare import Reference, driving_footage, load_reference, prepare_reference
from perfclone.devices import DTYPES, choose_device, choose_precision
from perfclone.errors import UserError
from perfclone.files.reading import file_sha256
from perfclone.files.writing import full_disk_explained, saved
from perfclone.governance.consent.record import ConsentRecord
from perfclone.governance.ledger.ledger import Ledger
from perfclone.governance.policy import authorise_training, record_for
from perfclone.pose.saved import SavedPoses
from perfclone.pose.sequence import PoseSequence
from perfclone.pose.space import normalise
from perfclone.progress import Progress
from perfclone.training.config import TrainConfig
from perfclone.training.folder import RunFolder
from perfclone.video import probe

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class TrainResult:
    """What a training run gave.

    Attributes:
        actor_dir: The actor's folder.
        run_dir: The folder with its log, curves and samples.
        steps: Steps done.
        minutes: Time of the loop, minutes.
        best: Validation score of the weights that won, lower is better.
    """

    actor_dir: Path
    run_dir: Path
    steps: int
    minutes: float
    best: float


def train(
    reference: str | Path, output: str | Path, config: TrainConfig | None = None, *,
    consent: ConsentRecord | str | Path | None,
    driving: Sequence[str | Path | PoseSequence] = (), resume: bool = False, force: bool = False,
    extractor=None, progress: Progress | None = None,
) -> TrainResult:  # fmt: skip
    """Train an actor from a reference video, if the person in it agreed.

    The consent record comes first: without one that covers that very file, and holds today, nothing is done, not even
    with ``resume``. It goes into the actor, and the training into the ledger.

    The run keeps its footage, checkpoints, log and pictures in ``OUTPUT.run`` beside the actor; what an earlier run
    left there goes once the footage of the new one is ready. The actor itself is written only at the end. A run that
    was interrupted, even killed, goes on with ``resume``.

    Args:
        reference: Video of the target actor.
        output: The actor's folder.
        config: Settings; None takes the defaults.
        consent: The record of whoever is seen, or its file; None is refused.
        driving: Driving videos, or poses, for the unpaired branch; none takes the motion that ships with perfclone.
        resume: Go on from the last checkpoint.
        force: Replace an actor that stands in ``output``.
        extractor: A pose extractor, or the ``SavedPoses`` of the reference, which run none; None takes BlazePose.
        progress: Called with what is going on, how much is done and how much there is.

    Raises:
        FileNotFoundError: There is no such video.
        ConsentError: There is no record that allows it; nothing was done.
        UserError: The video or the saved poses will not do, or ``output`` is taken.
    """
    config, reference, output = config or TrainConfig(), Path(reference), Path(output)
    record, digest = permitted(reference, consent)
    _check_output(output, replace=force or resume)
    probe(reference)
    if isinstance(extractor, SavedPoses):
        _need_no_extractor(driving)
    folder = RunFolder(output.with_name(f"{output.name}.run"), config, _accelerator(config))
    with full_disk_explained(folder.path, "run again"):
        checkpoint = folder.begin(f"{reference.name}, sha256 {digest}", resume, force)
    try:
        with full_disk_explained(folder.path, "run again"):
            facts, footage, plate = _material(folder, reference, config, extractor, progress)
            sequences = _driving(driving, extractor, progress) if config.unpaired else []
            unpaired = [driving_footage(poses, facts, plate, config.size.generator.resolution) for poses in sequences]
            folder.renew()
    except (UserError, FileNotFoundError):
        folder.discard()
        raise
    with full_disk_explained(folder.path, "go on with --resume"):
        trainer = _trainer(folder, footage, unpaired, facts, checkpoint)
        state = trainer.fit(progress)
    if folder.accelerator.is_main_process:
        described = _describe(config, facts, footage, state)
        with full_disk_explained(output, "go on with --resume"):
            _write_actor(described, record, folder, footage, plate, output)
            _note(described, record, digest, output)
        folder.clear()
    folder.accelerator.wait_for_everyone()
    return TrainResult(output, folder.path, state.step, state.seconds / 60, state.best)


def permitted(reference: Path, consent: ConsentRecord | str | Path | None) -> tuple[ConsentRecord, str]:
    """Ask whether an actor may be trained from a video: the first thing that :func:`train` does.

    Returns:
        The record, and the video's sha256 in hex.

    Raises:
        FileNotFoundError: There is no such video.
        ConsentError: There is no record that allows it.
    """
    if not reference.is_file():
        raise FileNotFoundError(f"There is no reference video at {reference}; check the path.")
    record = record_for(consent, reference)
    return record, authorise_training(record, reference)


def _check_output(output: Path, replace: bool) -> None:
    """Refuse a place for the actor that will not do, before any work is done."""
    if output.exists() and not output.is_dir():
        raise UserError(f"{output} is a file, and an actor is a folder; give another name.")
    if not output.absolute().parent.is_dir():
        raise UserError(f"The folder {output.parent} for {output.name} does not exist; create it first.")
    if saved(output, CONFIG).exists() and not replace:
        raise UserError(f"{output} already holds an actor; choose another folder, or replace it with --force.")


def _accelerator(config: TrainConfig):
    from accelerate import Accelerator, InitProcessGroupKwargs
    from accelerate.state import AcceleratorState

    AcceleratorState._reset_state()  # a run before this one, in the same process, may have had another precision
    patience = InitProcessGroupKwargs(timeout=timedelta(hours=3))  # others wait while one extracts poses
    return Accelerator(
        mixed_precision=_precision(config), gradient_accumulation_steps=config.accumulate,
        kwargs_handlers=[patience],
    )  # fmt: skip


def _precision(config: TrainConfig) -> str:
    """The run's precision on this machine, as accelerate names it."""
    dtype = choose_precision(choose_device(), config.mixed_precision)
    return next(name for name, each in DTYPES.items() if each == dtype)


def _material(folder: RunFolder, reference, config, extractor, progress) -> tuple[Reference, Footage, object]:
    if folder.accelerator.is_main_process and not folder.footage.is_dir():
        prepare_reference(
            reference, folder.footage, config.size.generator.resolution, extractor or _blazepose(matte=True),
            config.person, config.plate, config.holdout, progress,
        )  # fmt: skip
    folder.accelerator.wait_for_everyone()
    facts, footage, plate = load_reference(folder.footage)
    if not len(footage.starts(3, footage.boxes[:, 2] > 0)):
        raise UserError("The person is never seen for three frames in a row; film a longer, steadier reference.")
    return facts, footage, plate


def _blazepose(matte: bool):
    from perfclone.pose import build_extractor

    return build_extractor("blazepose", matte=matte)


def _need_no_extractor(driving: Sequence[str | Path | PoseSequence]) -> None:
    """Refuse driving videos where the reference's poses are saved ones: they say nothing of another video."""
    for each in driving:
        if not isinstance(each, PoseSequence) and Path(each).suffix != ".npz":
            raise UserError(
                f"With saved poses no extractor is run, so the driving video {each} needs saved poses too; "
                f"make them with `python -m perfclone poses {each} -o driving.npz`."
            )


def _driving(driving, extractor, progress) -> list[PoseSequence]:
    from perfclone.pose.perform import read_poses

    if not driving:
        return driving_poses()
    return [
        each if isinstance(each, PoseSequence) else read_poses(each, extractor, progress=progress) for each in driving
    ]


def _trainer(folder: RunFolder, footage, unpaired, facts: Reference, checkpoint: Path | None):
    config = folder.config
    torch.manual_seed(config.seed)
    generator = Generator(dataclasses.replace(config.size.generator, window=config.window))
    if config.warm_start:
        warm_start(generator, config.preset)
    trainer = Trainer(folder, generator, footage, unpaired, facts.body.torso)
    if checkpoint:
        folder.restore(checkpoint)
        log.info("Resumed from step %d.", trainer.progression.step)
    folder.forget_after(trainer.progression.step)
    return trainer


def _describe(config: TrainConfig, facts: Reference, footage: Footage, state) -> ActorConfig:
    return ActorConfig(
        width=facts.width, height=facts.height, fps=round(facts.fps, 4), side=facts.side,
        body_lengths=facts.body.lengths, body_centre_x=facts.body.centre_x, body_floor_y=facts.body.floor_y,
        generator=dataclasses.replace(config.size.generator, window=config.window), whole_frame=not config.plate,
        extractor=footage.poses.extractor, preset=config.preset, steps=state.step,
        minutes=round(state.seconds / 60, 2), seed=config.seed, holdout=config.holdout,
    )  # fmt: skip


def _write_actor(
    config: ActorConfig, record: ConsentRecord, folder: RunFolder, footage: Footage, plate, output: Path
) -> None:
    poses = footage.poses
    kept = split(len(poses), folder.config.holdout).train & (poses.scores > 0).any(1)
    bank, scores = pose_bank(normalise(poses.keypoints, poses.scores)[kept], poses.scores[kept])
    actor = Actor(dataclasses.replace(config, poses=len(bank)))
    actor.consent = record
    folder.load_best(actor.generator)
    actor.plate.copy_(torch.from_numpy(plate))
    actor.pose_bank.copy_(bank)
    actor.pose_bank_scores.copy_(scores)
    actor.save_pretrained(output)


def _note(config: ActorConfig, record: ConsentRecord, digest: str, output: Path) -> None:
    """Write the training into the ledger; ``actor_sha256`` is that of the weights."""
    Ledger().append(
        "train", actor=output.resolve().name.encode("utf-8", "replace").decode("utf-8"),
        reference_sha256=digest, actor_sha256=file_sha256(saved(output, WEIGHTS)),
        consent=record.digest(), consent_id=record.id,
        versions={"perfclone": __version__, "torch": str(torch.__version__)},
        preset=config.preset, steps=config.steps, minutes=config.minutes, seed=config.seed,
        width=config.width, height=config.height, fps=config.fps,
    )  # fmt: skip

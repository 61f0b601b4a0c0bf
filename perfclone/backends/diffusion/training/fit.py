"""The training half of the backend: from the prepared material to what an actor is made of."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from perfclone.actor.config import ActorConfig
from perfclone.actor.layout import CONFIG
from perfclone.backends import Trained
from perfclone.backends.diffusion import lora
from perfclone.backends.diffusion.config import DiffusionConfig
from perfclone.backends.diffusion.control import as_tensor
from perfclone.backends.diffusion.locating import Located, locate, located_of
from perfclone.backends.diffusion.model import LatentModel
from perfclone.backends.diffusion.network import DiffusionNetwork
from perfclone.backends.diffusion.refining import refine
from perfclone.backends.diffusion.training.pairs import Pairs, batch_of, code, paint_frames
from perfclone.backends.diffusion.training.teaching import SCHEDULE, Student, advance, optimiser_of
from perfclone.backends.layered.config import PRESETS
from perfclone.backends.layered.training.fit import new_generator
from perfclone.backends.layered.training.perceptual import PerceptualFeatures
from perfclone.backends.layered.training.prepare import load_exemplars, load_reference
from perfclone.backends.layered.training.progression import learning_rate
from perfclone.backends.layered.training.steps import Training
from perfclone.backends.layered.training.validation import split
from perfclone.devices import DTYPES
from perfclone.progress import Progress

if TYPE_CHECKING:
    from perfclone.training.checkpoints import Checkpoints
    from perfclone.training.held import HeldRun

log = logging.getLogger(__name__)
#: The preset of the G that paints first.
GUIDE = "base"
#: Frames that judge the weights, at most.
_JUDGES = 8


def fit(
    run: HeldRun,
    checkpoints: Checkpoints,
    progress: Progress,
    stop: Callable[[], bool],
    offer: Callable[[Trained], None],
) -> Trained:
    """Train the LoRA; see :meth:`perfclone.backends.Backend.train`."""
    config, main = run.request.config, checkpoints.accelerator.is_main_process
    facts, footage, plate = load_reference(run.material)
    seen = (footage.poses.scores > 0).any(1)
    parts = split(seen, config.holdout)
    exemplars = load_exemplars(run.material, footage, facts.body.torso, PRESETS[GUIDE].generator.resolution)
    guide = new_generator(exemplars, GUIDE, config.seed, warm=config.warm_start)
    guide.to(checkpoints.accelerator.device).eval()
    began = ActorConfig.load(run.actor / CONFIG).generator if checkpoints.last and run.actor else None
    located = located_of(began) if began else locate(config.preset)  # at the commits that it began with
    model, network = _open(located, config.preset, guide, checkpoints.accelerator)
    made = (plate, footage.poses[parts.train & seen], facts.body, facts.side, facts.fps)
    if main and not checkpoints.last:
        offer(Trained(False, 0, 0.0, float("inf"), network, *made))
    how = model.base.side, progress, model.base.thick
    paint = lambda usable: paint_frames(guide, facts.body.torso, footage, usable, *how)  # noqa: E731
    pairs, judges = (code(model, paint(usable)) for usable in (parts.train, parts.validation))
    trainer = Teacher(run, checkpoints, model, network, pairs, judges)
    checkpoints.restore()
    state = trainer.progression
    if main:
        run.forget_after(state.step if checkpoints.last else -1)
    better = lambda best: offer(Trained(False, state.step, state.seconds, state.best, best, *made))  # noqa: E731
    done = trainer.fit(progress, stop, better)
    if done and main:
        checkpoints.load_best(network)
    return Trained(done, state.step, state.seconds, state.best, network, *made)


def _open(located: Located, name: str, guide, accelerator) -> tuple[LatentModel, DiffusionNetwork]:
    """The base, and the network of an actor who is refined with it and has learnt nothing yet."""
    base = located.base
    commits = {f"{part}_commit": commit for part, commit in located.commits.items()}
    config = DiffusionConfig(
        **{**vars(guide.config), **commits}, base=name, passes=base.passes, strength=base.strength
    )
    model = LatentModel(located, config.rank, accelerator.device, DTYPES[accelerator.mixed_precision])
    network = DiffusionNetwork(config)
    network.guide = guide
    return model, network


class Teacher(Training):
    """Trains the LoRA on one actor's footage.

    Args:
        run: What was asked, and the log.
        checkpoints: Where the run is saved, and its accelerator.
        model: The base.
        network: What the actor is made of; its LoRA is brought up to date whenever it is judged.
        pairs: What is learnt from.
        judges: What judges.
    """

    def __init__(
        self,
        run: HeldRun,
        checkpoints: Checkpoints,
        model: LatentModel,
        network: DiffusionNetwork,
        pairs: Pairs,
        judges: Pairs,
    ):
        super().__init__(run, checkpoints)
        self.model, self.made, self.pairs, self.judges = model, network, pairs, judges
        torch.manual_seed(self.config.seed)
        student = Student(model, network.config.strength)
        self.student, self.optimiser = self.accelerator.prepare(student, optimiser_of(student))
        self.features = PerceptualFeatures().to(self.accelerator.device)
        self.unrefined = float("inf")
        self.accelerator.register_for_checkpointing(self.progression)

    def advance(self, fraction: float) -> dict[str, float]:
        """Take the next step of a run that is done to a fraction; the same for the same seed, step and rank."""
        step, config = self.progression.step, self.config
        seeds = (config.seed, step, self.accelerator.process_index)
        rng, lesson = np.random.default_rng(seeds), SCHEDULE[step % len(SCHEDULE)]
        draw = torch.Generator().manual_seed(int(rng.integers(2**62)))
        size = config.batch or self.model.base.batch
        chosen = rng.integers(len(self.pairs.frames), size=size)
        rate = config.learning_rate * learning_rate(step, fraction)
        taught = *batch_of(self.pairs, chosen), draw
        return {lesson: advance(self.accelerator, self.student, self.optimiser, rate, lesson, *taught)}

    def validate(self) -> tuple[Tensor, Tensor, dict[str, float]]:
        """Refine the validation frames; logged is also how far what G paints of them is from what was filmed."""
        real, painted, refined = self._refined()
        self.unrefined = self.score(painted, real)
        return real, refined, {"unrefined": self.unrefined}

    def network(self) -> DiffusionNetwork:
        """Give G with the LoRA as it is now."""
        lora.fill(dict(self.made.lora.named_parameters()), self.model.lora)
        return self.made

    def conclude(self) -> None:
        """Say so where nothing is the better for it."""
        if self.progression.best >= self.unrefined:
            log.warning("What is refined is no nearer to the validation frames than what layered paints of them.")

    def _refined(self) -> tuple[Tensor, Tensor, Tensor]:
        """The validation frames as they were filmed, painted by G, and refined: (N, 3, S, S) in [0, 1] each."""
        device, how, frames = self.accelerator.device, self.made.config, self.judges.frames
        shown = (frames.real, frames.drawn, frames.poses, frames.alphas[..., None])
        at = slice(None, _JUDGES)
        real, painted, poses, alphas = (as_tensor(each[at]).to(device) for each in shown)
        noise = torch.randn(self.judges.filmed[at].shape, generator=torch.Generator().manual_seed(0)).to(device)
        change = refine(self.model, painted, alphas, poses, noise, None, how.strength, how.passes)
        return real, painted, (painted + change).clamp(0, 1)

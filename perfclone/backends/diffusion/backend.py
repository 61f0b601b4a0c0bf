"""What the diffusion backend offers to the rest of perfclone; see :class:`perfclone.backends.Backend`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from perfclone.backends import Foundation
from perfclone.backends.diffusion.bases import BASES
from perfclone.backends.diffusion.config import DiffusionConfig
from perfclone.errors import UserError

if TYPE_CHECKING:
    from perfclone.actor import Actor
    from perfclone.backends import Trained
    from perfclone.backends.diffusion.network import DiffusionNetwork
    from perfclone.backends.diffusion.painter import DiffusionPainter
    from perfclone.devices import Precision
    from perfclone.pose.extractor import PoseExtractor
    from perfclone.pose.sequence import PoseSequence
    from perfclone.progress import Progress
    from perfclone.training.checkpoints import Checkpoints
    from perfclone.training.held import HeldRun
    from perfclone.training.request import TrainRequest


class Diffusion:
    """What `layered` paints, refined by a pretrained image model that a LoRA has told of the actor."""

    name = "diffusion"
    presets = tuple(BASES)
    usual = "sd15"
    config = DiffusionConfig

    def network(self, config: DiffusionConfig) -> DiffusionNetwork:
        """Build what holds G and the LoRA."""
        require()
        from perfclone.backends.diffusion.network import DiffusionNetwork

        return DiffusionNetwork(config)

    def foundations(self, config: DiffusionConfig) -> Sequence[Foundation]:
        """Name base, ControlNet, LoRA for few steps and motion module; see :class:`perfclone.backends.Backend`."""
        base = BASES[config.base]
        found = [Foundation("image model", base.repo, config.base_commit, base.licence)]
        if base.control:
            found.append(Foundation("ControlNet", base.control, config.control_commit, ""))
        if base.fast:
            found.append(Foundation("LoRA for few steps", base.fast, config.fast_commit, ""))
        if base.motion:
            stated = "none stated; its code's is MIT"
            found.append(Foundation("motion module", base.motion, config.motion_commit, stated))
        return found

    def painter(
        self,
        actor: Actor,
        size: int | None = None,
        device: str | None = None,
        mixed_precision: Precision = "auto",
        memory: float | None = None,
    ) -> DiffusionPainter:
        """Build the painter of an actor; see :class:`perfclone.backends.Backend`."""
        require()
        from perfclone.backends.diffusion.painter import DiffusionPainter

        return DiffusionPainter(actor, size, device, mixed_precision, memory)

    def material(
        self, request: TrainRequest, folder: Path, extractor: PoseExtractor, progress: Progress | None = None
    ) -> None:
        """Prepare poses, mattes, plate and crops; see :class:`perfclone.backends.Backend`."""
        require()
        from perfclone.backends.diffusion.locating import locate
        from perfclone.backends.layered.training.prepare import prepare_reference

        config = request.config
        locate(config.preset)  # a base that is not to be had is told of first
        prepare_reference(
            request.reference, folder, BASES[config.preset].side, extractor, request.person, config.plate,
            config.holdout, progress,
        )  # fmt: skip

    def train(
        self,
        run: HeldRun,
        checkpoints: Checkpoints,
        driving: Sequence[PoseSequence],
        progress: Progress,
        stop: Callable[[], bool],
        offer: Callable[[Trained], None],
    ) -> Trained:
        """Train the LoRA; see :class:`perfclone.backends.Backend`."""
        from perfclone.backends.diffusion.training.fit import fit

        return fit(run, checkpoints, progress, stop, offer)


def require() -> None:
    """Refuse to go on where the packages of the extra are not installed.

    Raises:
        UserError: They are not.
    """
    if missing := [name for name in ("diffusers", "peft") if not find_spec(name)]:
        raise UserError(
            f"The backend diffusion needs {' and '.join(missing)}, not installed here: "
            "pip install 'perfclone[diffusion]'; the backend layered does without."
        )

"""What the layered backend offers to the rest of perfclone; see :class:`perfclone.backends.Backend`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from perfclone.backends.layered.config import PRESETS, GeneratorConfig

if TYPE_CHECKING:
    from perfclone.actor import Actor
    from perfclone.backends import Foundation, Trained
    from perfclone.backends.layered.painter import LayeredPainter
    from perfclone.backends.layered.painting import Painting
    from perfclone.devices import Precision
    from perfclone.pose.extractor import PoseExtractor
    from perfclone.pose.sequence import PoseSequence
    from perfclone.progress import Progress
    from perfclone.training.checkpoints import Checkpoints
    from perfclone.training.held import HeldRun
    from perfclone.training.request import TrainRequest


class Layered:
    """Filmed frames warped into the pose, a small U-Net that blends and mends them, over one still plate."""

    name = "layered"
    presets = tuple(PRESETS)
    usual = "base"
    config = GeneratorConfig

    def network(self, config: GeneratorConfig) -> Painting:
        """Build G, or the one that painted actors before there were exemplars."""
        if config.exemplars:
            from perfclone.backends.layered.generator import Generator

            return Generator(config)
        from perfclone.backends.layered.textured import TexturedGenerator

        return TexturedGenerator(config)

    def foundations(self, config: GeneratorConfig) -> Sequence[Foundation]:
        """None; see :class:`perfclone.backends.Backend`."""
        return ()

    def painter(
        self,
        actor: Actor,
        size: int | None = None,
        device: str | None = None,
        mixed_precision: Precision = "auto",
        memory: float | None = None,
    ) -> LayeredPainter:
        """Build the painter of an actor, which is small anywhere; see :class:`perfclone.backends.Backend`."""
        from perfclone.backends.layered.painter import LayeredPainter

        return LayeredPainter(actor, size, device, mixed_precision)

    def material(
        self, request: TrainRequest, folder: Path, extractor: PoseExtractor, progress: Progress | None = None
    ) -> None:
        """Prepare poses, mattes, plate and crops; see :class:`perfclone.backends.Backend`."""
        from perfclone.backends.layered.training.prepare import prepare_reference

        config = request.config
        resolution = PRESETS[config.preset].generator.resolution
        prepare_reference(
            request.reference, folder, resolution, extractor, request.person, config.plate, config.holdout, progress
        )

    def train(
        self,
        run: HeldRun,
        checkpoints: Checkpoints,
        driving: Sequence[PoseSequence],
        progress: Progress,
        stop: Callable[[], bool],
        offer: Callable[[Trained], None],
    ) -> Trained:
        """Train G; see :class:`perfclone.backends.Backend`."""
        from perfclone.backends.layered.training.fit import fit

        return fit(run, checkpoints, driving, progress, stop, offer)

"""What the layered backend offers to the rest of perfclone; see :class:`perfclone.backends.Backend`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from perfclone.backends.layered.config import GeneratorConfig

if TYPE_CHECKING:
    from perfclone.actor import Actor
    from perfclone.backends.layered.generator import Generator
    from perfclone.backends.layered.painter import LayeredPainter
    from perfclone.devices import Precision


class Layered:
    """Limb-local textures, a small U-Net, and its colour, matte and shadow over one still plate."""

    name = "layered"
    config = GeneratorConfig

    def network(self, config: GeneratorConfig) -> Generator:
        """Build G."""
        from perfclone.backends.layered.generator import Generator

        return Generator(config)

    def painter(
        self, actor: Actor, size: int | None = None, device: str | None = None, mixed_precision: Precision = "auto"
    ) -> LayeredPainter:
        """Build the painter of an actor; see :class:`perfclone.backends.Backend`."""
        from perfclone.backends.layered.painter import LayeredPainter

        return LayeredPainter(actor, size, device, mixed_precision)
